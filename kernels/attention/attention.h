/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/attention.h -- softmax attention whose scores never exist as a matrix. Part of the door kernels/kernels.h: include
 * that.
 *
 * All attention, deformable attention too, is made of the same leaves. Queries stand side by side in lanes (a tile, a multiple of 8
 * wide), keys come in blocks, and scores are held transposed, S[key][lane], in a few KB of scratch: then the softmax runs straight down
 * the lanes, a key is one broadcast, and a bias is written before the products are added to it. Blocks of keys are joined by the
 * running maximum and sum of Milakov and Gimelshein (2018), used for attention by FlashAttention (Dao et al., NeurIPS 2022).
 */
#ifndef DF_KERNELS_ATTENTION_ATTENTION_H
#define DF_KERNELS_ATTENTION_ATTENTION_H

#include "core/core.h"
#include "kernels/leaves.h"

/* ---- window attention: tensor/ops.h, df_window_attention, says what is computed ----------------------------------- */

typedef struct {
    int B, H, W, C, heads, window, shift;
    float scale;
    const float *qkv;   /* B H W 3C                */
    const float *pad;   /* 3C or NULL              */
    const float *table; /* (2 window - 1)^2 heads, or NULL */
} DfWindowProblem;

size_t df_window_attention_workspace(const DfWindowProblem *);          /* floats, forward  */
size_t df_window_attention_backward_workspace(const DfWindowProblem *); /* floats, backward */
size_t df_window_attention_lse_size(const DfWindowProblem *);           /* floats of what forward leaves for backward */

/* `out` is B H W C; `lse` NULL unless backward follows. The only failure is DF_ENOMEM. */
int df_window_attention_forward(DfPool *, const DfAttentionKernels *, const DfWindowProblem *, float *out, float *lse, float *workspace);
/* Adds to dqkv, dpad, dtable, each of which may be NULL. */
int df_window_attention_backward(DfPool *, const DfAttentionKernels *, const DfWindowProblem *, const float *out, const float *lse,
                                 const float *dout, float *dqkv, float *dpad, float *dtable, float *workspace);

/* ---- neighborhood attention: tensor/ops.h, df_neighborhood_attention ------------------------------------------------ */

typedef struct {
    int B, H, W, C, heads, window, dilation; /* window * dilation is at most H and W */
    float scale;
    const float *qkv;   /* B H W 3C                                */
    const float *table; /* heads 2 window - 1 twice, or NULL       */
} DfNeighborhoodProblem;

size_t df_neighborhood_attention_lse_size(const DfNeighborhoodProblem *);
size_t df_neighborhood_attention_backward_workspace(const DfNeighborhoodProblem *);
int df_neighborhood_attention_forward(DfPool *, const DfKernels *, const DfNeighborhoodProblem *, float *out, float *lse);
/* Adds to dqkv and dtable, each of which may be NULL. */
int df_neighborhood_attention_backward(DfPool *, const DfKernels *, const DfNeighborhoodProblem *, const float *out, const float *lse,
                                       const float *dout, float *dqkv, float *dtable, float *workspace);

#endif
