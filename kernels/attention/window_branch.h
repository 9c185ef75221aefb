/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/window_branch.h -- window attention fused with its layer norm and its two projections. Included by
 * kernels/kernels.h: include that.
 */
#ifndef DF_KERNELS_ATTENTION_WINDOW_BRANCH_H
#define DF_KERNELS_ATTENTION_WINDOW_BRANCH_H

#include "kernels/attention/attention.h"
#include "kernels/gemm/gemm.h"

DF_BEGIN_DECLS

/* out = epilogue(proj(attention(qkv(norm(x))))), with the same bits as separate passes. */
typedef struct {
    DfWindowProblem attention;  /* its qkv is not read, its pad is also the bias of qkv; no dropout */
    const float *x;             /* B H W C                                              */
    bool norm;                  /* apply a layer norm to x first                        */
    const float *norm_weight, *norm_bias; /* C each, or NULL                            */
    float eps;
    const DfPacked *qkv, *proj; /* C 3C, C C                                            */
    DfPrecision precision;      /* of attention's products: as df_attention_leaves()    */
    DfEpilogue e;               /* of the result; no activation; its residual is not `out` */
} DfWindowBranchProblem;

/* Whether this is faster than separate passes: maps with few windows have too few tasks. Independent of the number of
 * samples. */
DF_API bool df_window_branch_pays(const DfWindowProblem *);
/* `out` is B H W C, workspace df_window_attention_workspace() floats. DF_OK or DF_ENOMEM. */
DF_API int df_window_branch_forward(DfPool *, const DfKernels *, const DfWindowBranchProblem *, float *out,
                                    float *workspace);

DF_END_DECLS

#endif
