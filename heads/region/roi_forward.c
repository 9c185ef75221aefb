/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region/roi_forward.c -- one stage: features of regions by RoIAlign, then the box head or the mask head on
 * them. He et al., Mask R-CNN, ICCV 2017, section 3.
 */
#include "heads/region/roi_forward.h"

#include <stdio.h>

void df_roi_observe(DfCtx *c, const RoiHead *h, int stage, const char *what, const DfTensor *x)
{
    char name[40];
    if (h->cascade && stage >= 0)
        snprintf(name, sizeof name, "s%d_%s", stage, what);
    else
        snprintf(name, sizeof name, "%s", what);
    df_observe(c, x, name, -1);
}

void df_roi_observe_rois(DfCtx *c, const RoiHead *h, int stage, const char *what, const float *rois, int n)
{
    if (!df_listens(c))
        return;
    const DfMark m = df_enter(c, NULL, -1);
    df_roi_observe(c, h, stage, what, df_from(c, DF_SHAPE(n, 5), rois));
    df_leave_all(c, m, NULL, 0);
}

static void want_numbers(DfCtx *c, const DfTensor *scores, const DfTensor *deltas)
{
    df_want_numbers(c, scores, "cls_score", -1);
    if (deltas)
        df_want_numbers(c, deltas, "bbox_pred", -1);
}

void df_roi_boxes(DfCtx *c, const RoiHead *h, int stage, const DfMaps *maps, const float *rois, int n,
                  DfTensor **scores, DfTensor **deltas, DfTensor **features)
{
    const int index = h->cascade ? stage : -1;
    const BoxPart *box = &h->box[stage];
    const DfMark whole = df_enter(c, NULL, -1);
    DfMark m = df_enter(c, "bbox_roi_extractor", index);
    DfTensor *x = df_leave(c, m, df_roi_extract(c, &h->box_extractor[stage], maps, rois, n)); /* n 7 7 C */
    m = df_enter(c, "bbox_head", index);
    box->record->forward(c, box->self, x, scores, deltas);
    DfTensor *keep[3] = { *scores };
    int n_keep = 1;
    if (*deltas)
        keep[n_keep++] = *deltas;
    want_numbers(c, *scores, *deltas);
    df_leave_all(c, m, keep, n_keep);
    df_roi_observe(c, h, stage, "bbox_roi_feats", x);
    if (features)
        *features = keep[n_keep++] = x;
    df_leave_all(c, whole, keep, n_keep);
}

DfTensor *df_roi_masks_of(DfCtx *c, const RoiHead *h, int stage, DfTensor *features)
{
    const MaskPart *mask = &h->mask[stage];
    const DfMark m = df_enter(c, "mask_head", h->cascade ? stage : -1);
    DfTensor *logits = mask->record->forward(c, mask->self, features);                         /* n 28 28 classes */
    df_want_numbers(c, logits, "the masks", -1);
    return df_leave(c, m, logits);
}

DfTensor *df_roi_masks(DfCtx *c, const RoiHead *h, int stage, const DfMaps *maps, const float *rois, int n)
{
    const DfMark whole = df_enter(c, NULL, -1);
    const DfMark m = df_enter(c, "mask_roi_extractor", h->cascade ? stage : -1);
    DfTensor *x = df_leave(c, m, df_roi_extract(c, &h->mask_extractor[stage], maps, rois, n)); /* n 14 14 C */
    if (stage == 0)
        df_observe(c, x, "mask_roi_feats", -1);
    return df_leave(c, whole, df_roi_masks_of(c, h, stage, x));
}
