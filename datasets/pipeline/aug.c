/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/aug.c -- MultiScaleFlipAug: one view of a picture for each scale, plain and mirrored. With one
 * scale and flip=False it is mmdet's form of ordinary testing. pipeline.c makes the views.
 */
#include <string.h>

#include "datasets/pipeline/transform.h"

static const DfOpt opts[] = {
    DF_OPT_NODE(DfMultiScaleFlipAug, transforms, NULL, "list of transforms, applied to each view"),
    DF_OPT_NODE(DfMultiScaleFlipAug, img_scale, "None", "size (w, h) for Resize, in pixels, or a list of sizes"),
    DF_OPT_NODE(DfMultiScaleFlipAug, scale_factor, "None",
                "instead of img_scale: a factor for Resize, or a list of factors"),
    DF_OPT_NODE(DfMultiScaleFlipAug, img_ratios, "None",
                "mmseg: factors of img_scale, one or a list; if there is no img_scale, of the picture's size"),
    DF_OPT_BOOL(DfMultiScaleFlipAug, flip, False, "also make mirrored views"),
    DF_OPT_NODE(DfMultiScaleFlipAug, flip_direction, "'horizontal'",
                "direction of mirroring: 'horizontal', 'vertical' or 'diagonal', or a list of them"),
    DF_OPT_AS(DfMultiScaleFlipAug, flips, flips_cfg, DF_KIND_NODE, "None", 0, 0, NULL,
              "in place of flip, as TestTimeAug of later releases: the views of a scale in their order, 'none' or a "
              "direction each; scale_factor then rounds sides to the nearest pixel, and a scale may be left to Resize"),
    DF_OPT_END
};

static int read_factors(DfScales *out, const DfNode *node, DfArena *arena)
{
    const bool list = node->kind == DF_NODE_LIST;
    out->n = list ? node->n : 1;
    if (!(out->v = df_arena_alloc(arena, (size_t)out->n + 1, sizeof *out->v)))
        return df_fail_memory("scales");
    int i = 0;
    for (const DfNode *v = list ? node->first : node; v && i < out->n; v = v->next, i++) {
        if ((v->kind != DF_NODE_FLOAT && v->kind != DF_NODE_INT) || !(v->number > 0.0) || v->number > 1e4)
            return df_node_fail(v, DF_EVALUE, "want a positive factor, or a list of them");
        out->v[i] = (DfScale){ .kind = DF_SCALE_FACTOR, .factor = v->number };
    }
    return DF_OK;
}

/* mmseg: int(w * ratio) and int(h * ratio), before the aspect ratio is looked at. */
static int read_ratios(DfScales *out, const DfNode *dict, const DfMultiScaleFlipAug *aug, DfArena *arena)
{
    DfScales base;
    int error = df_read_sizes(&base, aug->img_scale, arena);
    if (error < 0 || (error = read_factors(out, aug->img_ratios, arena)) < 0)
        return error;
    if (base.n > 1)
        return df_node_fail(dict, DF_EVALUE, "img_ratios of %d scales: want one img_scale", base.n);
    for (int i = 0; base.n == 1 && i < out->n; i++) {
        DfScale *scale = &out->v[i];
        scale->kind = DF_SCALE_SIZE;
        for (int k = 0; k < 2; k++) {
            const double side = base.v->size[k] * scale->factor;
            if (!(side >= 1 && side < DF_IMAGE_MAX_SIDE + 1))
                return df_node_fail(dict, DF_EVALUE, "img_scale times %g is %g: want 1 to %d", scale->factor, side,
                                    DF_IMAGE_MAX_SIDE);
            scale->size[k] = (int)side;
        }
    }
    return DF_OK;
}

static int read_scales(DfScales *out, const DfNode *dict, const DfMultiScaleFlipAug *aug, DfArena *arena)
{
    if (aug->img_ratios)
        return read_ratios(out, dict, aug, arena);
    return aug->img_scale ? df_read_sizes(out, aug->img_scale, arena) : read_factors(out, aug->scale_factor, arena);
}

/* One that asks nothing of Resize. */
static int no_scale(DfScales *out, DfArena *arena)
{
    *out = (DfScales){ .n = 1, .v = df_arena_alloc(arena, 1, sizeof *out->v) };
    return out->v ? DF_OK : df_fail_memory("scales");
}

static int read_views(DfMultiScaleFlipAug *aug)
{
    const int most = (int)(sizeof aug->which / sizeof *aug->which);
    if (aug->flips_cfg->kind != DF_NODE_LIST || aug->flips_cfg->n < 1 || aug->flips_cfg->n > most)
        return df_node_fail(aug->flips_cfg, DF_EVALUE, "want a list of 1 to %d views", most);
    int error = DF_OK;
    for (const DfNode *v = aug->flips_cfg->first; v && error == DF_OK; v = v->next) {
        DfFlips flip = { 0 };
        const bool plain = strcmp(df_node_text(v, ""), "none") == 0;
        error = plain ? DF_OK : df_read_flips(&flip, v);
        if (error == DF_OK && !plain && flip.n != 1)
            error = df_node_fail(v, DF_EVALUE, "want 'none' or one direction");
        aug->which[aug->flips++] = plain ? DF_FLIP_NONE : flip.v[0];
    }
    for (int i = 0; i < aug->scales.n; i++)
        if (aug->scales.v[i].kind == DF_SCALE_FACTOR)
            aug->scales.v[i].kind = DF_SCALE_FACTOR_ROUNDED;
    return error;
}

static int read_flips(DfMultiScaleFlipAug *aug)
{
    DfFlips flips;
    if (aug->flips_cfg)
        return read_views(aug);
    aug->flips = 1;
    if (!aug->flip)
        return DF_OK;
    const int error = df_read_flips(&flips, aug->flip_direction);
    for (int i = 0; i < flips.n; i++)
        aug->which[aug->flips++] = flips.v[i];
    return error;
}

static int init(void *self, const DfNode *dict, DfReading *reading)
{
    DfMultiScaleFlipAug *aug = self;
    const bool none = !aug->img_scale && !aug->img_ratios && !aug->scale_factor && aug->flips_cfg;
    if (!none && (!aug->img_scale && !aug->img_ratios) == !aug->scale_factor)
        return df_node_fail(dict, DF_EVALUE, "want either img_scale or scale_factor");
    int error = none ? no_scale(&aug->scales, reading->arena) : read_scales(&aug->scales, dict, aug, reading->arena);
    if (error < 0 || (error = read_flips(aug)) < 0)
        return error;
    if (aug->scales.n < 1)
        return df_node_fail(dict, DF_EVALUE, "no scale: want one or more");
    return df_steps_read(&aug->steps, aug->transforms, reading);
}

const DfTransform df_transform_MultiScaleFlipAug = {
    .name = "MultiScaleFlipAug",
    .help = "makes one view of the picture for each scale, and mirrored ones on request",
    .opts = opts,
    .size = sizeof(DfMultiScaleFlipAug),
    .init = init,
};
