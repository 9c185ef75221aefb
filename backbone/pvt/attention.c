/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/pvt/attention.c -- spatial-reduction attention. Wang et al., "Pyramid Vision Transformer", ICCV 2021,
 * section 3.3: attention whose keys and values come from a smaller map,
 *     SRA(Q, K, V) = softmax(Q SR(K)' / sqrt(D)) SR(V)                                                (eq. 1, 2 and 4)
 *     SR(x) = LN(x reshaped to pieces of R x R tokens, times W)                                       (eq. 3)
 * for each head; reshape and product are a convolution of kernel and stride R. Linear SRA of PVT v2 (Computational
 * Visual Media 2022, section 3.2) pools the map to 7 x 7 instead, so that the cost is linear in the number of tokens.
 */
#include "backbone/pvt/attention.h"

#include "backbone/transformer.h"

static DfTensor *reduced(DfCtx *c, const PvtAttention *a, DfTensor *x)           /* B H W C -> B h w C */
{
    if (a->linear) {
        x = nn_linear(c, &a->pooled, df_adaptive_avg_pool2d(c, x, 7, 7));        /* B 7 7 C */
        return df_gelu(c, nn_layer_norm(c, &a->norm, x));
    }
    if (!a->sr.weight)
        return x;
    return nn_layer_norm(c, &a->norm, nn_conv(c, &a->sr, x));                    /* B H/R W/R C */
}

DfTensor *df_pvt_attention(DfCtx *c, const PvtAttention *a, DfTensor *x)
{
    const DfMark m = df_enter(c, "attn", -1);
    const DfDeformAttention plain = {
        .heads = a->heads, .groups = 1, .scale = a->scale, .drop = a->attn_drop,
    };
    const NnResidual r = { .residual = x, .drop_path = a->drop_path, .drop = a->drop };
    const int B = df_dim(x, 0), C = df_dim(x, 3);
    DfTensor *y = nn_layer_norm(c, &a->norm1, x);
    DfTensor *q = nn_linear(c, &a->q, y);                                        /* B H W C */
    DfTensor *kv = nn_linear(c, &a->kv, reduced(c, a, y));
    kv = df_reshape(c, kv, DF_SHAPE(B, -1, 2 * C));                              /* B Ns 2C */
    DfTensor *k = df_slice(c, kv, -1, 0, C);                                     /* B Ns C */
    DfTensor *v = df_slice(c, kv, -1, C, C);                                     /* B Ns C */
    y = df_deform_attention(c, q, k, v, NULL, NULL, plain);                      /* B H W C */
    return df_leave(c, m, nn_linear_add(c, &a->proj, y, r));
}

/* ---- construction ------------------------------------------------------------------------------------------------ */

void df_pvt_attention_init(NnScope block, PvtAttention *a, const PvtOptions *o, int stage, int index)
{
    const NnScope s = nn_at(block, "attn");
    const int dim = o->embed_dims.v[stage], sr = o->sr_ratios.v[stage];
    a->heads = o->num_heads.v[stage];
    a->scale = df_transformer_scale(o->qk_scale, dim, a->heads);
    a->drop = (float)o->drop_rate;
    a->attn_drop = (float)o->attn_drop_rate;
    a->drop_path = df_pvt_drop_path(o, stage, index);
    a->linear = o->linear;
    nn_layer_norm_init(nn_at(block, "norm1"), &a->norm1, dim, df_pvt_norm_eps(o));
    df_transformer_linear_init(nn_at(s, "q"), &a->q, dim, dim, o->qkv_bias);
    df_transformer_linear_init(nn_at(s, "kv"), &a->kv, dim, 2 * dim, o->qkv_bias);
    df_transformer_linear_init(nn_at(s, "proj"), &a->proj, dim, dim, true);
    if (a->linear)
        nn_pointwise_init(nn_at(s, "sr"), &a->pooled, dim, dim, true);
    else if (sr > 1)
        nn_conv_init(nn_at(s, "sr"), &a->sr, dim, dim, (NnConvShape){ .kernel = sr, .stride = sr });
    if (a->linear || sr > 1)
        nn_layer_norm_init(nn_at(s, "norm"), &a->norm, dim, df_pvt_other_eps(o));
}
