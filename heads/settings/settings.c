/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/settings/settings.c -- the dicts that several heads have: anchors, box coder, non-maximum suppression.
 */
#include "heads/settings/settings.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool df_head_type(NnScope s, const DfNode *dict, const char *wanted)
{
    const char *type = df_node_text(df_node_get(dict, "type"), "none");
    if (strcmp(type, wanted) == 0)
        return true;
    nn_fail(s, DF_EVALUE, "has type '%s': only %s is built in", type, wanted);
    return false;
}

/* ---- AnchorGenerator --------------------------------------------------------------------------------------------- */

typedef struct {
    const DfNode *strides;
    DfFloats ratios, scales, base_sizes;
    double octave_base_scale, center_offset;
    int scales_per_octave;
    bool scale_major;
    const DfNode *centers;
} AnchorConfig;

static const DfOpt anchor_opts[] = {
    DF_OPT_NODE(AnchorConfig, strides, NULL, "cell side of each level, in pixels: a number or (w, h)"),
    DF_OPT_FLOATS(AnchorConfig, ratios, NULL, 1e-6, 1e6, "height over width"),
    DF_OPT_FLOATS(AnchorConfig, scales, "None", 1e-6, 1e6, "sides in strides; or the octave pair"),
    DF_OPT_FLOATS(AnchorConfig, base_sizes, "None", 1e-6, 1e6, "replaces the stride as the unit of scales"),
    DF_OPT_BOOL(AnchorConfig, scale_major, True, "ratios vary slowest"),
    DF_OPT_FLOAT(AnchorConfig, octave_base_scale, None, 1e-6, 1e6, "scale of the first anchor of an octave"),
    DF_OPT_INT(AnchorConfig, scales_per_octave, 0, 0, 1000, "anchors in an octave of scales"),
    DF_OPT_NODE(AnchorConfig, centers, "None", "centres of the anchors of each level's first cell"),
    DF_OPT_FLOAT(AnchorConfig, center_offset, 0.0, 0, 1, "centres within the cell"),
    DF_OPT_END
};

static int pair_of(const DfNode *node, int which) /* a number stands for both */
{
    const DfNode *item = node->kind == DF_NODE_LIST ? (which ? (node->first ? node->first->next : NULL) : node->first) : node;
    return (int)df_node_int(item, 0);
}

static void anchors_done(void *anchors)
{
    df_anchors_done(anchors);
}

void df_head_anchors(NnScope s, DfAnchors *anchors, const DfNode *dict)
{
    AnchorConfig g = { 0 };
    if (!df_head_type(nn_at(s, "anchor_generator"), dict, "AnchorGenerator") || !nn_configure(s, dict, anchor_opts, &g, "AnchorGenerator"))
        return;
    int strides_w[DF_LEVELS], strides_h[DF_LEVELS], n = 0;
    double centers[2 * DF_LEVELS];
    for (const DfNode *item = g.strides->first; item && n < DF_LEVELS; item = item->next, n++) {
        strides_w[n] = pair_of(item, 0);
        strides_h[n] = pair_of(item, 1);
    }
    for (int i = 0; g.centers && i < 2 * n; i++) {
        char path[32];
        snprintf(path, sizeof path, "%d.%d", i / 2, i % 2);
        centers[i] = df_node_number(df_node_at(g.centers, path), 0);
    }
    const DfAnchorOptions options = {
        .levels = n, .strides_w = strides_w, .strides_h = strides_h, .ratios = g.ratios, .scales = g.scales,
        .octave_base_scale = isnan(g.octave_base_scale) ? 0 : g.octave_base_scale, .scales_per_octave = g.scales_per_octave,
        .base_sizes = g.base_sizes, .scale_major = g.scale_major, .centers = g.centers ? centers : NULL, .center_offset = g.center_offset,
    };
    const int error = df_anchors_init(anchors, &options);
    if (error < 0)
        nn_fail(s, error, "anchor_generator: %s", df_error());
    else
        nn_at_end(s, anchors_done, anchors);
}

/* ---- DeltaXYWHBBoxCoder ------------------------------------------------------------------------------------------ */

typedef struct {
    DfFloats target_means, target_stds;
    bool clip_border, add_ctr_clamp;
    int ctr_clamp;
} CoderConfig;

