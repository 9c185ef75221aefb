/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/focal_attention.h -- focal self-attention, as in Focal Transformer. Included by kernels/kernels.h:
 * include that.
 */
#ifndef DF_KERNELS_ATTENTION_FOCAL_ATTENTION_H
#define DF_KERNELS_ATTENTION_FOCAL_ATTENTION_H

#include "kernels/attention/attention.h"

DF_BEGIN_DECLS

enum { DF_FOCAL_LEVELS = 4 }; /* most pooled levels */

/* df_focal_attention() in tensor/ops.h says what is computed. */
typedef struct {
    int B, H, W, C, heads;
    int window, shift, expand;            /* in tokens                                            */
    int levels, focal_window;             /* pooled maps; cells of level 0, an odd number         */
    float scale;
    const float *qkv;                     /* B H W 3C                                             */
    const float *pad;                     /* 3C or NULL                                           */
    const float *table;                   /* (2 window - 1)^2 heads                               */
    const float *neighbors;               /* heads window^2 neighbors, if expand > 0              */
    const float *pooled[DF_FOCAL_LEVELS]; /* B rows*2^k columns*2^k 3C: rows, columns of windows  */
    const float *tables[DF_FOCAL_LEVELS]; /* heads (window + focal_window + 2^k - 2)^2            */
    DfDropout dropout;                    /* of attention weights                                 */
} DfFocalProblem;

typedef struct { /* where to add the gradients; each may be NULL */
    float *qkv, *pad, *table, *neighbors, *pooled[DF_FOCAL_LEVELS], *tables[DF_FOCAL_LEVELS];
} DfFocalGrads;

DF_API int df_focal_neighbors(int window, int expand); /* tokens around a window: how many keys they are */
DF_API int df_focal_keys(const DfFocalProblem *);      /* the number of keys of each query               */
DF_API size_t df_focal_attention_workspace(const DfFocalProblem *);          /* floats */
DF_API size_t df_focal_attention_backward_workspace(const DfFocalProblem *); /* floats */
DF_API size_t df_focal_attention_lse_size(const DfFocalProblem *);
/* `out` is B H W C; `lse` NULL unless backward follows. DF_OK or DF_ENOMEM. */
DF_API int df_focal_attention_forward(DfPool *, const DfAttentionKernels *, const DfFocalProblem *, float *out,
                                      float *lse, float *workspace);
/* Adds to the gradients. */
DF_API int df_focal_attention_backward(DfPool *, const DfAttentionKernels *, const DfFocalProblem *, const float *out,
                                       const float *lse, const float *dout, const DfFocalGrads *, float *workspace);

DF_END_DECLS

#endif
