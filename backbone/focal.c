/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/focal.c -- Focal Transformer. Yang et al., "Focal Self-attention for Local-Global Interactions in Vision Transformers",
 * NeurIPS 2021.
 *
 * Only the classification code was published. `detection` is its stages on an input of any size, with a norm on each stage's map;
 * `img_size` then only says where windows shrink, as in the classification form, because that decides the size of tables.
 */
#include <math.h>
#include <stdio.h>

#include "backbone/backbone.h"
#include "backbone/transformer.h"

enum { DETECTION, CLASSIFICATION, DERIVED /* another name of detection */ };
enum { POOL_NONE, POOL_FC, POOL_CONV, POOL_MEAN, POOL_MAX };
enum { EXPAND_EVEN, EXPAND_ODD, EXPAND_ALL };

typedef struct {
    int side;          /* of a pooled piece of a window        */
    NnLinear fc;       /* one weight for each token of a piece */
    NnConv conv;
    DfTensor *table;
} Level;

typedef struct {
    NnLayerNorm norm1, norm2;
    NnLinear qkv, proj;
    DfTensor *table, *neighbors, *scale1, *scale2;
    int pool;
    Level levels[DF_FOCAL_LEVELS];
    DfFocalAttention attn;
    NnMlp mlp;
    float drop, drop_path;
} Block;

typedef struct {
    NnConv proj;
    NnLayerNorm norm;
    DfTensor *pre_weight, *pre_bias; /* of a GroupNorm with one group */
} Embedding;

typedef struct {
    int depth, dim;
    Block *blocks;
    Embedding *downsample; /* NULL in the last stage           */
    NnLayerNorm *norm;     /* of its output; NULL if not given */
} Stage;

typedef struct {
    /* options */
    int patch_size, in_chans, num_classes, embed_dim, window_size, style, focal_pool, expand_layer;
    DfInts img_size, depths, num_heads, focal_stages, focal_levels, focal_windows, expand_sizes, out_indices;
    double mlp_ratio, qk_scale, drop_rate, attn_drop_rate, drop_path_rate, layerscale_value;
    bool qkv_bias, ape, patch_norm, use_shift, use_conv_embed, use_layerscale, use_pre_norm;
    /* modules */
    Embedding embed;
    DfTensor *position; /* absolute_pos_embed: 1 h*w C */
    Stage *stages;
    NnLayerNorm norm;
    NnLinear head;
} Focal;

static const DfOpt opts[] = {
    WINDOW_OPTIONS(Focal, 0.1),
    DF_OPT_INTS(Focal, img_size, "[224]", 4, 65536, "side of the input image, or height and width"),
    DF_OPT_BOOL(Focal, use_shift, False, "odd blocks shift their windows"),
    DF_OPT_INTS(Focal, focal_stages, "[0, 1, 2, 3]", 0, 7, "stages that attend to pooled maps"),
    DF_OPT_INTS(Focal, focal_levels, "[1, 1, 1, 1]", 0, 1 + DF_FOCAL_LEVELS, "granularities of each stage, the finest included"),
    DF_OPT_INTS(Focal, focal_windows, "[7, 5, 3, 1]", 1, 63, "side of the region seen on pooled maps; odd"),
    DF_OPT_ENUM(Focal, focal_pool, fc, "none|fc|conv|mean|max", "how windows are pooled"),
    DF_OPT_INTS(Focal, expand_sizes, "[3, 3, 3, 3]", 0, 63, "how far a window sees around itself, in tokens"),
    DF_OPT_ENUM(Focal, expand_layer, all, "even|odd|all", "even, odd: blocks that do not"),
    DF_OPT_BOOL(Focal, use_conv_embed, False, "overlapping convolutions between stages"),
    DF_OPT_BOOL(Focal, use_layerscale, False, "scale the channels of each branch"),
    DF_OPT_FLOAT(Focal, layerscale_value, 1e-4, -1e6, 1e6, "start of the layer scale"),
    DF_OPT_BOOL(Focal, use_pre_norm, False, "a GroupNorm before the convolutions between stages"),
    DF_OPT_ENUM(Focal, style, detection, "detection|classification|detection (derived)", "maps, or logits of a fixed input size"),
    DF_OPT_UNUSED(expand_stages, "without effect in the official code"),
    DF_OPT_END
};

/* ---- construction ------------------------------------------------------------------------------------------------ */

