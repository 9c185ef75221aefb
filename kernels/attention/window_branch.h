/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/window_branch.h -- window attention between its two projections, a few windows at a time. Included
 * by kernels/kernels.h: include that.
 */
#ifndef DF_KERNELS_ATTENTION_WINDOW_BRANCH_H
#define DF_KERNELS_ATTENTION_WINDOW_BRANCH_H

#include "kernels/attention/attention.h"
#include "kernels/gemm/gemm.h"

DF_BEGIN_DECLS

/* out = epilogue(proj(attention(qkv(norm(x))))). Products have the bits that they have in passes of their own. */
typedef struct {
    DfWindowProblem attention;  /* without qkv; pad is the bias of qkv, too; no dropout */
    const float *x;             /* B H W C                                              */
    bool norm;                  /* a layer norm of x comes first                        */
    const float *norm_weight, *norm_bias; /* C each, or NULL                            */
    float eps;
    const DfPacked *qkv, *proj; /* C 3C, C C                                            */
    DfPrecision precision;      /* of attention's products: as df_attention_leaves()    */
    DfEpilogue e;               /* of the result; no activation; its residual is not `out` */
} DfWindowBranchProblem;

/* Is it worth it? Maps with few windows have too few tasks. The same for any number of samples. */
DF_API bool df_window_branch_pays(const DfWindowProblem *);
/* `out` is B H W C, workspace df_window_attention_workspace() floats. DF_OK or DF_ENOMEM. */
DF_API int df_window_branch_forward(DfPool *, const DfKernels *, const DfWindowBranchProblem *, float *out,
                                    float *workspace);

DF_END_DECLS

#endif
