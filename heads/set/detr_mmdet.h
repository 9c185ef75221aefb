/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/set/detr_mmdet.h -- private: the dicts inside mmdet's dicts of DETR's heads. A wrong dict poisons the scope's
 * model.
 */
#ifndef DF_HEADS_DETR_MMDET_H
#define DF_HEADS_DETR_MMDET_H

#include "heads/set/detr_parts.h"

/* ---- detr_mmdet_transformer.c: into the numbers of the transformer --------------------------------------------- */

void df_detr_mmdet_transformer_211(NnScope, const DfNode *, DfDetrOptions *);     /* 2.11: all numbers in one dict    */
void df_detr_mmdet_transformer(NnScope, const DfNode *, DfDetrOptions *);         /* later: a dict for each part      */
void df_detr_mmdet_deformable_transformer(NnScope, const DfNode *, DfDetrOptions *);
void df_detr_mmdet_positional_encoding(NnScope, const DfNode *, DfDetrOptions *); /* o->dim is known                  */

/* ---- detr_mmdet_losses.c --------------------------------------------------------------------------------------- */

/* The dicts of a head that say what it is trained by. */
typedef struct {
    const DfNode *loss_cls, *loss_bbox, *loss_iou, *train_cfg;
} DetrLossDicts;
/* With a class loss by a softmax, CrossEntropyLoss, or by sigmoids, FocalLoss. */
DfSetCriterion df_detr_mmdet_softmax_criterion(NnScope, const DetrLossDicts *, int classes);
DfSetCriterion df_detr_mmdet_sigmoid_criterion(NnScope, const DetrLossDicts *);

#endif
