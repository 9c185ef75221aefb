/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/losses.h -- what the losses of every head give: a list of scalars by name. Part of the door heads/heads.h.
 */
#ifndef DF_HEADS_LOSSES_H
#define DF_HEADS_LOSSES_H

#include "boxes/boxes.h"
#include "tensor/tensor.h"

/* The objects of an image are DfAnnotations (boxes/annotation.h) at the size of the network. */

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
