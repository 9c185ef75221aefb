/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/swin_mmdet.c -- Swin Transformer as in mmdet (since 2.16) and mmseg (since 0.18). It uses the authors'
 * name, SwinTransformer, but its options and parameters have different names. The arithmetic is that of swin.c's
 * detection form, with two differences: patch merging orders the four neighbours as torch.nn.Unfold does, channel by
 * channel, so weights of the authors must be reordered to be read here; and a network without `patch_norm` has no norm
 * in patch merging either.
 */
#include "backbone/transformer.h"

typedef struct {
    NnLayerNorm norm1, norm2;
    NnWindowAttention attn;
    NnMlp ffn;
    float drop_path;
} Block;

typedef struct {
    NnLayerNorm norm;    /* of 4C channels; without a weight if patch_norm is False */
    NnLinear reduction;  /* to 2C                                                   */
    int stride;
} Merging;

typedef struct {
    /* options */
    int in_channels, embed_dims, window_size, frozen_stages;
    DfInts patch_size;        /* a side                  */
    DfInts pretrain_img_size; /* a side, or height and width */
    DfInts depths, num_heads, strides, out_indices;
    double mlp_ratio, qk_scale, drop_rate, attn_drop_rate, drop_path_rate;
    bool qkv_bias, patch_norm, use_abs_pos_embed, with_cp;
    const DfNode *act_cfg, *norm_cfg;
    /* modules */
    NnConv projection;
    NnLayerNorm embed_norm;
    DfTensor *position;  /* absolute_pos_embed: 1 h w C, or NULL */
    TransformerStage *stages; /* of Blocks and a Merging         */
} Swin;

/* ---- forward ----------------------------------------------------------------------------------------------------- */

static DfTensor *attend(DfCtx *c, const Block *b, DfTensor *x)                   /* x + W-MSA(LN(x)) */
{
    const DfMark m = df_enter(c, "attn", -1);
    const NnResidual r = { .residual = x, .drop_path = b->drop_path };
    return df_leave(c, m, nn_window_attention_branch(c, &b->attn, &b->norm1, x, r));
}

static DfTensor *ffn(DfCtx *c, const Block *b, DfTensor *x)                      /* x + MLP(LN(x)) */
{
    const DfMark m = df_enter(c, "ffn", -1);
    const NnResidual r = { .residual = x, .drop_path = b->drop_path };
    DfTensor *y = nn_layer_norm(c, &b->norm2, x);
    return df_leave(c, m, nn_mlp_add(c, &b->ffn, y, r));
}

static DfTensor *block(DfCtx *c, const void *self, DfTensor *x, int j)           /* B H W C -> B H W C */
{
    const Block *b = self;
    const DfMark m = df_enter(c, "blocks", j);
    x = attend(c, b, x);
    x = ffn(c, b, x);
    return df_leave(c, m, x);
}

/* One of the 2 x 2 pixels at every `stride`-th place: the one at (y, x), `rows` times `columns` of them. */
static DfTensor *every_other(DfCtx *c, DfTensor *map, int y, int x, int rows, int columns, int stride)
{
    const int bottom = (rows - 1) * stride + 1 + y - df_dim(map, 1);
    const int right = (columns - 1) * stride + 1 + x - df_dim(map, 2);
    map = df_pad2d(c, map, (int[4]){ -y, bottom, -x, right }, 0);
    return df_max_pool2d(c, map, (int[2]){ 1, 1 }, (int[2]){ stride, stride }, (int[2]){ 0, 0 }, false);
}

/* torch.nn.Unfold with a kernel of 2, behind zeros at the lower right: channel by channel, the four pixels row by
 * row. */
static DfTensor *unfold(DfCtx *c, DfTensor *x, int stride)                       /* B H W C -> B h w 4C */
{
    const int B = df_dim(x, 0), C = df_dim(x, 3);
    const int h = (df_dim(x, 1) + stride - 1) / stride;
    const int w = (df_dim(x, 2) + stride - 1) / stride;
    DfTensor *pixel[4];
    for (int k = 0; k < 4; k++)
        pixel[k] = df_reshape(c, every_other(c, x, k / 2, k % 2, h, w, stride), DF_SHAPE(B, h, w, C, 1));
    return df_reshape(c, df_concat(c, pixel, 4, -1), DF_SHAPE(B, h, w, 4 * C));
}