static const DfOpt coder_opts[] = {
    DF_OPT_FLOATS(CoderConfig, target_means, "[0., 0., 0., 0.]", -1e6, 1e6, "subtracted from the deltas"),
    DF_OPT_FLOATS(CoderConfig, target_stds, "[1., 1., 1., 1.]", 1e-9, 1e6, "divided out of the deltas"),
    DF_OPT_BOOL(CoderConfig, clip_border, True, "boxes end at the image"),
    DF_OPT_BOOL(CoderConfig, add_ctr_clamp, False, "centres move at most ctr_clamp pixels"),
    DF_OPT_INT(CoderConfig, ctr_clamp, 32, 0, 1000000, "in pixels"),
    DF_OPT_END
};

void df_head_coder(NnScope s, DfDeltaCoder *coder, const DfNode *dict)
{
    CoderConfig k = { 0 };
    if (!df_head_type(nn_at(s, "bbox_coder"), dict, "DeltaXYWHBBoxCoder") || !nn_configure(s, dict, coder_opts, &k, "DeltaXYWHBBoxCoder"))
        return;
    *coder = df_delta_coder();
    if (k.target_means.n != 4 || k.target_stds.n != 4) {
        nn_fail(s, DF_EVALUE, "bbox_coder: target_means and target_stds want 4 numbers each");
        return;
    }
    memcpy(coder->means, k.target_means.v, sizeof coder->means);
    memcpy(coder->stds, k.target_stds.v, sizeof coder->stds);
    coder->clip_border = k.clip_border;
    coder->add_ctr_clamp = k.add_ctr_clamp;
    coder->ctr_clamp = k.ctr_clamp;
}

/* ---- nms --------------------------------------------------------------------------------------------------------- */

typedef struct {
    int method, max_num, split_thr, offset;
    double iou_threshold, iou_thr, sigma, min_score;
    bool class_agnostic;
} NmsConfig;

static const DfOpt nms_opts[] = {
    DF_OPT_ENUM(NmsConfig, method, linear, "naive|linear|gaussian", "of soft_nms"),
    DF_OPT_FLOAT(NmsConfig, iou_threshold, None, 0, 1, "overlap that suppresses; default: 0.5, of soft_nms 0.3"),
    DF_OPT_FLOAT(NmsConfig, iou_thr, None, 0, 1, "older name of iou_threshold"),
    DF_OPT_FLOAT(NmsConfig, sigma, 0.5, 1e-9, 1e9, "of soft_nms, gaussian"),
    DF_OPT_FLOAT(NmsConfig, min_score, 1e-3, 0, 1e9, "of soft_nms"),
    DF_OPT_BOOL(NmsConfig, class_agnostic, False, "classes suppress one another"),
    DF_OPT_INT(NmsConfig, max_num, -1, -1, 100000000, "boxes that stay; <= 0: all"),
    DF_OPT_INT(NmsConfig, offset, 0, 0, 1, "added to sides; 1: a box ends behind its last pixel"),
    DF_OPT_INT(NmsConfig, split_thr, 10000, 0, 1000000000, "from so many boxes on, class by class"),
    DF_OPT_END
};

void df_head_nms(NnScope s, DfNms *nms, const DfNode *dict)
{
    NmsConfig k = { 0 };
    const char *type = df_node_text(df_node_get(dict, "type"), "nms");
    const bool soft = strcmp(type, "soft_nms") == 0;
    if (!soft && strcmp(type, "nms") != 0) {
        nn_fail(s, DF_EVALUE, "test_cfg.nms has type '%s': want nms or soft_nms", type);
        return;
    }
    if (!nn_configure(s, dict, nms_opts, &k, type))
        return;
    *nms = df_nms_options();
    nms->kind = soft ? (DfNmsKind)((int)DF_NMS_SOFT_NAIVE + k.method) : DF_NMS_HARD;
    nms->iou_threshold = !isnan(k.iou_threshold) ? k.iou_threshold : !isnan(k.iou_thr) ? k.iou_thr : soft ? 0.3 : 0.5;
    nms->class_agnostic = k.class_agnostic;
    nms->max_num = k.max_num;
    nms->split_thr = k.split_thr;
    nms->offset = k.offset;
    nms->sigma = k.sigma;
    nms->min_score = k.min_score;
}
