/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/gemm_int8_avxvnni.c -- gemm_int8_avxvnni_6x16: the tile of products in 8-bit integers, with AVX-VNNI,
 * an instruction that some processors have in addition to AVX2. It multiplies 32 pairs of bytes and adds them, four by
 * four, to 8 sums of 32 bits.
 */
#include <stdalign.h>
#include <string.h>

#include "kernels/gemm/int8_end_avx2.h"
#include "kernels/ladder.h"

enum { ROWS = 6 };

static inline __m256i four_of(const uint8_t *a)
{
    int32_t four;
    memcpy(&four, a, sizeof four);
    return _mm256_set1_epi32(four);
}

/* sum + a b, four products to each sum: as in gemm_int8_avx512vnni.c. */
static inline __m256i dot(__m256i sum, __m256i a, __m256i b)
{
    __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(a), "x"(b));
    return sum;
}

#define START(i)                                                             \
    __m256i l##i = zero, r##i = zero;
#define STEP(i)                                                              \
    x = four_of(a + i * lda);                                                \
    l##i = dot(l##i, x, left);                           \
    r##i = dot(r##i, x, right);
#define STORE(i)                                                             \
    _mm256_store_si256((__m256i *)(sum + i * 16), l##i);                     \
    _mm256_store_si256((__m256i *)(sum + i * 16 + 8), r##i);

#define DEFINE_TILE(rows)                                                    \
static void sums_of_##rows(int32_t *sum, size_t k, const uint8_t *a, size_t lda, const int8_t *b) \
{                                                                            \
    const __m256i zero = _mm256_setzero_si256();                             \
    EACH_##rows(START)                                                       \
    for (const int8_t *const end = b + 16 * k; b < end; b += 64, a += 4) {   \
        const __m256i left = _mm256_load_si256((const __m256i *)b);          \
        const __m256i right = _mm256_load_si256((const __m256i *)(b + 32));  \
        __m256i x;                                                           \
        EACH_##rows(STEP)                                                    \
    }                                                                        \
    EACH_##rows(STORE)                                                       \
}
FROM_1_TO_6(DEFINE_TILE)

static DfInt8Sums *const sums[ROWS] = { sums_of_1, sums_of_2, sums_of_3, sums_of_4, sums_of_5, sums_of_6 };

static void gemm_int8_avxvnni_6x16(int m, int n, size_t k, const uint8_t *a, size_t lda, const int8_t *b, size_t panel,
                                   float *c, size_t ldc, const DfInt8Columns *columns, const DfEpilogue *e)
{
    (void)panel;
    int8_panel_tile(sums[m - 1], m, n, k, a, lda, b, c, ldc, columns, e);
}

void df_gemm_int8_init_avxvnni(DfInt8Kernels *k)
{
    k->tile_m = ROWS;
    k->tile_n = DF_PANEL;
    k->tile = gemm_int8_avxvnni_6x16;
}
