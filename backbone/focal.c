/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/focal.c -- Focal Transformer. Yang et al., "Focal Self-attention for Local-Global Interactions in Vision
 * Transformers", NeurIPS 2021.
 *
 * Swin's plan with another attention (section 3.2): a window attends to its own tokens, to those around it, and to maps
 * that get coarser with their distance. The map is pooled window by window (eq. 1), queries come from the finest map,
 * keys and values from all (eq. 2):
 *     z = softmax(Q [K_1 .. K_L]' / sqrt(D) + B) [V_1 .. V_L]                                            (eq. 3)
 *
 * Only the classification code was published. `detection` is its stages on an input of any size, with a norm on each
 * stage's map; `img_size` then only says where windows shrink, as in the classification form, because that decides the
 * size of tables.
 */
#include <stdio.h>

#include "backbone/focal_pool.h"
#include "backbone/transformer.h"

enum { DETECTION, CLASSIFICATION, DERIVED /* another name of detection */ };

/* A pooled map. At level k a window is cut into 2^k x 2^k pieces, and each becomes a token. */
typedef struct {
    FocalPool pool;
    DfTensor *table;   /* heads t^2, t = window + focal_window + 2^k - 2: of eq. 3's B */
} Level;

typedef struct {
    NnLayerNorm norm1, norm2;
    NnLinear qkv, proj;
    DfTensor *table;            /* (2w-1)^2 heads: the bias of the window's own tokens     */
    DfTensor *neighbors;        /* 1 heads w^2 n: of those around it; NULL if it has none  */
    DfTensor *scale1, *scale2;  /* layer scale; NULL without                               */
    Level levels[DF_FOCAL_LEVELS];
    DfFocalAttention attn;
    NnMlp mlp;
    float drop, drop_path;
} Block;

typedef struct {
    NnConv proj;
    NnLayerNorm norm;
    DfTensor *pre_weight, *pre_bias; /* of a GroupNorm with one group, before `proj`; NULL without */
} Embedding;

typedef struct {
    /* options */
    int frozen_stages, in_chans, num_classes, embed_dim, window_size, style, focal_pool, expand_layer;
    DfInts img_size, patch_size; /* a side, or height and width */
    DfInts depths, num_heads, focal_stages, focal_levels, focal_windows, expand_sizes, out_indices;
    double mlp_ratio, qk_scale, drop_rate, attn_drop_rate, drop_path_rate, layerscale_value;
    bool qkv_bias, ape, patch_norm, use_shift, use_conv_embed, use_layerscale, use_pre_norm, use_checkpoint;
    /* modules */
    Embedding embed;
    DfTensor *position;    /* absolute_pos_embed: 1 h*w C; NULL without ape */
    TransformerStage *stages; /* of Blocks and an Embedding                 */
    NnLayerNorm norm;      /* classification: before the head               */
    NnLinear head;
} Focal;

/* Of the first map for an image of img_size: the height (axis 0) or the width. */
static int map_side(const Focal *net, int axis)
{
    return df_transformer_side(net->img_size, axis) / df_transformer_side(net->patch_size, axis);
}

static bool is_frozen(const Focal *net, int stage)
{
    return net->style != CLASSIFICATION && df_transformer_is_frozen(net->frozen_stages, stage);
}

/* ---- forward: pooled maps ---------------------------------------------------------------------------------------- */

/* The map as windows see it: padded to whole ones, and rolled. */
static DfTensor *whole_windows(DfCtx *c, const DfFocalAttention *a, DfTensor *x)
{
    const int w = a->window;
    const int bottom = (w - df_dim(x, 1) % w) % w;
    const int right = (w - df_dim(x, 2) % w) % w;
    if (bottom || right)
        x = df_pad2d(c, x, (int[4]){ 0, bottom, 0, right }, 0);
    return a->shift ? df_roll2d(c, x, -a->shift, -a->shift) : x;
}

/* Level k of keys and values (eq. 2): a map of whole windows, trimmed around its centre to whole pieces, pooled and
 * projected. */
static DfTensor *coarser(DfCtx *c, const Block *b, DfTensor *x, int k)           /* B H W C -> B rows columns 3C */
{
    const DfMark m = df_enter(c, "pool_layers", k);
    const int H = df_dim(x, 1), W = df_dim(x, 2), side = b->levels[k].pool.side;
    const int rows = H / b->attn.window << k;
    const int columns = W / b->attn.window << k;
    const int spare_y = H - rows * side, top = spare_y / 2;
    const int spare_x = W - columns * side, left = spare_x / 2;
    if (spare_y || spare_x)
        x = df_pad2d(c, x, (int[4]){ -top, top - spare_y, -left, left - spare_x }, 0);
    x = df_focal_pool(c, &b->levels[k].pool, x);
    return df_leave(c, m, nn_linear(c, &b->qkv, x));
}

/* ---- forward: one block ------------------------------------------------------------------------------------------ */

/* x: B H W C, normalised -> B H W C */
static DfTensor *focal_attention(DfCtx *c, const Block *b, DfTensor *x, NnResidual r)
{
    const DfMark m = df_enter(c, "attn", -1);
    DfTensor *pooled[DF_FOCAL_LEVELS] = { NULL };
    DfTensor *tables[DF_FOCAL_LEVELS] = { NULL };
    DfTensor *whole = b->attn.levels ? whole_windows(c, &b->attn, x) : x;
    for (int k = 0; k < b->attn.levels; k++) {
        pooled[k] = coarser(c, b, whole, k);
        tables[k] = b->levels[k].table;
    }
    DfTensor *qkv = nn_linear(c, &b->qkv, x);                                    /* B H W 3C */
    x = df_focal_attention(c, qkv, b->qkv.bias, b->table, b->neighbors, pooled, tables, b->attn);
    r.drop = b->drop;
    return df_leave(c, m, nn_linear_add(c, &b->proj, x, r));
}

static DfTensor *mlp(DfCtx *c, const Block *b, DfTensor *x, NnResidual r)        /* B H W C, normalised -> B H W C */
{
    const DfMark m = df_enter(c, "mlp", -1);
    return df_leave(c, m, nn_mlp_add(c, &b->mlp, nn_layer_norm(c, &b->norm2, x), r));
}

static DfTensor *block(DfCtx *c, const void *self, DfTensor *x, int j)           /* B H W C -> B H W C */
{
    const Block *b = self;
    const DfMark m = df_enter(c, "blocks", j);
    DfTensor *y = nn_layer_norm(c, &b->norm1, x);
    x = focal_attention(c, b, y, (NnResidual){ .residual = x, .scale = b->scale1, .drop_path = b->drop_path });
    x = mlp(c, b, x, (NnResidual){ .residual = x, .scale = b->scale2, .drop_path = b->drop_path });
    return df_leave(c, m, x);
}

/* ---- forward: stages --------------------------------------------------------------------------------------------- */

static DfTensor *downsample(DfCtx *c, const void *self, DfTensor *x)             /* B H W C -> B H/2 W/2 2C */
{
    const Embedding *e = self;
    const DfMark m = df_enter(c, "downsample", -1);
    if (e->pre_weight)
        x = df_group_norm(c, x, 1, e->pre_weight, e->pre_bias, 1e-5f);
    x = nn_conv(c, &e->proj, x);
    return df_leave(c, m, nn_layer_norm(c, &e->norm, x));
}

/* Position embeddings are for img_size: on a map of another size they are resized, as in Swin's detection code. */
static DfTensor *add_position(DfCtx *c, const Focal *net, DfTensor *x)           /* B H W C -> B H W C */
{
    const DfShape map = DF_SHAPE(1, map_side(net, 0), map_side(net, 1), df_dim(x, 3));
    return df_transformer_add_position(c, x, df_reshape(c, net->position, map));
}

static DfTensor *embed(DfCtx *c, const Focal *net, DfTensor *image)              /* N H W 3 -> N H/4 W/4 C */
{
    const DfMark m = df_enter(c, "patch_embed", -1);
    DfTensor *x = nn_conv(c, &net->embed.proj, image);
    if (net->patch_norm)
        x = nn_layer_norm(c, &net->embed.norm, x);
    if (net->ape)
        x = add_position(c, net, x);
    return df_leave(c, m, is_frozen(net, 0) ? x : df_dropout(c, x, (float)net->drop_rate));
}

static void forward(DfCtx *c, const void *self, DfTensor *image, DfMaps *out)
{
    const Focal *net = self;
    const bool classifies = net->style == CLASSIFICATION;
    *out = (DfMaps){ 0 };
    if (classifies)
        df_transformer_check(c, image, df_transformer_side(net->img_size, 0), df_transformer_side(net->img_size, 1));
    DfTensor *x = embed(c, net, image);
    for (int i = 0; i < net->depths.n; i++)
        x = df_transformer_stage(c, &net->stages[i], i, x, out);
    if (classifies)
        out->logits = df_transformer_classify(c, &net->norm, &net->head, x);
}

/* ---- construction: one block ------------------------------------------------------------------------------------- */

static int smaller_side(const Focal *net, int stage) /* of the map of img_size */
{
    const int H = map_side(net, 0) >> stage;
    const int W = map_side(net, 1) >> stage;
    return H < W ? H : W;
}

/* expand_layer: "even" and "odd" name the blocks that do not look around their windows. */
static bool expands(const Focal *net, int j)
{
    enum { EVEN, ODD, ALL };
    return net->expand_layer == ALL || j % 2 != net->expand_layer;
}

/* A window at least as large as the map becomes the map: not shifted, nothing around it. */
static DfFocalAttention plan_attention(const Focal *net, int i, int j)
{
    const int side = smaller_side(net, i), levels = net->focal_levels.v[i];
    const bool shrinks = side <= net->window_size;
    const bool pools = df_ints_have(net->focal_stages, i) && net->focal_pool != FOCAL_POOL_NONE;
    DfFocalAttention a = {
        .window = shrinks ? side : net->window_size,
        .heads = net->num_heads.v[i],
        .focal_window = net->focal_windows.v[i],
        .scale = df_transformer_scale(net->qk_scale, net->embed_dim << i, net->num_heads.v[i]),
    };
    if (net->use_shift && j % 2 && !shrinks)
        a.shift = net->window_size / 2;
    if (expands(net, j) && levels > 0 && !shrinks)
        a.expand = net->expand_sizes.v[i];
    if (pools && levels > 1)
        a.levels = levels - 1;
    return a;
}

static void level_init(NnScope s, Block *b, const Focal *net, int k, int dim)
{
    const DfFocalAttention *a = &b->attn;
    const int side = a->window >> k;
    const int table = a->window + a->focal_window + (1 << k) - 2;
    Level *level = &b->levels[k];
    char name[64];
    if (side < 1) {
        nn_fail(s, DF_EVALUE, "focal_levels = %d: a window of %d tokens cannot be cut into %d pieces along a side",
                a->levels + 1, a->window, 1 << k);
        return;
    }
    df_focal_pool_init(nn_at(s, "pool_layers.%d", k), &level->pool, net->focal_pool, side, dim);
    snprintf(name, sizeof name, "relative_position_bias_table_to_windows.%d", k);
    const DfShape shape = DF_SHAPE(a->heads, table * table);
    level->table = nn_param(nn_at(s, "attn"), name, shape, NN_AS_IS, nn_truncated_normal(0.02));
}

static void attention_init(NnScope s, Block *b, const Focal *net, int dim)
{
    const DfFocalAttention *a = &b->attn;
    const int tokens = a->window * a->window;
    const int side = 2 * a->window - 1;
    const NnInit start = nn_truncated_normal(0.02);
    if (dim % a->heads || a->expand > a->window || a->focal_window % 2 == 0) {
        nn_fail(s, DF_EVALUE, "%d channels, num_heads = %d, expand_sizes = %d, focal_windows = %d: want heads that "
                "divide the channels, at most %d of expansion, and an odd focal window",
                dim, a->heads, a->expand, a->focal_window, a->window);
        return;
    }
    b->table = nn_param(s, "relative_position_bias_table", DF_SHAPE(side * side, a->heads), NN_AS_IS, start);
    if (a->expand) {
        const DfShape around = DF_SHAPE(1, a->heads, tokens, df_focal_neighbors(a->window, a->expand));
        b->neighbors = nn_param(s, "relative_position_bias_table_to_neighbors", around, NN_AS_IS, start);
    }
    df_transformer_linear_init(nn_at(s, "qkv"), &b->qkv, dim, 3 * dim, net->qkv_bias);
    df_transformer_linear_init(nn_at(s, "proj"), &b->proj, dim, dim, true);
}

static void drop_init(Block *b, const Focal *net, int i, int j)
{
    b->drop_path = df_transformer_drop_path(net->drop_path_rate, net->depths, i, j);
    b->attn.drop = (float)net->attn_drop_rate;
    b->drop = b->mlp.drop[0] = b->mlp.drop[1] = (float)net->drop_rate;
}

static void block_init(NnScope s, void *self, const void *focal, int i, int j)
{
    const Focal *net = focal;
    Block *b = self;
    const int dim = net->embed_dim << i;
    b->attn = plan_attention(net, i, j);
    attention_init(nn_at(s, "attn"), b, net, dim);
    for (int k = 0; nn_ok(s) && k < b->attn.levels; k++)
        level_init(s, b, net, k, dim);
    nn_layer_norm_init(nn_at(s, "norm1"), &b->norm1, dim, 1e-5);
    nn_layer_norm_init(nn_at(s, "norm2"), &b->norm2, dim, 1e-5);
    df_transformer_mlp_init(nn_at(s, "mlp"), &b->mlp, dim, (int)(dim * net->mlp_ratio), 0);
    if (!is_frozen(net, i))
        drop_init(b, net, i, j);
    if (!net->use_layerscale)
        return;
    b->scale1 = nn_param(s, "gamma_1", DF_SHAPE(dim), NN_AS_IS, nn_constant(net->layerscale_value));
    b->scale2 = nn_param(s, "gamma_2", DF_SHAPE(dim), NN_AS_IS, nn_constant(net->layerscale_value));
}

/* ---- construction: stages ---------------------------------------------------------------------------------------- */

static void downsample_init(NnScope s, void *self, const void *focal, int i)
{
    const Focal *net = focal;
    Embedding *e = self;
    const int dim = net->embed_dim << i;
    NnConvShape shape = { .kernel = 2, .stride = 2 };
    if (net->use_conv_embed) {
        shape.kernel = 3;
        shape.padding = 1;
    }
    nn_conv_init(nn_at(s, "proj"), &e->proj, dim, 2 * dim, shape);
    if (net->use_pre_norm) {
        e->pre_weight = nn_param(nn_at(s, "pre_norm"), "weight", DF_SHAPE(dim), NN_AS_IS, nn_constant(1));
        nn_last(s)->role = NN_OF_NORM;
        e->pre_bias = nn_param(nn_at(s, "pre_norm"), "bias", DF_SHAPE(dim), NN_AS_IS, nn_constant(0));
        nn_last(s)->role = NN_OF_NORM;
    }
    nn_layer_norm_init(nn_at(s, "norm"), &e->norm, 2 * dim, 1e-5);
}

static const TransformerParts parts = {
    .block_size = sizeof(Block),
    .block_init = block_init,
    .block = block,
    .downsample_size = sizeof(Embedding),
    .downsample_init = downsample_init,
    .downsample = downsample,
};

static void stage_init(NnScope s, Focal *net, int i)
{
    TransformerStage *stage = &net->stages[i];
    const bool detects = net->style != CLASSIFICATION;
    stage->checkpoints = net->use_checkpoint;
    stage->frozen = is_frozen(net, i);
    df_transformer_stage_init(nn_at(s, "layers.%d", i), stage, &parts, net, net->depths, i);
    if (detects && df_ints_have(net->out_indices, i))
        df_transformer_output_init(s, &stage->norm, i, net->embed_dim << i);
}

static void embed_init(NnScope s, Focal *net)
{
    const DfInts patch = net->patch_size;
    NnConvShape patches = { .patch = { df_transformer_side(patch, 0), df_transformer_side(patch, 1) } };
    if (net->use_conv_embed)
        patches = (NnConvShape){ .kernel = 7, .stride = 4, .padding = 2 };
    nn_conv_init(nn_at(s, "patch_embed.proj"), &net->embed.proj, net->in_chans, net->embed_dim, patches);
    if (net->patch_norm)
        nn_layer_norm_init(nn_at(s, "patch_embed.norm"), &net->embed.norm, net->embed_dim, 1e-5);
    if (!net->ape)
        return;
    const DfShape table = DF_SHAPE(1, map_side(net, 0) * map_side(net, 1), net->embed_dim);
    net->position = nn_param(s, "absolute_pos_embed", table, NN_AS_IS, nn_truncated_normal(0.02));
}

static bool lists_fit(const Focal *net)
{
    const int n = net->depths.n;
    if (n < 1 || n > DF_LEVELS || net->num_heads.n != n)
        return false;
    return net->focal_levels.n >= n && net->focal_windows.n >= n && net->expand_sizes.n >= n;
}

static bool options_fit(NnScope s, const Focal *net)
{
    const int n = net->depths.n;
    if (!lists_fit(net))
        nn_fail(s, DF_EVALUE, "depths has %d stages, num_heads %d, focal_levels %d, focal_windows %d, expand_sizes %d: "
                "want the same number, 1 to %d",
                n, net->num_heads.n, net->focal_levels.n, net->focal_windows.n, net->expand_sizes.n, DF_LEVELS);
    else if (df_transformer_pair_fits(s, "img_size", net->img_size)
             && df_transformer_pair_fits(s, "patch_size", net->patch_size) && smaller_side(net, n - 1) < 1)
        nn_fail(s, DF_EVALUE, "img_size = %d: too small for %d stages", df_transformer_side(net->img_size, 0), n);
    return nn_ok(s);
}

static void init(NnScope s, void *self)
{
    Focal *net = self;
    if (!options_fit(s, net))
        return;
    const int n = net->depths.n;
    const int last = net->embed_dim << (n - 1);
    embed_init(s, net);
    net->stages = nn_alloc(s, (size_t)n, sizeof *net->stages);
    for (int i = 0; nn_ok(s) && i < n; i++)
        stage_init(s, net, i);
    if (net->style != CLASSIFICATION) {
        df_transformer_freeze(s, net->frozen_stages);
        return;
    }
    nn_layer_norm_init(nn_at(s, "norm"), &net->norm, last, 1e-5);
    if (net->num_classes)
        df_transformer_linear_init(nn_at(s, "head"), &net->head, last, net->num_classes, true);
}

/* ---- the record -------------------------------------------------------------------------------------------------- */

static const DfOpt opts[] = {
    WINDOW_OPTIONS(Focal, 0.1),
    DF_OPT_FLOAT(Focal, qk_scale, None, 0, 1e6,
                 "factor of the attention scores; None or 0: 1 / sqrt(channels of a head)"),
    DF_OPT_INTS(Focal, img_size, "[224]", 4, 65536,
                "side of the image that tables are made for, or its height and width, in pixels"),
    DF_OPT_BOOL(Focal, use_shift, False, "every other block shifts its windows, as in Swin"),
    DF_OPT_INTS(Focal, focal_stages, "[0, 1, 2, 3]", 0, 7, "stages that attend to pooled maps, counted from 0"),
    DF_OPT_INTS(Focal, focal_levels, "[1, 1, 1, 1]", 0, 1 + DF_FOCAL_LEVELS,
                "number of maps that each stage attends to, its own included"),
    DF_OPT_INTS(Focal, focal_windows, "[7, 5, 3, 1]", 1, 63,
                "side of the region seen on pooled maps, in their cells; odd"),
    DF_OPT_ENUM(Focal, focal_pool, fc, "none|fc|conv|mean|max",
                "how a window is pooled: not at all, by learned weights, or by mean or maximum"),
    DF_OPT_INTS(Focal, expand_sizes, "[3, 3, 3, 3]", 0, 63,
                "margin of tokens around a window that it attends to"),
    DF_OPT_ENUM(Focal, expand_layer, all, "even|odd|all",
                "even or odd: these blocks see only their windows; all: every block sees around them"),
    DF_OPT_BOOL(Focal, use_conv_embed, False,
                "patches overlap: 7x7 and 3x3 convolutions in the stem and between stages"),
    DF_OPT_BOOL(Focal, use_layerscale, False, "scale the channels of both halves of a block (layer scale)"),
    DF_OPT_FLOAT(Focal, layerscale_value, 1e-4, -1e6, 1e6, "starting value of the layer scale"),
    DF_OPT_BOOL(Focal, use_pre_norm, False, "a GroupNorm before the convolutions between stages"),
    DF_OPT_ENUM(Focal, style, detection, "detection|classification|detection (derived)",
                "detection: maps, for images of any size; classification: logits, for images of one size"),
    DF_OPT_UNUSED(expand_stages, "has no effect in the official code"),
    DF_OPT_END
};

static const char *const ignorable[] = {
    "*.relative_position_index_*",
    "*.valid_ind_rolled",
    "*.valid_ind_unfold_*",
    "norm.weight",
    "norm.bias",
    "head.weight",
    "head.bias",
    NULL
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
