/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/conv.h -- convolutions, channels last: as products of patches, by Winograd's transforms, or channel
 * by channel. Included by kernels/kernels.h: include that.
 *
 * Drivers return DF_OK or DF_ENOMEM. Results must not overlap arguments, except that the residual of an epilogue may
 * be y where DfEpilogue allows it.
 */
#ifndef DF_KERNELS_CONV_CONV_H
#define DF_KERNELS_CONV_CONV_H

#include "kernels/gemm/gemm.h"

DF_BEGIN_DECLS

/* The sizes of a convolution from x to y; the weight is O kh kw I/groups. The caller sees to it that
 * oH = (H + 2 padding - dilation (kh - 1) - 1) / stride + 1, rounded down, and oW likewise. */
typedef struct {
    int N, H, W, I;                         /* x: N H W I                      */
    int O, kh, kw;
    int oH, oW;                             /* y: N oH oW O                    */
    int stride[2], padding[2], dilation[2]; /* along y, along x                */
    int groups;                             /* divides I and O                 */
} DfConvShape;

/* How the weight of df_conv_forward() is best packed for products in this precision: DF_PACK_GEMM by df_pack() or its
 * like, others as follows. */
DF_API DfPackKind df_conv_pack_kind(const DfConvShape *, DfPrecision);
/* For df_conv_forward: a weight of O 3 3 I, transformed, of DF_PACK_WINOGRAD for a stride of 1 and of
 * DF_PACK_WINOGRAD_STRIDED for a stride of 2. Products are in float32, or in bf16: then filters and patches are
 * transformed in float32 and rounded. */
DF_API int df_pack_winograd(DfPacked **out, DfPool *, DfPackKind, DfPrecision, const float *w, size_t O, size_t I);
/* The same weight, with a stride of 1, for df_conv_transposed_packed(). */
DF_API int df_pack_winograd_turned(DfPacked **out, DfPool *, const float *w, size_t O, size_t I);
/* A 1x1 convolution whose maps are the matrices: y = x w'. */
DF_API bool df_conv_is_product(const DfConvShape *);
/* The multiply-adds of df_conv_forward() between maps and a weight packed so: fewer than direct arithmetic where it
 * goes by Winograd, whose transforms are not counted. */
DF_API double df_conv_multiply_adds(const DfConvShape *, DfPackKind);
/* Where numbers are compared with another implementation's: Winograd's sums round about ten times as much as direct
 * ones. Allowed at first; for the whole process, between passes. */
DF_API void df_conv_allow_winograd(bool allowed);
/* y = epilogue(conv(x, w)) with w packed either way. */
DF_API int df_conv_forward(DfPool *, const DfKernels *, const DfConvShape *, const float *x, const DfPacked *w,
                           float *y, DfEpilogue);
/* The same of maps, without a residual where y is bfloat16. */
DF_API int df_conv_forward_maps(DfPool *, const DfKernels *, const DfConvShape *, DfMap x, const DfPacked *w, DfMap y,
                                DfEpilogue);
/* x += the transposed convolution of y: dL/dx from dL/dy, and the forward pass of a transposed convolution. The
 * weight is as it comes, not packed; `bias` (I) is added to every pixel, or NULL. */
DF_API int df_conv_transposed(DfPool *, const DfKernels *, const DfConvShape *, const float *y, const float *w,
                              const float *bias, float *x);
/* The same with a weight packed by df_pack_winograd_turned(), where that is likely to be faster; fresh: x is only
 * written. */
DF_API bool df_conv_transposed_prefers_winograd(const DfConvShape *);
DF_API int df_conv_transposed_packed(DfPool *, const DfKernels *, const DfConvShape *, const float *y,
                                     const DfPacked *w, const float *bias, float *x, bool fresh);
/* w += dL/dw from x and dL/dy. */
DF_API int df_conv_weight_grad(DfPool *, const DfKernels *, const DfConvShape *, const float *x, const float *dy,
                               float *dw);

/* Depthwise: I == O == groups, weight kh kw C. The same three. */
DF_API int df_depthwise_forward(DfPool *, const DfKernels *, const DfConvShape *, const float *x, const float *w,
                                float *y, DfEpilogue);
DF_API int df_depthwise_transposed(DfPool *, const DfKernels *, const DfConvShape *, const float *y, const float *w,
                                   float *x);
DF_API int df_depthwise_weight_grad(DfPool *, const DfKernels *, const DfConvShape *, const float *x, const float *dy,
                                    float *dw);

DF_END_DECLS

#endif
