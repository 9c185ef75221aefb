/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/layout.h -- private: the order of dimensions in checkpoints (PyTorch's) and in memory (channels last).
 */
#ifndef DF_NN_LAYOUT_H
#define DF_NN_LAYOUT_H

#include "nn/nn.h"

/* Our shape of a parameter whose official shape is `official`. */
DfShape nn_layout_shape(DfShape official, NnLayout);

/* out = in with its dimensions in another order: dimension i of `out` is dimension order[i] of `from`. Missing ones
 * have size 1. */
void nn_reorder(const float *in, DfShape from, const int order[4], float *out);

#endif
