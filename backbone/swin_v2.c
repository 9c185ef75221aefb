/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/swin_v2.c -- Swin Transformer V2. Liu et al., "Swin Transformer V2: Scaling Up Capacity and Resolution",
 * CVPR 2022.
 *
 * It has the structure of Swin (swin.c). Its norms come after attention and MLP (section 3.1), its attention is cosine
 * attention (nn/cosine_window_attention.c), and patch merging has its norm after the reduction:
 *     z' = LN(attention(z)) + z
 *     z" = LN(MLP(z')) + z'
 */
#include "backbone/swin.h"

/* ---- forward ----------------------------------------------------------------------------------------------------- */

static DfTensor *attend(DfCtx *c, const SwinBlock *b, DfTensor *x)               /* x + LN(attention(x)) */
{
    const DfMark m = df_enter(c, "attn", -1);
    const NnResidual r = { .residual = x, .drop_path = b->drop_path };
    DfTensor *y = nn_cosine_window_attention(c, &b->cosine, x);
    return df_leave(c, m, nn_add(c, nn_layer_norm(c, &b->norm1, y), r));
}

static DfTensor *mlp(DfCtx *c, const SwinBlock *b, DfTensor *x)                  /* x + LN(MLP(x)) */
{
    const DfMark m = df_enter(c, "mlp", -1);
    const NnResidual r = { .residual = x, .drop_path = b->drop_path };
    DfTensor *y = nn_mlp_add(c, &b->mlp, x, (NnResidual){ 0 });
    return df_leave(c, m, nn_add(c, nn_layer_norm(c, &b->norm2, y), r));
}

static DfTensor *block(DfCtx *c, const void *self, DfTensor *x, int j)        /* B H W C -> B H W C */
{
    const SwinBlock *b = self;
    const DfMark m = df_enter(c, "blocks", j);
    x = attend(c, b, x);
    x = mlp(c, b, x);
    return df_leave(c, m, x);
}

/* Patch merging: four neighbours side by side, and half of their channels. */
static DfTensor *merge(DfCtx *c, const void *self, DfTensor *x)               /* B H W C -> B H/2 W/2 2C */
{
    const SwinMerging *merging = self;
    const DfMark m = df_enter(c, "downsample", -1);
    x = nn_linear(c, &merging->reduction, df_space_to_depth(c, x));
    return df_leave(c, m, nn_layer_norm(c, &merging->norm, x));
}

/* ---- construction ------------------------------------------------------------------------------------------------ */

static void attention_init(NnScope s, SwinBlock *b, const Swin *swin, int i, DfWindowAttention attn)
{
    nn_cosine_window_attention_init(s, &b->cosine, swin->embed_dim << i, attn, swin->qkv_bias,
                                    swin->pretrained_window_sizes.v[i]);
}

/* A new block begins as the identity: section 3.1. */
static void norm_init(NnScope s, NnLayerNorm *norm, int dim, const Swin *swin)
{
    nn_layer_norm_init(s, norm, dim, swin->layer_norm_eps);
    NnParam *weight = nn_model_find(s.model, nn_at(s, "weight").path);
    if (weight)
        weight->init = nn_constant(0);
}

static const SwinKind kind = {
    .parts = SWIN_PARTS(block, merge),
    .attention_init = attention_init,
    .norm_init = norm_init,
    .merging_normed = 2,
};

static void init(NnScope s, void *self)
{
    Swin *swin = self;
    if (swin->pretrained_window_sizes.n < swin->depths.n)
        nn_fail(s, DF_EVALUE, "pretrained_window_sizes has %d entries: want one for each of %d stages",
                swin->pretrained_window_sizes.n, swin->depths.n);
    else
        df_swin_init(s, swin, &kind);
}

/* ---- the record -------------------------------------------------------------------------------------------------- */

static const DfOpt opts[] = {
    SWIN_OPTIONS(0.1),
    DF_OPT_INTS(Swin, pretrained_window_sizes, "[0, 0, 0, 0]", 0, 128,
                "side of the window that each stage was trained with before, in tokens; 0: that of now"),
    DF_OPT_END
};

const DfBackbone df_backbone_swin_v2 = {
    .name = "SwinTransformerV2",
    .help = "Swin Transformer V2 (Liu et al., CVPR 2022)",
    .size = sizeof(Swin),
    .opts = opts,
    .init = init,
    .forward = df_swin_forward,
    .ignorable = df_swin_ignorable,
};
