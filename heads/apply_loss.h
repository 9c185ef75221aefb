/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/apply_loss.h -- private: a loss of a config (heads/settings/loss_cfg.h) applied to predictions, as mmdet and
 * mmseg do it. Dense, region and pixel heads use it.
 */
#ifndef DF_HEADS_APPLY_LOSS_H
#define DF_HEADS_APPLY_LOSS_H

#include "heads/settings/loss_cfg.h"
#include "tensor/tensor.h"

/* What the rows of the predictions, .. C, should have been. All of it is read during the call only.
 *
 *     FocalLoss, CrossEntropyLoss   `label`, a class for each row. Focal loss and sigmoids take C, and all that is not
 *                                   in 0..C-1, for background. With `use_mask` predictions are N h w C, labels those of
 *                                   the N objects, and `target` their masks, N h w
 *     L1 and its kin, MSE, BoundedIoULoss   `target`, like the predictions
 *     IoU and its kin               `target`, boxes x1 y1 x2 y2 like the predictions
 *     DiceLoss of mmdet             `target`, a mask for each first index
 *     CrossEntropyLoss              also `target` without labels: shares of classes; of a sigmoid, each its own */
typedef struct {
    const int *label;
    const float *target;
    const float *weight;      /* NULL: 1. One for each row, or with `weight_each` for each number of the predictions;
                               * IoU and its kin then take the mean of the four */
    bool weight_each;
    bool averaged;            /* the sum is divided by `average`, but `at_least` this; false: by the number of losses */
    double average, at_least; /* counts of this process: those of all that train together are added up */
    const int *ignore_index;  /* of the head, where the loss says none; NULL: none */
} LossTargets;

/* The loss, times its loss_weight: a scalar. Predictions of no rows give 0. A loss with reduction 'none' gives the
 * mean, as it is logged. DF_EVALUE in the context: the config's loss has a problem, or is no loss of an average. */
DfTensor *df_loss_apply(DfCtx *, const LossCfg *, DfTensor *predictions, const LossTargets *);
/* The same of each row or number, whatever the reduction says. */
DfTensor *df_loss_elements(DfCtx *, const LossCfg *, DfTensor *predictions, const LossTargets *);

#endif
