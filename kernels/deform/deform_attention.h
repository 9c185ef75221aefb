/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/deform/deform_attention.h -- the attention of DAT: keys and values sampled at learnt positions, with an
 * interpolated position bias. Included by kernels/kernels.h: include that.
 */
#ifndef DF_KERNELS_DEFORM_DEFORM_ATTENTION_H
#define DF_KERNELS_DEFORM_DEFORM_ATTENTION_H

#include <stdint.h>

#include "kernels/attention/attention.h"

DF_BEGIN_DECLS

/* For each query m of a map and head h, with keys and values sampled elsewhere at the positions p of its group:
 *     out[m] = sum over i of softmax_i(scale <q[m], k[i]> + bias(m, i)) v[i]
 *     bias(m, i) = the head's table at (grid[m] - p[i]) / 2, bilinearly, zeros outside          (DAT's phi(B; R))
 * df_deform_attention() in tensor/ops.h says it in detail. */
typedef struct {
    int B, H, W, C, keys, heads, groups; /* head h has the positions of group h / (heads / groups)  */
    float scale;
    const float *q, *k, *v;  /* B H W C; B keys C twice                                     */
    const float *pos;        /* B groups keys 2 (y, x); read if there is a table            */
    const float *table;      /* heads table_h table_w, or NULL                              */
    int table_h, table_w;
    bool half_pixel;         /* which query grid goes with the table                        */
    const float *dense;      /* heads H*W keys, or B of these if dense_batched; NULL: none  */
    bool dense_batched;
    const uint8_t *padding_mask; /* B keys: 1 for a key that is ignored, or NULL. Not with a table or a dense bias  */
    DfDropout dropout;           /* of attention weights                                                            */
} DfDeformProblem;

typedef struct { /* where to add the gradients; each may be NULL */
    float *q, *k, *v, *pos, *table, *dense;
} DfDeformGrads;

DF_API size_t df_deform_attention_workspace(const DfDeformProblem *);          /* floats, forward  */
DF_API size_t df_deform_attention_backward_workspace(const DfDeformProblem *); /* floats, backward */
DF_API size_t df_deform_attention_lse_size(const DfDeformProblem *);    /* floats of `lse` */
/* `out` is B H W C and overlaps nothing. `lse` receives what the backward pass needs, or is NULL if there is none.
 * DF_OK or DF_ENOMEM. */
DF_API int df_deform_attention_forward(DfPool *, const DfAttentionKernels *, const DfDeformProblem *, float *out,
                                       float *lse, float *workspace);
/* Adds to the gradients. */
DF_API int df_deform_attention_backward(DfPool *, const DfAttentionKernels *, const DfDeformProblem *, const float *out,
                                        const float *lse, const float *dout, const DfDeformGrads *, float *workspace);

/* The attention weights of one query, row * W + column, of a head: weight[keys], which sum to 1. Computed in float64,
 * to inspect a network: df_deform_attention_forward() never stores them. v is not read. */
DF_API void df_deform_attention_weights(const DfDeformProblem *, int b, int head, int query, float *weight);

DF_END_DECLS

#endif
