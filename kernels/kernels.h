/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/kernels.h -- the public header of kernels/: the arithmetic on raw pointers.
 *
 * Two layers. A table of leaf kernels, DfKernels, filled with the C reference and then overwritten, rung by rung,
 * with what is faster on this CPU (DEFORMER_CPU=c|blas|avx2|avx512|neon picks a rung). And drivers, which cut a whole
 * operation into tasks for the pool and call the leaves: tasks depend on the sizes alone, so results are the same
 * bits for any number of threads. Kernels take pointers, lengths and strides, never tensors; scratch comes from the
 * pool.
 */
#ifndef DF_KERNELS_KERNELS_H
#define DF_KERNELS_KERNELS_H

#include "core/core.h"
#include "kernels/act.h"
#include "kernels/attention/attention.h"
#include "kernels/attention/focal_attention.h"
#include "kernels/attention/window_branch.h"
#include "kernels/conv/conv.h"
#include "kernels/deform/deform_attention.h"
#include "kernels/deform/deform_conv.h"
#include "kernels/deform/ms_deform_attention.h"
#include "kernels/gemm/gemm.h"
#include "kernels/keep.h"
#include "kernels/leaves.h"
#include "kernels/precision.h"

DF_BEGIN_DECLS

/* The best rung of this CPU, or the one named by DEFORMER_CPU ("c", "blas", "avx2", "avx512", "neon"; empty is as if it
 * were not set); chosen once, never NULL: the best one where that name means nothing here. df_ctx_new() asks
 * df_kernels_check() first, which says so: DF_EVALUE for an unknown rung or one that this CPU lacks. */
DF_API const DfKernels *df_kernels(void);
DF_API int df_kernels_check(void);
/* A rung by name for tests and benches; NULL if unknown or not runnable here. "blas" loads OpenBLAS. */
DF_API const DfKernels *df_kernels_named(const char *rung);
DF_API const char *df_kernels_name(const DfKernels *);
/* The names of the rungs that can run here, the slowest ("c") first; NULL from the last on. Loads OpenBLAS. */
DF_API const char *df_kernels_rung(int i);
/* What computes the products of "blas", such as "OpenBLAS 0.3.21 ... Haswell MAX_THREADS=64"; "" of other rungs. */
DF_API const char *df_kernels_about(const DfKernels *);

DF_END_DECLS

#endif