static int image_side(const Focal *net, int axis) /* 0: height */
{
    return net->img_size.v[net->img_size.n > 1 ? axis : 0];
}

static int smaller_side(const Focal *net, int stage)
{
    const int H = (image_side(net, 0) / net->patch_size) >> stage, W = (image_side(net, 1) / net->patch_size) >> stage;
    return H < W ? H : W;
}

/* A window at least as large as the map becomes the map: not shifted, nothing around it. */
static DfFocalAttention plan_attention(const Focal *net, int i, int j)
{
    const int side = smaller_side(net, i), dim = net->embed_dim << i, heads = net->num_heads.v[i], levels = net->focal_levels.v[i];
    const bool pools = df_ints_have(net->focal_stages, i) && net->focal_pool != POOL_NONE;
    const bool shrinks = side <= net->window_size, expands = j % 2 != net->expand_layer && levels > 0;
    return (DfFocalAttention){
        .window = shrinks ? side : net->window_size,
        .shift = net->use_shift && j % 2 && !shrinks ? net->window_size / 2 : 0,
        .heads = heads,
        .expand = shrinks || !expands ? 0 : net->expand_sizes.v[i],
        .levels = pools && levels > 1 ? levels - 1 : 0,
        .focal_window = net->focal_windows.v[i],
        .scale = (float)(net->qk_scale > 0 ? net->qk_scale : 1 / sqrt(dim / heads)),
    };
}

static void level_init(NnScope s, Block *b, int k, int dim, int pool)
{
    const DfFocalAttention *a = &b->attn;
    Level *level = &b->levels[k];
    char name[64];
    const int side = a->window >> k, table = a->window + a->focal_window + (1 << k) - 2;
    level->side = side;
    if (side < 1) {
        nn_fail(s, DF_EVALUE, "focal_levels = %d: a window of %d tokens cannot be cut into %d pieces along a side", a->levels + 1, a->window, 1 << k);
        return;
    }
    if (pool == POOL_FC)
        df_transformer_linear_init(nn_at(s, "pool_layers.%d", k), &level->fc, side * side, 1, true);
    if (pool == POOL_CONV)
        nn_conv_init(nn_at(s, "pool_layers.%d", k), &level->conv, dim, dim, (NnConvShape){ .kernel = side, .stride = side, .groups = dim });
    snprintf(name, sizeof name, "relative_position_bias_table_to_windows.%d", k);
    level->table = nn_param(nn_at(s, "attn"), name, DF_SHAPE(a->heads, table * table), NN_AS_IS, nn_truncated_normal(0.02));
}

static void attention_init(NnScope s, Block *b, const Focal *net, int dim)
{
    const DfFocalAttention *a = &b->attn;
    const int tokens = a->window * a->window, side = 2 * a->window - 1;
    if (dim % a->heads || a->expand > a->window || a->focal_window % 2 == 0) {
        nn_fail(s, DF_EVALUE, "%d channels, num_heads = %d, expand_sizes = %d, focal_windows = %d: want heads that divide the channels, "
                "at most %d of expansion, and an odd focal window", dim, a->heads, a->expand, a->focal_window, a->window);
        return;
    }
    b->table = nn_param(s, "relative_position_bias_table", DF_SHAPE(side * side, a->heads), NN_AS_IS, nn_truncated_normal(0.02));
    if (a->expand)
        b->neighbors = nn_param(s, "relative_position_bias_table_to_neighbors", DF_SHAPE(1, a->heads, tokens, df_focal_neighbors(a->window, a->expand)),
                                NN_AS_IS, nn_truncated_normal(0.02));
    df_transformer_linear_init(nn_at(s, "qkv"), &b->qkv, dim, 3 * dim, net->qkv_bias);
    df_transformer_linear_init(nn_at(s, "proj"), &b->proj, dim, dim, true);
}

static void block_init(NnScope s, Block *b, const Focal *net, int i, int j)
{
    const int dim = net->embed_dim << i;
    b->attn = plan_attention(net, i, j);
    b->pool = net->focal_pool;
    b->drop = (float)net->drop_rate;
    attention_init(nn_at(s, "attn"), b, net, dim);
    for (int k = 0; nn_ok(s) && k < b->attn.levels; k++)
        level_init(s, b, k, dim, b->pool);
    nn_layer_norm_init(nn_at(s, "norm1"), &b->norm1, dim, 1e-5);
    nn_layer_norm_init(nn_at(s, "norm2"), &b->norm2, dim, 1e-5);
    df_transformer_mlp_init(nn_at(s, "mlp"), &b->mlp, dim, (int)(dim * net->mlp_ratio), net->drop_rate);
    if (!net->use_layerscale)
        return;
    b->scale1 = nn_param(s, "gamma_1", DF_SHAPE(dim), NN_AS_IS, nn_constant(net->layerscale_value));
    b->scale2 = nn_param(s, "gamma_2", DF_SHAPE(dim), NN_AS_IS, nn_constant(net->layerscale_value));
}

