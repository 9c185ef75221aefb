/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/swin.c -- Swin Transformer. Liu et al., "Swin Transformer: Hierarchical Vision Transformer using Shifted
 * Windows", ICCV 2021.
 *
 * Four stages; between them the map halves its sides and doubles its channels (section 3.1). A block is (eq. 3)
 *     z' = (S)W-MSA(LN(z)) + z
 *     z" = MLP(LN(z')) + z'
 * where attention stays within windows, shifted by half a window in every other block (section 3.2, eq. 4:
 * nn/window_attention.c).
 *
 * Two published forms share the weights: `detection` takes any input size, pads maps to whole windows, always shifts
 * odd blocks and gives a normalised map per stage; `classification` has a fixed input size, shrinks a window that is
 * larger than the map, and gives logits.
 */
#include "backbone/swin.h"

/* Of the map of stage i for an image of `size`: the height (axis 0) or the width. */
static int side_of_map(const Swin *swin, DfInts size, int i, int axis)
{
    return (df_transformer_side(size, axis) / df_transformer_side(swin->patch_size, axis)) >> i;
}

static bool is_frozen(const Swin *swin, int stage)
{
    return swin->style == DETECTION && df_transformer_is_frozen(swin->frozen_stages, stage);
}

/* ---- forward: one block ------------------------------------------------------------------------------------------ */

static DfTensor *attend(DfCtx *c, const SwinBlock *b, DfTensor *x)               /* x + W-MSA(LN(x)) */
{
    const DfMark m = df_enter(c, "attn", -1);
    const NnResidual r = { .residual = x, .drop_path = b->drop_path };
    return df_leave(c, m, nn_window_attention_branch(c, &b->attn, &b->norm1, x, r));
}

static DfTensor *mlp(DfCtx *c, const SwinBlock *b, DfTensor *x)                  /* x + MLP(LN(x)) */
{
    const DfMark m = df_enter(c, "mlp", -1);
    const NnResidual r = { .residual = x, .drop_path = b->drop_path };
    DfTensor *y = nn_layer_norm(c, &b->norm2, x);
    return df_leave(c, m, nn_mlp_add(c, &b->mlp, y, r));
}

static DfTensor *block(DfCtx *c, const void *self, DfTensor *x, int j)           /* B H W C -> B H W C */
{
    const SwinBlock *b = self;
    const DfMark m = df_enter(c, "blocks", j);
    x = attend(c, b, x);
    x = mlp(c, b, x);
    return df_leave(c, m, x);
}

/* ---- forward: stages --------------------------------------------------------------------------------------------- */

/* A classifier's table is a row of tokens, for maps of one size. */
static DfTensor *add_position(DfCtx *c, const Swin *swin, DfTensor *x)           /* B H W C -> B H W C */
{
    DfTensor *position = swin->position;
    if (swin->style == CLASSIFICATION)
        position = df_reshape(c, position, DF_SHAPE(1, df_dim(x, 1), df_dim(x, 2), df_dim(x, 3)));
    return df_transformer_add_position(c, x, position);
}

static DfTensor *embed(DfCtx *c, const Swin *swin, DfTensor *image)              /* N H W 3 -> N H/4 W/4 C */
{
    const DfMark m = df_enter(c, "patch_embed", -1);
    nn_enter_frozen(c, swin->style == DETECTION && swin->frozen_stages >= 0, image);
    DfTensor *x = nn_conv(c, &swin->embed, df_transformer_pad(c, image, swin->patch_size));
    if (swin->patch_norm)
        x = nn_layer_norm(c, &swin->embed_norm, x);
    df_forget(c, false);
    return df_leave(c, m, x);
}

/* Patch merging: four neighbours side by side, and half of their channels. */
static DfTensor *merge(DfCtx *c, const void *self, DfTensor *x)                  /* B H W C -> B H/2 W/2 2C */
{
    const SwinMerging *merging = self;
    const DfMark m = df_enter(c, "downsample", -1);
    x = df_space_to_depth(c, x);                                                 /* B H/2 W/2 4C */
    x = nn_layer_norm(c, &merging->norm, x);
    return df_leave(c, m, nn_linear(c, &merging->reduction, x));
}

