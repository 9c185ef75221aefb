/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/swin.c -- Swin Transformer. Liu et al., "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows",
 * ICCV 2021.
 *
 * Two published forms share the weights: `detection` takes any input size, pads maps to whole windows, always shifts odd blocks
 * and gives a normalised map per stage; `classification` has a fixed input size, shrinks a window that is larger than the map,
 * and gives logits.
 */
#include <math.h>

#include "backbone/backbone.h"
#include "backbone/transformer.h"

enum { DETECTION, CLASSIFICATION };

typedef struct {
    NnLayerNorm norm1, norm2;
    NnWindowAttention attn;
    NnMlp mlp;
    float drop_path;
} Block;

typedef struct {
    NnLayerNorm norm; /* 4C */
    NnLinear reduction;
} Merging;

typedef struct {
    int depth, dim;
    Block *blocks;
    Merging *downsample; /* NULL in the last stage          */
    NnLayerNorm *norm;   /* of its output; NULL if not given */
} Stage;

typedef struct {
    /* options */
    int pretrain_img_size, img_size, patch_size, in_chans, num_classes, embed_dim, window_size, style;
    DfInts depths, num_heads, out_indices;
    double mlp_ratio, qk_scale, drop_rate, attn_drop_rate, drop_path_rate;
    bool qkv_bias, ape, patch_norm;
    /* modules */
    NnConv embed;
    NnLayerNorm embed_norm, norm;
    DfTensor *position;  /* absolute_pos_embed: 1 h w C, or 1 h*w C in classification */
    Stage *stages;
    NnLinear head;
} Swin;

static const DfOpt opts[] = {
    WINDOW_OPTIONS(Swin, 0.2),
    DF_OPT_INT(Swin, pretrain_img_size, 224, 1, 65536, "detection: image side that the absolute position embedding was made for"),
    DF_OPT_INT(Swin, img_size, 224, 1, 65536, "classification: side of the input image"),
    DF_OPT_ENUM(Swin, style, detection, "detection|classification", "which of the two published forms"),
    DF_OPT_UNUSED(fused_window_process, "another CUDA kernel"),
    DF_OPT_UNUSED(pretrain_config, "describes a checkpoint, not the network"),
    DF_OPT_END
};

/* ---- construction ------------------------------------------------------------------------------------------------ */

static void attention_init(NnScope s, NnWindowAttention *a, const Swin *swin, int dim, int heads, int window, int shift)
{
    if (dim % heads) {
        nn_fail(s, DF_EVALUE, "num_heads = %d does not divide %d channels", heads, dim);
        return;
    }
    const double scale = swin->qk_scale > 0 ? swin->qk_scale : 1 / sqrt(dim / heads);
    a->attn = (DfWindowAttention){ window, shift, heads, (float)scale };
    a->proj_drop = (float)swin->drop_rate;
    a->table = nn_param(s, "relative_position_bias_table", DF_SHAPE((2 * window - 1) * (2 * window - 1), heads), NN_AS_IS,
                        nn_truncated_normal(0.02));
    nn_last(s)->resize = NN_RESIZE_WINDOW_TABLE;
    df_transformer_linear_init(nn_at(s, "qkv"), &a->qkv, dim, 3 * dim, swin->qkv_bias);
    df_transformer_linear_init(nn_at(s, "proj"), &a->proj, dim, dim, true);
}

static void block_init(NnScope s, Block *b, const Swin *swin, int dim, int heads, int window, int shift)
{
    nn_layer_norm_init(nn_at(s, "norm1"), &b->norm1, dim, 1e-5);
    attention_init(nn_at(s, "attn"), &b->attn, swin, dim, heads, window, shift);
    nn_layer_norm_init(nn_at(s, "norm2"), &b->norm2, dim, 1e-5);
    df_transformer_mlp_init(nn_at(s, "mlp"), &b->mlp, dim, (int)(dim * swin->mlp_ratio), swin->drop_rate);
}

/* Classification knows its map sizes: a window at least as large as the map becomes the map, and is not shifted. */
static int window_of_stage(const Swin *swin, int stage, bool *shifts)
{
    const int side = (swin->img_size / swin->patch_size) >> stage;
    const bool shrinks = swin->style == CLASSIFICATION && side <= swin->window_size;
    *shifts = !shrinks;
    return shrinks ? side : swin->window_size;
}

static bool gives(const Swin *swin, int stage)
{
    return swin->style == DETECTION && df_ints_have(swin->out_indices, stage);
}

