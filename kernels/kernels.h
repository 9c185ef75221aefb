/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/kernels.h -- the public header of kernels/: the arithmetic on raw pointers.
 *
 * There are two layers. Leaf kernels are in a table, DfKernels: it is filled with the C reference, then overwritten,
 * rung by rung, with what is faster on this CPU (DEFORMER_CPU=c|blas|avx2|avx512|neon picks a rung). Drivers divide a
 * whole operation into tasks for the thread pool and call leaf kernels. Tasks depend on the sizes alone, so results
 * have the same bits for any number of threads. Kernels take pointers, lengths and strides, never tensors; scratch
 * comes from the pool.
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

/* The best rung of this CPU, or the one named by DEFORMER_CPU ("c", "blas", "avx2", "avx512", "neon"; empty means not
 * set). It is chosen once and is never NULL: if the name is unknown or cannot run here, it is the best one.
 * df_ctx_new() calls df_kernels_check() first, which fails with DF_EVALUE for such a name. */
DF_API const DfKernels *df_kernels(void);
DF_API int df_kernels_check(void);
/* A rung by name for tests and benches; NULL if unknown or not runnable here. "blas" loads OpenBLAS. */
DF_API const DfKernels *df_kernels_named(const char *rung);
DF_API const char *df_kernels_name(const DfKernels *);
/* The names of the rungs that can run here, the slowest ("c") first; NULL from the last on. Loads OpenBLAS. */
DF_API const char *df_kernels_rung(int i);
/* The library that computes the products of "blas", as it calls itself: "OpenBLAS 0.3.21 ... Haswell MAX_THREADS=64";
 * "" for other rungs. */
DF_API const char *df_kernels_about(const DfKernels *);

DF_END_DECLS

#endif
