/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/gemm_int8_avx512vnni.c -- gemm_int8_avx512vnni_12x32: the tile of products in 8-bit integers, with
 * AVX-512 VNNI. Its instruction VPDPBUSD multiplies 64 pairs of bytes and adds them, four by four, to 16 sums of 32
 * bits. The tile is that of gemm_avx512.c; one step of the loop covers four numbers along k.
 */
#include <stdalign.h>
#include <string.h>

#include "kernels/act_avx512.h"
#include "kernels/gemm/int8.h"
#include "kernels/gemm/tile_end_avx2.h"
#include "kernels/ladder.h"

enum { ROWS = 12, LANES = 16 };

static inline __m512i four_of(const uint8_t *a)
{
    int32_t four;
    memcpy(&four, a, sizeof four);
    return _mm512_set1_epi32(four);
}

/* sum + a b, four products to each sum. With the intrinsic, GCC 12 copies every sum to another register and back, and
 * to memory, at every step; hence inline assembly. */
static inline __m512i dot(__m512i sum, __m512i a, __m512i b)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
    return sum;
}

/* ---- sums -------------------------------------------------------------------------------------------------------- */

/* Rows are reached from every third one, as in gemm_avx512.c. */
#define ROW(i) ((i < 3 ? a : i < 6 ? a3 : i < 9 ? a6 : a9) + (size_t)(i % 3) * lda)
#define START(i)                                                             \
    __m512i l##i = start_l, r##i = start_r;
#define STEP(i)                                                              \
    x = four_of(ROW(i));                                                     \
    l##i = dot(l##i, x, left);                               \
    r##i = dot(r##i, x, right);