void df_swin_forward(DfCtx *c, const void *self, DfTensor *image, DfMaps *out)
{
    const Swin *swin = self;
    *out = (DfMaps){ 0 };
    if (swin->style == CLASSIFICATION && swin->img_size.n)
        df_transformer_check(c, image, df_transformer_side(swin->img_size, 0), df_transformer_side(swin->img_size, 1));
    DfTensor *x = embed(c, swin, image);
    if (swin->ape)
        x = add_position(c, swin, x);
    if (!is_frozen(swin, 0))
        x = df_dropout(c, x, (float)swin->drop_rate);
    for (int i = 0; i < swin->depths.n; i++)
        x = df_transformer_stage(c, &swin->stages[i], i, x, out);
    if (swin->style == CLASSIFICATION)
        out->logits = df_transformer_classify(c, &swin->norm, &swin->head, x);
}

/* ---- construction: one block ------------------------------------------------------------------------------------- */

static int smaller_side(const Swin *swin, int i)
{
    const int h = side_of_map(swin, swin->img_size, i, 0);
    const int w = side_of_map(swin, swin->img_size, i, 1);
    return h < w ? h : w;
}

/* Classification knows its map sizes: a window at least as large as the map becomes the map, and is not shifted.
 * That of torchvision is not shifted either, but keeps its size, and the map is padded. */
static bool covers(const Swin *swin, int i)
{
    return swin->style == CLASSIFICATION && swin->img_size.n && smaller_side(swin, i) <= swin->window_size;
}

static int window_of(const Swin *swin, int i)
{
    if (swin->stage_windows.n)
        return swin->stage_windows.v[i];
    return swin->shrink_windows && covers(swin, i) ? smaller_side(swin, i) : swin->window_size;
}

static int shift_of(const Swin *swin, int i)
{
    if (swin->stage_shifts.n)
        return swin->stage_shifts.v[i];
    const bool whole = !swin->stage_windows.n && covers(swin, i);
    return whole ? 0 : window_of(swin, i) / 2;
}

static DfWindowAttention plan_attention(const Swin *swin, int i, int j)
{
    return (DfWindowAttention){
        .window = window_of(swin, i),
        .shift = j % 2 ? shift_of(swin, i) : 0,
        .pad_after_shift = swin->pad_after_shift,
        .heads = swin->num_heads.v[i],
    };
}

static void drop_init(SwinBlock *b, const Swin *swin, int i, int j)
{
    b->drop_path = df_transformer_drop_path(swin->drop_path_rate, swin->depths, i, j);
    b->attn.attn.drop = b->cosine.attn.drop = (float)swin->attn_drop_rate;
    b->attn.proj_drop = b->cosine.proj_drop = (float)swin->drop_rate;
    b->mlp.drop[0] = b->mlp.drop[1] = (float)swin->drop_rate;
}

static void attention_init(NnScope s, SwinBlock *b, const Swin *swin, int i, DfWindowAttention attn)
{
    df_transformer_window_init(s, &b->attn, swin->embed_dim << i, attn, swin->qk_scale, swin->qkv_bias);
}

static void block_norm_init(NnScope s, NnLayerNorm *norm, int dim, const Swin *swin)
{
    nn_layer_norm_init(s, norm, dim, swin->layer_norm_eps);
}

void df_swin_block_init(NnScope s, void *self, const void *net, int i, int j)
{
    const Swin *swin = net;
    SwinBlock *b = self;
    const int dim = swin->embed_dim << i;
    swin->kind->norm_init(nn_at(s, "norm1"), &b->norm1, dim, swin);
    swin->kind->attention_init(nn_at(s, "attn"), b, swin, i, plan_attention(swin, i, j));
    swin->kind->norm_init(nn_at(s, "norm2"), &b->norm2, dim, swin);
    df_transformer_mlp_init(nn_at(s, "mlp"), &b->mlp, dim, (int)(dim * swin->mlp_ratio), 0);
    b->mlp.act = nn_act_named(s, swin->hidden_act);
    if (!is_frozen(swin, i))
        drop_init(b, swin, i, j);
}

