/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region/class_loss.h -- private: the class loss of a box head. It also determines how many scores the head
 * predicts for a region, and their meaning (DfRegionScores).
 */
#ifndef DF_HEADS_REGION_CLASS_LOSS_H
#define DF_HEADS_REGION_CLASS_LOSS_H

#include "heads/region.h"
#include "heads/settings/loss_cfg.h"

typedef struct {
    LossCfg loss;
    DfRegionScores scores;
    int classes, columns;
    DfTensor *seen; /* SeesawLoss: how many regions of each class, and of background, there were so far; else NULL */
} ClassLoss;

/* Of a head for `classes` classes, in the head's scope: SeesawLoss has numbers in checkpoints. */
void df_class_loss_init(NnScope, ClassLoss *, const DfNode *cfg, int classes);
/* Adds the losses of scores R columns to `out`, and how often the best class is right. */
void df_class_loss_learn(DfCtx *, const ClassLoss *, DfTensor *scores, const DfRegionTargets *, DfLosses *out);
/* The loss of each region, of a softmax. Other losses poison the context: mmdet has no order by them.     -> R */
DfTensor *df_class_loss_each(DfCtx *, const ClassLoss *, DfTensor *scores, const int *labels);

#endif