static void stage_init(NnScope s, Swin *swin, int i, int blocks_before, int blocks)
{
    Stage *stage = &swin->stages[i];
    bool shifts;
    const int window = window_of_stage(swin, i, &shifts);
    stage->dim = swin->embed_dim << i;
    stage->depth = swin->depths.v[i];
    stage->blocks = nn_alloc(s, (size_t)stage->depth, sizeof *stage->blocks);
    for (int j = 0; nn_ok(s) && j < stage->depth; j++) {
        Block *b = &stage->blocks[j];
        block_init(nn_at(s, "layers.%d.blocks.%d", i, j), b, swin, stage->dim, swin->num_heads.v[i], window,
                   shifts && j % 2 ? window / 2 : 0);
        b->drop_path = df_transformer_drop_path(swin->drop_path_rate, blocks_before + j, blocks);
    }
    if (nn_ok(s) && i + 1 < swin->depths.n && (stage->downsample = nn_alloc(s, 1, sizeof(Merging)))) {
        nn_layer_norm_init(nn_at(s, "layers.%d.downsample.norm", i), &stage->downsample->norm, 4 * stage->dim, 1e-5);
        df_transformer_linear_init(nn_at(s, "layers.%d.downsample.reduction", i), &stage->downsample->reduction, 4 * stage->dim, 2 * stage->dim, false);
    }
}

static void position_init(NnScope s, Swin *swin)
{
    const int side = (swin->style == DETECTION ? swin->pretrain_img_size : swin->img_size) / swin->patch_size, C = swin->embed_dim;
    swin->position = swin->style == DETECTION
                         ? nn_param(s, "absolute_pos_embed", DF_SHAPE(1, C, side, side), NN_MAP, nn_truncated_normal(0.02))
                         : nn_param(s, "absolute_pos_embed", DF_SHAPE(1, side * side, C), NN_AS_IS, nn_truncated_normal(0.02));
    if (swin->style == DETECTION)
        nn_last(s)->resize = NN_RESIZE_POSITION;
}

static void outputs_init(NnScope s, Swin *swin)
{
    const int last = swin->depths.n - 1;
    for (int i = 0; nn_ok(s) && i <= last; i++) {
        if (!gives(swin, i) || !(swin->stages[i].norm = nn_alloc(s, 1, sizeof(NnLayerNorm))))
            continue;
        const NnScope at = nn_at(s, "norm%d", i);
        nn_layer_norm_init(at, swin->stages[i].norm, swin->embed_dim << i, 1e-5);
        nn_optional(at); /* a classification checkpoint has none; the official loader leaves them as they are */
    }
    if (swin->style == DETECTION)
        return;
    nn_layer_norm_init(nn_at(s, "norm"), &swin->norm, swin->embed_dim << last, 1e-5);
    if (swin->num_classes)
        df_transformer_linear_init(nn_at(s, "head"), &swin->head, swin->embed_dim << last, swin->num_classes, true);
}

