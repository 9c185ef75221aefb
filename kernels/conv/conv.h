/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/conv.h -- convolutions of maps in channels-last layout: as matrix products of patches (im2col), by
 * Winograd's transforms, or depthwise. Included by kernels/kernels.h: include that.
 *
 * Drivers return DF_OK or DF_ENOMEM. Results must not overlap arguments, except that the residual of an epilogue may
 * be y where DfEpilogue allows it.
 */
#ifndef DF_KERNELS_CONV_CONV_H
#define DF_KERNELS_CONV_CONV_H

#include "kernels/gemm/gemm.h"

DF_BEGIN_DECLS

/* The sizes of a convolution from x to y; the weight is O kh kw I/groups. The caller has to set
 * oH = (H + 2 padding - dilation (kh - 1) - 1) / stride + 1, rounded down, and oW likewise. */
typedef struct {
    int N, H, W, I;                         /* x: N H W I                      */
    int O, kh, kw;
    int oH, oW;                             /* y: N oH oW O                    */
    int stride[2], padding[2], dilation[2]; /* along y, along x                */
    int groups;                             /* divides I and O                 */
} DfConvShape;

/* The fastest way to pack the weight of df_conv_forward() for products in this precision: DF_PACK_GEMM, by df_pack(),
 * df_pack_bf16() or df_pack_int8(), or one of the kinds below. */
DF_API DfPackKind df_conv_pack_kind(const DfConvShape *, DfPrecision);
/* Packs a weight of O 3 3 I for df_conv_forward() by Winograd's method: DF_PACK_WINOGRAD for a stride of 1,
 * DF_PACK_WINOGRAD_STRIDED for a stride of 2. Products are in float32 or in bf16; in bf16, filters and patches are
 * transformed in float32 and then rounded. */
DF_API int df_pack_winograd(DfPacked **out, DfPool *, DfPackKind, DfPrecision, const float *w, size_t O, size_t I);
/* The same weight, with a stride of 1, for df_conv_transposed_packed(). */
DF_API int df_pack_winograd_turned(DfPacked **out, DfPool *, const float *w, size_t O, size_t I);
/* A 1x1 convolution whose maps are the matrices: y = x w'. */
DF_API bool df_conv_is_product(const DfConvShape *);
/* The number of multiply-adds of df_conv_forward() with a weight packed like this. By Winograd's method there are fewer
 * than in the direct sum; its transforms are not counted. */
DF_API double df_conv_multiply_adds(const DfConvShape *, DfPackKind);
/* Forbids or allows Winograd's method, in the whole process; call it between passes. It is allowed by default. Forbid
 * it to compare numbers with another implementation: its errors are about twice those of direct sums (winograd.c). */
DF_API void df_conv_allow_winograd(bool allowed);
/* y = epilogue(conv(x, w)), with w packed for products or for Winograd's method. */
DF_API int df_conv_forward(DfPool *, const DfKernels *, const DfConvShape *, const float *x, const DfPacked *w,
                           float *y, DfEpilogue);
/* The same of maps, without a residual where y is bfloat16. */
DF_API int df_conv_forward_maps(DfPool *, const DfKernels *, const DfConvShape *, DfMap x, const DfPacked *w, DfMap y,
                                DfEpilogue);
/* x += the transposed convolution of y: dL/dx from dL/dy, and the forward pass of a transposed convolution. The
 * weight is not packed; `bias` (I) is added to every pixel, or NULL. */
DF_API int df_conv_transposed(DfPool *, const DfKernels *, const DfConvShape *, const float *y, const float *w,
                              const float *bias, float *x);
/* The same with a weight packed by df_pack_winograd_turned(). The first function says whether that is likely to be
 * faster. If `fresh`, x is overwritten instead of added to. */
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
