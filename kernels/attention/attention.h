/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/attention.h -- softmax attention that never stores the matrix of scores. Included by
 * kernels/kernels.h: include that.
 *
 * All kinds of attention, including deformable attention, use the leaf kernels of DfAttentionKernels. A tile of
 * queries occupies the lanes of vectors, keys are read block by block, and the softmax keeps a running maximum and sum
 * (Milakov and Gimelshein, 2018), as in FlashAttention (Dao et al., NeurIPS 2022). With scores s of the keys read so
 * far,
 *     m = max s,   l = sum exp(s - m),   o = sum exp(s - m) v
 * When a new block changes m to m', l and o are multiplied by exp(m - m') before the block's terms are added. The
 * result is o / l. The backward pass needs one number for each query: lse = m + log l, since the softmax weights are
 * exp(s - lse).
 *
 * Drivers return DF_OK or DF_ENOMEM. Results must not overlap arguments.
 */
#ifndef DF_KERNELS_ATTENTION_ATTENTION_H
#define DF_KERNELS_ATTENTION_ATTENTION_H

#include "core/core.h"
#include "kernels/leaves.h"
#include "kernels/precision.h"

DF_BEGIN_DECLS

/* The leaf kernels for attention in this precision: float32 ones with dropout, since training is in float32, and on
 * rungs whose only bfloat16 products are those with weights. */
static inline const DfAttentionKernels *df_attention_leaves(const DfKernels *k, DfPrecision precision,
                                                            const DfDropout *dropout)
{
    const bool bf16 = precision == DF_PRECISION_BF16 && !dropout->key && k->attention_bf16.weigh;
    return bf16 ? &k->attention_bf16 : &k->attention;
}

/* ---- window attention: df_window_attention() in tensor/ops.h says what is computed ------------------------------ */

typedef struct {
    int B, H, W, C, heads;
    int window, shift;  /* in tokens                                     */
    float scale;        /* of the scores: 1 / sqrt(C / heads) as a rule  */
    const float *qkv;   /* B H W 3C                                      */
    const float *pad;   /* 3C, or NULL for zeros                         */
    const float *table; /* (2 window - 1)^2 heads, or NULL               */
    DfDropout dropout;  /* of attention weights                          */
    bool pad_after_shift; /* the map is rolled without its padding       */
    int mask_side;      /* the mask is that of a map with this many windows a side; 0: of this map */
} DfWindowProblem;

DF_API size_t df_window_attention_workspace(const DfWindowProblem *);          /* floats, forward  */
DF_API size_t df_window_attention_backward_workspace(const DfWindowProblem *); /* floats, backward */
DF_API size_t df_window_attention_lse_size(const DfWindowProblem *);    /* floats of `lse` */

/* `out` is B H W C. `lse` receives what the backward pass needs, or is NULL if there is none. */
DF_API int df_window_attention_forward(DfPool *, const DfAttentionKernels *, const DfWindowProblem *, float *out,
                                       float *lse, float *workspace);
/* Adds to dqkv, dpad, dtable, each of which may be NULL. */
DF_API int df_window_attention_backward(DfPool *, const DfAttentionKernels *, const DfWindowProblem *, const float *out,
                                        const float *lse, const float *dout, float *dqkv, float *dpad, float *dtable,
                                        float *workspace);

/* ---- neighborhood attention: df_neighborhood_attention() in tensor/ops.h ---------------------------------------- */

typedef struct {
    int B, H, W, C, heads;
    int window, dilation; /* window * dilation is at most H and W        */
    float scale;
    const float *qkv;     /* B H W 3C                                    */
    const float *table;   /* heads (2 window - 1) (2 window - 1), or NULL */
    DfDropout dropout;    /* of attention weights                        */
    DfPrecision precision; /* of its two products                        */
} DfNeighborhoodProblem;

DF_API size_t df_neighborhood_attention_lse_size(const DfNeighborhoodProblem *);           /* floats of `lse` */
DF_API size_t df_neighborhood_attention_backward_workspace(const DfNeighborhoodProblem *); /* floats */
DF_API int df_neighborhood_attention_forward(DfPool *, const DfKernels *, const DfNeighborhoodProblem *, float *out,
                                             float *lse);
/* Adds to dqkv and dtable, each of which may be NULL. */
DF_API int df_neighborhood_attention_backward(DfPool *, const DfKernels *, const DfNeighborhoodProblem *,
                                              const float *out, const float *lse, const float *dout, float *dqkv,
                                              float *dtable, float *workspace);

DF_END_DECLS

#endif
