/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/conv2d.c -- two-dimensional convolution of channels-last maps: dense, grouped and depthwise.
 *     y[n][i][j][o] = b[o] + sum over kernel rows p, columns q and channels c of
 *                     w[o][p][q][c] x[n][i stride - padding + p dilation][j stride - padding + q dilation][c]
 * with zeros outside the map. kernels/conv/ chooses how it is computed: by patches, by Winograd's method, or
 * depthwise.
 */
#include "tensor/columns.h"
#include "tensor/conv_shape.h"
#include "tensor/fuse.h"
#include "tensor/parts.h"
#include "tensor/weights.h"

static bool is_depthwise(const DfTensor *w) /* kh kw C */
{
    return w->shape.n == 3;
}

static DfConvShape shape_of(const DfTensor *x, const DfTensor *w, DfConv conv)
{
    if (is_depthwise(w))
        return df_conv_shape(x, df_dim(w, 2), df_dim(w, 0), df_dim(w, 1), conv);
    return df_conv_shape(x, df_dim(w, 0), df_dim(w, 1), df_dim(w, 2), conv);
}

/* Where the way back is a product or Winograd's, a fresh gradient is only written. */
static int input_grad(DfCtx *c, const DfConvShape *s, const float *gy, DfTensor *w, DfTensor *x)
{
    const bool writes = !is_depthwise(w) && (df_conv_is_product(s) || df_conv_transposed_prefers_winograd(s));
    bool fresh = false;
    float *gx = writes ? df_grad_new(c, x, &fresh) : df_grad(c, x);
    const size_t O = (size_t)s->O;
    const size_t I = (size_t)s->I;
    if (!gx)
        return DF_OK;
    if (is_depthwise(w))
        return df_depthwise_transposed(c->pool, c->k, s, gy, w->data, gx);
    if (df_conv_is_product(s))
        return df_gemm(c->pool, c->k, false, false, df_size(x) / I, I, O, 1, gy, O, w->data, I, fresh ? 0 : 1, gx, I);
    if (!writes)
        return df_conv_transposed(c->pool, c->k, s, gy, w->data, NULL, gx);
    const DfPackedWeight turned = df_weight(c, w, NULL, DF_PACK_WINOGRAD_TURNED, O, df_size(w) / O, 1);
    int error = DF_OK;
    if (turned.packed)
        error = df_conv_transposed_packed(c->pool, c->k, s, gy, turned.packed, NULL, gx, fresh);
    df_weight_done(c, turned);
    return error;
}

/* dx is the transposed convolution of dy, dw a product of dy with the patches of x, db the sum of dy over pixels. */
static void backward(DfCtx *c, DfTensor *y)
{
    DfTensor *const x = y->src[0], *const w = y->src[1], *const b = y->src[2];
    const DfConvShape s = shape_of(x, w, *(const DfConv *)y->saved);
    float *gw = df_grad(c, w), *gb = df_grad(c, b);
    int error = input_grad(c, &s, y->grad, w, x);
    if (gw && !error && is_depthwise(w))
        error = df_depthwise_weight_grad(c->pool, c->k, &s, x->data, y->grad, gw);
    else if (gw && !error)
        error = df_conv_weight_grad(c->pool, c->k, &s, x->data, y->grad, gw);
    df_add_columns(c, DF_COLUMN_SUM, gb, y->grad, NULL, df_size(y) / (size_t)s.O, (size_t)s.O);
    df_check(c, error);
}

static const DfOp op = { "conv2d", backward };

static bool has_some_inputs(const DfTensor *x, const DfTensor *w, DfConv conv)
{
    return x->shape.n == 4 && w->shape.n == 4 && conv.groups == 1 && df_dim(x, 3) <= df_dim(w, 3) && df_dim(w, 1) > 0 &&
           df_dim(w, 2) > 0;
}

static bool shapes_fit(const DfTensor *x, const DfTensor *w, DfConv conv)
{
    if (x->shape.n != 4 || (w->shape.n != 4 && w->shape.n != 3))
        return false;
    if (is_depthwise(w))
        return df_dim(x, 3) == df_dim(w, 2) && conv.groups == df_dim(x, 3) && df_dim(w, 0) > 0 && df_dim(w, 1) > 0;
    return df_dim(x, 3) == df_dim(w, 3) * conv.groups && df_dim(w, 0) % conv.groups == 0 && df_dim(w, 1) > 0 &&
           df_dim(w, 2) > 0;
}

