/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/conv_shape.h -- private: the sizes of convolutions, in the form that kernels take.
 */
#ifndef DF_TENSOR_CONV_SHAPE_H
#define DF_TENSOR_CONV_SHAPE_H

#include "tensor/op.h"

bool df_conv_fits(DfConv); /* groups, strides and dilations are at least 1, paddings at least 0 */
void df_conv_strides(DfConvShape *, DfConv); /* fills in stride, padding, dilation and groups   */

/* Of a convolution of x (N H W I) by O filters of kh x kw. A side of the result is
 *     (size + 2 padding - dilation (kernel - 1) - 1) / stride + 1, rounded down;
 * 0 if the map has no pixels, -1 if the kernel is larger than the padded map. */
DfConvShape df_conv_shape(const DfTensor *x, int O, int kh, int kw, DfConv);

#endif