static DfTensor *merge(DfCtx *c, const void *self, DfTensor *x)                  /* B H W C -> B H/2 W/2 2C */
{
    const Merging *merging = self;
    const DfMark m = df_enter(c, "downsample", -1);
    x = unfold(c, x, merging->stride);                                           /* B H/2 W/2 4C */
    if (merging->norm.weight)
        x = nn_layer_norm(c, &merging->norm, x);
    return df_leave(c, m, nn_linear(c, &merging->reduction, x));
}

static DfTensor *embed(DfCtx *c, const Swin *swin, DfTensor *image)              /* N H W 3 -> N H/4 W/4 C */
{
    const DfMark m = df_enter(c, "patch_embed", -1);
    nn_enter_frozen(c, swin->frozen_stages >= 0, image);
    DfTensor *x = nn_conv(c, &swin->projection, df_transformer_pad(c, image, swin->patch_size));
    if (swin->patch_norm)
        x = nn_layer_norm(c, &swin->embed_norm, x);
    df_forget(c, false);
    return df_leave(c, m, x);
}

static void forward(DfCtx *c, const void *self, DfTensor *image, DfMaps *out)
{
    const Swin *swin = self;
    *out = (DfMaps){ 0 };
    DfTensor *x = embed(c, swin, image);
    if (swin->position)
        x = df_transformer_add_position(c, x, swin->position);
    if (swin->frozen_stages < 0)
        x = df_dropout(c, x, (float)swin->drop_rate);
    for (int i = 0; i < swin->depths.n; i++)
        x = df_transformer_stage(c, &swin->stages[i], i, x, out);
}

/* ---- construction: one block ------------------------------------------------------------------------------------- */

static void attention_init(NnScope s, NnWindowAttention *a, const Swin *swin, int i, int j)
{
    const int dim = swin->embed_dims << i;
    const int w = swin->window_size;
    const DfWindowAttention attn = {
        .window = w,
        .heads = swin->num_heads.v[i],
        .shift = j % 2 ? w / 2 : 0,
    };
    df_transformer_window_init(s, a, dim, attn, swin->qk_scale, swin->qkv_bias);
}

static void block_init(NnScope s, void *self, const void *net, int i, int j)
{
    const Swin *swin = net;
    Block *b = self;
    const int dim = swin->embed_dims << i;
    const int hidden = (int)(swin->mlp_ratio * dim);
    df_transformer_norm_init(nn_at(s, "norm1"), &b->norm1, swin->norm_cfg, dim);
    attention_init(nn_at(s, "attn.w_msa"), &b->attn, swin, i, j);
    df_transformer_norm_init(nn_at(s, "norm2"), &b->norm2, swin->norm_cfg, dim);
    df_transformer_linear_init(nn_at(s, "ffn.layers.0.0"), &b->ffn.fc1, dim, hidden, true);
    df_transformer_linear_init(nn_at(s, "ffn.layers.1"), &b->ffn.fc2, hidden, dim, true);
    b->ffn.act = nn_act(s, swin->act_cfg);
    if (i < swin->frozen_stages)
        return; /* nothing is dropped in it either */
    b->drop_path = df_transformer_drop_path(swin->drop_path_rate, swin->depths, i, j);
    b->attn.attn.drop = (float)swin->attn_drop_rate;
    b->attn.proj_drop = b->ffn.drop[0] = b->ffn.drop[1] = (float)swin->drop_rate;
}

/* ---- construction: stages ---------------------------------------------------------------------------------------- */