#define STORE(i)                                                             \
    _mm512_store_ps(y + i * 32, _mm512_mul_ps(_mm512_cvtepi32_ps(l##i), scale_l)); \
    _mm512_store_ps(y + i * 32 + 16, _mm512_mul_ps(_mm512_cvtepi32_ps(r##i), scale_r));

/* The sums of some rows and two panels, scaled. */
#define DEFINE_TILE(rows)                                                    \
static void products_##rows(float *y, size_t k, const uint8_t *a, size_t lda, const int8_t *b, size_t panel, \
                            const DfInt8Columns *columns, const int8_t *ahead, size_t step) \
{                                                                            \
    const __m512i start_l = _mm512_loadu_si512(columns->start);              \
    const __m512i start_r = _mm512_loadu_si512(columns->start + 16);         \
    const V16 scale_l = _mm512_loadu_ps(columns->scale);                     \
    const V16 scale_r = _mm512_loadu_ps(columns->scale + 16);                \
    EACH_##rows(START)                                                       \
    const uint8_t *a3 = a + 3 * lda, *a6 = a + 6 * lda, *a9 = a + 9 * lda;   \
    for (const int8_t *const end = b + 16 * k; b < end; b += 64, a += 4, a3 += 4, a6 += 4, a9 += 4) { \
        _mm_prefetch((const char *)ahead, _MM_HINT_T1);                      \
        _mm_prefetch((const char *)(ahead + panel), _MM_HINT_T1);            \
        ahead += step;                                                       \
        const __m512i left = _mm512_load_si512(b);                           \
        const __m512i right = _mm512_load_si512(b + panel);                  \
        __m512i x;                                                           \
        EACH_##rows(STEP)                                                    \
    }                                                                        \
    EACH_##rows(STORE)                                                       \
}
FROM_1_TO_12(DEFINE_TILE)

typedef void Products(float *y, size_t k, const uint8_t *a, size_t lda, const int8_t *b, size_t panel,
                      const DfInt8Columns *columns, const int8_t *ahead, size_t step);
static Products *const products[ROWS] = {
    products_1, products_2, products_3, products_4,  products_5,  products_6,
    products_7, products_8, products_9, products_10, products_11, products_12,
};

/* ---- epilogue ---------------------------------------------------------------------------------------------------- */

/* The epilogue of rows of 32 columns in memory, of which n belong to the result. */
static void end_of_some(size_t rows, size_t n, const float *y, float *c, size_t ldc, const DfEpilogue *e)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < n; j += LANES) {
            const __mmask16 on = v16_first((int)(n - j));
            const size_t at = i * ldc + j;
            _mm512_mask_storeu_ps(c + at, on, v16_epilogue(_mm512_load_ps(y + i * 32 + j), on, e, at, j));
        }
}

/* The epilogue of whole rows; `act` is a constant wherever this is inlined. */
static inline void end_of_all(DfAct act, size_t rows, const float *y, float *c, size_t ldc, const DfEpilogue *e)
{
    DfEpilogue known = *e;
    known.act = act;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < 32; j += LANES) {
            const V16 sum = _mm512_load_ps(y + i * 32 + j);
            _mm512_storeu_ps(c + i * ldc + j, v16_epilogue(sum, 0xffff, &known, i * ldc + j, j));
        }
}

static void end_of(size_t rows, size_t n, const float *y, float *c, size_t ldc, const DfEpilogue *e)
{
    if (n < 32)
        end_of_some(rows, n, y, c, ldc, e);
    else if (e->act == DF_ACT_NONE)
        end_of_all(DF_ACT_NONE, rows, y, c, ldc, e);
    else if (e->act == DF_ACT_RELU)
        end_of_all(DF_ACT_RELU, rows, y, c, ldc, e);
    else
        end_of_some(rows, n, y, c, ldc, e);
}

/* ---- the tile ---------------------------------------------------------------------------------------------------- */

/* Prefetches the result and the residual into the first-level cache while products are computed. */
static void fetch_result(size_t rows, const float *c, size_t ldc, const float *residual)
{
    for (size_t i = 0; i < rows; i++) {
        _mm_prefetch((const char *)(c + i * ldc), _MM_HINT_T0);
        _mm_prefetch((const char *)(c + i * ldc + 31), _MM_HINT_T0);
    }
    for (size_t i = 0; residual && residual != c && i < rows; i++) {
        _mm_prefetch((const char *)(residual + i * ldc), _MM_HINT_T0);
        _mm_prefetch((const char *)(residual + i * ldc + 31), _MM_HINT_T0);
    }
}

/* If there is only one panel, both halves of the tile are computed from it; the second one is not stored. */
static void gemm_int8_avx512vnni_12x32_fetching(int m, int n, size_t k, const uint8_t *a, size_t lda, const int8_t *b,
                                                size_t panel, float *c, size_t ldc, const DfInt8Columns *columns,
                                                const DfEpilogue *e, const int8_t *ahead, size_t step)
{
    alignas(64) float y[ROWS * 32];
    const bool narrow = n <= DF_PANEL;
    fetch_result((size_t)m, c, ldc, e->residual);
    products[m - 1](y, k, a, lda, b, narrow ? 0 : panel, columns, ahead, step);
    end_of((size_t)m, (size_t)n, y, c, ldc, e);
}

/* Tiles that prefetch nothing: `ahead` is this tile's own b, which is in the cache. */
static void gemm_int8_avx512vnni_12x32(int m, int n, size_t k, const uint8_t *a, size_t lda, const int8_t *b,
                                       size_t panel, float *c, size_t ldc, const DfInt8Columns *columns,
                                       const DfEpilogue *e)
{
    gemm_int8_avx512vnni_12x32_fetching(m, n, k, a, lda, b, panel, c, ldc, columns, e, b, 0);
}

static inline __m512i v16_quantise(const float *x, __mmask16 mask, V16 factor, V16 least, V16 most, __m512i zero)
{
    const V16 t = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, x), factor);
    const V16 inside = _mm512_min_ps(_mm512_max_ps(t, least), most); /* max takes `least` where t is NaN */
    return _mm512_add_epi32(_mm512_cvtps_epi32(inside), zero);
}

static void quantise_avx512(uint8_t *u, const float *x, size_t n, float factor, int zero)
{
    const V16 by = _mm512_set1_ps(factor);
    const V16 least = _mm512_set1_ps((float)-zero);
    const V16 most = _mm512_set1_ps((float)(255 - zero));
    const __m512i z = _mm512_set1_epi32(zero);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) { /* a store under a mask is slow */
        const __m512i wide = v16_quantise(x + i, 0xffff, by, least, most, z);
        _mm_storeu_si128((__m128i *)(void *)(u + i), _mm512_cvtepi32_epi8(wide));
    }
    const __mmask16 mask = v16_first((int)(n - i));
    if (mask)
        _mm512_mask_cvtepi32_storeu_epi8(u + i, mask, v16_quantise(x + i, mask, by, least, most, z));
}

void df_gemm_int8_init_avx512vnni(DfInt8Kernels *k)
{
    k->tile_m = ROWS;
    k->tile_n = 2 * DF_PANEL;
    k->tile = gemm_int8_avx512vnni_12x32;
    k->fetching_tile = gemm_int8_avx512vnni_12x32_fetching;
    k->quantise = quantise_avx512;
}
