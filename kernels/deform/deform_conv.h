/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/deform/deform_conv.h -- deformable convolution (DCN, DCNv2). Included by kernels/kernels.h: include that.
 */
#ifndef DF_KERNELS_DEFORM_DEFORM_CONV_H
#define DF_KERNELS_DEFORM_DEFORM_CONV_H

#include "kernels/conv/conv.h"

DF_BEGIN_DECLS

/* df_deform_conv2d() in tensor/ops.h says what is computed. With P = kh kw points and G = offset_groups: */
typedef struct {
    DfConvShape shape;
    int offset_groups;
    const float *x;       /* N H W I                       */
    const float *offset;  /* N oH oW G P 2: (dy, dx)       */
    const float *mask;    /* N oH oW G P, or NULL for ones */
} DfDeformConv;

typedef struct { /* where to add the gradients; each may be NULL */
    float *x, *offset, *mask, *weight;
} DfDeformConvGrads;

/* y = conv + bias, N oH oW O, with the weight packed by df_pack (O rows, P I/groups columns, in groups). */
DF_API int df_deform_conv_forward(DfPool *, const DfKernels *, const DfDeformConv *, const DfPacked *weight, float *y,
                                  DfEpilogue);
/* From dy and the unpacked weight, O kh kw I/groups. */
DF_API int df_deform_conv_backward(DfPool *, const DfKernels *, const DfDeformConv *, const float *weight,
                                   const float *dy, const DfDeformConvGrads *);

DF_END_DECLS

#endif
