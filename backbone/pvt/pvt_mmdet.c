/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/pvt/pvt_mmdet.c -- PVT and PVT v2 as in mmdet since 2.17. It uses the authors' names,
 * PyramidVisionTransformer and ..V2, but its options and parameters have different names, and both are one class: v2
 * has overlapping patches, an MLP with a depthwise convolution, and a norm after each stage. pvt.c, block.c and
 * attention.c have the equations. It differs from the authors' code: all norms have the same eps, 1e-6, and the
 * position embedding is always resized to the map, bilinearly.
 */
#include <math.h>

#include "backbone/pvt/options.h"
#include "backbone/transformer.h"

typedef struct {
    NnLayerNorm norm1, norm2;
    NnConv sr;           /* sr_ratio > 1: makes the map of keys smaller, a norm behind it */
    NnLayerNorm sr_norm;
    NnMultiheadAttention attn;
    NnMlp mlp;
    NnConv dwconv;       /* use_conv_ffn: between the layers of the MLP */
    float drop, drop_path;
} Block;

typedef struct {
    NnConv projection;
    NnLayerNorm embed_norm;
    DfTensor *position;  /* 1 h*w C, or NULL                            */
    int h, w;            /* of the map that it is for, in tokens        */
    Block *blocks;
    NnLayerNorm norm;    /* norm_after_stage, else without a weight     */
} Stage;

typedef struct {
    /* options */
    int in_channels, embed_dims, num_stages;
    DfInts pretrain_img_size; /* a side, or height and width */
    DfInts num_layers, num_heads, patch_sizes, strides, paddings, sr_ratios, out_indices, mlp_ratios;
    double drop_rate, attn_drop_rate, drop_path_rate;
    bool qkv_bias, use_abs_pos_embed, norm_after_stage, use_conv_ffn;
    const DfNode *act_cfg, *norm_cfg;
    /* modules */
    Stage stages[DF_LEVELS];
} Pvt;

/* ---- forward ----------------------------------------------------------------------------------------------------- */

static DfTensor *attend(DfCtx *c, const Block *b, DfTensor *x)                   /* x + SRA(LN(x)) */
{
    const DfMark m = df_enter(c, "attn", -1);
    const int B = df_dim(x, 0), H = df_dim(x, 1), W = df_dim(x, 2), C = df_dim(x, 3);
    const NnResidual r = { .drop_path = b->drop_path, .drop = b->drop,
                           .residual = df_reshape(c, x, DF_SHAPE(B, H * W, C)) };
    DfTensor *y = nn_layer_norm(c, &b->norm1, x);
    DfTensor *query = df_reshape(c, y, DF_SHAPE(B, H * W, C));
    DfTensor *keys = query;
    if (b->sr.weight) {
        y = nn_layer_norm(c, &b->sr_norm, nn_conv(c, &b->sr, y));                /* B H/R W/R C */
        keys = df_reshape(c, y, DF_SHAPE(B, df_dim(y, 1) * df_dim(y, 2), C));
    }
    y = nn_multihead_attention_add(c, &b->attn, query, keys, keys, NULL, r);     /* B H*W C */
    return df_leave(c, m, df_reshape(c, y, DF_SHAPE(B, H, W, C)));
}

/* fc2(act(dwconv(fc1(x)))) */
static DfTensor *conv_mlp(DfCtx *c, const Block *b, DfTensor *x, NnResidual r)
{
    r.drop = b->drop;
    x = nn_linear(c, &b->mlp.fc1, x);                                            /* B H W hidden */
    x = nn_conv_fused(c, &b->dwconv, x, (DfFuse){ .act = b->mlp.act });
    return nn_linear_add(c, &b->mlp.fc2, df_dropout(c, x, b->drop), r);          /* B H W C */
}

static DfTensor *ffn(DfCtx *c, const Block *b, DfTensor *x)                      /* x + MLP(LN(x)) */
{
    const DfMark m = df_enter(c, "ffn", -1);
    const NnResidual r = { .residual = x, .drop_path = b->drop_path };
    DfTensor *y = nn_layer_norm(c, &b->norm2, x);
    return df_leave(c, m, b->dwconv.weight ? conv_mlp(c, b, y, r) : nn_mlp_add(c, &b->mlp, y, r));
}

