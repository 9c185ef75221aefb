/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/focal_pool.h -- private to Focal Transformer: pools pieces of a map to tokens, f_p of eq. 1 of its paper.
 */
#ifndef DF_BACKBONE_FOCAL_POOL_H
#define DF_BACKBONE_FOCAL_POOL_H

#include "backbone/backbone.h"

enum { FOCAL_POOL_NONE, FOCAL_POOL_FC, FOCAL_POOL_CONV, FOCAL_POOL_MEAN, FOCAL_POOL_MAX };

typedef struct {
    int how;     /* one of FOCAL_POOL_..                                */
    int side;    /* of a piece, in tokens                               */
    NnLinear fc; /* FOCAL_POOL_FC: one weight for each token of a piece */
    NnConv conv; /* FOCAL_POOL_CONV: the same for each channel          */
} FocalPool;

/* `how` is the option focal_pool; dim: channels of the map. Keys: weight, bias. */
void df_focal_pool_init(NnScope, FocalPool *, int how, int side, int dim);

/* Each piece of side x side tokens becomes one.                                     B H W C -> B H/side W/side C */
DfTensor *df_focal_pool(DfCtx *, const FocalPool *, DfTensor *x);

#endif
