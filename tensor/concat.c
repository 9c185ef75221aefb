/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/concat.c -- concatenates tensors along a dimension, and cuts a piece out of one. With respect to dimension
 * `dim` a tensor is a matrix: the dimensions before it are the rows, and a row holds `dim` and all dimensions after
 * it.
 */
#include "tensor/op.h"

static size_t product(const DfTensor *x, int from, int to)
{
    size_t n = 1;
    for (int i = from; i < to; i++)
        n *= (size_t)x->shape.d[i];
    return n;
}

/* ---- concat ----------------------------------------------------------------------------------------------------- */

static void concat_backward(DfCtx *c, DfTensor *y)
{
    const int *axis = y->saved;
    const size_t rows = product(y, 0, *axis), ldy = product(y, *axis, y->shape.n);
    size_t at = 0;
    for (int i = 0; i < y->n_src; i++) {
        const size_t n = product(y->src[i], *axis, y->shape.n);
        float *gx = df_grad(c, y->src[i]);
        if (gx)
            df_add_rows(c, gx, n, y->grad + at, ldy, rows, n);
        at += n;
    }
}

static const DfOp concat_op = { "concat", concat_backward };

static bool alike(DfTensor *a, DfTensor *b, int axis)
{
    DfShape shape = b->shape;
    if (axis < shape.n)
        shape.d[axis] = a->shape.d[axis];
    return df_same_shape(a->shape, shape);
}

DfTensor *df_concat(DfCtx *c, DfTensor *const *x, int n, int dim)
{
    if (c->err)
        return &c->nil;
    if (n < 1 || n > DF_SOURCES || df_axis(x[0], dim) < 0)
        return df_refuse(c, "concat: %d tensors along dimension %d: want 1..%d tensors that have it", n, dim,
                         DF_SOURCES);
    const int axis = df_axis(x[0], dim);
    DfShape shape = x[0]->shape;
    for (int i = 1; i < n; i++) {
        if (!alike(x[0], x[i], axis))
            return df_refuse(c, "concat: (%s) and (%s) along dimension %d: want all other dimensions equal",
                             DF_TEXT(x[0]), DF_TEXT(x[i]), axis);
        shape.d[axis] += x[i]->shape.d[axis];
    }
    DfTensor *y = df_output(c, &concat_op, shape, n, x);
    if (df_skip(c, y))
        return y;
    df_note(c, y, &axis, sizeof axis);
    const size_t rows = product(y, 0, axis), ldy = product(y, axis, y->shape.n);
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        const size_t width = product(x[i], axis, y->shape.n);
        df_copy_rows(c, y->data + at, ldy, x[i]->data, width, rows, width);
        at += width;
    }
    return y;
}

/* ---- slice ------------------------------------------------------------------------------------------------------ */

typedef struct {
    int axis, start;
} Slice;

static void slice_backward(DfCtx *c, DfTensor *y)
{
    DfTensor *const x = y->src[0];
    const Slice *s = y->saved;
    const size_t inner = product(x, s->axis + 1, x->shape.n);
    const size_t n = (size_t)df_dim(y, s->axis) * inner;
    float *gx = df_grad(c, x);
    if (gx)
        df_add_rows(c, gx + (size_t)s->start * inner, (size_t)df_dim(x, s->axis) * inner, y->grad, n,
                    product(x, 0, s->axis), n);
}

static const DfOp slice_op = { "slice", slice_backward };

DfTensor *df_slice(DfCtx *c, DfTensor *x, int dim, int start, int count)
{
    if (c->err)
        return &c->nil;
    const int axis = df_axis(x, dim);
    if (axis < 0 || start < 0 || count < 0 || count > df_dim(x, axis) - start)
        return df_refuse(c, "slice: %d items from %d in dimension %d of a tensor of shape (%s)", count, start, dim,
                         DF_TEXT(x));
    DfShape shape = x->shape;
    shape.d[axis] = count;
    DfTensor *y = df_output(c, &slice_op, shape, 1, &x);
    df_leaves_unread(c, df_size(x) - df_size(y));
    if (df_skip(c, y))
        return y;
    df_note(c, y, &(Slice){ axis, start }, sizeof(Slice));
    const size_t inner = product(x, axis + 1, x->shape.n), n = (size_t)count * inner;
    df_copy_rows(c, y->data, n, x->data + (size_t)start * inner, (size_t)df_dim(x, axis) * inner, product(x, 0, axis),
                 n);
    return y;
}
