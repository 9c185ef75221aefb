/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/parts.h -- private to convolutions: what they share of Winograd's algorithm.
 */
#ifndef DF_KERNELS_CONV_PARTS_H
#define DF_KERNELS_CONV_PARTS_H

#include "kernels/conv/conv.h"
#include "kernels/gemm/parts.h"

/* The points of F(4x4, 3x3): 0, +-A, +-B and infinity (kernels/conv/winograd.c says why these). */
#define DF_WINOGRAD_A 0.625f
#define DF_WINOGRAD_B 1.5f

int df_conv_winograd(DfPool *, const DfKernels *, const DfConvShape *, const float *x, const DfPacked *w, float *y,
                     DfEpilogue);

/* The C reference, for the channels that a faster rung leaves over. */
void df_winograd_input_c(float *v, size_t stride, const float *const d[36], size_t n);
void df_winograd_output_c(float *y, size_t ld_row, size_t ld_pixel, int h, int w, const float *m, size_t stride,
                          size_t n, const DfEpilogue *);

#endif
