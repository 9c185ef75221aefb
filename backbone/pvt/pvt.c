/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/pvt/pvt.c -- Pyramid Vision Transformer. Wang et al., "Pyramid Vision Transformer: A Versatile Backbone for
 * Dense Prediction without Convolutions", ICCV 2021.
 *
 * Four stages (section 3.1): the map is cut into patches, a learned position is added to each, and transformer blocks
 * follow, whose attention reads keys and values from a smaller map (attention.c).
 *
 * `detection` gives the map of every stage, without a norm; `classification` adds a class token in the last stage.
 * Position embeddings are resized to the map, but not where it has as many tokens as the first table: the official code
 * then takes the table as it is, whatever the map's sides.
 */
#include "backbone/pvt/block.h"
#include "backbone/transformer.h"

typedef struct {
    NnConv proj;
    NnLayerNorm norm;
    DfTensor *position;  /* 1 h*w C; the class token's first in the last stage       */
    int h, w;            /* of the map that `position` is for, in tokens             */
    PvtBlock *blocks;
} Stage;

typedef struct {
    PvtOptions o;        /* first: option tables are of a PvtOptions */
    Stage stages[PVT_STAGES];
    DfTensor *cls_token; /* 1 1 C; NULL in detection                 */
    NnLayerNorm norm;
    NnLinear head;
} Pvt;

static bool is_last(const PvtOptions *o, int i)
{
    return i == o->num_stages - 1;
}

/* ---- forward: patches and their positions ------------------------------------------------------------------------ */

/* The table of stage i for a map of H x W. */
static DfTensor *position(DfCtx *c, const Pvt *pvt, int i, int H, int W)         /* -> 1 H W C */
{
    const Stage *stage = &pvt->stages[i];
    const int first = pvt->stages[0].h * pvt->stages[0].w;
    const int C = df_dim(stage->position, 2);
    DfTensor *table = stage->position;
    if (is_last(&pvt->o, i))
        table = df_slice(c, table, 1, 1, stage->h * stage->w);                   /* without the class token's */
    if (H * W == first && H * W == stage->h * stage->w)
        return df_reshape(c, table, DF_SHAPE(1, H, W, C));
    table = df_reshape(c, table, DF_SHAPE(1, stage->h, stage->w, C));
    return df_interpolate(c, table, H, W, DF_BILINEAR, false);
}

/* Patches of 2 x 2 tokens, of patch_size pixels in stage 0. */
static DfTensor *embed(DfCtx *c, const Pvt *pvt, int i, DfTensor *x)             /* B H W C' -> B H/2 W/2 C */
{
    const DfMark m = df_enter(c, df_pvt_patches_name(i), -1);
    x = nn_layer_norm(c, &pvt->stages[i].norm, nn_conv(c, &pvt->stages[i].proj, x));
    const int H = df_dim(x, 1), W = df_dim(x, 2);
    DfTensor *places = df_reshape(c, position(c, pvt, i, H, W), DF_SHAPE(H, W, -1));
    return df_leave(c, m, df_add(c, x, places));
}

/* The class token, with its place in the table, before all others: a map of one row. */
static DfTensor *with_class_token(DfCtx *c, const Pvt *pvt, DfTensor *x)         /* B H W C -> B 1 H*W+1 C */
{
    const int B = df_dim(x, 0), C = df_dim(x, 3), last = pvt->o.num_stages - 1;
    DfTensor *place = df_slice(c, pvt->stages[last].position, 1, 0, 1);          /* 1 1 C */
    DfTensor *token = df_reshape(c, df_add(c, pvt->cls_token, place), DF_SHAPE(1, C));
    DfTensor *tokens = df_reshape(c, x, DF_SHAPE(B, -1, C));                     /* B H*W C */
    token = df_add(c, df_zeros(c, DF_SHAPE(B, 1, C)), token);                    /* B 1 C: the same for all */
    tokens = df_concat(c, (DfTensor *[]){ token, tokens }, 2, 1);
    return df_reshape(c, tokens, DF_SHAPE(B, 1, -1, C));
}