static void downsample_init(NnScope s, Embedding *e, const Focal *net, int dim)
{
    const NnConvShape shape = net->use_conv_embed ? (NnConvShape){ .kernel = 3, .stride = 2, .padding = 1 } : (NnConvShape){ .kernel = 2, .stride = 2 };
    nn_conv_init(nn_at(s, "proj"), &e->proj, dim, 2 * dim, shape);
    if (net->use_pre_norm) {
        e->pre_weight = nn_param(nn_at(s, "pre_norm"), "weight", DF_SHAPE(dim), NN_AS_IS, nn_constant(1));
        e->pre_bias = nn_param(nn_at(s, "pre_norm"), "bias", DF_SHAPE(dim), NN_AS_IS, nn_constant(0));
    }
    nn_layer_norm_init(nn_at(s, "norm"), &e->norm, 2 * dim, 1e-5);
}

static void stage_init(NnScope s, Focal *net, int i, int before, int blocks)
{
    Stage *stage = &net->stages[i];
    stage->dim = net->embed_dim << i;
    stage->depth = net->depths.v[i];
    stage->blocks = nn_alloc(s, (size_t)stage->depth, sizeof *stage->blocks);
    for (int j = 0; nn_ok(s) && j < stage->depth; j++) {
        block_init(nn_at(s, "layers.%d.blocks.%d", i, j), &stage->blocks[j], net, i, j);
        stage->blocks[j].drop_path = df_transformer_drop_path(net->drop_path_rate, before + j, blocks);
    }
    if (nn_ok(s) && i + 1 < net->depths.n && (stage->downsample = nn_alloc(s, 1, sizeof(Embedding))))
        downsample_init(nn_at(s, "layers.%d.downsample", i), stage->downsample, net, stage->dim);
    if (nn_ok(s) && net->style != CLASSIFICATION && df_ints_have(net->out_indices, i) && (stage->norm = nn_alloc(s, 1, sizeof(NnLayerNorm)))) {
        const NnScope at = nn_at(s, "norm%d", i);
        nn_layer_norm_init(at, stage->norm, stage->dim, 1e-5);
        nn_optional(at); /* a classification checkpoint has none */
    }
}

static void embed_init(NnScope s, Focal *net)
{
    const NnConvShape shape = net->use_conv_embed ? (NnConvShape){ .kernel = 7, .stride = 4, .padding = 2 }
                                                  : (NnConvShape){ .kernel = net->patch_size, .stride = net->patch_size };
    nn_conv_init(nn_at(s, "patch_embed.proj"), &net->embed.proj, net->in_chans, net->embed_dim, shape);
    if (net->patch_norm)
        nn_layer_norm_init(nn_at(s, "patch_embed.norm"), &net->embed.norm, net->embed_dim, 1e-5);
    const int tokens = (image_side(net, 0) / net->patch_size) * (image_side(net, 1) / net->patch_size);
    if (net->ape)
        net->position = nn_param(s, "absolute_pos_embed", DF_SHAPE(1, tokens, net->embed_dim), NN_AS_IS, nn_truncated_normal(0.02));
}

static bool options_fit(NnScope s, const Focal *net)
{
    const int n = net->depths.n;
    if (n < 1 || n > DF_LEVELS || net->num_heads.n != n || net->focal_levels.n < n || net->focal_windows.n < n || net->expand_sizes.n < n)
        nn_fail(s, DF_EVALUE, "depths has %d stages, num_heads %d, focal_levels %d, focal_windows %d, expand_sizes %d: want the same number, 1 to %d",
                n, net->num_heads.n, net->focal_levels.n, net->focal_windows.n, net->expand_sizes.n, DF_LEVELS);
    else if (net->img_size.n < 1 || net->img_size.n > 2)
        nn_fail(s, DF_EVALUE, "img_size has %d numbers: want a side, or height and width", net->img_size.n);
    else if (smaller_side(net, n - 1) < 1)
        nn_fail(s, DF_EVALUE, "img_size = %d: too small for %d stages", image_side(net, 0), n);
    return nn_ok(s);
}

