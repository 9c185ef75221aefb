/* SPDX-License-Identifier: Apache-2.0
 *
 * models/class_count.h -- private: detects a checkpoint with other classes than the config's, and names the setting to
 * change.
 */
#ifndef DF_MODELS_CLASS_COUNT_H
#define DF_MODELS_CLASS_COUNT_H

#include "nn/nn.h"

/* The number of classes that the checkpoint was trained for, if this is all that keeps it from a network of n classes;
 * else 0. */
int64_t df_classes_of_checkpoint(const NnReport *, int n);

/* "the checkpoint has 3 classes, the config 80: --set model.bbox_head.num_classes=3"; returns DF_ESHAPE. */
int df_classes_fail(const DfNode *root, int n, int64_t k);

#endif
