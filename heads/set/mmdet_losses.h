/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/set/mmdet_losses.h -- private: the losses of a set as mmdet computes and logs them, for any losses of the
 * config.
 */
#ifndef DF_HEADS_SET_MMDET_LOSSES_H
#define DF_HEADS_SET_MMDET_LOSSES_H

#include "heads/set.h"
#include "heads/settings/loss_cfg.h"

/* What the queries of all images should say, one after the other. */
typedef struct {
    int *object;    /* NQ: which object of its image, -1: none                    */
    int *label;     /* NQ: its class, -1: background                              */
    float *boxes;   /* NQ 4: cx cy w h                                            */
    float *corners; /* NQ 4: the same box as x1 y1 x2 y2                          */
    float *weight;  /* NQ: 1 for a matched query, else 0                          */
    float *weights; /* NQ 4: the same for each of the four numbers of a box       */
} QueryTargets;

struct DfMmdetSetLosses {
    LossCfg cls, bbox, iou;
    double background; /* what a query without an object counts in the divisor of the class loss */
};

/* The losses with their weights, and their sum. metas[N]: sizes of the images, NULL: all are 1 x 1. */
void df_mmdet_set_losses(DfCtx *, const struct DfMmdetSetLosses *, DfTensor *logits, DfTensor *boxes,
                         const QueryTargets *, const DfImageMeta *metas, DfSetLosses *out);

#endif