/* ---- construction: stages ---------------------------------------------------------------------------------------- */

void df_swin_merging_init(NnScope s, void *self, const void *net, int i)
{
    const Swin *swin = net;
    SwinMerging *merging = self;
    const int dim = swin->embed_dim << i;
    nn_layer_norm_init(nn_at(s, "norm"), &merging->norm, swin->kind->merging_normed * dim, 1e-5);
    df_transformer_linear_init(nn_at(s, "reduction"), &merging->reduction, 4 * dim, 2 * dim, false);
}

static void stage_init(NnScope s, Swin *swin, int i)
{
    TransformerStage *stage = &swin->stages[i];
    stage->checkpoints = swin->use_checkpoint;
    stage->frozen = is_frozen(swin, i);
    df_transformer_stage_init(s, stage, &swin->kind->parts, swin, swin->depths, i);
}

static void embed_init(NnScope s, Swin *swin)
{
    const DfInts patch = swin->patch_size;
    const NnConvShape patches = { .patch = { df_transformer_side(patch, 0), df_transformer_side(patch, 1) } };
    nn_conv_init(nn_at(s, "proj"), &swin->embed, swin->in_chans, swin->embed_dim, patches);
    if (swin->patch_norm)
        nn_layer_norm_init(nn_at(s, "norm"), &swin->embed_norm, swin->embed_dim, 1e-5);
}

static void position_init(NnScope s, Swin *swin)
{
    const int C = swin->embed_dim;
    const NnInit start = nn_truncated_normal(0.02);
    if (swin->style == CLASSIFICATION) {
        const int tokens = side_of_map(swin, swin->img_size, 0, 0) * side_of_map(swin, swin->img_size, 0, 1);
        swin->position = nn_param(s, "absolute_pos_embed", DF_SHAPE(1, tokens, C), NN_AS_IS, start);
        nn_last(s)->resize = NN_RESIZE_TOKENS;
        return;
    }
    const int h = side_of_map(swin, swin->pretrain_img_size, 0, 0);
    const int w = side_of_map(swin, swin->pretrain_img_size, 0, 1);
    swin->position = nn_param(s, "absolute_pos_embed", DF_SHAPE(1, C, h, w), NN_MAP, start);
    nn_last(s)->resize = NN_RESIZE_POSITION;
}

static void map_init(NnScope s, const Swin *swin, TransformerStage *stage, int i)
{
    if (!df_ints_have(swin->out_indices, i))
        return;
    stage->plain = !swin->out_norm;
    if (swin->out_norm)
        df_transformer_output_init(s, &stage->norm, i, swin->embed_dim << i);
}

static void outputs_init(NnScope s, Swin *swin)
{
    const int n = swin->depths.n;
    const int last = swin->embed_dim << (n - 1);
    if (swin->style == DETECTION) {
        for (int i = 0; nn_ok(s) && i < n; i++)
            map_init(s, swin, &swin->stages[i], i);
        return;
    }
    nn_layer_norm_init(nn_at(s, "norm"), &swin->norm, last, swin->layer_norm_eps);
    if (swin->num_classes)
        df_transformer_linear_init(nn_at(s, "head"), &swin->head, last, swin->num_classes, true);
}

static void list_fits(NnScope s, const char *name, DfInts list, int n)
{
    if (list.n && list.n < n)
        nn_fail(s, DF_EVALUE, "%s has %d entries: want one for each of %d stages", name, list.n, n);
}

