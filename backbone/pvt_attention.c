/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/pvt_attention.c -- spatial-reduction attention. Wang et al., "Pyramid Vision Transformer", ICCV 2021, section 3.3; and
 * linear SRA, "PVT v2", Computational Visual Media 2022, section 3.2.
 */
#include "backbone/pvt_attention.h"

#include <math.h>

bool df_pvt_options_fit(NnScope s, const PvtOptions *o)
{
    const struct {
        const char *name;
        int n;
    } lists[] = { { "embed_dims", o->embed_dims.n }, { "num_heads", o->num_heads.n }, { "mlp_ratios", o->mlp_ratios.n },
                  { "depths", o->depths.n }, { "sr_ratios", o->sr_ratios.n } };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (lists[i].n < o->num_stages)
            nn_fail(s, DF_EVALUE, "%s has %d entries: want %d, one a stage", lists[i].name, lists[i].n, o->num_stages);
    for (int i = 0; nn_ok(s) && i < o->num_stages; i++)
        if (o->embed_dims.v[i] % o->num_heads.v[i])
            nn_fail(s, DF_EVALUE, "num_heads = %d does not divide %d channels", o->num_heads.v[i], o->embed_dims.v[i]);
    return nn_ok(s);
}

double df_pvt_norm_eps(const PvtOptions *o)
{
    return df_node_number(df_node_get(o->norm_layer, "eps"), 1e-5);
}

float df_pvt_drop_path(const PvtOptions *o, int stage, int block)
{
    int before = block, blocks = 0;
    for (int i = 0; i < o->num_stages; i++) {
        blocks += o->depths.v[i];
        before += i < stage ? o->depths.v[i] : 0;
    }
    return df_transformer_drop_path(o->drop_path_rate, before, blocks);
}

void df_pvt_attention_init(NnScope s, PvtAttention *a, const PvtOptions *o, int stage)
{
    const int dim = o->embed_dims.v[stage], sr = o->sr_ratios.v[stage];
    a->heads = o->num_heads.v[stage];
    a->scale = (float)(o->qk_scale > 0 ? o->qk_scale : 1 / sqrt(dim / a->heads));
    a->drop = (float)o->drop_rate;
    a->linear = o->linear;
    df_transformer_linear_init(nn_at(s, "q"), &a->q, dim, dim, o->qkv_bias);
    df_transformer_linear_init(nn_at(s, "kv"), &a->kv, dim, 2 * dim, o->qkv_bias);
    df_transformer_linear_init(nn_at(s, "proj"), &a->proj, dim, dim, true);
    if (a->linear)
        nn_pointwise_init(nn_at(s, "sr"), &a->pooled, dim, dim, true);
    else if (sr > 1)
        nn_conv_init(nn_at(s, "sr"), &a->sr, dim, dim, (NnConvShape){ .kernel = sr, .stride = sr });
    if (a->linear || sr > 1)
        nn_layer_norm_init(nn_at(s, "norm"), &a->norm, dim, 1e-5);
}

static DfTensor *reduced(DfCtx *c, const PvtAttention *a, DfTensor *x)
{
    if (a->linear) {
        x = nn_linear(c, &a->pooled, df_adaptive_avg_pool2d(c, x, 7, 7));
        return df_gelu(c, nn_layer_norm(c, &a->norm, x));
    }
    return a->sr.weight ? nn_layer_norm(c, &a->norm, nn_conv(c, &a->sr, x)) : x;
}

DfTensor *df_pvt_attention_add(DfCtx *c, const PvtAttention *a, DfTensor *x, NnResidual r)
{
    const DfMark m = df_enter(c, NULL, -1);
    const int B = df_dim(x, 0), C = df_dim(x, 3);
    DfTensor *q = nn_linear(c, &a->q, x);
    DfTensor *kv = df_reshape(c, nn_linear(c, &a->kv, reduced(c, a, x)), DF_SHAPE(B, -1, 2 * C));
    DfTensor *k = df_slice(c, kv, -1, 0, C), *v = df_slice(c, kv, -1, C, C);    /* B Ns C */
    x = df_deform_attention(c, q, k, v, NULL, NULL, (DfDeformAttention){ .heads = a->heads, .groups = 1, .scale = a->scale });
    r.drop = a->drop;
    return df_leave(c, m, nn_linear_add(c, &a->proj, x, r));
}
