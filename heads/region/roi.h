/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region/roi.h -- private: the second stage of two-stage detectors: what is in a region, where exactly, and its mask. A plain head
 * is a cascade of one stage.
 */
#ifndef DF_HEADS_REGION_ROI_H
#define DF_HEADS_REGION_ROI_H

#include "heads/region/bbox_head.h"
#include "heads/heads.h"
#include "heads/region/mask_head.h"
#include "heads/region/roi_extractor.h"

typedef struct {
    /* options */
    const DfNode *bbox_roi_extractor, *bbox_head, *mask_roi_extractor, *mask_head, *shared_head, *stage_loss_weights;
    int num_stages;
    /* modules, one of each for a stage; mask NULL: the network makes no masks */
    bool cascade;
    RoiExtractor *box_extractor, *mask_extractor;
    BoxHead **box;
    MaskHead **mask;
    /* test_cfg */
    int max_per_img;
    double score_thr, mask_thr_binary;
    const DfNode *nms_cfg;
    DfNms nms;
} RoiHead;

#define ROI_HEAD_OPTS                                                                                              \
    DF_OPT_ROW(RoiHead, bbox_roi_extractor, DF_KIND_NODE, NULL, 0, 0, NULL, "how the box heads read a region"),      \
    DF_OPT_ROW(RoiHead, bbox_head, DF_KIND_NODE, NULL, 0, 0, NULL, "what and where: ConvFCBBoxHead and its kin"),    \
    DF_OPT_NODE(RoiHead, mask_roi_extractor, "None", "how the mask heads read a region; None: as the box heads"),    \
    DF_OPT_NODE(RoiHead, mask_head, "None", "masks: FCNMaskHead"),                                                   \
    DF_OPT_DICT(RoiHead, shared_head, "None", "of C4 models: not built in"),                                         \
    DF_OPT_UNUSED(train_cfg, "of a training run"),                                                                   \
    DF_OPT_UNUSED(test_cfg, "given by the detector"),                                                                \
    DF_OPT_UNUSED(init_cfg, "weights to start a training run from"),                                                 \
    DF_OPT_END

/* Builds `num_stages` stages, with the stage's number in their names if `cascade`; test_cfg: rcnn's part. */
void df_roi_init(NnScope, RoiHead *, const DfNode *test_cfg);

/* Scores and deltas of one stage: n classes+1, and n 4*classes or n 4 or NULL. */
void df_roi_boxes(DfCtx *, const RoiHead *, int stage, const DfMaps *, const float *rois, int n, DfTensor **scores, DfTensor **deltas);
/* Mask logits of one stage: n h w classes. */
DfTensor *df_roi_masks(DfCtx *, const RoiHead *, int stage, const DfMaps *, const float *rois, int n);

/* A listener hears "WHAT", in a cascade "sSTAGE_WHAT"; arrays of n x columns as tensors. */
void df_roi_observe(DfCtx *, const RoiHead *, int stage, const char *what, const DfTensor *x);

int df_roi_detect(DfCtx *, const RoiHead *, const DfMaps *, const DfProposals *, const DfImageMeta *, int n, bool rescale, DfDetections *results);
void df_roi_pass(DfCtx *, const RoiHead *, const DfMaps *, const float *rois, int n, int n_masks);

#endif
