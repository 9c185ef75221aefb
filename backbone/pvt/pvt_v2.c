/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/pvt/pvt_v2.c -- PVT v2. Wang et al., "PVT v2: Improved Baselines with Pyramid Vision Transformer",
 * Computational Visual Media 2022: patches overlap (section 3.3), the MLP has a depthwise convolution in place of
 * position embeddings (section 3.4: block.c), and `linear` attention pools (section 3.2: attention.c).
 *
 * Unlike in v1 the norm of a stage is part of it: the next stage reads the normalised map.
 */
#include "backbone/pvt/block.h"
#include "backbone/transformer.h"

typedef struct {
    NnConv proj;
    NnLayerNorm embed_norm, norm;
    PvtBlock *blocks;
} Stage;

typedef struct {
    PvtOptions o;        /* first: option tables are of a PvtOptions */
    Stage stages[PVT_STAGES];
    NnLinear head;
} Pvt;

/* ---- forward ----------------------------------------------------------------------------------------------------- */

/* Overlapping patches (section 3.3): 7x7 pixels with stride 4 in stage 0, then 3x3 tokens with stride 2. */
static DfTensor *embed(DfCtx *c, const Stage *stage, int i, DfTensor *x)         /* B H W C' -> B H/2 W/2 C */
{
    const DfMark m = df_enter(c, df_pvt_patches_name(i), -1);
    x = nn_conv(c, &stage->proj, x);
    return df_leave(c, m, nn_layer_norm(c, &stage->embed_norm, x));
}

static DfTensor *run_stage(DfCtx *c, const Pvt *pvt, int i, DfTensor *x)
{
    const Stage *stage = &pvt->stages[i];
    const DfMark m = df_enter(c, NULL, -1);
    x = embed(c, stage, i, x);
    x = df_pvt_blocks(c, stage->blocks, &pvt->o, i, x);
    return df_leave(c, m, nn_layer_norm(c, &stage->norm, x));
}

static void forward(DfCtx *c, const void *self, DfTensor *image, DfMaps *out)
{
    const Pvt *pvt = self;
    const bool classifies = pvt->o.style == PVT_CLASSIFICATION;
    *out = (DfMaps){ 0 };
    DfTensor *x = image;
    for (int i = 0; i < pvt->o.num_stages; i++) {
        x = run_stage(c, pvt, i, x);
        if (!classifies)
            out->map[out->n++] = x;
    }
    if (!classifies)
        return;
    x = df_mean_tokens(c, x);                                                    /* B C */
    out->logits = pvt->head.weight ? nn_linear(c, &pvt->head, x) : x;
}

/* ---- construction ------------------------------------------------------------------------------------------------ */

static void stage_init(NnScope s, Stage *stage, const PvtOptions *o, int i)
{
    const int dim = o->embed_dims.v[i];
    const int in = i ? o->embed_dims.v[i - 1] : o->in_chans;
    NnConvShape patches = { .kernel = 7, .stride = 4, .padding = 3 };
    if (i)
        patches = (NnConvShape){ .kernel = 3, .stride = 2, .padding = 1 };
    df_pvt_conv_init(nn_at(s, "patch_embed%d.proj", i + 1), &stage->proj, in, dim, patches);
    nn_layer_norm_init(nn_at(s, "patch_embed%d.norm", i + 1), &stage->embed_norm, dim, df_pvt_other_eps(o));
    stage->blocks = df_pvt_blocks_init(s, o, PVT_CONV_MLP, i);
    nn_layer_norm_init(nn_at(s, "norm%d", i + 1), &stage->norm, dim, df_pvt_norm_eps(o));
}

static void init(NnScope s, void *self)
{
    Pvt *pvt = self;
    const PvtOptions *o = &pvt->o;
    if (!df_pvt_options_fit(s, o))
        return;
    const int last = o->embed_dims.v[o->num_stages - 1];
    for (int i = 0; nn_ok(s) && i < o->num_stages; i++)
        stage_init(s, &pvt->stages[i], o, i);
    if (o->style == PVT_CLASSIFICATION && o->num_classes)
        df_transformer_linear_init(nn_at(s, "head"), &pvt->head, last, o->num_classes, true);
}

/* ---- the records ------------------------------------------------------------------------------------------------- */

#define OPTIONS(bias, norm, is_linear, dims, heads, ratios, blocks) \
    PVT_SIZES(PvtOptions, dims, heads, ratios, blocks), \
    PVT_COMMON(PvtOptions, bias, norm), \
    DF_OPT_BOOL(PvtOptions, linear, is_linear, "keys come from the map pooled to 7x7 (linear attention)"), \
    DF_OPT_UNUSED(patch_size, "size of patches; the official code ignores it and uses 7, then 3"),         \
    DF_OPT_END
#define NAMED(dims, ratios, blocks, is_linear) \
    { PVT_LEFTOVERS, OPTIONS(True, PVT_EPS6, is_linear, dims, "[1, 2, 5, 8]", ratios, blocks) }
#define WIDE "[64, 128, 320, 512]"

static const DfOpt opts[] = {
    OPTIONS(False, "None", False, "[64, 128, 256, 512]", "[1, 2, 4, 8]", "[4, 4, 4, 4]", "[3, 4, 6, 3]")
};
static const DfOpt b0_opts[] = NAMED("[32, 64, 160, 256]", "[8, 8, 4, 4]", "[2, 2, 2, 2]", False);
static const DfOpt b1_opts[] = NAMED(WIDE, "[8, 8, 4, 4]", "[2, 2, 2, 2]", False);
static const DfOpt b2_opts[] = NAMED(WIDE, "[8, 8, 4, 4]", "[3, 4, 6, 3]", False);
static const DfOpt b2_li_opts[] = NAMED(WIDE, "[8, 8, 4, 4]", "[3, 4, 6, 3]", True);
static const DfOpt b3_opts[] = NAMED(WIDE, "[8, 8, 4, 4]", "[3, 4, 18, 3]", False);
static const DfOpt b4_opts[] = NAMED(WIDE, "[8, 8, 4, 4]", "[3, 8, 27, 3]", False);
static const DfOpt b5_opts[] = NAMED(WIDE, "[4, 4, 4, 4]", "[3, 6, 40, 3]", False);

static const char *const ignorable[] = { "head.weight", "head.bias", NULL };

DF_BACKBONE(pvt_v2, "PyramidVisionTransformerV2", "PVT v2 (Wang et al., CVM 2022)", Pvt, opts);
DF_BACKBONE(pvt_v2_b0, "pvt_v2_b0", "PVT v2-B0, the official configs' name", Pvt, b0_opts);
DF_BACKBONE(pvt_v2_b1, "pvt_v2_b1", "PVT v2-B1, the official configs' name", Pvt, b1_opts);
DF_BACKBONE(pvt_v2_b2, "pvt_v2_b2", "PVT v2-B2, the official configs' name", Pvt, b2_opts);
DF_BACKBONE(pvt_v2_b2_li, "pvt_v2_b2_li", "PVT v2-B2-Linear, the official configs' name", Pvt, b2_li_opts);
DF_BACKBONE(pvt_v2_b3, "pvt_v2_b3", "PVT v2-B3, the official configs' name", Pvt, b3_opts);
DF_BACKBONE(pvt_v2_b4, "pvt_v2_b4", "PVT v2-B4, the official configs' name", Pvt, b4_opts);
DF_BACKBONE(pvt_v2_b5, "pvt_v2_b5", "PVT v2-B5, the official configs' name", Pvt, b5_opts);