static void init(NnScope s, void *self)
{
    Focal *net = self;
    if (!options_fit(s, net))
        return;
    const int n = net->depths.n, last = net->embed_dim << (n - 1);
    int blocks = 0, before = 0;
    for (int i = 0; i < n; i++)
        blocks += net->depths.v[i];
    embed_init(s, net);
    net->stages = nn_alloc(s, (size_t)n, sizeof *net->stages);
    for (int i = 0; nn_ok(s) && i < n; before += net->depths.v[i++])
        stage_init(s, net, i, before, blocks);
    if (net->style != CLASSIFICATION)
        return;
    nn_layer_norm_init(nn_at(s, "norm"), &net->norm, last, 1e-5);
    if (net->num_classes)
        df_transformer_linear_init(nn_at(s, "head"), &net->head, last, net->num_classes, true);
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

/* The window's pieces as one token each. A fully connected layer over a piece's tokens, the same for all channels, is a depthwise
 * convolution. */
static DfTensor *pool_pieces(DfCtx *c, const Level *level, int how, DfTensor *x)
{
    const int side[2] = { level->side, level->side }, none[2] = { 0, 0 }, C = df_dim(x, 3);
    if (how == POOL_CONV)
        return nn_conv(c, &level->conv, x);
    if (how == POOL_MEAN)
        return df_avg_pool2d(c, x, side, side, none, false, true);
    if (how == POOL_MAX)
        return df_max_pool2d(c, x, side, side, none, false);
    DfTensor *w = df_repeat(c, df_reshape(c, level->fc.weight, DF_SHAPE(side[0], side[1], 1)), C), *b = df_repeat(c, level->fc.bias, C);
    return df_conv2d(c, x, w, b, (DfConv){ { side[0], side[1] }, { 0, 0 }, { 1, 1 }, C }, (DfFuse){ 0 });
}

/* The padded, rolled map, trimmed around its centre to whole pieces, pooled and projected: level k of the keys. */
static DfTensor *coarser(DfCtx *c, const Block *b, DfTensor *x, int k)
{
    const DfMark m = df_enter(c, "pool_layers", k);
    const int rows = df_dim(x, 1) / b->attn.window << k, columns = df_dim(x, 2) / b->attn.window << k;
    const int spare_y = df_dim(x, 1) - rows * b->levels[k].side, spare_x = df_dim(x, 2) - columns * b->levels[k].side;
    const int trim[4] = { -(spare_y / 2), -(spare_y - spare_y / 2), -(spare_x / 2), -(spare_x - spare_x / 2) };
    if (spare_y || spare_x)
        x = df_pad2d(c, x, trim, 0);
    return df_leave(c, m, nn_linear(c, &b->qkv, pool_pieces(c, &b->levels[k], b->pool, x)));
}

/* The map as windows see it: padded to whole ones, and rolled. */
static DfTensor *whole_windows(DfCtx *c, const DfFocalAttention *a, DfTensor *x)
{
    const int bottom = (a->window - df_dim(x, 1) % a->window) % a->window, right = (a->window - df_dim(x, 2) % a->window) % a->window;
    if (bottom || right)
        x = df_pad2d(c, x, (int[4]){ 0, bottom, 0, right }, 0);
    return a->shift ? df_roll2d(c, x, -a->shift, -a->shift) : x;
}

static DfTensor *focal_attention(DfCtx *c, const Block *b, DfTensor *x, NnResidual r) /* B H W C, normalised */
{
    const DfMark m = df_enter(c, "attn", -1);
    DfTensor *pooled[DF_FOCAL_LEVELS] = { NULL }, *tables[DF_FOCAL_LEVELS] = { NULL };
    DfTensor *whole = b->attn.levels ? whole_windows(c, &b->attn, x) : x;
    for (int k = 0; k < b->attn.levels; k++) {
        pooled[k] = coarser(c, b, whole, k);
        tables[k] = b->levels[k].table;
    }
    DfTensor *qkv = nn_linear(c, &b->qkv, x);                                   /* B H W 3C */
    x = df_focal_attention(c, qkv, b->qkv.bias, b->table, b->neighbors, pooled, tables, b->attn);
    r.drop = b->drop;
    return df_leave(c, m, nn_linear_add(c, &b->proj, x, r));
}

static DfTensor *block(DfCtx *c, const Block *b, DfTensor *x, int index)         /* B H W C -> B H W C */
{
    const DfMark m = df_enter(c, "blocks", index);
    DfTensor *y = nn_layer_norm(c, &b->norm1, x);
    x = focal_attention(c, b, y, (NnResidual){ .residual = x, .scale = b->scale1, .drop_path = b->drop_path });
    const DfMark inner = df_enter(c, "mlp", -1);
    y = nn_layer_norm(c, &b->norm2, x);
    y = df_leave(c, inner, nn_mlp_add(c, &b->mlp, y, (NnResidual){ .residual = x, .scale = b->scale2, .drop_path = b->drop_path }));
    return df_leave(c, m, y);
}

static DfTensor *downsample(DfCtx *c, const Embedding *e, DfTensor *x)           /* B H W C -> B H/2 W/2 2C */
{
    const DfMark m = df_enter(c, "downsample", -1);
    if (e->pre_weight)
        x = df_group_norm(c, x, 1, e->pre_weight, e->pre_bias, 1e-5f);
    return df_leave(c, m, nn_layer_norm(c, &e->norm, nn_conv(c, &e->proj, x)));
}

/* Position embeddings are for img_size: on a map of another size they are resized, as in Swin's detection code. */
static DfTensor *add_position(DfCtx *c, const Focal *net, DfTensor *x)
{
    const int h = image_side(net, 0) / net->patch_size, w = image_side(net, 1) / net->patch_size, H = df_dim(x, 1), W = df_dim(x, 2), C = df_dim(x, 3);
    DfTensor *position = df_reshape(c, net->position, DF_SHAPE(1, h, w, C));
    if (h != H || w != W)
        position = df_interpolate(c, position, H, W, DF_BICUBIC, false);
    return df_add(c, x, df_reshape(c, position, DF_SHAPE(H, W, C)));
}

static DfTensor *embed(DfCtx *c, const Focal *net, DfTensor *image)              /* N H W 3 -> N H/4 W/4 C */
{
    const DfMark m = df_enter(c, "patch_embed", -1);
    DfTensor *x = nn_conv(c, &net->embed.proj, image);
    if (net->patch_norm)
        x = nn_layer_norm(c, &net->embed.norm, x);
    x = net->ape ? add_position(c, net, x) : x;
    return df_leave(c, m, df_dropout(c, x, (float)net->drop_rate));
}

static void check(DfCtx *c, const Focal *net, const DfTensor *image)
{
    const int H = image_side(net, 0), W = image_side(net, 1);
    if (net->style == CLASSIFICATION && (df_dim(image, 1) != H || df_dim(image, 2) != W))
        df_ctx_fail(c, DF_ESHAPE, "an image of %dx%d: the classification form wants img_size = %dx%d", df_dim(image, 2), df_dim(image, 1), W, H);
    df_transformer_check(c, image, 0, net->attn_drop_rate);
}

static void forward(DfCtx *c, const void *self, DfTensor *image, DfMaps *out)
{
    const Focal *net = self;
    *out = (DfMaps){ 0 };
    check(c, net, image);
    DfTensor *x = embed(c, net, image);
    for (int i = 0; i < net->depths.n; i++) {
        const Stage *stage = &net->stages[i];
        const DfMark m = df_enter(c, "layers", i);
        for (int j = 0; j < stage->depth; j++)
            df_next(c, &x, block(c, &stage->blocks[j], x, j));
        DfTensor *given = stage->norm ? nn_layer_norm(c, stage->norm, x) : NULL;
        if (given)
            out->map[out->n++] = given;
        if (stage->downsample)
            x = downsample(c, stage->downsample, x);
        df_leave_all(c, m, (DfTensor *[]){ x, given }, 2);
    }
    if (net->style != CLASSIFICATION)
        return;
    x = df_mean_tokens(c, nn_layer_norm(c, &net->norm, x));
    out->logits = net->num_classes ? nn_linear(c, &net->head, x) : x;
}

static const char *const ignorable[] = {
    "*.relative_position_index_*", "*.valid_ind_rolled", "*.valid_ind_unfold_*", "norm.weight", "norm.bias", "head.weight", "head.bias", NULL
};

const DfBackbone df_backbone_focal = {
    .name = "FocalTransformer",
    .help = "Focal Transformer (Yang et al., NeurIPS 2021)",
    .size = sizeof(Focal),
    .opts = opts,
    .init = init,
    .forward = forward,
    .ignorable = ignorable,
};
