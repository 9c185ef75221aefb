/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/settings/nms_cfg.c -- mmcv's nms_cfg: non-maximum suppression, hard or soft (Bodla et al., ICCV 2017).
 */
#include "heads/settings/settings.h"

#include <math.h>
#include <string.h>

typedef struct {
    int method, max_num, split_thr, offset;
    double iou_threshold, iou_thr, sigma, min_score;
    bool class_agnostic;
} NmsConfig;

static const DfOpt nms_opts[] = {
    DF_OPT_ENUM(NmsConfig, method, linear, "naive|linear|gaussian", "soft_nms: how a score is lowered"),
    DF_OPT_FLOAT(NmsConfig, iou_threshold, None, 0, 1,
                 "IoU above which the weaker box goes; None: 0.5, in soft_nms 0.3"),
    DF_OPT_FLOAT(NmsConfig, iou_thr, None, 0, 1, "older name of iou_threshold"),
    DF_OPT_FLOAT(NmsConfig, sigma, 0.5, 1e-9, 1e9, "soft_nms, gaussian: width of the Gaussian"),
    DF_OPT_FLOAT(NmsConfig, min_score, 1e-3, 0, 1e9, "soft_nms: boxes with a lower score go"),
    DF_OPT_BOOL(NmsConfig, class_agnostic, False, "boxes of different classes suppress one another, too"),
    DF_OPT_INT(NmsConfig, max_num, -1, -1, 100000000, "most boxes that stay; <= 0: all"),
    DF_OPT_INT(NmsConfig, offset, 0, 0, 1, "added to the sides of a box: 1 where coordinates are whole pixels"),
    DF_OPT_INT(NmsConfig, split_thr, 10000, 0, 1000000000,
               "from this number of boxes on, classes are treated one by one"),
    DF_OPT_END
};

static double threshold(const NmsConfig *k, bool soft)
{
    if (!isnan(k->iou_threshold))
        return k->iou_threshold;
    if (!isnan(k->iou_thr))
        return k->iou_thr;
    return soft ? 0.3 : 0.5;
}

int df_nms_cfg(DfNms *nms, const DfNode *dict, DfArena *arena)
{
    NmsConfig k = { 0 };
    const char *type = df_node_text(df_node_get(dict, "type"), "nms");
    const bool soft = strcmp(type, "soft_nms") == 0;
    if (!soft && strcmp(type, "nms") != 0)
        return df_fail(DF_EVALUE, "test_cfg.nms has type '%s': want nms or soft_nms", type);
    const int error = df_bind(dict, nms_opts, &k, arena, type);
    if (error < 0)
        return error;
    *nms = df_nms_options();
    nms->kind = soft ? (DfNmsKind)((int)DF_NMS_SOFT_NAIVE + k.method) : DF_NMS_HARD;
    nms->iou_threshold = threshold(&k, soft);
    nms->class_agnostic = k.class_agnostic;
    nms->max_num = k.max_num;
    nms->split_thr = k.split_thr;
    nms->offset = k.offset;
    nms->sigma = k.sigma;
    nms->min_score = k.min_score;
    return DF_OK;
}

void df_head_nms(NnScope s, DfNms *nms, const DfNode *dict)
{
    const int error = df_nms_cfg(nms, dict, nn_model_arena(s.model));
    if (error < 0)
        nn_fail(s, error, "%s", df_error());
}
