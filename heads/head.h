/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/head.h -- shared by several kinds of heads: their settings, and the detections of an image. Included by
 * heads/heads.h.
 */
#ifndef DF_HEADS_HEAD_H
#define DF_HEADS_HEAD_H

#include "boxes/boxes.h"
#include "nn/nn.h"

DF_BEGIN_DECLS

/* Settings of a head that are outside of its dict in a config. NULL: the config has none. */
typedef struct {
    const DfNode *train_cfg; /* how objects are assigned to outputs, and which outputs a loss counts            */
    const DfNode *proposals; /* train_cfg.rpn_proposal: the proposals of the first stage in training            */
    const DfNode *test_cfg;  /* thresholds and limits of the results                                            */
    bool pads;               /* proposals of a batch are padded to one number: mmdetection up to 2.13           */
    bool loss_samples;       /* the class loss determines whether anchors are sampled: up to 2.17               */
} DfHeadSettings;

/* Detections of one image, best first. Those of a head without classes are proposals: all have label 0. */
typedef struct {
    DfDetection *v;
    size_t n;
    DfMask *masks; /* [n], of the size of the image that the boxes are in; NULL: the network makes none */
    bool each_query; /* one for each query; the official code lists them in the order of `index`       */
    bool by_query;   /* print them in that order, as transformers does                                 */
} DfDetections;
DF_API void df_detections_free(DfDetections *); /* and empties it */
/* Clips boxes at the border of the picture (of the original one if `rescale`) and drops those without area, as
 * detectron2 does at the end. Call it before there are masks. */
DF_API void df_detections_clip(DfDetections *, const DfImageMeta *, bool rescale);

/* Test-time augmentation of mmdetection 3 (tta_model of type DetTTAModel): views are detected one by one, their boxes
 * suppressed together. */
typedef struct {
    bool given;              /* the config asks for it                                        */
    DfNms nms;
    int max_per_img;
} DfViewMerge;
/* NULL: not given; DF_EVALUE, DF_ENOMEM */
DF_API int df_view_merge_read(DfViewMerge *, const DfNode *tta_model, DfArena *);
/* Detections of n views, boxes at the size of the picture but mirrored where a
 * view is. df_detections_free() them and *out. */
DF_API int df_view_merge(const DfViewMerge *, const DfDetections *views, const DfImageMeta *metas, int n,
                         DfDetections *out);

DF_END_DECLS

#endif
