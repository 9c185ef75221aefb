/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/deform/ms_deform_attention.h -- multi-scale deformable attention. Part of the door kernels/kernels.h: include that.
 *
 * Every query reads a few points of every level of a pyramid, bilinearly, with zeros outside: Zhu et al., "Deformable DETR",
 * ICLR 2021, section 4.1. A query and head has levels * points samples of four taps each; channels of a head lie side by side,
 * so a tap is a run of floats.
 */
#ifndef DF_KERNELS_DEFORM_MS_DEFORM_ATTENTION_H
#define DF_KERNELS_DEFORM_MS_DEFORM_ATTENTION_H

#include "core/core.h"

enum { DF_MS_LEVELS = 16 }; /* most levels of a pyramid */

/* The level of every sample, as a table: height and width as floats, width and first cell as integers. n samples, rounded up to
 * a multiple of 8; those added have no level (height and width 0) and weight 0. */
typedef struct {
    int n, room;
    const float *h, *w;
    const int *width, *first;
} DfMsSamples;

typedef struct {
    /* Taps of the n samples of a query and head at location[n][2] (x, y in [0, 1] of a level): tap t of sample i is cell
     * cell[t * room + i] with weight[t * room + i], which has attention[i] in it; outside the level cell 0 with weight 0. */
    void (*taps)(int *cell, float *weight, const DfMsSamples *, const float *location, const float *attention);
    /* out[d] = sum over n taps of weight[t] value[cell[t] * stride + d] */
    void (*gather)(float *out, const float *value, size_t stride, const int *cell, const float *weight, int n, int depth);
} DfMsDeformKernels;

typedef struct {
    int B, queries, heads, depth, levels, points;
    int height[DF_MS_LEVELS], width[DF_MS_LEVELS];
    const float *value;     /* B cells heads depth; cells of all levels, one after the other */
    const float *location;  /* B queries heads levels points 2, x y                         */
    const float *attention; /* B queries heads levels points                                */
} DfMsDeformProblem;

int df_ms_deform_forward(DfPool *, const DfMsDeformKernels *, const DfMsDeformProblem *, float *out); /* B queries heads depth */
/* Adds to the gradients, each of which may be NULL; shapes as in the problem. */
int df_ms_deform_backward(DfPool *, const DfMsDeformProblem *, const float *dout, float *dvalue, float *dlocation, float *dattention);

#endif
