/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/dat/slide.c -- block E of DAT: attention to the 3x3 tokens around a query. Pan et al., "Slide-Transformer:
 * Hierarchical Vision Transformer with Local Self-Attention", CVPR 2023, sections 4.2 and 4.3.
 *
 * A token's neighbours are gathered by depthwise convolutions: dep_conv is initialised to the nine shifts and not
 * trained, dep_conv1 (the "deformed shifting module") is learned. Both are applied to keys and values, and both are
 * linear, so their sum is one convolution.
 *
 * Dimensions: B batch, H x W tokens, C' = C / 4 channels inside, in heads of D; TAPS neighbours.
 */
#include "backbone/dat/kinds.h"

enum { SIDE = 3, TAPS = SIDE * SIDE, REDUCTION = 4 };

typedef struct {
    NnLinear qkv, proj;
    NnConv shift, deformed;  /* dep_conv, dep_conv1: D to TAPS D channels, shared by the heads */
    DfTensor *table;         /* 1 heads 1 TAPS 1 1                                             */
    int heads, depth;
    float scale;
} Slide;

/* ---- the two convolutions as one, with a channel for each of its outputs ----------------------------------------- */

/* The sum of both, the taps of a head outside, once for each head: D TAPS inner -> inner heads*TAPS*D. `inner` is TAPS
 * for a weight and 1 for a bias. */
static DfTensor *of_all_heads(DfCtx *c, const Slide *a, DfTensor *shift, DfTensor *deformed, int inner)
{
    DfTensor *sum = df_reshape(c, df_add(c, deformed, shift), DF_SHAPE(a->depth, TAPS, inner));
    sum = df_permute(c, sum, DF_SHAPE(2, 1, 0));                                 /* inner TAPS D */
    sum = df_reshape(c, sum, DF_SHAPE(inner, TAPS * a->depth));
    return df_repeat(c, sum, a->heads);
}

/* The position table is added to the keys: to the bias of their convolution. */
static DfTensor *with_table(DfCtx *c, const Slide *a, DfTensor *bias)            /* 1 heads*TAPS*D */
{
    DfTensor *table = df_reshape(c, a->table, DF_SHAPE(a->heads * TAPS, 1));
    table = df_repeat(c, table, a->depth);                                       /* heads*TAPS D */
    return df_add(c, bias, df_reshape(c, table, DF_SHAPE(1, a->heads * TAPS * a->depth)));
}

/* What each token sees in its neighbours, its channels once for every tap: B H W heads D -> B*H*W*heads TAPS D. */
static DfTensor *fetch(DfCtx *c, const Slide *a, DfTensor *x, DfTensor *weight, DfTensor *bias)
{
    const int B = df_dim(x, 0), H = df_dim(x, 1), W = df_dim(x, 2);
    const int channels = a->heads * TAPS * a->depth;
    DfConv conv = a->shift.conv;
    conv.groups = channels;
    weight = df_reshape(c, weight, DF_SHAPE(SIDE, SIDE, channels));
    bias = df_reshape(c, bias, DF_SHAPE(channels));
    x = df_reshape(c, df_repeat(c, x, TAPS), DF_SHAPE(B, H, W, channels));
    x = df_conv2d(c, x, weight, bias, conv, (DfFuse){ 0 });
    return df_reshape(c, x, DF_SHAPE(B * H * W * a->heads, TAPS, a->depth));
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

static DfTensor *forward(DfCtx *c, const void *self, DfTensor *x, NnResidual r)
{
    const Slide *a = self;
    const int B = df_dim(x, 0), H = df_dim(x, 1), W = df_dim(x, 2), heads = a->heads, D = a->depth;
    const int n = B * H * W * heads;
    const DfShape map = DF_SHAPE(B, H, W, heads, D);
    DfTensor *qkv = df_reshape(c, nn_linear(c, &a->qkv, x), DF_SHAPE(B * H * W, heads, 3, D));
    DfTensor *weight = of_all_heads(c, a, a->shift.weight, a->deformed.weight, TAPS);
    DfTensor *bias = of_all_heads(c, a, a->shift.bias, a->deformed.bias, 1);

    DfTensor *k = df_reshape(c, df_slice(c, qkv, 2, 1, 1), map);
    DfTensor *v = df_reshape(c, df_slice(c, qkv, 2, 2, 1), map);
    k = fetch(c, a, k, weight, with_table(c, a, bias));                          /* n TAPS D */
    v = fetch(c, a, v, weight, bias);                                            /* n TAPS D */
    DfTensor *q = df_scale(c, df_slice(c, qkv, 2, 0, 1), a->scale);
    q = df_reshape(c, q, DF_SHAPE(n, D, 1));

    DfTensor *s = df_reshape(c, df_matmul(c, k, q), DF_SHAPE(n, 1, TAPS));
    DfTensor *y = df_matmul(c, df_softmax(c, s, -1), v);                         /* n 1 D */
    y = df_reshape(c, y, DF_SHAPE(B, H, W, heads * D));
    return nn_linear_add(c, &a->proj, y, r);                                     /* B H W C */
}

/* ---- construction ------------------------------------------------------------------------------------------------ */

static void init(NnScope s, void *self, const DatBlockOptions *o)
{
    Slide *a = self;
    const int inner = o->dim / REDUCTION;
    a->heads = o->heads;
    a->depth = inner / o->heads;
    a->scale = df_dat_scale(o); /* of the heads before reduction, as the official code has it */
    if (o->dim % (REDUCTION * o->heads)) {
        nn_fail(s, DF_EVALUE, "dims = %d: an E block wants a multiple of %d heads times %d",
                o->dim, o->heads, REDUCTION);
        return;
    }
    const NnConvShape shape = { .kernel = SIDE, .padding = SIDE / 2, .groups = a->depth };
    nn_linear_init(nn_at(s, "qkv"), &a->qkv, o->dim, 3 * inner, true);
    nn_linear_init(nn_at(s, "proj"), &a->proj, inner, o->dim, true);
    nn_conv_init(nn_at(s, "dep_conv"), &a->shift, a->depth, TAPS * a->depth, shape);
    nn_conv_init(nn_at(s, "dep_conv1"), &a->deformed, a->depth, TAPS * a->depth, shape);
    const DfShape table = DF_SHAPE(1, o->heads, 1, TAPS, 1, 1);
    a->table = nn_param(s, "relative_position_bias_table", table, NN_AS_IS, nn_truncated_normal(0.02));
}

const DatBlockKind df_dat_block_slide = {
    .letter = 'E',
    .size = sizeof(Slide),
    .init = init,
    .forward = forward,
};
