/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/conv_bf16.h -- private to kernels/conv/: convolution with a weight packed in bfloat16.
 */
#ifndef DF_KERNELS_CONV_CONV_BF16_H
#define DF_KERNELS_CONV_CONV_BF16_H

#include "kernels/conv/conv.h"

/* df_conv_forward_maps() of such a weight, by patches. */
int df_conv_bf16(DfPool *, const DfKernels *, const DfConvShape *, DfMap x, const DfPacked *w, DfMap y, DfEpilogue);

#endif
