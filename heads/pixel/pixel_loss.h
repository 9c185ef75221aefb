/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/pixel/pixel_loss.h -- private: a loss of a config applied to the scores of pixels, as mmseg does it, and which
 * pixels it counts.
 */
#ifndef DF_HEADS_PIXEL_PIXEL_LOSS_H
#define DF_HEADS_PIXEL_PIXEL_LOSS_H

#include "heads/apply_loss.h"
#include "heads/settings/train_cfg.h"

/* What the pixels of scores N H W C should have been. */
typedef struct {
    const int *label;    /* N H W; of scores with one channel 1 is the object                                       */
    const float *weight; /* N H W: of each pixel, from a sampler; NULL: 1                                           */
    int ignore_index;
    bool older;          /* mmseg before 1.0: class weights do not change what a sum is divided by                  */
    bool averaged;       /* the sum is divided by `average` instead                                                 */
    double average;
} PixelTargets;

/* The loss, times its loss_weight: a scalar. */
DfTensor *df_pixel_loss(DfCtx *, const LossCfg *, DfTensor *scores, const PixelTargets *);
/* The same of each pixel (of each class of it with a sigmoid; of each picture with Dice and Lovasz), not reduced. */
DfTensor *df_pixel_loss_elements(DfCtx *, const LossCfg *, DfTensor *scores, const PixelTargets *);

/* weight[N H W] is 1 for the hard pixels, else 0: mmseg's OHEMPixelSampler. The losses are those of the head. */
void df_pixel_sample(DfCtx *, const PixelSamplerCfg *, DfTensor *scores, const PixelTargets *, const LossCfg *losses,
                     int n_losses, float *weight);

#endif
