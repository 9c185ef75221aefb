/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/tile_end_avx2.h -- private to the tiles of products on x86: tile_end_v8.h, and the largest tile of the
 * AVX2 rung.
 */
#ifndef DF_KERNELS_GEMM_TILE_END_AVX2_H
#define DF_KERNELS_GEMM_TILE_END_AVX2_H

#include <immintrin.h>

#include "kernels/gemm/tile_end_v8.h"

/* The tile of the AVX2 rung (DfGemmKernels in kernels/leaves.h); AVX-512 uses it for fewer than 32 columns. */
enum { DF_AVX2_ROWS = DF_V8_ROWS };
void df_gemm_tile_avx2(int m, int n, size_t k, const float *a, size_t lda, const float *b, size_t panel, float *c,
                       size_t ldc, bool first, bool last, const DfEpilogue *e);

#endif
