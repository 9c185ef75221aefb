/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/int8_end_avx2.h -- private to the products in 8-bit integers on x86: quantises the input.
 */
#ifndef DF_KERNELS_GEMM_INT8_END_AVX2_H
#define DF_KERNELS_GEMM_INT8_END_AVX2_H

#include <string.h>

#include "kernels/gemm/int8_end_v8.h"
#include "kernels/gemm/tile_end_avx2.h"

/* u = round(x factor) + zero, as in quantise_c() of gemm_int8_c.c. */
static inline __m256i v8_quantise(const float *x, V8 factor, V8 least, V8 most, __m256i zero)
{
    const V8 t = _mm256_mul_ps(_mm256_loadu_ps(x), factor);
    const V8 inside = _mm256_min_ps(_mm256_max_ps(t, least), most); /* max takes `least` where t is NaN */
    return _mm256_add_epi32(_mm256_cvtps_epi32(inside), zero);
}

/* Pack instructions work on the two halves of a vector separately; the quarters are put back in order at the end. */
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

#endif