/* ---- forward: blocks and stages ---------------------------------------------------------------------------------- */

static DfTensor *run_stage(DfCtx *c, const Pvt *pvt, int i, DfTensor *x)
{
    const DfMark m = df_enter(c, NULL, -1);
    x = embed(c, pvt, i, x);
    if (pvt->cls_token && is_last(&pvt->o, i))
        x = with_class_token(c, pvt, x);
    x = df_dropout(c, x, (float)pvt->o.drop_rate);
    x = df_pvt_blocks(c, pvt->stages[i].blocks, &pvt->o, i, x);
    return df_leave(c, m, x);
}

static DfTensor *classify(DfCtx *c, const Pvt *pvt, DfTensor *x)                 /* B 1 H*W+1 C -> B classes */
{
    const int B = df_dim(x, 0), C = df_dim(x, 3);
    x = df_reshape(c, df_slice(c, x, 2, 0, 1), DF_SHAPE(B, C));                  /* the class token */
    x = nn_layer_norm(c, &pvt->norm, x);
    return pvt->head.weight ? nn_linear(c, &pvt->head, x) : x;
}

static void forward(DfCtx *c, const void *self, DfTensor *image, DfMaps *out)
{
    const Pvt *pvt = self;
    const PvtOptions *o = &pvt->o;
    const bool classifies = o->style == PVT_CLASSIFICATION;
    *out = (DfMaps){ 0 };
    DfTensor *x = image;
    for (int i = 0; i < o->num_stages; i++) {
        x = run_stage(c, pvt, i, x);
        if (!classifies && (!o->F4 || is_last(o, i)))
            out->map[out->n++] = x;
    }
    if (classifies)
        out->logits = classify(c, pvt, x);
}

/* ---- construction ------------------------------------------------------------------------------------------------ */

/* Tokens along a side of the map of stage i for an image of img_size: patches of `patch_size`, then of 2. Axis 0 is the
 * height. */
static int side_of_stage(const PvtOptions *o, int i, int axis)
{
    return i ? (o->img_size >> (i + 1)) / 2 : o->img_size / df_transformer_side(o->patch_size, axis);
}

static void stage_init(NnScope s, Stage *stage, const PvtOptions *o, int i)
{
    static const char *const names[PVT_STAGES] = { "pos_embed1", "pos_embed2", "pos_embed3", "pos_embed4" };
    const int dim = o->embed_dims.v[i];
    const int in = i ? o->embed_dims.v[i - 1] : o->in_chans;
    const int h = i ? 2 : df_transformer_side(o->patch_size, 0);
    const int w = i ? 2 : df_transformer_side(o->patch_size, 1);
    const NnConvShape patch = { .patch = { h, w } };
    const NnScope embed = nn_at(s, "patch_embed%d", i + 1);
    nn_conv_init(nn_at(embed, "proj"), &stage->proj, in, dim, patch);
    nn_layer_norm_init(nn_at(embed, "norm"), &stage->norm, dim, df_pvt_other_eps(o));
    stage->h = side_of_stage(o, i, 0);
    stage->w = side_of_stage(o, i, 1);
    const int tokens = stage->h * stage->w + is_last(o, i);
    stage->position = nn_param(s, names[i], DF_SHAPE(1, tokens, dim), NN_AS_IS, nn_truncated_normal(0.02));
    stage->blocks = df_pvt_blocks_init(s, o, PVT_MLP, i);
}

static void classifier_init(NnScope s, Pvt *pvt)
{
    const PvtOptions *o = &pvt->o;
    const int last = o->num_stages - 1, dim = o->embed_dims.v[last];
    if (o->sr_ratios.v[last] > 1)
        nn_fail(s, DF_EVALUE, "sr_ratios ends with %d: want 1, the last stage has a class token", o->sr_ratios.v[last]);
    pvt->cls_token = nn_param(s, "cls_token", DF_SHAPE(1, 1, dim), NN_AS_IS, nn_truncated_normal(0.02));
    nn_layer_norm_init(nn_at(s, "norm"), &pvt->norm, dim, df_pvt_norm_eps(o));
    if (o->num_classes)
        df_transformer_linear_init(nn_at(s, "head"), &pvt->head, dim, o->num_classes, true);
}

