/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/dense/targets.h -- private: training targets for the anchors of a batch, for RetinaNet's head and the region
 * proposal network.
 */
#ifndef DF_HEADS_DENSE_TARGETS_H
#define DF_HEADS_DENSE_TARGETS_H

#include "heads/apply_loss.h"
#include "heads/dense/candidates.h"
#include "heads/examples.h"
#include "heads/truth.h"

/* What a head is, to whoever teaches it. */
typedef struct {
    const DenseDecoder *decoder;  /* anchors, coder, columns of the scores                            */
    const TrainCfg *train;
    const LossCfg *loss_cls, *loss_bbox;
    int classes;                  /* of the annotations                                               */
    bool one_class;               /* an anchor is an object, 0, or background, 1, whatever its class  */
    bool decoded;                 /* reg_decoded_bbox: boxes are compared, not their deltas           */
    const char *cls_name, *bbox_name; /* of the losses in the log: "loss_cls", "loss_bbox"            */
} DenseTeacher;

/* mmdet up to 2.17 asks the class loss whether anchors are sampled: with FocalLoss they are not, whatever the sampler,
 * and with any other they are, also without one. */
void df_dense_train_cfg_2(TrainCfg *, const LossCfg *loss_cls);

/* Of one level, for all images: anchor i of image n is row n h w A + i, as in the outputs of the head. */
typedef struct {
    size_t rows;
    int *label;       /* [rows]: the class, or background behind the last class                 */
    float *weight;    /* [rows]: 0 where an anchor does not count                               */
    int n_positive;
    int *positive;    /* [n_positive]: rows that have a box to learn                            */
    float *target;    /* [n_positive][4]: deltas or, with `decoded`, boxes                      */
    float *anchor;    /* [n_positive][4]                                                        */
} LevelTargets;

typedef struct {
    int n;
    LevelTargets level[DF_LEVELS];
    double average;   /* what sums of losses are divided by                                     */
} DenseTargets;

/* All of it in the arena. False: the context is poisoned. */
bool df_dense_targets(DfCtx *, DfArena *, const DenseTeacher *, const DfDense *, const DfLossBatch *, DfLosses *,
                      DenseTargets *);
/* The losses of every level, added under the names of the teacher: "loss_cls.0", "loss_bbox.0", .. */
void df_dense_losses(DfCtx *, const DenseTeacher *, const DfDense *, const DfLossBatch *, DfLosses *);

#endif
