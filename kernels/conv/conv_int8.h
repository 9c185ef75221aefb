/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/conv_int8.h -- private to kernels/conv/: convolution with a weight packed in 8 bits.
 */
#ifndef DF_KERNELS_CONV_CONV_INT8_H
#define DF_KERNELS_CONV_CONV_INT8_H

#include "kernels/conv/conv.h"
#include "kernels/gemm/int8.h"

/* df_conv_forward() of such a weight, by patches. */
int df_conv_int8(DfPool *, const DfKernels *, const DfConvShape *, const float *x, const DfPacked *w, float *y,
                 DfEpilogue e);

#endif
