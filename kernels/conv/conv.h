/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/conv.h -- convolutions, channels last: as products of patches, by Winograd's transforms, or channel by channel. Part of the
 * door kernels/kernels.h: include that.
 *
 * Drivers return DF_OK or DF_ENOMEM.
 */
#ifndef DF_KERNELS_CONV_CONV_H
#define DF_KERNELS_CONV_CONV_H

#include "kernels/gemm/gemm.h"

/* x is N H W I, y N oH oW O, the weight O kh kw I/groups. */
typedef struct {
    int N, H, W, I, O, kh, kw, oH, oW;
    int stride[2], padding[2], dilation[2], groups;
} DfConvShape;

/* For df_conv_forward: a weight of O 3 3 I, transformed. One of another kind is packed by df_pack(). */
int df_pack_winograd(DfPacked **out, DfPool *, const float *w, size_t O, size_t I);
/* May df_conv_winograd compute this one, and is that likely to be faster? */
bool df_conv_prefers_winograd(const DfConvShape *);
/* y = epilogue(conv(x, w)) with w packed either way. */
int df_conv_forward(DfPool *, const DfKernels *, const DfConvShape *, const float *x, const DfPacked *w, float *y, DfEpilogue);
/* x += the transposed convolution of y: dL/dx from dL/dy, and the forward pass of a transposed convolution. The weight is as it
 * comes, not packed; `bias` (I) is added to every pixel, or NULL. */
int df_conv_transposed(DfPool *, const DfKernels *, const DfConvShape *, const float *y, const float *w, const float *bias, float *x);
/* w += dL/dw from x and dL/dy. */
int df_conv_weight_grad(DfPool *, const DfKernels *, const DfConvShape *, const float *x, const float *dy, float *dw);

/* Depthwise: I == O == groups, weight kh kw C. The same three. */
int df_depthwise_forward(DfPool *, const DfKernels *, const DfConvShape *, const float *x, const float *w, float *y, DfEpilogue);
int df_depthwise_transposed(DfPool *, const DfKernels *, const DfConvShape *, const float *y, const float *w, float *x);
int df_depthwise_weight_grad(DfPool *, const DfKernels *, const DfConvShape *, const float *x, const float *dy, float *dw);

/* ---- leaves ------------------------------------------------------------------------------------------------------ */

typedef struct {
    /* v[i] = (B' d B)[i], i = 0..35, of a 6x6 patch d of pixels with n channels. d[y][x] points to pixel (y, x); v[i] is at
     * v + i * stride. */
    void (*winograd_input)(float *v, size_t stride, const float *const d[36], size_t n);
    /* y = epilogue(A' m A), the 4x4 pixels of n channels; m[i] at m + i * stride. Pixels outside h x w are not stored. Rows and
     * pixels of y (and of the residual) are ld_row and ld_pixel floats apart. */
    void (*winograd_output)(float *y, size_t ld_row, size_t ld_pixel, int h, int w, const float *m, size_t stride, size_t n, const DfEpilogue *);
    /* y[p] = epilogue(sum over t of x[t] + p * step, times w[t]): `pixels` outputs of n channels from `taps` taps. */
    void (*depthwise)(float *y, size_t pixels, size_t n, const float *const *x, size_t step, const float *const *w, size_t taps, const DfEpilogue *);
} DfConvKernels;

#endif
