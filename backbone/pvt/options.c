/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/pvt/options.c -- checks the options that PVT and PVT v2 share, and derives sizes from them.
 */
#include "backbone/pvt/options.h"

#include "backbone/transformer.h"

static void list_fits(NnScope s, const PvtOptions *o, const char *name, int n)
{
    if (n < o->num_stages)
        nn_fail(s, DF_EVALUE, "%s has %d entries: want %d, one a stage", name, n, o->num_stages);
}

bool df_pvt_options_fit(NnScope s, const PvtOptions *o)
{
    list_fits(s, o, "embed_dims", o->embed_dims.n);
    list_fits(s, o, "num_heads", o->num_heads.n);
    list_fits(s, o, "mlp_ratios", o->mlp_ratios.n);
    list_fits(s, o, "depths", o->depths.n);
    list_fits(s, o, "sr_ratios", o->sr_ratios.n);
    for (int i = 0; nn_ok(s) && i < o->num_stages; i++)
        if (o->embed_dims.v[i] % o->num_heads.v[i])
            nn_fail(s, DF_EVALUE, "num_heads = %d does not divide %d channels", o->num_heads.v[i], o->embed_dims.v[i]);
    return nn_ok(s);
}

double df_pvt_norm_eps(const PvtOptions *o)
{
    return o->layer_norm_eps > 0 ? o->layer_norm_eps : df_node_number(df_node_get(o->norm_layer, "eps"), 1e-5);
}

double df_pvt_other_eps(const PvtOptions *o)
{
    return o->layer_norm_eps > 0 ? o->layer_norm_eps : 1e-5;
}

float df_pvt_drop_path(const PvtOptions *o, int stage, int block)
{
    const DfInts depths = { .n = o->num_stages, .v = o->depths.v }; /* of the stages that are used */
    return df_transformer_drop_path(o->drop_path_rate, depths, stage, block);
}
