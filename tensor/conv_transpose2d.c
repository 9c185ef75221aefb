/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/conv_transpose2d.c -- the transposed convolution. It is the gradient of a convolution from its result (N H'
 * W' O) to its input (N H W I), so that convolution's three passes serve here with their roles exchanged.
 */
#include <string.h>

#include "tensor/op.h"

typedef struct {
    DfConv conv;
    int output_padding[2];
} Note;

static int side(int size, int kernel, const Note *t, int i)
{
    const long long n = ((long long)size - 1) * t->conv.stride[i] - 2LL * t->conv.padding[i] + (long long)t->conv.dilation[i] * (kernel - 1)
                        + t->output_padding[i] + 1;
    return size == 0 || n < 0 ? 0 : n > 1 << 30 ? -1 : (int)n;
}

/* The convolution from result to input. */
static DfConvShape turned_shape(const DfTensor *x, const DfTensor *w, const Note *t)
{
    DfConvShape s = { .N = df_dim(x, 0), .I = df_dim(w, 3) * t->conv.groups, .O = df_dim(x, 3), .kh = df_dim(w, 1),
                      .kw = df_dim(w, 2),
                      .oH = df_dim(x, 1), .oW = df_dim(x, 2), .groups = t->conv.groups };
    for (int i = 0; i < 2; i++) {
        s.stride[i] = t->conv.stride[i];
        s.padding[i] = t->conv.padding[i];
        s.dilation[i] = t->conv.dilation[i];
    }
    s.H = side(s.oH, s.kh, t, 0);
    s.W = side(s.oW, s.kw, t, 1);
    return s;
}

static int add_input_gradient(DfCtx *c, const DfConvShape *s, const DfTensor *y, const DfTensor *w, float *gx)
{
    DfPacked *packed = NULL;
    int error = df_pack(&packed, c->pool, w->data, (size_t)s->O, df_size(w) / (size_t)s->O, (size_t)s->groups);
    if (!error)
        error = df_conv_forward(c->pool, c->k, s, y->grad, packed, gx, (DfEpilogue){ .residual = gx });
    df_packed_free(packed);
    return error;
}

static void backward(DfCtx *c, DfTensor *y)
{
    DfTensor *const x = y->src[0];
    DfTensor *const w = y->src[1];
    DfTensor *const b = y->src[2];
    const DfConvShape s = turned_shape(x, w, y->saved);
    float *gx = df_grad(c, x), *gw = df_grad(c, w), *gb = df_grad(c, b);
    int error = DF_OK;
    if (gx)
        error = add_input_gradient(c, &s, y, w, gx);
    if (gw && !error)
        error = df_conv_weight_grad(c->pool, c->k, &s, y->grad, x->data, gw);
    df_add_columns(c, DF_COLUMN_SUM, gb, y->grad, NULL, df_size(y) / (size_t)s.I, (size_t)s.I);
    if (error)
        df_ctx_fail(c, error, "%s", df_error());
}

static const DfOp op = { "conv_transpose2d", backward };

static bool fits(DfCtx *c, const DfTensor *x, const DfTensor *w, const DfTensor *bias, const Note *t)
{
    bool good = t->conv.groups >= 1;
    for (int i = 0; i < 2; i++)
        good = good && t->conv.stride[i] >= 1 && t->conv.padding[i] >= 0 && t->conv.dilation[i] >= 1 && t->output_padding[i] >= 0
               && (t->output_padding[i] < t->conv.stride[i] || t->output_padding[i] < t->conv.dilation[i]);
    if (!good) {
        df_refuse(c, "conv_transpose2d: stride %d %d, output padding %d %d, groups %d: want positive numbers, and an output padding less than "
                  "the stride or the dilation", t->conv.stride[0], t->conv.stride[1], t->output_padding[0], t->output_padding[1], t->conv.groups);
        return false;
    }
    good = x->shape.n == 4 && w->shape.n == 4 && df_dim(x, 3) == df_dim(w, 0) && df_dim(x,
                                                                                        3) % t->conv.groups == 0 && df_dim(w, 1) > 0
           && df_dim(w, 2) > 0 && (!bias || df_size(bias) == (size_t)df_dim(w, 3) * (size_t)t->conv.groups);
    if (good && side(df_dim(x, 1), df_dim(w, 1), t, 0) >= 0 && side(df_dim(x, 2), df_dim(w, 2), t, 1) >= 0)
        return true;
    df_refuse(c, "conv_transpose2d: x of shape (%s) with a weight of shape (%s) in %d groups: want (N H W I) and (I kh kw O/groups), and a "
              "bias of O", DF_TEXT(x), DF_TEXT(w), t->conv.groups);
    return false;
}

DfTensor *df_conv_transpose2d(DfCtx *c, DfTensor *x, DfTensor *weight, DfTensor *bias, DfConv conv,
                              const int output_padding[2])
{
    const Note t = { conv, { output_padding[0], output_padding[1] } };
    if (c->err || !fits(c, x, weight, bias, &t))
        return &c->nil;
    const DfConvShape s = turned_shape(x, weight, &t);
    DfTensor *y = df_output(c, &op, DF_SHAPE(s.N, s.H, s.W, s.I), DF_SOURCES_OF(x, weight, bias));
    df_macs(c, DF_MACS_LAYER, (double)s.N * s.oH * s.oW * (double)df_size(weight)); /* every input pixel meets the whole weight */
    if (df_taped(y)) {
        Note *note = df_save(c, y, sizeof *note);
        if (!note)
            return &c->nil;
        *note = t;
    }
    if (df_skip(c, y))
        return y;
    memset(y->data, 0, df_size(y) * sizeof *y->data);
    const int error = df_conv_transposed(c->pool, c->k, &s, x->data, weight->data, bias ? bias->data : NULL, y->data);
    if (error)
        df_ctx_fail(c, error, "%s", df_error());
    return y;
}