static void windows_fit(NnScope s, const Swin *swin)
{
    const int n = swin->depths.n;
    list_fits(s, "stage_windows", swin->stage_windows, n);
    list_fits(s, "stage_shifts", swin->stage_shifts, n);
    for (int i = 0; nn_ok(s) && i < n; i++)
        if (shift_of(swin, i) > window_of(swin, i))
            nn_fail(s, DF_EVALUE, "stage_shifts has %d: want at most the window, %d", shift_of(swin, i),
                    window_of(swin, i));
}

/* The classification code pads nothing: an image is whole patches. */
static void image_fits(NnScope s, const Swin *swin)
{
    if (!swin->img_size.n) {
        if (swin->ape)
            nn_fail(s, DF_EVALUE, "ape with img_size = []: want the size that the embedding is for");
        return;
    }
    for (int axis = 0; axis < 2; axis++) {
        const int image = df_transformer_side(swin->img_size, axis);
        const int patch = df_transformer_side(swin->patch_size, axis);
        if (image % patch)
            nn_fail(s, DF_EVALUE, "img_size = %d is not a multiple of patch_size = %d", image, patch);
    }
    if (!swin->stage_windows.n && smaller_side(swin, swin->depths.n - 1) < 1)
        nn_fail(s, DF_EVALUE, "img_size = %d: too small for %d stages", df_transformer_side(swin->img_size, 0),
                swin->depths.n);
}

static bool options_fit(NnScope s, const Swin *swin)
{
    const int n = swin->depths.n;
    if (n < 1 || n > DF_LEVELS || swin->num_heads.n < n)
        nn_fail(s, DF_EVALUE, "depths has %d stages and num_heads %d: want 1 to %d stages, with heads for each",
                n, swin->num_heads.n, DF_LEVELS);
    else if (df_transformer_pair_fits(s, "patch_size", swin->patch_size)
             && (!swin->img_size.n || df_transformer_pair_fits(s, "img_size", swin->img_size))
             && df_transformer_pair_fits(s, "pretrain_img_size", swin->pretrain_img_size)
             && swin->style == CLASSIFICATION)
        image_fits(s, swin);
    if (nn_ok(s))
        windows_fit(s, swin);
    return nn_ok(s);
}

void df_swin_init(NnScope s, Swin *swin, const SwinKind *kind)
{
    const int n = swin->depths.n;
    swin->kind = kind;
    if (!options_fit(s, swin))
        return;
    embed_init(nn_at(s, "patch_embed"), swin);
    if (swin->ape)
        position_init(s, swin);
    swin->stages = nn_alloc(s, (size_t)n, sizeof *swin->stages);
    for (int i = 0; nn_ok(s) && i < n; i++)
        stage_init(nn_at(s, "layers.%d", i), swin, i);
    if (nn_ok(s))
        outputs_init(s, swin);
    if (swin->style == DETECTION)
        df_transformer_freeze(s, swin->frozen_stages);
}

/* ---- the record -------------------------------------------------------------------------------------------------- */

static const SwinKind kind = {
    .parts = SWIN_PARTS(block, merge),
    .attention_init = attention_init,
    .norm_init = block_norm_init,
    .merging_normed = 4,
};

static void init(NnScope s, void *self)
{
    df_swin_init(s, self, &kind);
}

static const DfOpt opts[] = {
    SWIN_OPTIONS(0.2),
    DF_OPT_FLOAT(Swin, qk_scale, None, 0, 1e6,
                 "factor of the attention scores; None or 0: 1 / sqrt(channels of a head)"),
    DF_OPT_END
};
const char *const df_swin_ignorable[] = {
    "*.relative_position_index",
    "*.relative_coords_table",
    "*.attn_mask",
    "norm.weight",
    "norm.bias",
    "head.weight",
    "head.bias",
    NULL
};

const DfBackbone df_backbone_swin = {
    .name = "SwinTransformer",
    .help = "Swin Transformer (Liu et al., ICCV 2021)",
    .size = sizeof(Swin),
    .opts = opts,
    .init = init,
    .forward = df_swin_forward,
    .ignorable = df_swin_ignorable,
};