static bool fits(DfCtx *c, const DfTensor *x, const DfTensor *w, DfConv conv, bool first_inputs)
{
    if (!df_conv_fits(conv)) {
        df_refuse(c, "conv2d: stride %d %d, padding %d %d, dilation %d %d, groups %d: want positive numbers, "
                     "padding 0 or more", conv.stride[0], conv.stride[1], conv.padding[0], conv.padding[1],
                  conv.dilation[0], conv.dilation[1], conv.groups);
        return false;
    }
    if (first_inputs ? !has_some_inputs(x, w, conv) : !shapes_fit(x, w, conv)) {
        df_refuse(c, "conv2d: x of shape (%s) with a weight of shape (%s) in %d groups: want (N H W I) and "
                     "(O kh kw I/groups), or (kh kw I) for I groups", DF_TEXT(x), DF_TEXT(w), conv.groups);
        return false;
    }
    const DfConvShape s = shape_of(x, w, conv);
    if (s.oH >= 0 && s.oW >= 0)
        return true;
    df_refuse(c, "conv2d: a %dx%d kernel on a %dx%d map with padding %d %d: want a kernel that fits", s.kh, s.kw, s.H,
              s.W, s.padding[0], s.padding[1]);
    return false;
}

/* With a stride of 2 Winograd's filters have nine numbers for each of the weight: one that changes at every step is not
 * worth transforming. */
static DfPackKind kind_of(const DfCtx *c, const DfConvShape *s, const DfTensor *weight)
{
    const DfPackKind kind = df_conv_pack_kind(s, c->precision);
    const bool changes = c->recording && weight->wants_grad;
    if (df_weight_is_int8(c, weight) || (changes && kind == DF_PACK_WINOGRAD_STRIDED))
        return DF_PACK_GEMM;
    return kind;
}

/* The weight as this convolution reads it. */
static DfPackedWeight packed(DfCtx *c, const DfConvShape *s, DfTensor *weight, const DfFuse *fuse)
{
    const DfPackKind kind = kind_of(c, s, weight);
    const size_t O = (size_t)s->O;
    if (fuse->first_inputs)
        return df_weight_inputs(c, weight, fuse->fold, kind, (DfPackedPart){ .inputs = (size_t)s->I });
    const size_t K = df_size(weight) / O; /* kh kw I/groups */
    return df_weight(c, weight, fuse->fold, kind, O, K, (size_t)s->groups);
}

static int run(DfCtx *c, const DfConvShape *s, const DfTensor *x, DfTensor *weight, const DfFuse *fuse,
               const DfTensor *y, DfEpilogue e)
{
    if (is_depthwise(weight))
        return df_depthwise_forward(c->pool, c->k, s, x->data, weight->data, y->data, e);
    df_observe_weight(c, weight, x);
    const DfPackedWeight w = packed(c, s, weight, fuse);
    const DfMap from = { x->data, x->bf16 };
    const DfMap to = { y->data, y->bf16 };
    const int error = w.packed ? df_conv_forward_maps(c->pool, c->k, s, from, w.packed, to, e) : DF_OK;
    df_weight_done(c, w);
    return error;
}

static bool multiplies_in_bf16(const DfCtx *c, const DfTensor *w)
{
    return c->precision == DF_PRECISION_BF16 && !is_depthwise(w) && !df_weight_is_int8(c, w);
}

/* Is the result kept in bfloat16? Products read numbers in twos, so there is an even number of channels. */
static bool is_kept_in_bf16(const DfCtx *c, const DfTensor *w, DfFuse fuse)
{
    return fuse.reader && multiplies_in_bf16(c, w) && multiplies_in_bf16(c, fuse.reader) && df_dim(w, 0) % 2 == 0 &&
           !fuse.residual && !c->recording && !df_listens_weights(c);
}

/* Where the result lies: in memory of its own, or that of a residual which is not needed any more. */
static DfTensor *result_of(DfCtx *c, DfShape shape, DfTensor *x, DfTensor *weight, DfTensor *bias, DfFuse fuse)
{
    const bool over = fuse.residual && fuse.spent && fuse.inside && !is_depthwise(weight);
    const bool bf16 = is_kept_in_bf16(c, weight, fuse);
    return over ? df_output_over(c, &op, fuse.residual, DF_SOURCES_OF(x, weight, bias))
                : df_output_bf16(c, bf16, &op, shape, DF_SOURCES_OF(x, weight, bias));
}

