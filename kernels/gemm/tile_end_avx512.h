/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/tile_end_avx512.h -- private to the tiles of products with AVX-512, in every precision: applies the
 * epilogue to a tile of 32 columns.
 */
#ifndef DF_KERNELS_GEMM_TILE_END_AVX512_H
#define DF_KERNELS_GEMM_TILE_END_AVX512_H

#include "kernels/act_avx512.h"
#include "kernels/gemm/tile_end_avx2.h"

/* The epilogue of a tile; `act` is a constant wherever this is inlined. */
static inline void end_with(DfAct act, size_t rows, const float *y, float *c, size_t ldc, const DfEpilogue *e)
{
    const float *residual = e->inside ? NULL : e->residual;
    for (size_t i = 0; i < rows; i++, y += 32)
        for (size_t j = 0; j < 32; j += 16) {
            V16 x = v16_act(act, _mm512_load_ps(y + j));
            if (e->scale)
                x = _mm512_mul_ps(x, _mm512_loadu_ps(e->scale + j));
            if (residual)
                x = _mm512_add_ps(x, _mm512_loadu_ps(residual + i * ldc + j));
            _mm512_storeu_ps(c + i * ldc + j, x);
        }
}

static inline void end_of_32(size_t rows, const float *y, float *c, size_t ldc, const DfEpilogue *e)
{
    switch (e->act) {
    case DF_ACT_RELU: end_with(DF_ACT_RELU, rows, y, c, ldc, e); break;
    case DF_ACT_GELU: end_with(DF_ACT_GELU, rows, y, c, ldc, e); break;
    case DF_ACT_GELU_TANH: end_with(DF_ACT_GELU_TANH, rows, y, c, ldc, e); break;
    case DF_ACT_SIGMOID: end_with(DF_ACT_SIGMOID, rows, y, c, ldc, e); break;
    case DF_ACT_TANH: end_with(DF_ACT_TANH, rows, y, c, ldc, e); break;
    case DF_ACT_NONE: end_with(DF_ACT_NONE, rows, y, c, ldc, e); break;
    default: end_with(e->act, rows, y, c, ldc, e); break;
    }
}

#endif
