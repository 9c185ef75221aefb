/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/dat/pyramid.c -- block P of DAT: keys and values from a coarser map, the spatial-reduction attention of Wang
 * et al., "Pyramid Vision Transformer", ICCV 2021, section 3.3. backbone/pvt/ has the original.
 */
#include "backbone/dat/kinds.h"

typedef struct {
    NnLinear q, kv, proj;
    NnConv down;             /* proj_ds.0; only if the map is reduced */
    NnLayerNorm down_norm;   /* proj_ds.1.norm                        */
    int heads;
    float scale, drop, attn_drop;
} Pyramid;

static DfTensor *forward(DfCtx *c, const void *self, DfTensor *x, NnResidual r)
{
    const Pyramid *a = self;
    const DfDeformAttention plain = {
        .heads = a->heads, .groups = 1, .scale = a->scale, .drop = a->attn_drop, .kind = DF_BIAS_NONE,
    };
    DfTensor *coarse = x;
    if (a->down.weight)
        coarse = nn_layer_norm(c, &a->down_norm, nn_conv(c, &a->down, x));       /* B h w C */
    DfTensor *kv = nn_linear(c, &a->kv, coarse);                                 /* B h w 2C */
    const int B = df_dim(kv, 0), N = df_dim(kv, 1) * df_dim(kv, 2), C = df_dim(kv, 3) / 2;
    kv = df_reshape(c, kv, DF_SHAPE(B, N, 2 * C));
    DfTensor *v = df_slice(c, kv, 2, C, C);                                      /* B N C */
    DfTensor *k = df_slice(c, kv, 2, 0, C);                                      /* B N C */
    DfTensor *q = nn_linear(c, &a->q, x);                                        /* B H W C */
    DfTensor *y = df_deform_attention(c, q, k, v, NULL, NULL, plain);
    r.drop = a->drop;
    return nn_linear_add(c, &a->proj, y, r);
}

static void init(NnScope s, void *self, const DatBlockOptions *o)
{
    Pyramid *a = self;
    if (o->sr_ratio < 1)
        nn_fail(s, DF_EVALUE, "sr_ratios = %d: a P block wants at least 1", o->sr_ratio);
    a->heads = o->heads;
    a->scale = df_dat_scale(o);
    a->drop = o->drop;
    a->attn_drop = o->attn_drop;
    nn_pointwise_init(nn_at(s, "q"), &a->q, o->dim, o->dim, true);
    nn_pointwise_init(nn_at(s, "kv"), &a->kv, o->dim, 2 * o->dim, true);
    nn_pointwise_init(nn_at(s, "proj"), &a->proj, o->dim, o->dim, true);
    if (o->sr_ratio <= 1)
        return;
    const NnConvShape pieces = { .kernel = o->sr_ratio, .stride = o->sr_ratio };
    nn_conv_init(nn_at(s, "proj_ds.0"), &a->down, o->dim, o->dim, pieces);
    nn_layer_norm_init(nn_at(s, "proj_ds.1.norm"), &a->down_norm, o->dim, 1e-5);
}

const DatBlockKind df_dat_block_pyramid = {
    .letter = 'P',
    .size = sizeof(Pyramid),
    .init = init,
    .forward = forward,
};