/* Poisons the context and returns false where x, the weight and what is asked for do not go together. */
static bool can_run(DfCtx *c, const DfTensor *x, const DfConvLayer *l)
{
    const DfTensor *w = l->weight;
    const DfFuse fuse = l->fuse;
    if (!fits(c, x, w, l->conv, fuse.first_inputs))
        return false;
    if (fuse.first_inputs && !df_conv2d_has_taps(c, w))
        df_refuse(c, "conv2d: the first inputs of a weight: want no tape, and a weight of (O kh kw I) that is not in "
                     "8 bits");
    else if (fuse.fold && (c->recording || is_depthwise(w)))
        df_refuse(c, "conv2d: a factor folded into the weight: want no tape, and a weight of (O kh kw I/groups)");
    else if (x->bf16 && !multiplies_in_bf16(c, w))
        df_refuse(c, "conv2d: x of bfloat16: want a weight that multiplies in it");
    return !c->err;
}

/* Multiply-adds, one by one. */
static double direct_macs(const DfConvShape *s, const DfTensor *w)
{
    const double taps = is_depthwise(w) ? 1 : (double)s->I / s->groups;
    return (double)s->N * s->oH * s->oW * s->O * s->kh * s->kw * taps;
}

/* The result, with everything but its numbers. */
static DfTensor *made_for(DfCtx *c, const DfConvShape *s, DfTensor *x, const DfConvLayer *l)
{
    const DfShape shape = DF_SHAPE(s->N, s->oH, s->oW, s->O);
    if (!df_fuse_fits(c, "conv2d", shape, l->bias, l->fuse))
        return &c->nil;
    DfTensor *y = result_of(c, shape, x, l->weight, l->bias, l->fuse);
    df_fuse_reads(c, l->fuse);
    const double direct = direct_macs(s, l->weight);
    df_macs(c, DF_MACS_LAYER, direct);
    df_macs(c, DF_MACS_SPARED, direct - df_conv_multiply_adds(s, kind_of(c, s, l->weight)));
    df_note(c, y, &l->conv, sizeof l->conv);
    return y;
}

DfTensor *df_conv2d(DfCtx *c, DfTensor *x, DfTensor *weight, DfTensor *bias, DfConv conv, DfFuse fuse)
{
    const DfConvLayer l = { weight, bias, conv, fuse };
    if (c->err || !can_run(c, x, &l))
        return &c->nil;
    if (df_fuse_splits(c, x, weight, bias, fuse))
        return df_fuse_apart(c, df_conv2d(c, x, weight, bias, conv, (DfFuse){ 0 }), fuse);
    const DfConvShape s = shape_of(x, weight, conv);
    DfTensor *y = made_for(c, &s, x, &l);
    if (!df_skip(c, y))
        df_check(c, run(c, &s, x, weight, &fuse, y, df_fuse_epilogue(bias, fuse)));
    return y;
}

/* ---- two 1x1 convolutions, one after the other ------------------------------------------------------------------- */

static bool has_one_tap(const DfConvLayer *l)
{
    const DfTensor *w = l->weight;
    const DfConv *conv = &l->conv;
    return !is_depthwise(w) && df_dim(w, 1) == 1 && df_dim(w, 2) == 1 && !conv->padding[0] && !conv->padding[1] &&
           conv->groups == 1;
}

static bool is_pointwise(const DfConvLayer *l)
{
    return has_one_tap(l) && l->conv.stride[0] == 1 && l->conv.stride[1] == 1;
}

/* Who counts, listens to weights or checks each result wants them one by one; and a map that stays in the caches is
 * read again as fast. */
static bool goes_together(const DfCtx *c, const DfTensor *x, const DfConvLayer *first, const DfConvLayer *second)
{
    enum { LARGE = 8 << 20 }; /* bytes */
    const bool one_by_one = c->recording || c->dry || c->parts->checks || df_listens_weights(c);
    const size_t pixels = df_size(x) / df_at_least_1((size_t)df_dim(x, 3));
    return !one_by_one && !first->fuse.reader && is_pointwise(first) && is_pointwise(second) &&
           df_pair_is_long(pixels) && pixels * (size_t)df_dim(first->weight, 0) * sizeof(float) >= LARGE;
}

bool df_conv2d_goes_along(const DfCtx *c, const DfTensor *x, const DfConvLayer *first, const DfConvLayer *second,
                          const DfConvLayer *residual)
{
    const DfFuse *after = &residual->fuse;
    const bool bare = after->act == DF_ACT_NONE && !after->scale && !after->residual && !after->reader;
    return goes_together(c, x, first, second) && has_one_tap(residual) && bare;
}

/* Two layers, their results, and what may be added to the first one. */
typedef struct {
    DfTensor *x, *y, *z, *side; /* side NULL: no convolution is added */
    const DfConvLayer *first, *second, *residual;
} Pair;

