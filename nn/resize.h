/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/resize.h -- private: resizes position tables that a checkpoint has for another window or image size.
 */
#ifndef DF_NN_RESIZE_H
#define DF_NN_RESIZE_H

#include "nn/nn.h"

/* Whether `array` is such a table with another size than the official shape of `param`, and can be resized. */
bool nn_can_resize(const NnParam *param, const DfArray *array);

/* Resizes the numbers of such an array, in[df_array_count(array)], to the official shape of `param`. */
void nn_resize(const NnParam *param, const DfArray *array, const float *in, float *out);

#endif
