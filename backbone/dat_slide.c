/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/dat_slide.c -- block E of DAT: attention over the 3x3 tokens around a query, fetched by depthwise convolutions. Pan
 * et al., Slide-Transformer (CVPR 2023).
 *
 * dep_conv starts as the nine shifts and is not trained; dep_conv1 is learned; both see keys and values alike. Dimensions:
 * C' = C / 4 channels inside, in heads of D.
 */
#include <math.h>

#include "backbone/dat_block.h"

enum { SIDE = 3, TAPS = SIDE * SIDE, REDUCTION = 4 };

typedef struct {
    NnLinear qkv, proj;
    NnConv shift, deformed;  /* dep_conv, dep_conv1: D to TAPS D channels, shared by the heads */
    DfTensor *table;         /* 1 heads 1 TAPS 1 1 */
    int heads, depth;
    float scale;
} Slide;

static void init(NnScope s, void *self, const DatBlockOptions *o)
{
    Slide *a = self;
    const int inner = o->dim / REDUCTION;
    a->heads = o->heads;
    a->depth = inner / o->heads;
    a->scale = 1 / sqrtf((float)(o->dim / o->heads)); /* of the heads before reduction, as the official code has it */
    if (o->dim % (REDUCTION * o->heads)) {
        nn_fail(s, DF_EVALUE, "dims = %d: an E block wants a multiple of %d heads times %d", o->dim, o->heads, REDUCTION);
        return;
    }
    const NnConvShape shape = { .kernel = SIDE, .padding = SIDE / 2, .groups = a->depth };
    nn_linear_init(nn_at(s, "qkv"), &a->qkv, o->dim, 3 * inner, true);
    nn_linear_init(nn_at(s, "proj"), &a->proj, inner, o->dim, true);
    nn_conv_init(nn_at(s, "dep_conv"), &a->shift, a->depth, TAPS * a->depth, shape);
    nn_conv_init(nn_at(s, "dep_conv1"), &a->deformed, a->depth, TAPS * a->depth, shape);
    a->table = nn_param(s, "relative_position_bias_table", DF_SHAPE(1, o->heads, 1, TAPS, 1, 1), NN_AS_IS, nn_truncated_normal(0.02));
}

/* A weight or bias, its taps apart, for all heads; both convolutions are linear, so their sum is one. */
static DfTensor *of_all_heads(DfCtx *c, const Slide *a, DfTensor *shift, DfTensor *deformed, int inner) /* D TAPS inner -> inner heads*TAPS*D */
{
    const int n = TAPS * a->depth;
    DfTensor *sum = df_reshape(c, df_add(c, deformed, shift), DF_SHAPE(a->depth, TAPS, inner));
    sum = df_reshape(c, df_permute(c, sum, DF_SHAPE(2, 1, 0)), DF_SHAPE(inner, n));
    return df_repeat(c, sum, a->heads);
}

/* What each token sees in its neighbours. A channel for each of its outputs makes the convolution depthwise. */
static DfTensor *fetch(DfCtx *c, const Slide *a, DfTensor *x, DfTensor *weight, DfTensor *bias) /* B H W heads D -> B*H*W*heads TAPS D */
{
    const int B = df_dim(x, 0), H = df_dim(x, 1), W = df_dim(x, 2), channels = a->heads * TAPS * a->depth;
    DfConv conv = a->shift.conv;
    conv.groups = channels;
    DfTensor *y = df_reshape(c, df_repeat(c, x, TAPS), DF_SHAPE(B, H, W, channels));
    y = df_conv2d(c, y, df_reshape(c, weight, DF_SHAPE(SIDE, SIDE, channels)), df_reshape(c, bias, DF_SHAPE(channels)), conv, (DfFuse){ 0 });
    return df_reshape(c, y, DF_SHAPE(B * H * W * a->heads, TAPS, a->depth));
}

/* The position table is added to the keys: to the bias of their convolution. */
static DfTensor *with_table(DfCtx *c, const Slide *a, DfTensor *bias)            /* heads*TAPS*D */
{
    DfTensor *table = df_repeat(c, df_reshape(c, a->table, DF_SHAPE(a->heads * TAPS, 1)), a->depth);
    return df_add(c, bias, df_reshape(c, table, DF_SHAPE(1, a->heads * TAPS * a->depth)));
}

static DfTensor *forward(DfCtx *c, const void *self, DfTensor *x, NnResidual r)
{
    const Slide *a = self;
    const int B = df_dim(x, 0), H = df_dim(x, 1), W = df_dim(x, 2), n = B * H * W * a->heads;
    const DfShape map = DF_SHAPE(B, H, W, a->heads, a->depth);
    DfTensor *qkv = df_reshape(c, nn_linear(c, &a->qkv, x), DF_SHAPE(B * H * W, a->heads, 3, a->depth));
    DfTensor *weight = of_all_heads(c, a, a->shift.weight, a->deformed.weight, TAPS), *bias = of_all_heads(c, a, a->shift.bias, a->deformed.bias, 1);
    DfTensor *k = fetch(c, a, df_reshape(c, df_slice(c, qkv, 2, 1, 1), map), weight, with_table(c, a, bias));
    DfTensor *v = fetch(c, a, df_reshape(c, df_slice(c, qkv, 2, 2, 1), map), weight, bias);
    DfTensor *q = df_reshape(c, df_scale(c, df_slice(c, qkv, 2, 0, 1), a->scale), DF_SHAPE(n, a->depth, 1));
    DfTensor *p = df_softmax(c, df_reshape(c, df_matmul(c, k, q), DF_SHAPE(n, 1, TAPS)), -1);
    DfTensor *y = df_matmul(c, p, v);                                             /* n 1 D */
    return nn_linear_add(c, &a->proj, df_reshape(c, y, DF_SHAPE(B, H, W, a->heads * a->depth)), r);
}

const DatBlockKind df_dat_block_slide = { .letter = 'E', .size = sizeof(Slide), .init = init, .forward = forward };
