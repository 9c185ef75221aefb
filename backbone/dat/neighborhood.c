/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/dat/neighborhood.c -- block N of DAT: every query attends to the k x k tokens nearest to it, a window that
 * is clamped at the border. Hassani et al., "Neighborhood Attention Transformer", CVPR 2023, section 3.1. DAT++ uses
 * it instead of windows.
 */
#include "backbone/dat/kinds.h"

typedef struct {
    NnLinear qkv, proj;
    DfTensor *rpb;           /* heads 2k-1 2k-1, by key - query */
    DfNeighborhoodAttention attn;
    float drop;
} Neighborhood;

/* How many tokens a side lacks to hold the window. */
static int missing(int size, int window)
{
    return size < window ? window - size : 0;
}

/* A map smaller than the window is padded with zeros before the projection, so padding has the bias for key and is
 * attended to. */
static DfTensor *forward(DfCtx *c, const void *self, DfTensor *x, NnResidual r)
{
    const Neighborhood *a = self;
    const int below = missing(df_dim(x, 1), a->attn.window);
    const int right = missing(df_dim(x, 2), a->attn.window);
    const bool padded = below || right;
    if (padded)
        x = df_pad2d(c, x, (int[4]){ 0, below, 0, right }, 0);
    DfTensor *qkv = nn_linear(c, &a->qkv, x);                                    /* B H W 3C */
    DfTensor *y = df_neighborhood_attention(c, qkv, a->rpb, a->attn);            /* B H W C  */
    if (padded)
        y = df_pad2d(c, y, (int[4]){ 0, -below, 0, -right }, 0);
    r.drop = a->drop;
    return nn_linear_add(c, &a->proj, y, r);
}

static void init(NnScope s, void *self, const DatBlockOptions *o)
{
    Neighborhood *a = self;
    const int k = o->nat_ksize;
    if (k < 3 || k % 2 == 0) {
        nn_fail(s, DF_EVALUE, "nat_ksizes = %d: an N block wants an odd number of at least 3", k);
        return;
    }
    a->attn = (DfNeighborhoodAttention){ .window = k, .dilation = 1, .heads = o->heads, .scale = df_dat_scale(o) };
    a->attn.drop = o->attn_drop;
    a->drop = o->drop;
    a->rpb = nn_param(s, "rpb", DF_SHAPE(o->heads, 2 * k - 1, 2 * k - 1), NN_AS_IS, nn_truncated_normal(0.02));
    nn_linear_init(nn_at(s, "qkv"), &a->qkv, o->dim, 3 * o->dim, true);
    nn_linear_init(nn_at(s, "proj"), &a->proj, o->dim, o->dim, true);
}

const DatBlockKind df_dat_block_neighborhood = {
    .letter = 'N',
    .size = sizeof(Neighborhood),
    .init = init,
    .forward = forward,
};
