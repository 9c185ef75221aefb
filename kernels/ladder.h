/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/ladder.h -- private: the functions that fill the table of kernels, one for each topic and rung. A function
 * overwrites the kernels that its rung computes faster than the rung below, and leaves the others. Those called _v8
 * are written once, with kernels/vector.h, for the rungs avx2 and neon.
 */
#ifndef DF_KERNELS_LADDER_H
#define DF_KERNELS_LADDER_H

#include "kernels/leaves.h"

void df_gemm_init_c(DfGemmKernels *);
void df_gemm_init_avx2(DfGemmKernels *);
void df_gemm_init_avx512(DfGemmKernels *);
void df_gemm_init_neon(DfGemmKernels *);
void df_bf16_init_c(DfBf16Kernels *);
void df_bf16_init_avx512bf16(DfBf16Kernels *);
void df_bf16_init_neonbf16(DfBf16Kernels *);
void df_gemm_int8_init_c(DfInt8Kernels *);
void df_gemm_int8_init_avx2(DfInt8Kernels *);
void df_gemm_int8_init_avxvnni(DfInt8Kernels *);
void df_gemm_int8_init_avx512vnni(DfInt8Kernels *);
void df_gemm_int8_init_neondot(DfInt8Kernels *);
void df_gemm_int8_init_neoni8mm(DfInt8Kernels *);
void df_winograd_init_c(DfConvKernels *);
void df_winograd_init_v8(DfConvKernels *);
void df_winograd_init_avx512(DfConvKernels *);
void df_depthwise_init_c(DfConvKernels *);
void df_depthwise_init_v8(DfConvKernels *);
void df_pointwise_init_c(DfPointwiseKernels *);
void df_pointwise_init_v8(DfPointwiseKernels *);
void df_rows_init_c(DfPointwiseKernels *);
void df_rows_init_v8(DfPointwiseKernels *);
void df_rows_init_avx512(DfPointwiseKernels *);
void df_mix_init_c(DfPointwiseKernels *);
void df_mix_init_v8(DfPointwiseKernels *);
void df_attention_init_c(DfAttentionKernels *);
void df_attention_init_v8(DfAttentionKernels *);
void df_attention_backward_init_v8(DfAttentionKernels *);
void df_attention_init_avx512(DfAttentionKernels *);
void df_attention_bf16_init_c(DfAttentionKernels *);          /* both overwrite a copy of the float32 table */
void df_attention_bf16_init_avx512bf16(DfAttentionKernels *);
void df_ms_deform_init_c(DfMsDeformKernels *);
void df_ms_deform_init_v8(DfMsDeformKernels *);

/* OpenBLAS, which the first of these functions loads. In order: why it cannot be used, or NULL; its version, processor
 * and kind of threads; the function that fills its rung. */
const char *df_blas_problem(void);
const char *df_blas_about(void);
void df_gemm_init_blas(DfGemmKernels *);

#endif
