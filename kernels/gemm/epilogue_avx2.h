/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/epilogue_avx2.h -- private to the *_avx2.c files: DfEpilogue on eight floats.
 */
#ifndef DF_KERNELS_GEMM_EPILOGUE_AVX2_H
#define DF_KERNELS_GEMM_EPILOGUE_AVX2_H

#include "kernels/act_avx2.h"
#include "kernels/gemm/gemm.h"

/* For the eight results at offset `at` of the result (and residual), in columns from `column` on. */
static inline V8 v8_epilogue(V8 y, const DfEpilogue *e, size_t at, size_t column)
{
    if (e->bias)
        y = _mm256_add_ps(y, _mm256_loadu_ps(e->bias + column));
    if (e->act != DF_ACT_NONE)
        y = v8_act(e->act, y);
    if (e->scale)
        y = _mm256_mul_ps(y, _mm256_loadu_ps(e->scale + column));
    if (e->residual)
        y = _mm256_add_ps(y, _mm256_loadu_ps(e->residual + at));
    return y;
}

#endif
