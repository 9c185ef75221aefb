/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/resize.h -- private: tables of positions that a checkpoint has for another window or image size.
 */
#ifndef DF_NN_RESIZE_H
#define DF_NN_RESIZE_H

#include "nn/nn.h"

/* Whether `array` is such a table, of another size than the official shape of `param`. */
bool nn_can_resize(const NnParam *param, const DfArray *array);

/* For those: the numbers of `array`, in[df_array_count(array)], at the official shape of `param`. */
void nn_resize(const NnParam *param, const DfArray *array, const float *in, float *out);

#endif