static void merging_init(NnScope s, void *self, const void *net, int i)
{
    const Swin *swin = net;
    Merging *merging = self;
    const int dim = swin->embed_dims << i;
    merging->stride = swin->strides.v[i + 1];
    if (swin->patch_norm)
        df_transformer_norm_init(nn_at(s, "norm"), &merging->norm, swin->norm_cfg, 4 * dim);
    df_transformer_linear_init(nn_at(s, "reduction"), &merging->reduction, 4 * dim, 2 * dim, false);
}

static const TransformerParts parts = {
    .scope = "stages",
    .block_size = sizeof(Block),
    .block_init = block_init,
    .block = block,
    .downsample_size = sizeof(Merging),
    .downsample_init = merging_init,
    .downsample = merge,
};

static void stage_init(NnScope s, Swin *swin, int i)
{
    TransformerStage *stage = &swin->stages[i];
    stage->checkpoints = swin->with_cp;
    stage->frozen = i < swin->frozen_stages;
    df_transformer_stage_init(s, stage, &parts, swin, swin->depths, i);
}

static void embed_init(NnScope s, Swin *swin)
{
    const int patch = swin->patch_size.v[0];
    const NnScope at = nn_at(s, "patch_embed");
    nn_conv_init(nn_at(at, "projection"), &swin->projection, swin->in_channels, swin->embed_dims,
                 (NnConvShape){ .patch = { patch, patch } });
    if (swin->patch_norm)
        df_transformer_norm_init(nn_at(at, "norm"), &swin->embed_norm, swin->norm_cfg, swin->embed_dims);
    if (!swin->use_abs_pos_embed)
        return;
    const int h = df_transformer_side(swin->pretrain_img_size, 0) / patch;
    const int w = df_transformer_side(swin->pretrain_img_size, 1) / patch;
    const DfShape table = DF_SHAPE(1, swin->embed_dims, h, w);
    swin->position = nn_param(s, "absolute_pos_embed", table, NN_MAP, nn_truncated_normal(0.02));
    nn_last(s)->resize = NN_RESIZE_POSITION; /* 1 hw C in mmseg and in older and newer versions of mmdet */
}

static void outputs_init(NnScope s, Swin *swin)
{
    for (int i = 0; nn_ok(s) && i < swin->depths.n; i++) {
        const NnScope at = nn_at(s, "norm%d", i);
        if (!df_ints_have(swin->out_indices, i))
            continue;
        df_transformer_norm_init(at, &swin->stages[i].norm, swin->norm_cfg, swin->embed_dims << i);
        nn_optional(at); /* a classifier's checkpoint has none */
    }
}

/* The patches go with stage 0, and with a stage the norm of its map. */
static void freeze(NnScope s, const Swin *swin)
{
    if (swin->frozen_stages < 0)
        return;
    nn_freeze(nn_at(s, "patch_embed."));
    nn_freeze(nn_at(s, "absolute_pos_embed"));
    for (int i = 0; i < swin->frozen_stages && i < swin->depths.n; i++) {
        nn_freeze(nn_at(s, "stages.%d.", i));
        nn_freeze(nn_at(s, "norm%d.", i));
    }
}

static bool options_fit(NnScope s, const Swin *swin)
{
    const int n = swin->depths.n;
    if (n < 1 || n > DF_LEVELS || swin->num_heads.n < n || swin->strides.n < n)
        nn_fail(s, DF_EVALUE, "depths has %d stages, num_heads %d and strides %d: want 1 to %d stages, with heads and "
                "a stride for each", n, swin->num_heads.n, swin->strides.n, DF_LEVELS);
    else if (swin->patch_size.n != 1 || swin->strides.v[0] != swin->patch_size.v[0])
        nn_fail(s, DF_EVALUE, "strides begins with %d: want the side patch_size, patches do not overlap",
                swin->strides.v[0]);
    return nn_ok(s) && df_transformer_pair_fits(s, "pretrain_img_size", swin->pretrain_img_size);
}

static void init(NnScope s, void *self)
{
    Swin *swin = self;
    const int n = swin->depths.n;
    if (!options_fit(s, swin))
        return;
    embed_init(s, swin);
    swin->stages = nn_alloc(s, (size_t)n, sizeof *swin->stages);
    for (int i = 0; nn_ok(s) && i < n; i++)
        stage_init(nn_at(s, "stages.%d", i), swin, i);
    if (nn_ok(s))
        outputs_init(s, swin);
    freeze(s, swin);
}

