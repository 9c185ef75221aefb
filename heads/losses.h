/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/losses.h -- what the losses of every head are given and give: the objects of a batch, and a list of scalars by
 * name. Part of the door heads/heads.h.
 */
#ifndef DF_HEADS_LOSSES_H
#define DF_HEADS_LOSSES_H

#include "tensor/tensor.h"

/* The objects of an image: classes, and boxes cx cy w h in [0, 1] of the image. */
typedef struct {
    size_t n;
    const int *labels;
    const float *boxes;
} DfTargets;

/* What a training step computes, by name. Figures for the log have no tensor; all tensors are scalars. */
enum { DF_LOSSES = 256 };
typedef struct {
    char name[32];
    DfTensor *loss;  /* unweighted, or NULL      */
    float figure;    /* its value, without loss  */
} DfLoss;
typedef struct {
    int n;
    DfLoss v[DF_LOSSES];
    DfTensor *total; /* weighted: seed backward with it; NULL if there is nothing */
} DfLosses;

#endif