static DfTensor *embed(DfCtx *c, const Stage *stage, DfTensor *x)                /* B H W C' -> B h w C */
{
    const DfMark m = df_enter(c, "patch_embed", -1);
    x = nn_layer_norm(c, &stage->embed_norm, nn_conv(c, &stage->projection, x));
    if (!stage->position)
        return df_leave(c, m, x);
    const int H = df_dim(x, 1), W = df_dim(x, 2), C = df_dim(x, 3);
    DfTensor *table = df_reshape(c, stage->position, DF_SHAPE(1, stage->h, stage->w, C));
    table = df_interpolate(c, table, H, W, DF_BILINEAR, false);
    return df_leave(c, m, df_add(c, x, df_reshape(c, table, DF_SHAPE(H, W, C))));
}

static DfTensor *run_stage(DfCtx *c, const Pvt *pvt, int i, DfTensor *x)
{
    const Stage *stage = &pvt->stages[i];
    const DfMark m = df_enter(c, "layers", i);
    x = embed(c, stage, x);
    if (stage->position)
        x = df_dropout(c, x, (float)pvt->drop_rate);
    for (int j = 0; j < pvt->num_layers.v[i]; j++) {
        const DfMark at = df_enter(c, "1", j);
        df_next(c, &x, df_leave(c, at, ffn(c, &stage->blocks[j], attend(c, &stage->blocks[j], x))));
    }
    return df_leave(c, m, stage->norm.weight ? nn_layer_norm(c, &stage->norm, x) : x);
}

static void forward(DfCtx *c, const void *self, DfTensor *image, DfMaps *out)
{
    const Pvt *pvt = self;
    *out = (DfMaps){ 0 };
    DfTensor *x = image;
    for (int i = 0; i < pvt->num_stages; i++) {
        x = run_stage(c, pvt, i, x);
        if (df_ints_have(pvt->out_indices, i))
            out->map[out->n++] = x;
    }
}

/* ---- construction ------------------------------------------------------------------------------------------------ */

/* He's: normal, by the number of outputs. */
static void conv_init(NnScope s, NnConv *conv, int in, int out, NnConvShape shape)
{
    const double fan_out = (double)shape.kernel * shape.kernel * out / (shape.groups ? shape.groups : 1);
    nn_conv_init_as(s, conv, in, out, shape, nn_normal(sqrt(2 / fan_out)), nn_constant(0));
}

/* A 1x1 convolution, which is a linear layer. */
static void pointwise_init(NnScope s, NnLinear *l, int in, int out)
{
    l->weight = nn_param(s, "weight", DF_SHAPE(out, in, 1, 1), NN_POINTWISE, nn_normal(sqrt(2.0 / out)));
    l->bias = nn_param(s, "bias", DF_SHAPE(out), NN_AS_IS, nn_constant(0));
}

static void attention_init(NnScope s, Block *b, const Pvt *pvt, int i, int dim)
{
    const int sr = pvt->sr_ratios.v[i];
    nn_multihead_attention_init(nn_at(s, "attn"), &b->attn, dim, pvt->num_heads.v[i], pvt->attn_drop_rate,
                                pvt->qkv_bias);
    if (sr == 1)
        return;
    conv_init(nn_at(s, "sr"), &b->sr, dim, dim, (NnConvShape){ .kernel = sr, .stride = sr });
    df_transformer_norm_init(nn_at(s, "norm"), &b->sr_norm, pvt->norm_cfg, dim);
}

static void ffn_init(NnScope s, Block *b, const Pvt *pvt, int i, int dim)
{
    const int hidden = pvt->mlp_ratios.v[i] * dim;
    pointwise_init(nn_at(s, "0"), &b->mlp.fc1, dim, hidden);
    if (pvt->use_conv_ffn)
        conv_init(nn_at(s, "1"), &b->dwconv, hidden, hidden,
                  (NnConvShape){ .kernel = 3, .padding = 1, .groups = hidden });
    pointwise_init(nn_at(s, "%d", pvt->use_conv_ffn ? 4 : 3), &b->mlp.fc2, hidden, dim);
    b->mlp.act = nn_act(s, pvt->act_cfg);
    b->drop = b->mlp.drop[0] = b->mlp.drop[1] = (float)pvt->drop_rate;
}

static void block_init(NnScope s, Block *b, const Pvt *pvt, int i, int j)
{
    const int dim = pvt->embed_dims * pvt->num_heads.v[i];
    const DfInts depths = { .n = pvt->num_stages, .v = pvt->num_layers.v };
    df_transformer_norm_init(nn_at(s, "norm1"), &b->norm1, pvt->norm_cfg, dim);
    attention_init(nn_at(s, "attn"), b, pvt, i, dim);
    df_transformer_norm_init(nn_at(s, "norm2"), &b->norm2, pvt->norm_cfg, dim);
    ffn_init(nn_at(s, "ffn.layers"), b, pvt, i, dim);
    b->drop_path = df_transformer_drop_path(pvt->drop_path_rate, depths, i, j);
}

