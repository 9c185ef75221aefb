/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/linear.c -- linear layers: y = x W' + b, with fused epilogues, and their gradients.
 */
#include "tensor/columns.h"
#include "tensor/fuse.h"
#include "tensor/weights.h"

/* x is seen as a matrix of M rows, whatever its leading dimensions are. */
typedef struct {
    size_t M, I, O;
} Sizes;

static Sizes sizes_of(const DfTensor *x, const DfTensor *w)
{
    const size_t I = (size_t)df_dim(x, -1);
    return (Sizes){ df_size(x) / df_at_least_1(I), I, (size_t)df_dim(w, 0) };
}

/* dx += dy W, dW += dy' x, db += the sums of dy's columns. */
static void backward(DfCtx *c, DfTensor *y)
{
    DfTensor *const x = y->src[0], *const w = y->src[1], *const b = y->src[2];
    const Sizes s = sizes_of(x, w);
    bool fresh;
    float *gx = df_grad_new(c, x, &fresh), *gw = df_grad(c, w), *gb = df_grad(c, b);
    const float beta = fresh ? 0 : 1;
    int error = DF_OK;
    if (gx)                                                                              /* M I = M O . O I */
        error = df_gemm(c->pool, c->k, false, false, s.M, s.I, s.O, 1, y->grad, s.O, w->data, s.I, beta, gx, s.I);
    if (gw && !error)                                                                    /* O I = O M . M I */
        error = df_gemm(c->pool, c->k, true, false, s.O, s.I, s.M, 1, y->grad, s.O, x->data, s.I, 1, gw, s.I);
    df_add_columns(c, DF_COLUMN_SUM, gb, y->grad, NULL, s.M, s.O);
    df_check(c, error);
}

static const DfOp op = { "linear", backward };

static bool fits(DfCtx *c, const DfTensor *x, const DfTensor *w)
{
    if (x->shape.n >= 1 && w->shape.n >= 1 && df_size(w) == (size_t)df_dim(w, 0) * (size_t)df_dim(x, -1))
        return true;
    df_refuse(c, "linear: x of shape (%s) with a weight of shape (%s): want x's last size to be the weight's",
              DF_TEXT(x), DF_TEXT(w));
    return false;
}

static DfShape shape_of(const DfTensor *x, size_t O)
{
    DfShape shape = x->shape;
    shape.d[shape.n - 1] = (int)O;
    return shape;
}

/* With these rows of the weight, which are all of them where there is a tape. */
static DfTensor *product(DfCtx *c, DfTensor *x, DfTensor *weight, DfTensor *bias, DfPackedPart rows, DfFuse fuse)
{
    const DfShape shape = shape_of(x, rows.n);
    const size_t I = (size_t)df_dim(x, -1);
    const size_t M = df_count(shape) / df_at_least_1(rows.n); /* also where I is 0 */
    DfTensor *y = df_output_packing(c, &op, shape, DF_SOURCES_OF(x, weight, bias));
    df_leaves_unread(c, ((size_t)df_dim(weight, 0) - rows.n) * (I + (bias ? 1 : 0)));
    df_fuse_reads(c, fuse);
    df_macs(c, DF_MACS_LAYER, (double)M * (double)I * (double)rows.n);
    if (df_skip(c, y))
        return y;
    df_observe_weight(c, weight, x);
    const DfPackedWeight w = df_weight_rows(c, weight, rows, I);
    if (!w.packed)
        return &c->nil;
    DfEpilogue e = df_fuse_epilogue(bias, fuse);
    e.bias = bias ? e.bias + rows.first : NULL;
    df_check(c, df_gemm_packed(c->pool, c->k, M, x->data, I, w.packed, y->data, rows.n, e));
    df_weight_done(c, w);
    return y;
}

DfTensor *df_linear_fused(DfCtx *c, DfTensor *x, DfTensor *weight, DfTensor *bias, DfFuse fuse)
{
    if (c->err || !fits(c, x, weight))
        return &c->nil;
    if (df_fuse_splits(c, x, weight, bias, fuse))
        return df_fuse_apart(c, df_linear(c, x, weight, bias), fuse);
    const DfPackedPart all = { .n = (size_t)df_dim(weight, 0) };
    if (!df_fuse_fits(c, "linear", shape_of(x, all.n), bias, fuse))
        return &c->nil;
    return product(c, x, weight, bias, all, fuse);
}

static bool has_rows(DfCtx *c, const DfTensor *weight, const DfTensor *bias, int first, int count)
{
    const int O = df_dim(weight, 0);
    if (first < 0 || count < 1 || first > O - count)
        df_refuse(c, "linear: rows %d to %d of a weight of shape (%s)", first, first + count - 1, DF_TEXT(weight));
    else if (!df_is_row(bias, O))
        df_refuse(c, "linear: a bias of shape (%s): want %d elements", DF_TEXT(bias), O);
    return !c->err;
}

/* On the tape a part of a weight is an op of its own. */
DfTensor *df_linear_rows(DfCtx *c, DfTensor *x, DfTensor *weight, DfTensor *bias, int first, int count)
{
    if (c->err || !fits(c, x, weight) || !has_rows(c, weight, bias, first, count))
        return &c->nil;
    if (!c->recording)
        return product(c, x, weight, bias, (DfPackedPart){ .first = (size_t)first, .n = (size_t)count }, (DfFuse){ 0 });
    bias = bias ? df_slice(c, bias, 0, first, count) : NULL;
    return df_linear(c, x, df_slice(c, weight, 0, first, count), bias);
}

DfTensor *df_linear(DfCtx *c, DfTensor *x, DfTensor *weight, DfTensor *bias)
{
    return df_linear_fused(c, x, weight, bias, (DfFuse){ 0 });
}
