/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/gemm_int8_avx2.c -- gemm_int8_avx2_3x16: the tile of products in 8-bit integers, with AVX2.
 *
 * The AVX2 instruction that multiplies bytes adds two products in 16 bits, which can overflow. So both factors are
 * widened to 16 bits, and pairs of products are added in 32 bits, exactly; an instruction then does twice as many
 * multiply-adds as in float32. A vector of sums holds 4 columns with two sums each (of the first and the second pair
 * in every 4 steps of k); 3 rows of 16 columns are twelve vectors.
 */
#include <stdalign.h>
#include <string.h>

#include "kernels/gemm/int8_end_avx2.h"
#include "kernels/gemm/tile_end_avx2.h"
#include "kernels/ladder.h"

enum { ROWS = 3 };

static inline __m256i widened_weights(const int8_t *b)
{
    return _mm256_cvtepi8_epi16(_mm_load_si128((const __m128i *)b));
}

/* Four numbers of a row, in 16 bits each, four times. */
static inline __m256i widened_inputs(const uint8_t *a)
{
    int32_t four;
    memcpy(&four, a, sizeof four);
    return _mm256_cvtepu8_epi16(_mm_set1_epi32(four));
}

/* The two sums of 4 + 4 columns become one each, in the order of the columns. */
static inline __m256i joined(__m256i left, __m256i right)
{
    return _mm256_permute4x64_epi64(_mm256_hadd_epi32(left, right), 0xd8);
}

#define START(i)                                                             \
    __m256i s##i = zero, t##i = zero, u##i = zero, v##i = zero;
#define STEP(i)                                                              \
    x = widened_inputs(a + i * lda);                                         \
    s##i = _mm256_add_epi32(s##i, _mm256_madd_epi16(x, b0));                 \
    t##i = _mm256_add_epi32(t##i, _mm256_madd_epi16(x, b1));                 \
    u##i = _mm256_add_epi32(u##i, _mm256_madd_epi16(x, b2));                 \
    v##i = _mm256_add_epi32(v##i, _mm256_madd_epi16(x, b3));
#define STORE(i)                                                             \
    _mm256_store_si256((__m256i *)(sum + i * 16), joined(s##i, t##i));       \
    _mm256_store_si256((__m256i *)(sum + i * 16 + 8), joined(u##i, v##i));

#define DEFINE_TILE(rows)                                                    \
static void sums_of_##rows(int32_t *sum, size_t k, const uint8_t *a, size_t lda, const int8_t *b) \
{                                                                            \
    const __m256i zero = _mm256_setzero_si256();                             \
    EACH_##rows(START)                                                       \
    for (const int8_t *const end = b + 16 * k; b < end; b += 64, a += 4) {   \
        const __m256i b0 = widened_weights(b);                               \
        const __m256i b1 = widened_weights(b + 16);                          \
        const __m256i b2 = widened_weights(b + 32);                          \
        const __m256i b3 = widened_weights(b + 48);                          \
        __m256i x;                                                           \
        EACH_##rows(STEP)                                                    \
    }                                                                        \
    EACH_##rows(STORE)                                                       \
}
DEFINE_TILE(1)
DEFINE_TILE(2)
DEFINE_TILE(3)

static DfInt8Sums *const sums[ROWS] = { sums_of_1, sums_of_2, sums_of_3 };

static void gemm_int8_avx2_3x16(int m, int n, size_t k, const uint8_t *a, size_t lda, const int8_t *b, size_t panel,
                                float *c, size_t ldc, const DfInt8Columns *columns, const DfEpilogue *e)
{
    (void)panel;
    int8_panel_tile(sums[m - 1], m, n, k, a, lda, b, c, ldc, columns, e);
}

void df_gemm_int8_init_avx2(DfInt8Kernels *k)
{
    k->tile_m = ROWS;
    k->tile_n = DF_PANEL;
    k->tile = gemm_int8_avx2_3x16;
    k->quantise = quantise_avx2;
}
