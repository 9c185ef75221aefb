/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/pixel/pixel_loss.h -- private: a loss of a config applied to the scores of pixels, as in mmseg, and the
 * selection of pixels that it uses.
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


/* ---- without scores of the large size ---------------------------------------------------------------------------- */

/* Cross entropy with a softmax needs no scores at the size of the picture: they are enlarged a pixel at a time. */
bool df_pixel_loss_is_softmax(const LossCfg *);

/* What a pass over the pixels finds out besides, N H W of each. */
typedef struct {
    float *probability; /* of the label's class    */
    int *best;          /* the likeliest class     */
} PixelFigures;
typedef struct {
    int height, width;
    bool align_corners;
} PixelSize;
/* scores N h w C -> the losses of the pixels, N H W, times loss_weight; t->weight is not in them. */
DfTensor *df_pixel_softmax_elements(DfCtx *, const LossCfg *, DfTensor *scores, PixelSize, const PixelTargets *t,
                                    const PixelFigures *);
/* Their weighted mean or sum, as the config says. */
DfTensor *df_pixel_softmax_reduced(DfCtx *, const LossCfg *, DfTensor *each, const PixelTargets *);

/* ---- hard pixels: pixel_sampler.c -------------------------------------------------------------------------------- */

/* weight[N H W] is 1 for the hard pixels, else 0: mmseg's OHEMPixelSampler. By the probability of each pixel's own
 * class, or by its loss, as the sampler says; the other one is not read. */
void df_pixel_sample(DfCtx *, const PixelSamplerCfg *, const float *probability, const float *loss,
                     const PixelTargets *, size_t pictures, size_t pixels, float *weight);
/* The same of scores N H W C and the losses of a head. */
void df_pixel_sample_scores(DfCtx *, const PixelSamplerCfg *, DfTensor *scores, const PixelTargets *,
                            const LossCfg *losses, int n_losses, float *weight);

#endif
