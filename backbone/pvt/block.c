/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/pvt/block.c -- a block of PVT (Wang et al., ICCV 2021, section 3.1) and of PVT v2 (CVM 2022, section 3.4):
 *     x = x + SRA(LN(x))
 *     x = x + MLP(LN(x))      MLP(y) = fc2(gelu(fc1(y)))             v1
 *                             MLP(y) = fc2(gelu(dwconv(fc1(y))))     v2
 */
#include "backbone/pvt/block.h"

#include <math.h>

#include "backbone/transformer.h"

/* ---- forward ----------------------------------------------------------------------------------------------------- */

/* residual + fc2(gelu(dwconv(fc1(x)))) */
static DfTensor *conv_mlp(DfCtx *c, const PvtBlock *b, DfTensor *x, NnResidual r)
{
    const NnMlp *mlp = &b->mlp;
    r.drop = mlp->drop[1];
    x = df_linear_fused(c, x, mlp->fc1.weight, mlp->fc1.bias, (DfFuse){ .act = b->first_act }); /* B H W hidden */
    x = nn_conv_fused(c, &b->dwconv, x, (DfFuse){ .act = mlp->act });
    x = df_dropout(c, x, mlp->drop[0]);
    return nn_linear_add(c, &mlp->fc2, x, r);                                    /* B H W C */
}

static DfTensor *mlp(DfCtx *c, const PvtBlock *b, DfTensor *x)                   /* x + MLP(LN(x)) */
{
    const DfMark m = df_enter(c, "mlp", -1);
    const NnResidual r = { .residual = x, .drop_path = b->drop_path };
    DfTensor *y = nn_layer_norm(c, &b->norm2, x);
    return df_leave(c, m, b->dwconv.weight ? conv_mlp(c, b, y, r) : nn_mlp_add(c, &b->mlp, y, r));
}

/* A block as a function of its input. */
typedef struct {
    const PvtBlock *block;
    int stage, j;
} Call;

static DfTensor *run_call(DfCtx *c, const void *self, DfTensor *x)               /* B H W C -> B H W C */
{
    static const char *const names[PVT_STAGES] = { "block1", "block2", "block3", "block4" };
    const Call *call = self;
    const DfMark m = df_enter(c, names[call->stage], call->j);
    x = df_pvt_attention(c, &call->block->attn, x);
    x = mlp(c, call->block, x);
    return df_leave(c, m, x);
}

DfTensor *df_pvt_blocks(DfCtx *c, const PvtBlock *blocks, const PvtOptions *o, int stage, DfTensor *x)
{
    for (int j = 0; j < o->depths.v[stage]; j++) {
        const Call call = { &blocks[j], stage, j };
        df_next(c, &x, o->with_cp ? df_checkpoint(c, run_call, &call, sizeof call, x) : run_call(c, &call, x));
    }
    return x;
}

const char *df_pvt_patches_name(int stage)
{
    static const char *const names[PVT_STAGES] = { "patch_embed1", "patch_embed2", "patch_embed3", "patch_embed4" };
    return names[stage];
}

/* ---- construction ------------------------------------------------------------------------------------------------ */

void df_pvt_conv_init(NnScope s, NnConv *conv, int in, int out, NnConvShape shape)
{
    const double fan_out = (double)shape.kernel * shape.kernel * out / (shape.groups ? shape.groups : 1);
    nn_conv_init_as(s, conv, in, out, shape, nn_normal(sqrt(2 / fan_out)), nn_constant(0));
}

static void conv_mlp_init(NnScope s, PvtBlock *b, const PvtOptions *o, int dim, int hidden)
{
    const NnConvShape depthwise = { .kernel = 3, .padding = 1, .groups = hidden };
    df_transformer_linear_init(nn_at(s, "fc1"), &b->mlp.fc1, dim, hidden, true);
    df_pvt_conv_init(nn_at(s, "dwconv.dwconv"), &b->dwconv, hidden, hidden, depthwise);
    df_transformer_linear_init(nn_at(s, "fc2"), &b->mlp.fc2, hidden, dim, true);
    b->mlp.drop[0] = b->mlp.drop[1] = (float)o->drop_rate;
    b->first_act = o->linear ? DF_ACT_RELU : DF_ACT_NONE;
}

static void block_init(NnScope s, PvtBlock *b, const PvtOptions *o, PvtMlpKind kind, int stage, int index)
{
    const int dim = o->embed_dims.v[stage];
    const int hidden = (int)(dim * o->mlp_ratios.v[stage]);
    df_pvt_attention_init(s, &b->attn, o, stage, index);
    nn_layer_norm_init(nn_at(s, "norm2"), &b->norm2, dim, df_pvt_norm_eps(o));
    if (kind == PVT_CONV_MLP)
        conv_mlp_init(nn_at(s, "mlp"), b, o, dim, hidden);
    else
        df_transformer_mlp_init(nn_at(s, "mlp"), &b->mlp, dim, hidden, o->drop_rate);
    b->mlp.act = nn_act_named(s, o->hidden_act);
    b->drop_path = df_pvt_drop_path(o, stage, index);
}

PvtBlock *df_pvt_blocks_init(NnScope s, const PvtOptions *o, PvtMlpKind kind, int stage)
{
    const int n = o->depths.v[stage];
    PvtBlock *blocks = nn_alloc(s, (size_t)n, sizeof *blocks);
    for (int j = 0; nn_ok(s) && j < n; j++)
        block_init(nn_at(s, "block%d.%d", stage + 1, j), &blocks[j], o, kind, stage, j);
    return blocks;
}
