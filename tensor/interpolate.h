/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/interpolate.h -- private: the pixels and weights that a resized map reads along one of its axes.
 */
#ifndef DF_TENSOR_INTERPOLATE_H
#define DF_TENSOR_INTERPOLATE_H

#include "tensor/op.h"

/* Positions first .. first + n - 1 of an axis of `whole`, each a weighted sum of `taps` positions of the map that is
 * resized. Those outside the whole have weights of zero. */
typedef struct {
    int whole, first, n, taps;
    int *index;    /* n taps */
    float *weight; /* n taps */
} DfAxis;

/* Fills the tables of `axis`, whose whole, first and n are given, for a map of `in` positions. They last for the whole
 * step. False: the context is poisoned. */
bool df_axis_fill(DfCtx *, DfAxis *axis, int in, DfInterpolation, bool align_corners);

#endif