static void init(NnScope s, void *self)
{
    Swin *swin = self;
    const int n = swin->depths.n;
    if (n < 1 || n > DF_LEVELS || swin->num_heads.n != n) {
        nn_fail(s, DF_EVALUE, "depths has %d stages and num_heads %d: want the same number, 1 to %d", n, swin->num_heads.n, DF_LEVELS);
        return;
    }
    if (swin->style == CLASSIFICATION && swin->img_size % swin->patch_size) {
        nn_fail(s, DF_EVALUE, "img_size = %d is not a multiple of patch_size = %d", swin->img_size, swin->patch_size);
        return;
    }
    nn_conv_init(nn_at(s, "patch_embed.proj"), &swin->embed, swin->in_chans, swin->embed_dim,
                 (NnConvShape){ .kernel = swin->patch_size, .stride = swin->patch_size });
    if (swin->patch_norm)
        nn_layer_norm_init(nn_at(s, "patch_embed.norm"), &swin->embed_norm, swin->embed_dim, 1e-5);
    if (swin->ape)
        position_init(s, swin);
    int blocks = 0, before = 0;
    for (int i = 0; i < n; i++)
        blocks += swin->depths.v[i];
    swin->stages = nn_alloc(s, (size_t)n, sizeof *swin->stages);
    for (int i = 0; nn_ok(s) && i < n; before += swin->depths.v[i++])
        stage_init(s, swin, i, before, blocks);
    outputs_init(s, swin);
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

static DfTensor *attend(DfCtx *c, const Block *b, DfTensor *x)                   /* x + W-MSA(LN(x)) */
{
    const DfMark m = df_enter(c, "attn", -1);
    DfTensor *y = nn_layer_norm(c, &b->norm1, x);
    return df_leave(c, m, nn_window_attention_add(c, &b->attn, y, (NnResidual){ .residual = x, .drop_path = b->drop_path }));
}

static DfTensor *perceive(DfCtx *c, const Block *b, DfTensor *x)                 /* x + MLP(LN(x)) */
{
    const DfMark m = df_enter(c, "mlp", -1);
    DfTensor *y = nn_layer_norm(c, &b->norm2, x);
    return df_leave(c, m, nn_mlp_add(c, &b->mlp, y, (NnResidual){ .residual = x, .drop_path = b->drop_path }));
}

static DfTensor *block(DfCtx *c, const Block *b, DfTensor *x, int index)         /* B H W C -> B H W C */
{
    const DfMark m = df_enter(c, "blocks", index);
    return df_leave(c, m, perceive(c, b, attend(c, b, x)));
}

static DfTensor *merge(DfCtx *c, const Merging *merging, DfTensor *x)            /* B H W C -> B H/2 W/2 2C */
{
    const DfMark m = df_enter(c, "downsample", -1);
    x = nn_layer_norm(c, &merging->norm, df_space_to_depth(c, x));
    return df_leave(c, m, nn_linear(c, &merging->reduction, x));
}

static DfTensor *pad_to_patches(DfCtx *c, DfTensor *x, int patch)
{
    const int bottom = -df_dim(x, 1) % patch, right = -df_dim(x, 2) % patch;
    if (bottom == 0 && right == 0)
        return x;
    return df_pad2d(c, x, (int[4]){ 0, (bottom + patch) % patch, 0, (right + patch) % patch }, 0);
}

static DfTensor *add_position(DfCtx *c, const Swin *swin, DfTensor *x)
{
    const int H = df_dim(x, 1), W = df_dim(x, 2), C = df_dim(x, 3);
    if (swin->style == CLASSIFICATION)
        return df_add(c, x, df_reshape(c, swin->position, DF_SHAPE(H, W, C)));
    DfTensor *position = df_interpolate(c, swin->position, H, W, DF_BICUBIC, false);
    return df_add(c, x, df_reshape(c, position, DF_SHAPE(H, W, C)));
}

static DfTensor *embed(DfCtx *c, const Swin *swin, DfTensor *image)              /* N H W 3 -> N H/4 W/4 C */
{
    const DfMark m = df_enter(c, "patch_embed", -1);
    DfTensor *x = nn_conv(c, &swin->embed, pad_to_patches(c, image, swin->patch_size));
    if (swin->patch_norm)
        x = nn_layer_norm(c, &swin->embed_norm, x);
    return df_leave(c, m, x);
}

static DfTensor *classify(DfCtx *c, const Swin *swin, DfTensor *x)               /* N H W C -> N classes */
{
    x = df_mean_tokens(c, nn_layer_norm(c, &swin->norm, x));
    return swin->num_classes ? nn_linear(c, &swin->head, x) : x;
}

static void forward(DfCtx *c, const void *self, DfTensor *image, DfMaps *out)
{
    const Swin *swin = self;
    *out = (DfMaps){ 0 };
    df_transformer_check(c, image, swin->style == CLASSIFICATION ? swin->img_size : 0, swin->attn_drop_rate);
    DfTensor *x = embed(c, swin, image);
    if (swin->ape)
        x = add_position(c, swin, x);
    for (int i = 0; i < swin->depths.n; i++) {
        const Stage *stage = &swin->stages[i];
        const DfMark m = df_enter(c, "layers", i);
        for (int j = 0; j < stage->depth; j++)
            df_next(c, &x, block(c, &stage->blocks[j], x, j));
        DfTensor *given = stage->norm ? nn_layer_norm(c, stage->norm, x) : NULL;
        if (given)
            out->map[out->n++] = given;
        if (stage->downsample)
            x = merge(c, stage->downsample, x);
        df_leave_all(c, m, (DfTensor *[]){ x, given }, 2);
    }
    if (swin->style == CLASSIFICATION)
        out->logits = classify(c, swin, x);
}

static const char *const ignorable[] = {
    "*.relative_position_index", "*.attn_mask", "norm.weight", "norm.bias", "head.weight", "head.bias", "*.relative_coords_table", NULL
};

const DfBackbone df_backbone_swin = {
    .name = "SwinTransformer",
    .help = "Swin Transformer (Liu et al., ICCV 2021)",
    .size = sizeof(Swin),
    .opts = opts,
    .init = init,
    .forward = forward,
    .ignorable = ignorable,
};
