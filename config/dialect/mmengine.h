/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/mmengine.h -- private: the parts of the translation from mmengine's dialect (mmdetection 3.x,
 * mmsegmentation 1.x). Each removes its keys from the tree and adds ours.
 */
#ifndef DF_CONFIG_DIALECT_MMENGINE_H
#define DF_CONFIG_DIALECT_MMENGINE_H

#include "config/dialect/rewrite.h"

/* train_dataloader, val_dataloader, test_dataloader become data.train, data.val, data.test. */
void df_mmengine_data(DfRewrite *);
/* One dataset dict, or a list of them, and what it wraps. */
void df_mmengine_dataset(DfRewrite *, DfNode *dataset);

/* data_preprocessor of the model becomes the last step of each pipeline. After df_mmengine_data(). */
void df_mmengine_preprocessor(DfRewrite *);

/* What test_evaluator says of scoring goes into `evaluation`. */
void df_mmengine_evaluator(DfRewrite *);

/* The parts of DETR and Deformable DETR go from the top of the model into its head. */
void df_mmengine_detr(DfRewrite *, DfNode *model);

#endif
