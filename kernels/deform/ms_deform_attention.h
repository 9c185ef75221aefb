/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/deform/ms_deform_attention.h -- multi-scale deformable attention. Included by kernels/kernels.h:
 * include that.
 *
 * Every query reads a few points of every level of a pyramid, bilinearly, with zeros outside: Zhu et al.,
 * "Deformable DETR", ICLR 2021, section 4.1. A query and head has levels * points samples of four taps each;
 * channels of a head lie side by side, so a tap is a run of floats.
 */
#ifndef DF_KERNELS_DEFORM_MS_DEFORM_ATTENTION_H
#define DF_KERNELS_DEFORM_MS_DEFORM_ATTENTION_H

#include "core/core.h"
#include "kernels/leaves.h"

DF_BEGIN_DECLS

enum { DF_MS_LEVELS = 16 }; /* most levels of a pyramid */

typedef struct {
    int B, queries, heads, depth, levels, points;
    int height[DF_MS_LEVELS], width[DF_MS_LEVELS]; /* of each level, in cells */
    const float *value;     /* B cells heads depth; cells of all levels, one after the other */
    const float *location;  /* B queries heads levels points 2, x y                         */
    const float *attention; /* B queries heads levels points                                */
} DfMsDeformProblem;

/* `out` is B queries heads depth. DF_OK or DF_ENOMEM. */
DF_API int df_ms_deform_forward(DfPool *, const DfMsDeformKernels *, const DfMsDeformProblem *, float *out);
/* Adds to the gradients, each of which may be NULL; shapes as in the problem. */
DF_API int df_ms_deform_backward(DfPool *, const DfMsDeformKernels *, const DfMsDeformProblem *, const float *dout,
                                 float *dvalue, float *dlocation, float *dattention);

DF_END_DECLS

#endif
