/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/settings/train_cfg.h -- private: a head's part of train_cfg, as in mmdet: the assigner, which assigns boxes to
 * objects, the sampler, which selects those that a loss uses, and a few numbers.
 */
#ifndef DF_HEADS_SETTINGS_TRAIN_CFG_H
#define DF_HEADS_SETTINGS_TRAIN_CFG_H

#include "boxes/boxes.h"
#include "heads/settings/for_training.h"

typedef struct {
    bool given;           /* false: the config has none, as one for inference alone                   */
    const char *problem;    /* not NULL: nobody can train by it                                         */
    DfMaxIou assigner;
    DfBoxSampler sampler;
    bool add_gt_as_proposals; /* the objects themselves are among the boxes that are sampled            */
    bool counts_negatives;    /* losses of anchors are divided by the number of negatives, too          */
    double allowed_border; /* anchors that reach so many pixels beyond the image do not count; < 0: all do */
    double pos_weight;     /* weight of positive boxes; <= 0: 1                                       */
    DfInts mask_size;      /* side of the masks that a mask head learns, in cells; n 0: none          */
    bool soft_mask_target; /* a cell of them may belong to the object in part                         */
} TrainCfg;

/* A NULL or None dict: not given. `what` is its name in messages: "train_cfg.rpn". */
void df_train_cfg(NnScope, TrainCfg *, const DfNode *dict, const char *what);

/* mmseg's OHEMPixelSampler, in a head's own dict: only pixels count that are hard. */
typedef struct {
    bool given;
    const char *problem;
    double thresh; /* those whose own class has less than this probability; NAN: those of the greatest loss */
    int min_kept;  /* but at least so many of an image                                                     */
} PixelSamplerCfg;
void df_pixel_sampler_cfg(NnScope, PixelSamplerCfg *, const DfNode *dict);

#endif
