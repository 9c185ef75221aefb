/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region/roi_head.h -- private: the modules of a region head. It has stages, each with an extractor, a box head
 * and possibly a mask head. A plain head is a cascade with one stage.
 */
#ifndef DF_HEADS_REGION_ROI_HEAD_H
#define DF_HEADS_REGION_ROI_HEAD_H

#include "heads/region.h"
#include "heads/region/roi_extractor.h"
#include "heads/settings/train_cfg.h"

typedef struct {
    const DfBoxHead *record;
    void *self;
    DfBoxHeadShape shape;
} BoxPart;

typedef struct {
    const DfMaskHead *record;
    void *self;
} MaskPart;

typedef struct {
    /* options */
    const DfNode *bbox_roi_extractor, *bbox_head, *mask_roi_extractor, *mask_head, *shared_head, *stage_loss_weights;
    int num_stages;
    /* modules, one of each for a stage */
    bool cascade;
    bool pads;        /* proposals of a batch are padded to one number, as in the plain head of mmdet up to 2.13 */
    RoiExtractor *box_extractor, *mask_extractor;
    BoxPart *box;
    MaskPart *mask; /* NULL: no masks */
    /* test_cfg.rcnn */
    int max_per_img;
    double score_thr, mask_thr_binary, min_bbox_size;
    bool clip_detections;
    bool nms_before_rescale;
    int first_label;  /* what is added to the labels of detections */
    int mask_paste;   /* a DfPaste                        */
    const DfNode *nms_cfg;
    DfNms nms;
    /* for training: train_cfg.rcnn, and stage_loss_weights, of each stage */
    TrainCfg *train;
    double *stage_weights;
    const char *stage_weights_problem;
} RoiHead;

/* Builds num_stages stages, with the stage's number in their names if `cascade`. */
void df_roi_head_init(NnScope, RoiHead *, DfHeadSettings);
int df_roi_head_classes(const RoiHead *); /* the same in all stages */

#endif
