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

/* A weight or bias of all heads: both convolutions are linear, so their sum is one. */
static DfTensor *of_all_heads(DfCtx *c, const Slide *a, DfTensor *shift, DfTensor *deformed, int taps)
{
    const int n = TAPS * a->depth;
    DfTensor *sum = df_reshape(c, df_add(c, deformed, shift), DF_SHAPE(n * taps));
    sum = df_repeat(c, sum, a->heads);
    return df_reshape(c, sum, taps == 1 ? DF_SHAPE(a->heads * n) : DF_SHAPE(a->heads * n, SIDE, SIDE, 1));
}

/* What each token sees in its neighbours. */
static DfTensor *fetch(DfCtx *c, const Slide *a, DfTensor *x, DfTensor *weight, DfTensor *bias) /* B H W C' -> B H W heads D TAPS */
{
    DfConv conv = a->shift.conv;
    conv.groups = a->heads * a->depth;
    DfTensor *y = df_conv2d(c, x, weight, bias, conv, (DfFuse){ 0 });
    if (c->err)
        return &c->nil;
    return df_reshape(c, y, DF_SHAPE(df_dim(y, 0), df_dim(y, 1), df_dim(y, 2), a->heads, a->depth, TAPS));
}

static DfTensor *forward(DfCtx *c, const void *self, DfTensor *x, NnResidual r)
{
    const Slide *a = self;
    if (c->err)
        return &c->nil;
    const int B = df_dim(x, 0), H = df_dim(x, 1), W = df_dim(x, 2), inner = a->heads * a->depth, n = B * H * W * a->heads;
    const DfShape map = DF_SHAPE(B, H, W, inner);
    DfTensor *qkv = df_reshape(c, nn_linear(c, &a->qkv, x), DF_SHAPE(B * H * W, a->heads, 3, a->depth));
    DfTensor *weight = of_all_heads(c, a, a->shift.weight, a->deformed.weight, TAPS), *bias = of_all_heads(c, a, a->shift.bias, a->deformed.bias, 1);
    DfTensor *k = fetch(c, a, df_reshape(c, df_slice(c, qkv, 2, 1, 1), map), weight, bias);
    DfTensor *v = fetch(c, a, df_reshape(c, df_slice(c, qkv, 2, 2, 1), map), weight, bias);
    DfTensor *table = df_repeat(c, df_reshape(c, a->table, DF_SHAPE(a->heads, TAPS)), a->depth);
    k = df_add(c, k, df_reshape(c, table, DF_SHAPE(a->heads, a->depth, TAPS)));
    DfTensor *q = df_reshape(c, df_scale(c, df_slice(c, qkv, 2, 0, 1), a->scale), DF_SHAPE(n, 1, a->depth));
    DfTensor *p = df_softmax(c, df_matmul(c, q, df_reshape(c, k, DF_SHAPE(n, a->depth, TAPS))), -1); /* n 1 TAPS */
    DfTensor *y = df_matmul(c, df_reshape(c, v, DF_SHAPE(n, a->depth, TAPS)), df_reshape(c, p, DF_SHAPE(n, TAPS, 1)));
    return nn_linear_add(c, &a->proj, df_reshape(c, y, map), r);
}

const DatBlockKind df_dat_block_slide = { .letter = 'E', .size = sizeof(Slide), .init = init, .forward = forward };