static DfPixelProduct residual_of(const Pair *p, const DfConvShape *s, const DfPacked *w)
{
    return (DfPixelProduct){
        .x = { p->side->data, p->side->bf16 },
        .H = (size_t)s->H, .W = (size_t)s->W, .out_H = (size_t)s->oH, .out_W = (size_t)s->oW,
        .step_y = (size_t)s->stride[0], .step_x = (size_t)s->stride[1],
        .w = w, .bias = df_data_of(p->residual->bias),
    };
}

static int run_pair(DfCtx *c, const Pair *p)
{
    const DfConvLayer *first = p->first, *second = p->second;
    const DfConvShape s = shape_of(p->x, first->weight, first->conv);
    const DfConvShape t = shape_of(p->y, second->weight, second->conv);
    const DfPackedWeight w1 = packed(c, &s, first->weight, &first->fuse);
    const DfPackedWeight w2 = packed(c, &t, second->weight, &second->fuse);
    DfPair pair = {
        .M = df_size(p->y) / (size_t)s.O,
        .x = { p->x->data, p->x->bf16 }, .w1 = w1.packed, .first = df_fuse_epilogue(first->bias, first->fuse),
        .h = p->y->data, .w2 = w2.packed, .second = df_fuse_epilogue(second->bias, second->fuse),
        .y = { p->z->data, p->z->bf16 },
    };
    DfPackedWeight w3 = { 0 };
    if (p->side) {
        const DfConvShape r = shape_of(p->side, p->residual->weight, p->residual->conv);
        w3 = packed(c, &r, p->residual->weight, &p->residual->fuse);
        pair.residual = residual_of(p, &r, w3.packed);
    }
    const bool all = w1.packed && w2.packed && (w3.packed || !p->side);
    const int error = all ? df_pair_packed(c->pool, c->k, &pair) : DF_OK;
    df_weight_done(c, w1);
    df_weight_done(c, w2);
    if (p->side)
        df_weight_done(c, w3);
    return error;
}

/* Counts the residual's multiply-adds; poisons the context where it does not fit. */
static void count_residual(DfCtx *c, const Pair *p)
{
    if (!can_run(c, p->side, p->residual))
        return;
    const DfConvShape s = shape_of(p->side, p->residual->weight, p->residual->conv);
    const DfShape shape = DF_SHAPE(s.N, s.oH, s.oW, s.O);
    if (!df_same_shape(p->y->shape, shape))
        df_refuse(c, "conv2d: a residual that is a convolution, of (%s): want (%s)", df_shape_text(shape).text,
                  DF_TEXT(p->y));
    df_fuse_fits(c, "conv2d", shape, p->residual->bias, p->residual->fuse);
    df_macs(c, DF_MACS_LAYER, direct_macs(&s, p->residual->weight));
}

static DfTensor *pair_of(DfCtx *c, Pair p, DfTensor **z)
{
    const DfConvShape s = shape_of(p.x, p.first->weight, p.first->conv);
    p.y = made_for(c, &s, p.x, p.first);
    if (!c->err && p.side)
        count_residual(c, &p);
    if (c->err || !can_run(c, p.y, p.second))
        return &c->nil;
    const DfConvShape t = shape_of(p.y, p.second->weight, p.second->conv);
    p.z = made_for(c, &t, p.y, p.second);
    *z = p.z;
    if (!df_skip(c, p.z) && df_size(p.y))
        df_check(c, run_pair(c, &p));
    return p.y;
}

DfTensor *df_conv2d_pair(DfCtx *c, DfTensor *x, const DfConvLayer *first, const DfConvLayer *second, DfTensor **z)
{
    *z = NULL;
    if (c->err || !can_run(c, x, first))
        return &c->nil;
    if (!goes_together(c, x, first, second))
        return df_conv2d(c, x, first->weight, first->bias, first->conv, first->fuse);
    return pair_of(c, (Pair){ .x = x, .first = first, .second = second }, z);
}

DfTensor *df_conv2d_pair_with(DfCtx *c, DfTensor *x, const DfConvLayer *first, const DfConvLayer *second,
                              DfTensor *side, const DfConvLayer *residual, DfTensor **z)
{
    *z = NULL;
    if (c->err || !can_run(c, x, first))
        return &c->nil;
    if (first->fuse.residual || !df_conv2d_goes_along(c, x, first, second, residual))
        return df_refuse(c, "conv2d: a residual that is a convolution: want one that goes along, and no other");
    return pair_of(c, (Pair){ .x = x, .side = side, .first = first, .second = second, .residual = residual }, z);
}