/* Tokens along a side of the map of stage i for an image of pretrain_img_size: axis 0 is the height. */
static int side_of_stage(const Pvt *pvt, int i, int axis)
{
    int64_t patch = 1;
    for (int k = 0; k <= i; k++)
        patch *= pvt->patch_sizes.v[k];
    return (int)(df_transformer_side(pvt->pretrain_img_size, axis) / patch);
}

static void position_init(NnScope s, Stage *stage, const Pvt *pvt, int i, int dim)
{
    stage->h = side_of_stage(pvt, i, 0);
    stage->w = side_of_stage(pvt, i, 1);
    if (stage->h < 1 || stage->w < 1)
        nn_fail(s, DF_EVALUE, "pretrain_img_size is too small for stage %d", i);
    stage->position = nn_param(s, "pos_embed", DF_SHAPE(1, stage->h * stage->w, dim), NN_AS_IS,
                               nn_truncated_normal(0.02));
    nn_last(s)->resize = NN_RESIZE_TOKENS;
}

static void stage_init(NnScope s, Stage *stage, const Pvt *pvt, int i)
{
    const int first = pvt->use_abs_pos_embed; /* the position embedding stands before the blocks */
    const int dim = pvt->embed_dims * pvt->num_heads.v[i];
    const int in = i ? pvt->embed_dims * pvt->num_heads.v[i - 1] : pvt->in_channels;
    const NnConvShape patches = {
        .kernel = pvt->patch_sizes.v[i], .stride = pvt->strides.v[i], .padding = pvt->paddings.v[i],
    };
    conv_init(nn_at(s, "0.projection"), &stage->projection, in, dim, patches);
    df_transformer_norm_init(nn_at(s, "0.norm"), &stage->embed_norm, pvt->norm_cfg, dim);
    if (pvt->use_abs_pos_embed)
        position_init(nn_at(s, "1.0"), stage, pvt, i, dim);
    stage->blocks = nn_alloc(s, (size_t)pvt->num_layers.v[i], sizeof *stage->blocks);
    for (int j = 0; nn_ok(s) && j < pvt->num_layers.v[i]; j++)
        block_init(nn_at(s, "1.%d", first + j), &stage->blocks[j], pvt, i, j);
    if (pvt->norm_after_stage)
        df_transformer_norm_init(nn_at(s, "2"), &stage->norm, pvt->norm_cfg, dim);
}

static void list_fits(NnScope s, const Pvt *pvt, const char *name, int n)
{
    if (n != pvt->num_stages)
        nn_fail(s, DF_EVALUE, "%s has %d entries: want num_stages = %d", name, n, pvt->num_stages);
}

static bool options_fit(NnScope s, const Pvt *pvt)
{
    list_fits(s, pvt, "num_layers", pvt->num_layers.n);
    list_fits(s, pvt, "num_heads", pvt->num_heads.n);
    list_fits(s, pvt, "patch_sizes", pvt->patch_sizes.n);
    list_fits(s, pvt, "strides", pvt->strides.n);
    list_fits(s, pvt, "sr_ratios", pvt->sr_ratios.n);
    list_fits(s, pvt, "paddings", pvt->paddings.n);
    list_fits(s, pvt, "mlp_ratios", pvt->mlp_ratios.n);
    for (int i = 0; i < pvt->out_indices.n; i++)
        if (pvt->out_indices.v[i] >= pvt->num_stages)
            nn_fail(s, DF_EVALUE, "out_indices has %d: want stages below num_stages = %d", pvt->out_indices.v[i],
                    pvt->num_stages);
    return nn_ok(s) && df_transformer_pair_fits(s, "pretrain_img_size", pvt->pretrain_img_size);
}

static void init(NnScope s, void *self)
{
    Pvt *pvt = self;
    if (!options_fit(s, pvt))
        return;
    for (int i = 0; nn_ok(s) && i < pvt->num_stages; i++)
        stage_init(nn_at(s, "layers.%d", i), &pvt->stages[i], pvt, i);
}

/* What makes it v2: these are no options of that type. */
static void init_v2(NnScope s, void *self)
{
    static const int sizes[] = { 7, 3, 3, 3 }, paddings[] = { 3, 1, 1, 1 };
    Pvt *pvt = self;
    pvt->patch_sizes = (DfInts){ 4, sizes };
    pvt->paddings = (DfInts){ 4, paddings };
    pvt->norm_after_stage = true;
    pvt->use_conv_ffn = true;
    init(s, pvt);
}

