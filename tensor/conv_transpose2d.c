/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/conv_transpose2d.c -- the transposed convolution: every pixel of x adds its multiple of the kernel to the
 * result, `stride` pixels further for each. It is the gradient of a convolution from its result (N H' W' O) to its
 * input (N H W I), so that convolution's three passes serve here with their roles exchanged.
 */
#include <string.h>

#include "tensor/columns.h"
#include "tensor/conv_shape.h"

typedef struct {
    DfConv conv;
    int output_padding[2];
} Note;

/* A side of the result; -1 if it is absurdly large. */
static int side(int size, int kernel, const Note *t, int i)
{
    const long long reach = (long long)t->conv.dilation[i] * (kernel - 1) + 1;
    const long long n = ((long long)size - 1) * t->conv.stride[i] - 2LL * t->conv.padding[i] + reach
                        + t->output_padding[i];
    if (size == 0 || n < 0)
        return 0;
    return n > 1 << 30 ? -1 : (int)n;
}

/* The convolution from result to input. */
static DfConvShape turned_shape(const DfTensor *x, const DfTensor *w, const Note *t)
{
    DfConvShape s = { .N = df_dim(x, 0), .O = df_dim(x, 3), .oH = df_dim(x, 1), .oW = df_dim(x, 2) };
    s.I = df_dim(w, 3) * t->conv.groups;
    s.kh = df_dim(w, 1);
    s.kw = df_dim(w, 2);
    df_conv_strides(&s, t->conv);
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
    DfTensor *const x = y->src[0], *const w = y->src[1], *const b = y->src[2];
    const DfConvShape s = turned_shape(x, w, y->saved);
    float *gx = df_grad(c, x), *gw = df_grad(c, w), *gb = df_grad(c, b);
    int error = DF_OK;
    if (gx)
        error = add_input_gradient(c, &s, y, w, gx);
    if (gw && !error)
        error = df_conv_weight_grad(c->pool, c->k, &s, y->grad, x->data, gw);
    df_add_columns(c, DF_COLUMN_SUM, gb, y->grad, NULL, df_size(y) / (size_t)s.I, (size_t)s.I);
    df_check(c, error);
}

static const DfOp op = { "conv_transpose2d", backward };

static bool options_fit(const Note *t)
{
    bool good = df_conv_fits(t->conv);
    for (int i = 0; i < 2; i++) {
        const int padding = t->output_padding[i];
        good = good && padding >= 0 && (padding < t->conv.stride[i] || padding < t->conv.dilation[i]);
    }
    return good;
}

static bool shapes_fit(const DfTensor *x, const DfTensor *w, const DfTensor *bias, const Note *t)
{
    if (x->shape.n != 4 || w->shape.n != 4 || df_dim(w, 1) < 1 || df_dim(w, 2) < 1)
        return false;
    if (df_dim(x, 3) != df_dim(w, 0) || df_dim(x, 3) % t->conv.groups)
        return false;
    if (bias && df_size(bias) != (size_t)df_dim(w, 3) * (size_t)t->conv.groups)
        return false;
    return side(df_dim(x, 1), df_dim(w, 1), t, 0) >= 0 && side(df_dim(x, 2), df_dim(w, 2), t, 1) >= 0;
}

static bool fits(DfCtx *c, const DfTensor *x, const DfTensor *w, const DfTensor *bias, const Note *t)
{
    if (!options_fit(t))
        df_refuse(c, "conv_transpose2d: stride %d %d, output padding %d %d, groups %d: want positive numbers, and an "
                     "output padding less than the stride or the dilation", t->conv.stride[0], t->conv.stride[1],
                  t->output_padding[0], t->output_padding[1], t->conv.groups);
    else if (!shapes_fit(x, w, bias, t))
        df_refuse(c, "conv_transpose2d: x of shape (%s) with a weight of shape (%s) in %d groups: want (N H W I) and "
                     "(I kh kw O/groups), and a bias of O", DF_TEXT(x), DF_TEXT(w), t->conv.groups);
    return !c->err;
}

DfTensor *df_conv_transpose2d(DfCtx *c, DfTensor *x, DfTensor *weight, DfTensor *bias, DfConv conv,
                              const int output_padding[2])
{
    const Note t = { conv, { output_padding[0], output_padding[1] } };
    if (c->err || !fits(c, x, weight, bias, &t))
        return &c->nil;
    const DfConvShape s = turned_shape(x, weight, &t);
    DfTensor *y = df_output(c, &op, DF_SHAPE(s.N, s.H, s.W, s.I), DF_SOURCES_OF(x, weight, bias));
    /* every pixel of x meets the whole weight */
    df_macs(c, DF_MACS_LAYER, (double)s.N * s.oH * s.oW * (double)df_size(weight));
    df_note(c, y, &t, sizeof t);
    if (df_skip(c, y))
        return y;
    memset(y->data, 0, df_size(y) * sizeof *y->data);
    df_check(c, df_conv_transposed(c->pool, c->k, &s, x->data, weight->data, df_data_of(bias), y->data));
    return y;
}