static void init(NnScope s, void *self)
{
    Pvt *pvt = self;
    const PvtOptions *o = &pvt->o;
    if (!df_pvt_options_fit(s, o) || !df_transformer_pair_fits(s, "patch_size", o->patch_size))
        return;
    for (int i = 0; nn_ok(s) && i < o->num_stages; i++)
        stage_init(s, &pvt->stages[i], o, i);
    if (o->style == PVT_CLASSIFICATION)
        classifier_init(s, pvt);
}

/* ---- the records ------------------------------------------------------------------------------------------------- */

#define OPTIONS(patch, bias, norm, last_only, dims, heads, ratios, blocks) \
    PVT_SIZES(PvtOptions, dims, heads, ratios, blocks), \
    PVT_COMMON(PvtOptions, bias, norm), \
    DF_OPT_INTS(PvtOptions, patch_size, patch, 1, 64, "side of a patch, or its height and width, in pixels"), \
    DF_OPT_BOOL(PvtOptions, F4, last_only, "detection: output only the last map"),                            \
    DF_OPT_END
#define DIMS "[64, 128, 320, 512]"
#define NAMED_AS(last_only, blocks) \
    { PVT_LEFTOVERS, OPTIONS("[4]", True, PVT_EPS6, last_only, DIMS, "[1, 2, 5, 8]", "[8, 8, 4, 4]", blocks) }
#define NAMED(blocks) NAMED_AS(False, blocks)

static const DfOpt opts[] = {
    OPTIONS("[16]", False, "None", False, "[64, 128, 256, 512]", "[1, 2, 4, 8]", "[4, 4, 4, 4]", "[3, 4, 6, 3]")
};
static const DfOpt tiny_opts[] = NAMED("[2, 2, 2, 2]");
static const DfOpt small_opts[] = NAMED("[3, 4, 6, 3]");
static const DfOpt small_f4_opts[] = NAMED_AS(True, "[3, 4, 6, 3]");
static const DfOpt medium_opts[] = NAMED("[3, 4, 18, 3]");
static const DfOpt large_opts[] = NAMED("[3, 8, 27, 3]");
static const DfOpt huge_opts[] = {
    PVT_LEFTOVERS, OPTIONS("[4]", True, PVT_EPS6, False, "[128, 256, 512, 768]", "[2, 4, 8, 12]", "[8, 8, 4, 4]",
                           "[3, 10, 60, 3]")
};

static const char *const ignorable[] = { "cls_token", "norm.weight", "norm.bias", "head.weight", "head.bias", NULL };

DF_BACKBONE(pvt, "PyramidVisionTransformer", "Pyramid Vision Transformer (Wang et al., ICCV 2021)", Pvt, opts);
DF_BACKBONE(pvt_tiny, "pvt_tiny", "PVT-Tiny, the official configs' name", Pvt, tiny_opts);
DF_BACKBONE(pvt_small, "pvt_small", "PVT-Small, the official configs' name", Pvt, small_opts);
DF_BACKBONE(pvt_small_f4, "pvt_small_f4", "PVT-Small with its last map alone, the official configs' name", Pvt,
            small_f4_opts);
DF_BACKBONE(pvt_medium, "pvt_medium", "PVT-Medium, the official configs' name", Pvt, medium_opts);
DF_BACKBONE(pvt_large, "pvt_large", "PVT-Large, the official configs' name", Pvt, large_opts);
DF_BACKBONE(pvt_huge_v2, "pvt_huge_v2", "a wider and deeper PVT, of the first version, the official code's name", Pvt,
            huge_opts);
