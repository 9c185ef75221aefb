/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region/roi_sample.h -- private: the regions that a training step learns from, and their targets.
 */
#ifndef DF_HEADS_REGION_ROI_SAMPLE_H
#define DF_HEADS_REGION_ROI_SAMPLE_H

#include "heads/region/roi_head.h"
#include "heads/truth.h"

/* Boxes of an image among which a stage chooses. */
typedef struct {
    int n;
    float *at; /* [n][4] */
} RoiBoxes;

/* A training step on its way through the stages. */
typedef struct {
    const RoiHead *head;
    const DfMaps *maps;
    const DfLossBatch *batch;
    DfLosses *out;
    DfArena *arena;      /* of the step: holds the arrays of all samples  */
    Truth *truth;        /* [batch->n]                                    */
    RoiBoxes *proposals; /* [batch->n]: regions that the stage is offered */
} RoiStep;

/* The regions that a stage chose, of all images in order, positives before the rest in each. */
typedef struct {
    int n, n_positive;
    int *first;       /* [images + 1]: rows of an image                               */
    int *positives;   /* [images]: so many of them are positive                       */
    float *rois;      /* [n][5]: index in the batch, x1 y1 x2 y2                      */
    int *labels;      /* [n]: the class; the number of classes for background         */
    float *weights;   /* [n]: of the class loss                                       */
    float *boxes;     /* [n][4]: the box of the object; zeros for background          */
    int *objects;     /* [n]: which object of the image's truth, or -1                */
    bool *is_object;  /* [n]: the region is the box of an object, added to the proposals */
} RoiSample;

/* Assigns and samples by train_cfg.rcnn. After a failure the context is poisoned. */
void df_roi_sample(DfCtx *, RoiStep *, int stage, RoiSample *out);

#endif
