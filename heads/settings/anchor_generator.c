/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/settings/anchor_generator.c -- mmdet's AnchorGenerator.
 */
#include "heads/settings/settings.h"

#include <math.h>
#include <stdio.h>

typedef struct {
    const DfNode *strides;
    DfFloats ratios, scales, base_sizes;
    double octave_base_scale, center_offset;
    int scales_per_octave;
    bool scale_major, rounded, fit_strides;
    const DfNode *centers, *sizes;
} AnchorConfig;

static const DfOpt anchor_opts[] = {
    DF_OPT_NODE(AnchorConfig, strides, NULL,
                "stride of each level, in pixels of the network's input: a number or (w, h)"),
    DF_OPT_FLOATS(AnchorConfig, ratios, NULL, 1e-6, 1e6, "height over width of each anchor"),
    DF_OPT_FLOATS(AnchorConfig, scales, "None", 1e-6, 1e6,
                  "sizes of the anchors, in strides; instead of octave_base_scale and scales_per_octave"),
    DF_OPT_FLOATS(AnchorConfig, base_sizes, "None", 1e-6, 1e6,
                  "unit of the scales for each level, in pixels; None: the stride"),
    DF_OPT_NODE(AnchorConfig, sizes, "None",
                "torchvision's anchors: sizes of each level, in pixels, in place of scales and base_sizes"),
    DF_OPT_BOOL(AnchorConfig, rounded, False, "half of each side is rounded to whole pixels, as in torchvision"),
    DF_OPT_BOOL(AnchorConfig, fit_strides, False,
                "a level's stride is the padded picture's side over the map's, rounded down, as in torchvision"),
    DF_OPT_BOOL(AnchorConfig, scale_major, True, "order of a cell's anchors: all scales of a ratio stand together"),
    DF_OPT_FLOAT(AnchorConfig, octave_base_scale, None, 1e-6, 1e6, "size of the smallest anchor, in strides"),
    DF_OPT_INT(AnchorConfig, scales_per_octave, 0, 0, 1000,
               "sizes between octave_base_scale and its double, at equal factors"),
    DF_OPT_NODE(AnchorConfig, centers, "None",
                "centre (x, y) of the anchors of each level's first cell, in pixels; None: from center_offset"),
    DF_OPT_FLOAT(AnchorConfig, center_offset, 0.0, 0, 1,
                 "centre of the anchors within their cell, in strides: 0 is its corner, 0.5 its middle"),
    DF_OPT_END
};

/* The width of a stride (which 0) or its height (1); one number stands for both. */
static int pair_of(const DfNode *node, int which)
{
    if (node->kind != DF_NODE_LIST)
        return (int)df_node_int(node, 0);
    const DfNode *item = node->first;
    if (which && item)
        item = item->next;
    return (int)df_node_int(item, 0);
}

static void anchors_done(void *anchors)
{
    df_anchors_done(anchors);
}

/* Strides and centres of the levels, as arrays. Returns how many levels there are. */
static int read_levels(const AnchorConfig *g, int *strides_w, int *strides_h, double *centers)
{
    int n = 0;
    for (const DfNode *item = g->strides->first; item && n < DF_LEVELS; item = item->next, n++) {
        strides_w[n] = pair_of(item, 0);
        strides_h[n] = pair_of(item, 1);
    }
    for (int i = 0; g->centers && i < 2 * n; i++) {
        char path[32];
        snprintf(path, sizeof path, "%d.%d", i / 2, i % 2);
        centers[i] = df_node_number(df_node_at(g->centers, path), 0);
    }
    return n;
}

/* The numbers of each level; NULL if there are none, or after a failure. */
static const DfFloats *read_sizes(NnScope s, const AnchorConfig *g, int levels)
{
    if (!g->sizes)
        return NULL;
    DfFloats *sizes = nn_alloc(s, (size_t)levels, sizeof *sizes);
    const DfNode *item = g->sizes->first;
    if (g->sizes->kind != DF_NODE_LIST || g->sizes->n != levels)
        nn_fail(s, DF_EVALUE, "anchor_generator: sizes has %d entries: want a list for each of %d strides", g->sizes->n,
                levels);
    for (int i = 0; nn_ok(s) && i < levels; i++, item = item->next) {
        const int n = item->kind == DF_NODE_LIST ? item->n : 0;
        double *v = nn_alloc(s, (size_t)n, sizeof *v);
        const DfNode *number = item->first;
        for (int k = 0; v && k < n; k++, number = number->next)
            v[k] = df_node_number(number, 0);
        sizes[i] = (DfFloats){ .n = v ? n : 0, .v = v };
    }
    return nn_ok(s) ? sizes : NULL;
}

void df_head_anchors(NnScope s, DfAnchors *anchors, const DfNode *dict)
{
    AnchorConfig g = { 0 };
    if (!df_head_type(nn_at(s, "anchor_generator"), dict, "AnchorGenerator"))
        return;
    if (!nn_configure(s, dict, anchor_opts, &g, "AnchorGenerator"))
        return;
    int strides_w[DF_LEVELS], strides_h[DF_LEVELS];
    double centers[2 * DF_LEVELS]; /* x y of each level */
    const int n = read_levels(&g, strides_w, strides_h, centers);
    const DfFloats *sizes = read_sizes(s, &g, n);
    if (!nn_ok(s))
        return;
    const DfAnchorOptions options = {
        .levels = n,
        .strides_w = strides_w,
        .strides_h = strides_h,
        .ratios = g.ratios,
        .scales = g.scales,
        .octave_base_scale = isnan(g.octave_base_scale) ? 0 : g.octave_base_scale,
        .scales_per_octave = g.scales_per_octave,
        .base_sizes = g.base_sizes,
        .scale_major = g.scale_major,
        .centers = g.centers ? centers : NULL,
        .center_offset = g.center_offset,
        .sizes = sizes,
        .rounded = g.rounded,
        .fit_strides = g.fit_strides,
    };
    const int error = df_anchors_init(anchors, &options);
    if (error < 0)
        nn_fail(s, error, "anchor_generator: %s", df_error());
    else
        nn_at_end(s, anchors_done, anchors);
}
