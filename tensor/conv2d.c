/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/conv2d.c -- two-dimensional convolution of channels-last maps: dense, grouped and depthwise.
 */
#include "tensor/fuse.h"

static bool is_depthwise(const DfTensor *w)
{
    return w->shape.n == 3;
}

/* How many outputs along one side; -1 if the kernel is larger than the padded map. An empty side stays empty. */
static int outputs(int size, int kernel, int stride, int padding, int dilation)
{
    const long long room = (long long)size + 2LL * padding - (long long)dilation * (kernel - 1) - 1;
    if (room < 0)
        return size == 0 ? 0 : -1;
    return (int)(room / stride) + 1;
}

static DfConvShape shape_of(const DfTensor *x, const DfTensor *w, DfConv conv)
{
    const bool dw = is_depthwise(w);
    DfConvShape s = { .N = df_dim(x, 0), .H = df_dim(x, 1), .W = df_dim(x, 2), .I = df_dim(x, 3),
                      .O = dw ? df_dim(w, 2) : df_dim(w, 0),
                      .kh = df_dim(w, dw ? 0 : 1), .kw = df_dim(w, dw ? 1 : 2), .groups = conv.groups };
    for (int i = 0; i < 2; i++) {
        s.stride[i] = conv.stride[i];
        s.padding[i] = conv.padding[i];
        s.dilation[i] = conv.dilation[i];
    }
    s.oH = outputs(s.H, s.kh, s.stride[0], s.padding[0], s.dilation[0]);
    s.oW = outputs(s.W, s.kw, s.stride[1], s.padding[1], s.dilation[1]);
    return s;
}

static void backward(DfCtx *c, DfTensor *y)
{
    DfTensor *const x = y->src[0];
    DfTensor *const w = y->src[1];
    DfTensor *const b = y->src[2];
    const DfConvShape s = shape_of(x, w, *(const DfConv *)y->saved);
    float *gx = df_grad(c, x), *gw = df_grad(c, w), *gb = df_grad(c, b);
    const bool dw = is_depthwise(w);
    int error = DF_OK;
    if (gx)
        error = dw ? df_depthwise_transposed(c->pool, c->k, &s, y->grad, w->data, gx)
                   : df_conv_transposed(c->pool, c->k, &s, y->grad, w->data, NULL, gx);
    if (gw && !error)
        error = dw ? df_depthwise_weight_grad(c->pool, c->k, &s, x->data, y->grad, gw)
                   : df_conv_weight_grad(c->pool, c->k, &s, x->data, y->grad, gw);
    df_add_columns(c, DF_COLUMN_SUM, gb, y->grad, NULL, df_size(y) / (size_t)s.O, (size_t)s.O);
    if (error)
        df_ctx_fail(c, error, "%s", df_error());
}

static const DfOp op = { "conv2d", backward };

static bool options_fit(DfCtx *c, DfConv conv)
{
    bool good = conv.groups >= 1;
    for (int i = 0; i < 2; i++)
        good = good && conv.stride[i] >= 1 && conv.padding[i] >= 0 && conv.dilation[i] >= 1;
    if (!good)
        df_refuse(c, "conv2d: stride %d %d, padding %d %d, dilation %d %d, groups %d: want positive numbers, padding 0 or more", conv.stride[0],
                  conv.stride[1], conv.padding[0], conv.padding[1], conv.dilation[0], conv.dilation[1], conv.groups);
    return good;
}

static bool fits(DfCtx *c, const DfTensor *x, const DfTensor *w, DfConv conv)
{
    if (!options_fit(c, conv))
        return false;
    bool good = x->shape.n == 4 && (w->shape.n == 4 || w->shape.n == 3);
    if (good && is_depthwise(w))
        good = df_dim(x, 3) == df_dim(w, 2) && conv.groups == df_dim(x, 3) && df_dim(w, 0) > 0 && df_dim(w, 1) > 0;
    else if (good)
        good = df_dim(x, 3) == df_dim(w, 3) * conv.groups && df_dim(w, 0) % conv.groups == 0 && df_dim(w,
                                                                                                       1) > 0 && df_dim(w, 2) > 0;
    if (!good) {
        df_refuse(c, "conv2d: x of shape (%s) with a weight of shape (%s) in %d groups: want (N H W I) and (O kh kw I/groups), or (kh kw I) for "
                  "I groups", DF_TEXT(x), DF_TEXT(w), conv.groups);
        return false;
    }
    const DfConvShape s = shape_of(x, w, conv);
    if (s.oH >= 0 && s.oW >= 0)
        return true;
    df_refuse(c, "conv2d: a %dx%d kernel on a %dx%d map with padding %d %d: want a kernel that fits", s.kh, s.kw, s.H,
              s.W, s.padding[0], s.padding[1]);
    return false;
}

static int run(DfCtx *c, const DfConvShape *s, const DfTensor *x, DfTensor *weight, const DfTensor *fold,
               const DfTensor *y, DfEpilogue e)
{
    if (is_depthwise(weight))
        return df_depthwise_forward(c->pool, c->k, s, x->data, weight->data, y->data, e);
    const DfPackKind kind = df_conv_prefers_winograd(s) ? DF_PACK_WINOGRAD : DF_PACK_GEMM;
    const size_t O = (size_t)s->O, K = df_size(weight) / O;
    const DfPackedWeight w = df_weight(c, weight, fold, kind, O, K, (size_t)s->groups);
    const int error = w.packed ? df_conv_forward(c->pool, c->k, s, x->data, w.packed, y->data, e) : DF_OK;
    df_weight_done(w);
    return error;
}

DfTensor *df_conv2d(DfCtx *c, DfTensor *x, DfTensor *weight, DfTensor *bias, DfConv conv, DfFuse fuse)
{
    if (c->err || !fits(c, x, weight, conv))
        return &c->nil;
    if (fuse.fold && (c->recording || is_depthwise(weight)))
        return df_refuse(c, "conv2d: a factor folded into the weight: want no tape, and a weight of (O kh kw I/groups)");
    if (df_fuse_splits(c, x, weight, bias, fuse))
        return df_fuse_apart(c, df_conv2d(c, x, weight, bias, conv, (DfFuse){ 0 }), fuse);
    const DfConvShape s = shape_of(x, weight, conv);
    const DfShape shape = DF_SHAPE(s.N, s.oH, s.oW, s.O);
    if (!df_fuse_fits(c, "conv2d", shape, bias, fuse))
        return &c->nil;
    DfTensor *y = df_output(c, &op, shape, DF_SOURCES_OF(x, weight, bias));
    df_macs(c, DF_MACS_LAYER, (double)s.N * s.oH * s.oW * (double)df_size(weight));
    if (df_taped(y)) {
        DfConv *note = df_save(c, y, sizeof *note);
        if (!note)
            return &c->nil;
        *note = conv;
    }
    if (df_skip(c, y))
        return y;
    const int error = run(c, &s, x, weight, fuse.fold, y, df_fuse_epilogue(bias, fuse));
    if (error)
        df_ctx_fail(c, error, "%s", df_error());
    return y;
}