/* ---- the records ------------------------------------------------------------------------------------------------- */

#define OPTIONS \
    DF_OPT_INTS(Pvt, pretrain_img_size, "[224]", 1, 65536, \
                "side of the image that position embeddings are made for, or its height and width, in pixels"), \
    DF_OPT_INT(Pvt, in_channels, 3, 1, 4096, "number of channels of the image"), \
    DF_OPT_INT(Pvt, embed_dims, 64, 1, 8192, "number of channels of a head: a stage has that times its num_heads"), \
    DF_OPT_INT(Pvt, num_stages, 4, 1, DF_LEVELS, "number of stages"), \
    DF_OPT_INTS(Pvt, num_layers, "[3, 4, 6, 3]", 0, 1000, "number of blocks of each stage"), \
    DF_OPT_INTS(Pvt, num_heads, "[1, 2, 5, 8]", 1, 1024, "number of attention heads of each stage"), \
    DF_OPT_INTS(Pvt, strides, "[4, 2, 2, 2]", 1, 64, "stride of the patches of each stage"), \
    DF_OPT_INTS(Pvt, sr_ratios, "[8, 4, 2, 1]", 1, 64, \
                "factor by which each side of the map of keys is reduced, for each stage"), \
    DF_OPT_INTS(Pvt, out_indices, "[0, 1, 2, 3]", 0, DF_LEVELS - 1, "stages whose maps are output, counted from 0"), \
    DF_OPT_INTS(Pvt, mlp_ratios, "[8, 8, 4, 4]", 1, 64, \
                "hidden width of a block's MLP, in multiples of its channels"), \
    DF_OPT_BOOL(Pvt, qkv_bias, True, "the projections of the attention have a bias"), \
    DF_OPT_FLOAT(Pvt, drop_rate, 0.0, 0, 0.99, "training: dropout after the projections and in the MLPs"), \
    DF_OPT_FLOAT(Pvt, attn_drop_rate, 0.0, 0, 0.99, "training: dropout of attention weights"), \
    DF_OPT_FLOAT(Pvt, drop_path_rate, 0.1, 0, 0.99, \
                 "training: probability that the last block is skipped (stochastic depth); it grows linearly from 0"), \
    DF_OPT_DICT(Pvt, act_cfg, "dict(type='GELU')", "activation in the MLPs"), \
    DF_OPT_DICT(Pvt, norm_cfg, "dict(type='LN', eps=1e-6)", "the LayerNorm of the network, with its eps"), \
    DF_OPT_UNUSED(convert_weights, "convert the authors' weights; they are recognised by their names"),                \
    DF_OPT_UNUSED(pretrained, "in training: weights to begin with, if they are a file"), \
    DF_OPT_UNUSED(init_cfg, "in training: weights to begin with, if they are a file")

static const DfOpt opts[] = {
    OPTIONS,
    DF_OPT_INTS(Pvt, patch_sizes, "[4, 2, 2, 2]", 1, 64, "side of the patches of each stage"),
    DF_OPT_INTS(Pvt, paddings, "[0, 0, 0, 0]", 0, 64, "zeros around the map before its patches, for each stage"),
    DF_OPT_BOOL(Pvt, use_abs_pos_embed, True, "add a learned embedding of the position in each stage"),
    DF_OPT_BOOL(Pvt, norm_after_stage, False, "a norm follows the last block of each stage"),
    DF_OPT_BOOL(Pvt, use_conv_ffn, False, "the MLPs have a depthwise convolution"),
    DF_OPT_END
};
static const DfOpt v2_opts[] = { OPTIONS, DF_OPT_END };

static const char *const ignorable[] = { "cls_token", "norm.weight", "norm.bias", "head.weight", "head.bias", NULL };

const DfBackbone df_backbone_pvt_mmdet = {
    .name = "PyramidVisionTransformer",
    .help = "Pyramid Vision Transformer (Wang et al., ICCV 2021), by the options of mmdet",
    .size = sizeof(Pvt),
    .opts = opts,
    .init = init,
    .forward = forward,
    .ignorable = ignorable,
};
const DfBackbone df_backbone_pvt_v2_mmdet = {
    .name = "PyramidVisionTransformerV2",
    .help = "PVT v2 (Wang et al., CVM 2022), by the options of mmdet",
    .size = sizeof(Pvt),
    .opts = v2_opts,
    .init = init_v2,
    .forward = forward,
    .ignorable = ignorable,
};
