/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/int8_end_avx2.h -- private to the products in 8-bit integers of x86: what comes before and after a tile,
 * on eight numbers.
 */
#ifndef DF_KERNELS_GEMM_INT8_END_AVX2_H
#define DF_KERNELS_GEMM_INT8_END_AVX2_H

#include <stdalign.h>
#include <string.h>

#include "kernels/gemm/int8.h"
#include "kernels/gemm/tile_end_avx2.h"

/* u = round(x factor) + zero, as quantise_c in gemm_int8_c.c has it. */
static inline __m256i v8_quantise(const float *x, V8 factor, V8 least, V8 most, __m256i zero)
{
    const V8 t = _mm256_mul_ps(_mm256_loadu_ps(x), factor);
    const V8 inside = _mm256_min_ps(_mm256_max_ps(t, least), most); /* max takes `least` where t is NaN */
    return _mm256_add_epi32(_mm256_cvtps_epi32(inside), zero);
}

/* Packing works in both halves of a vector apart: the quarters are put back in order at the end. */
static inline void quantise_32(uint8_t *u, const float *x, V8 factor, V8 least, V8 most, __m256i zero)
{
    const __m256i ab = _mm256_packs_epi32(v8_quantise(x, factor, least, most, zero),
                                          v8_quantise(x + 8, factor, least, most, zero));
    const __m256i cd = _mm256_packs_epi32(v8_quantise(x + 16, factor, least, most, zero),
                                          v8_quantise(x + 24, factor, least, most, zero));
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    _mm256_storeu_si256((__m256i *)u, _mm256_permutevar8x32_epi32(_mm256_packus_epi16(ab, cd), order));
}

static inline void quantise_avx2(uint8_t *u, const float *x, size_t n, float factor, int zero)
{
    const V8 by = v8_set(factor);
    const V8 least = v8_set((float)-zero);
    const V8 most = v8_set((float)(255 - zero));
    const __m256i z = _mm256_set1_epi32(zero);
    size_t i = 0;
    for (; i + 32 <= n; i += 32)
        quantise_32(u + i, x + i, by, least, most, z);
    if (i == n)
        return;
    float rest[32] = { 0 };
    uint8_t last[32];
    memcpy(rest, x + i, (n - i) * sizeof *rest);
    quantise_32(last, rest, by, least, most, z);
    memcpy(u + i, last, n - i);
}

/* Eight sums, scaled; what follows reads at offset `at` of a residual. */
static inline V8 v8_int8_end(const int32_t *sum, const DfInt8Columns *columns, size_t j, const DfEpilogue *e, size_t at)
{
    const __m256i start = _mm256_loadu_si256((const __m256i *)(columns->start + j));
    const __m256i all = _mm256_add_epi32(_mm256_load_si256((const __m256i *)(sum + j)), start);
    return v8_epilogue(_mm256_mul_ps(_mm256_cvtepi32_ps(all), _mm256_loadu_ps(columns->scale + j)), e, at, j);
}

/* Fewer than 16 columns: what is read and written by column goes through copies of full width. */
static inline void int8_end_narrow(size_t rows, size_t n, const int32_t *sum, const DfInt8Columns *columns, float *c,
                                   size_t ldc, const DfEpilogue *e)
{
    float bias[DF_PANEL] = { 0 };
    float scale[DF_PANEL] = { 0 };
    float residual[DF_PANEL] = { 0 };
    float row[DF_PANEL];
    DfEpilogue wide = *e;
    if (e->bias)
        wide.bias = memcpy(bias, e->bias, n * sizeof *bias);
    if (e->scale)
        wide.scale = memcpy(scale, e->scale, n * sizeof *scale);
    for (size_t i = 0; i < rows; i++) {
        if (e->residual)
            wide.residual = memcpy(residual, e->residual + i * ldc, n * sizeof *residual);
        for (size_t j = 0; j < DF_PANEL; j += 8)
            _mm256_storeu_ps(row + j, v8_int8_end(sum + i * DF_PANEL, columns, j, &wide, j));
        memcpy(c + i * ldc, row, n * sizeof *row);
    }
}

/* What follows the sums of some rows and 16 columns. */
static inline void int8_end(size_t rows, size_t n, const int32_t *sum, const DfInt8Columns *columns, float *c,
                            size_t ldc, const DfEpilogue *e)
{
    if (n < DF_PANEL) {
        int8_end_narrow(rows, n, sum, columns, c, ldc, e);
        return;
    }
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < DF_PANEL; j += 8)
            _mm256_storeu_ps(c + i * ldc + j, v8_int8_end(sum + i * DF_PANEL, columns, j, e, i * ldc + j));
}

#endif
