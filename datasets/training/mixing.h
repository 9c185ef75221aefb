/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/training/mixing.h -- mixup (Zhang et al., ICLR 2018) and CutMix (Yun et al., ICCV 2019) of a batch, as in
 * timm: sample i is mixed with sample n - 1 - i.
 */
#ifndef DF_DATASETS_TRAINING_MIXING_H
#define DF_DATASETS_TRAINING_MIXING_H

#include "datasets/training/batch.h"

DF_BEGIN_DECLS

/* {0}: batches stay as they are. */
typedef struct {
    double mixup, cutmix;   /* alpha of Beta(alpha, alpha), from which the share comes; 0: not this one */
    double prob;            /* chance that a batch is mixed                                             */
    double switch_prob;     /* that it is CutMix, if both are on                                        */
} DfMixing;

/* How one batch is mixed. */
typedef struct {
    bool cut;               /* a rectangle changes places; else pixels are added up  */
    double kept;            /* share of the sample itself, 0..1; 1: nothing is done  */
    int y0, y1, x0, x1;     /* the rectangle, y1 and x1 behind it                    */
} DfMixture;

/* Draws it for pictures of height x width. The share of CutMix is that of the rectangle within the picture. */
DF_API DfMixture df_mixing_draw(const DfMixing *, DfRandom *, int height, int width);

/* Mixes pixels, and gives every picture the class of the other as second_class, with second_share = 1 - kept.
 * DF_EVALUE for a batch whose pictures have no class. */
DF_API int df_batch_mix(DfBatch *, const DfMixture *);

/* model.train_cfg.augments of a config, or train_cfg.augments: dicts of type Mixup and CutMix (mmpretrain 1.x) or
 * BatchMixup and BatchCutMix (mmcls 0.x), each with `alpha`, and `prob` or the list `probs` beside them. One alone is
 * always done, of two each half the time, unless these say otherwise. */
DF_API int df_mixing_options(DfMixing *, const DfNode *config);

DF_END_DECLS

#endif