/* ---- the record -------------------------------------------------------------------------------------------------- */

static const DfOpt opts[] = {
    DF_OPT_INTS(Swin, pretrain_img_size, "[224]", 1, 65536,
                "side of the image that the absolute position embedding was made for, or its height and width, in "
                "pixels"),
    DF_OPT_INT(Swin, in_channels, 3, 1, 4096, "number of channels of the image"),
    DF_OPT_INT(Swin, embed_dims, 96, 1, 8192,
               "number of channels of stage 0; each stage has twice those of the one before"),
    DF_OPT_INTS(Swin, patch_size, "[4]", 1, 64, "side of a patch, in pixels"),
    DF_OPT_INT(Swin, window_size, 7, 1, 64, "side of an attention window, in tokens"),
    DF_OPT_FLOAT(Swin, mlp_ratio, 4, 0.01, 64, "hidden width of a block's MLP, in multiples of its channels"),
    DF_OPT_INTS(Swin, depths, "[2, 2, 6, 2]", 0, 1000, "number of blocks of each stage"),
    DF_OPT_INTS(Swin, num_heads, "[3, 6, 12, 24]", 1, 1024, "number of attention heads of each stage"),
    DF_OPT_INTS(Swin, strides, "[4, 2, 2, 2]", 1, 64, "stride of each stage; the first is that of the patches"),
    DF_OPT_INTS(Swin, out_indices, "[0, 1, 2, 3]", 0, 7, "stages whose maps are output, counted from 0"),
    DF_OPT_BOOL(Swin, qkv_bias, True, "the projections to query, key and value have a bias"),
    DF_OPT_FLOAT(Swin, qk_scale, None, 0, 1e6,
                 "factor of the attention scores; None or 0: 1 / sqrt(channels of a head)"),
    DF_OPT_BOOL(Swin, patch_norm, True, "norms after the patch embedding and in patch merging"),
    DF_OPT_FLOAT(Swin, drop_rate, 0.0, 0, 0.99, "training: dropout after the projections and in the MLPs"),
    DF_OPT_FLOAT(Swin, attn_drop_rate, 0.0, 0, 0.99, "training: dropout of attention weights"),
    DF_OPT_FLOAT(Swin, drop_path_rate, 0.1, 0, 0.99,
                 "training: probability that the last block is skipped (stochastic depth); it grows linearly from 0"),
    DF_OPT_BOOL(Swin, use_abs_pos_embed, False, "add a learned embedding of the absolute position to the patches"),
    DF_OPT_DICT(Swin, act_cfg, "dict(type='GELU')", "activation in the MLPs"),
    DF_OPT_DICT(Swin, norm_cfg, "dict(type='LN')", "the LayerNorm of the network, with its eps"),
    DF_OPT_BOOL(Swin, with_cp, False, "training: recompute blocks in the backward pass, to save memory"),
    DF_OPT_INT(Swin, frozen_stages, -1, -1, 8,
               "training: n >= 0: the patches and the first n stages stay as they are"),
    DF_OPT_UNUSED(convert_weights, "convert the authors' weights; they are recognised by their names"),
    DF_OPT_UNUSED(pretrained, "in training: weights to begin with, if they are a file"),
    DF_OPT_UNUSED(init_cfg, "in training: weights to begin with, if they are a file"),
    DF_OPT_END
};

static const char *const ignorable[] = { "*.relative_position_index", "norm.weight", "norm.bias", "head.weight",
                                         "head.bias", NULL };

const DfBackbone df_backbone_swin_mmdet = {
    .name = "SwinTransformer",
    .help = "Swin Transformer (Liu et al., ICCV 2021), by the options of mmdet and mmseg",
    .size = sizeof(Swin),
    .opts = opts,
    .init = init,
    .forward = forward,
    .ignorable = ignorable,
};
