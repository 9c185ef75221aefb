/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/dat/dat.c -- DAT, Xia et al., "Vision Transformer with Deformable Attention", CVPR 2022, and DAT++ (2023):
 * the forward pass.
 *
 * A block is a transformer's (section 3.1, eq. 4 and 5):
 *     z' = attention(LN(z)) + z
 *     z" = MLP(LN(z')) + z'
 * Its attention is named by a letter of `stage_spec`, and each letter has a file here (kinds.h). Most stages take turns
 * between L or N, attention to what is near, and D, attention to samples that the queries choose (deform.c).
 *
 * Two codes were published, and the same checkpoint loads into either: `code_version` 2022 has the arithmetic that the
 * paper's weights were trained with, 2023 that of the DAT++ release and of DAT-Detection. docs/design.md says how they
 * differ, in "Two forms of DAT".
 */
#include "backbone/dat/network.h"

/* ---- one block --------------------------------------------------------------------------------------------------- */

/* z' = attention(LN(z)) + z. A kind that is `single` has neither norm nor sum of its own. */
static DfTensor *attend(DfCtx *c, const DatBlock *b, DfTensor *x, int j)         /* B H W C -> B H W C */
{
    const DfMark m = df_enter(c, "attns", j);
    const NnResidual r = { .residual = x, .scale = b->scale1, .drop_path = b->drop_path };
    DfTensor *y;
    if (b->kind->single)
        y = b->kind->forward(c, b->attn, x, (NnResidual){ 0 });
    else if (b->kind->branch)
        y = b->kind->branch(c, b->attn, &b->norm1, x, r);
    else
        y = b->kind->forward(c, b->attn, nn_layer_norm(c, &b->norm1, x), r);
    return df_leave(c, m, y);
}

/* z" = MLP(LN(z')) + z'; behind a `single` kind + z, so that both halves are one branch. */
static DfTensor *mlp(DfCtx *c, const DatBlock *b, DfTensor *x, DfTensor *residual, int j)
{
    const DfMark m = df_enter(c, "mlps", j);
    DfTensor *scale = b->kind->single ? NULL : b->scale2;
    const NnResidual r = { .residual = residual, .scale = scale, .drop_path = b->drop_path };
    DfTensor *y = nn_layer_norm(c, &b->norm2, x);
    return df_leave(c, m, df_dat_mlp_add(c, &b->mlp, y, r));
}

static DfTensor *block(DfCtx *c, const DatBlock *b, DfTensor *x, int j)          /* B H W C -> B H W C */
{
    const DfMark m = df_enter(c, NULL, -1);
    if (b->lpu.weight)
        x = nn_conv_fused(c, &b->lpu, x, (DfFuse){ .residual = x });             /* x + dwconv3x3(x) */
    DfTensor *y = attend(c, b, x, j);
    y = mlp(c, b, y, b->kind->single ? x : y, j);
    return df_leave(c, m, y);
}

/* ---- stages ------------------------------------------------------------------------------------------------------ */

static DfTensor *stem(DfCtx *c, const Dat *dat, DfTensor *image)                 /* N H W 3 -> N H/4 W/4 C */
{
    const DfMark m = df_enter(c, "patch_proj", -1);
    DfTensor *x = nn_conv(c, &dat->stem[0], image);
    x = nn_layer_norm(c, &dat->stem_norm[0], x);
    if (dat->stem[1].weight) {                                                   /* two convolutions: DAT++ */
        x = nn_conv(c, &dat->stem[1], df_gelu(c, x));
        x = nn_layer_norm(c, &dat->stem_norm[1], x);
    }
    return df_leave(c, m, x);
}

static DfTensor *run_stage(DfCtx *c, const DatStage *stage, int i, DfTensor *x)  /* B H W C -> B H W C */
{
    const DfMark m = df_enter(c, "stages", i);
    if (stage->proj.weight)
        x = nn_linear(c, &stage->proj, x);
    x = block(c, &stage->blocks[0], x, 0);                                       /* its input is the caller's: kept */
    for (int j = 1; j < stage->depth; j++)
        df_next(c, &x, block(c, &stage->blocks[j], x, j));
    return df_leave(c, m, x);
}

/* A stage as a function of its input. */
typedef struct {
    const DatStage *stage;
    int i;
} Call;

static DfTensor *run_call(DfCtx *c, const void *self, DfTensor *x)
{
    const Call *call = self;
    return run_stage(c, call->stage, call->i, x);
}

static DfTensor *down(DfCtx *c, const DatStage *stage, int i, DfTensor *x)       /* B H W C -> B H/2 W/2 2C */
{
    const DfMark m = df_enter(c, "down_projs", i);
    x = nn_conv(c, &stage->down, x);
    return df_leave(c, m, nn_layer_norm(c, &stage->down_norm, x));
}

static void forward(DfCtx *c, const void *self, DfTensor *image, DfMaps *out)
{
    const Dat *dat = self;
    const bool classifies = dat->style == DAT_CLASSIFICATION;
    *out = (DfMaps){ 0 };
    DfTensor *x = stem(c, dat, image);
    for (int i = 0; i < DAT_STAGES; i++) {
        const DatStage *stage = &dat->stages[i];
        const Call call = { stage, i };
        x = dat->use_checkpoint ? df_checkpoint(c, run_call, &call, sizeof call, x) : run_call(c, &call, x);
        if (!classifies)                                                         /* all four maps are given */
            out->map[out->n++] = stage->norm.weight ? nn_layer_norm(c, &stage->norm, x) : x;
        if (i < DAT_STAGES - 1)
            x = down(c, stage, i, x);
    }
    if (classifies)
        out->logits = df_transformer_classify(c, &dat->cls_norm, &dat->cls_head, x);
}

/* ---- the record -------------------------------------------------------------------------------------------------- */

/* Tables of indices are computed, not loaded; a detector has no classifier. */
static const char *const ignorable[] = {
    "*.relative_position_index",
    "*.attn_mask",
    "*.q_grid",
    "*.reference",
    "cls_norm.norm.weight",
    "cls_norm.norm.bias",
    "cls_head.weight",
    "cls_head.bias",
    NULL
};

const DfBackbone df_backbone_dat = {
    .name = "DAT",
    .help = "Vision Transformer with Deformable Attention (Xia et al., CVPR 2022), and DAT++",
    .size = sizeof(Dat),
    .opts = df_dat_opts,
    .init = df_dat_init,
    .forward = forward,
    .ignorable = ignorable,
};
