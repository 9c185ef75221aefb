/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/gemm_avx512bf16.c -- gemm_bf16_avx512_12x32: the innermost tile of bfloat16 products, with AVX512-BF16.
 * The tile is that of gemm_avx512.c, with two multiplications in each step. VDPBF16PS adds two products to each of 16
 * sums, first that of the upper halves. Each sum is rounded to nearest, and numbers below 2^-126 count as zero,
 * whatever the floating-point mode of the process.
 */
#include <string.h>

#include "kernels/gemm/bf16.h"
#include "kernels/gemm/parts.h"
#include "kernels/gemm/tile_end_avx512.h"
#include "kernels/ladder.h"

/* A pair of consecutive numbers, broadcast to all lanes. */
static inline __m512bh pair(const DfBf16 *a)
{
    int32_t both;
    memcpy(&both, a, sizeof both);
    return (__m512bh)_mm512_set1_epi32(both);
}

static inline __m512bh pairs_of_panel(const DfBf16 *b)
{
    return (__m512bh)_mm512_load_si512(b);
}

/* ---- whole tiles: 32 columns ------------------------------------------------------------------------------------- */

#define START(i)                                                             \
    V16 l##i = start_l, r##i = start_r;                                      \
    _mm_prefetch((const char *)(c + i * ldc), _MM_HINT_T0);                  \
    _mm_prefetch((const char *)(c + i * ldc + 31), _MM_HINT_T0);             \
    if (residual && residual != c) {                                         \
        _mm_prefetch((const char *)(residual + i * ldc), _MM_HINT_T0);       \
        _mm_prefetch((const char *)(residual + i * ldc + 31), _MM_HINT_T0);  \
    }
#define STEP(i)                                                              \
    x = pair((i < 3 ? a : i < 6 ? a3 : i < 9 ? a6 : a9) + (size_t)(i % 3) * lda); \
    l##i = _mm512_dpbf16_ps(l##i, x, left);                                  \
    r##i = _mm512_dpbf16_ps(r##i, x, right);
#define ADD(i)                                                               \
    l##i = _mm512_add_ps(l##i, _mm512_loadu_ps(more + i * ldc));             \
    r##i = _mm512_add_ps(r##i, _mm512_loadu_ps(more + i * ldc + 16));
#define STORE(i)                                                             \
    _mm512_storeu_ps(to + i * ld, l##i);                                     \
    _mm512_storeu_ps(to + i * ld + 16, r##i);

#define DEFINE_TILE(rows)                                                    \
static void gemm_bf16_avx512_##rows##x32(size_t pairs, const DfBf16 *a, size_t lda, const DfBf16 *b, size_t panel, \
                                         float *c, size_t ldc, const float *bias, const float *more, \
                                         const DfEpilogue *end, const DfBf16 *ahead, size_t step) \
{                                                                            \
    const V16 start_l = bias ? _mm512_loadu_ps(bias) : _mm512_setzero_ps();  \
    const V16 start_r = bias ? _mm512_loadu_ps(bias + 16) : _mm512_setzero_ps(); \
    const float *const residual = end && end->residual ? end->residual : more; \
    EACH_##rows(START)                                                       \
    const DfBf16 *a3 = a + 3 * lda, *a6 = a + 6 * lda, *a9 = a + 9 * lda;    \
    for (const DfBf16 *const b_end = b + 32 * pairs; b < b_end; b += 32, a += 2, a3 += 2, a6 += 2, a9 += 2) { \
        _mm_prefetch((const char *)ahead, _MM_HINT_T1);                      \
        _mm_prefetch((const char *)(ahead + panel), _MM_HINT_T1);            \
        ahead += step;                                                       \
        const __m512bh left = pairs_of_panel(b);                             \
        const __m512bh right = pairs_of_panel(b + panel);                    \
        __m512bh x;                                                          \
        EACH_##rows(STEP)                                                    \
    }                                                                        \
    FINISH_TILE(rows, 32, end_of_32)                                         \
}
FROM_1_TO_12(DEFINE_TILE)

typedef void Tile(size_t pairs, const DfBf16 *a, size_t lda, const DfBf16 *b, size_t panel, float *c, size_t ldc,
                  const float *bias, const float *more, const DfEpilogue *end, const DfBf16 *ahead, size_t step);
static Tile *const tiles[] = {
    gemm_bf16_avx512_1x32, gemm_bf16_avx512_2x32,  gemm_bf16_avx512_3x32,  gemm_bf16_avx512_4x32,
    gemm_bf16_avx512_5x32, gemm_bf16_avx512_6x32,  gemm_bf16_avx512_7x32,  gemm_bf16_avx512_8x32,
    gemm_bf16_avx512_9x32, gemm_bf16_avx512_10x32, gemm_bf16_avx512_11x32, gemm_bf16_avx512_12x32,
};

/* ---- fewer than 32 columns: one panel or part of it -------------------------------------------------------------- */

#undef START
#undef STEP
#undef STORE
#define START(i) V16 l##i = start;
#define STEP(i)                                                              \
    l##i = _mm512_dpbf16_ps(l##i, pair((i < 3 ? a : i < 6 ? a3 : i < 9 ? a6 : a9) + (size_t)(i % 3) * lda), left);
#define STORE(i) _mm512_store_ps(y + i * DF_PANEL, l##i);

#define DEFINE_NARROW(rows)                                                  \
static void gemm_bf16_avx512_##rows##x16(size_t pairs, const DfBf16 *a, size_t lda, const DfBf16 *b, V16 start, \
                                         float *y)                           \
{                                                                            \
    EACH_##rows(START)                                                       \
    const DfBf16 *a3 = a + 3 * lda, *a6 = a + 6 * lda, *a9 = a + 9 * lda;    \
    for (const DfBf16 *const b_end = b + 32 * pairs; b < b_end; b += 32, a += 2, a3 += 2, a6 += 2, a9 += 2) { \
        const __m512bh left = pairs_of_panel(b);                             \
        EACH_##rows(STEP)                                                    \
    }                                                                        \
    EACH_##rows(STORE)                                                       \
}
FROM_1_TO_12(DEFINE_NARROW)

typedef void Narrow(size_t pairs, const DfBf16 *a, size_t lda, const DfBf16 *b, V16 start, float *y);
static Narrow *const narrows[] = {
    gemm_bf16_avx512_1x16, gemm_bf16_avx512_2x16,  gemm_bf16_avx512_3x16,  gemm_bf16_avx512_4x16,
    gemm_bf16_avx512_5x16, gemm_bf16_avx512_6x16,  gemm_bf16_avx512_7x16,  gemm_bf16_avx512_8x16,
    gemm_bf16_avx512_9x16, gemm_bf16_avx512_10x16, gemm_bf16_avx512_11x16, gemm_bf16_avx512_12x16,
};

/* The sums of n columns go through memory, where they have whole rows of DF_PANEL. */
static void finish_narrow(size_t m, size_t n, float *y, float *c, size_t ldc, const TileEnds *ends)
{
    const __mmask16 columns = (__mmask16)((1u << n) - 1);
    const DfEpilogue *const e = ends->end;
    for (size_t i = 0; ends->more && i < m; i++) {
        const V16 sum = _mm512_load_ps(y + i * DF_PANEL);
        _mm512_store_ps(y + i * DF_PANEL, _mm512_add_ps(sum, _mm512_maskz_loadu_ps(columns, ends->more + i * ldc)));
    }
    if (e)
        tile_act(e->act, y, m * DF_PANEL);
    for (size_t i = 0; i < m; i++) {
        V16 x = _mm512_load_ps(y + i * DF_PANEL);
        if (e && e->scale)
            x = _mm512_mul_ps(x, _mm512_maskz_loadu_ps(columns, e->scale));
        if (e && e->residual && !e->inside)
            x = _mm512_add_ps(x, _mm512_maskz_loadu_ps(columns, e->residual + i * ldc));
        _mm512_mask_storeu_ps(c + i * ldc, columns, x);
    }
}

static void narrow_tile(size_t m, size_t n, size_t pairs, const DfBf16 *a, size_t lda, const DfBf16 *b, float *c,
                        size_t ldc, bool first, bool last, const DfEpilogue *e)
{
    alignas(64) float y[12 * DF_PANEL];
    const TileEnds ends = tile_ends(c, first, last, e);
    const __mmask16 columns = (__mmask16)((1u << n) - 1);
    const V16 start = ends.bias ? _mm512_maskz_loadu_ps(columns, ends.bias) : _mm512_setzero_ps();
    narrows[m - 1](pairs, a, lda, b, start, y);
    finish_narrow(m, n, y, c, ldc, &ends);
}

static void gemm_bf16_avx512_12x32_fetching(int m, int n, size_t pairs, const DfBf16 *a, size_t lda, const DfBf16 *b,
                                            size_t panel, float *c, size_t ldc, bool first, bool last,
                                            const DfEpilogue *e, const DfBf16 *ahead, size_t step)
{
    if (n == 2 * DF_PANEL) {
        const TileEnds ends = tile_ends(c, first, last, e);
        tiles[m - 1](pairs, a, lda, b, panel, c, ldc, ends.bias, ends.more, ends.end, ahead, step);
        return;
    }
    for (int j = 0; j < n; j += DF_PANEL) {
        const int columns = n - j < DF_PANEL ? n - j : DF_PANEL;
        const DfEpilogue moved = df_epilogue_at(e, 0, ldc, (size_t)j);
        narrow_tile((size_t)m, (size_t)columns, pairs, a, lda, b + (j ? panel : 0), c + j, ldc, first, last, &moved);
    }
}

/* Tiles that prefetch nothing: `ahead` is this tile's own b, which is in the cache. */
static void gemm_bf16_avx512_12x32_tile(int m, int n, size_t pairs, const DfBf16 *a, size_t lda, const DfBf16 *b,
                                        size_t panel, float *c, size_t ldc, bool first, bool last, const DfEpilogue *e)
{
    gemm_bf16_avx512_12x32_fetching(m, n, pairs, a, lda, b, panel, c, ldc, first, last, e, b, 0);
}

static void round_avx512(DfBf16 *y, const float *x, size_t n)
{
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        const __m512bh both = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(x + i + 16), _mm512_loadu_ps(x + i));
        _mm512_storeu_si512(y + i, (__m512i)both);
    }
    for (; i < n; i += 16) {
        const size_t left = n - i < 16 ? n - i : 16;
        const __m256bh few = _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps((__mmask16)((1u << left) - 1), x + i));
        memcpy(y + i, &few, left * sizeof *y);
    }
}

static void widen_avx512(float *y, const DfBf16 *x, size_t n)
{
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        const __m512i upper = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)(x + i)));
        _mm512_storeu_si512(y + i, _mm512_slli_epi32(upper, 16));
    }
    df_widen(y + i, x + i, n - i);
}

/* Of each pair, the first number is the lower half of a lane and the second the upper half. */
static inline V16 firsts(__m512i pairs)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16));
}

static inline V16 seconds(__m512i pairs)
{
    return _mm512_castsi512_ps(_mm512_and_si512(pairs, _mm512_set1_epi32((int32_t)0xffff0000)));
}

static inline void max_of_32(DfBf16 *y, const DfBf16 *const *tap, int taps, size_t at, __mmask32 on)
{
    const __m512i x = _mm512_maskz_loadu_epi16(on, tap[0] + at);
    V16 first = firsts(x), second = seconds(x);
    for (int t = 1; t < taps; t++) {
        const __m512i other = _mm512_maskz_loadu_epi16(on, tap[t] + at);
        first = _mm512_max_ps(first, firsts(other));
        second = _mm512_max_ps(second, seconds(other));
    }
    const __m512i low = _mm512_srli_epi32(_mm512_castps_si512(first), 16);
    _mm512_mask_storeu_epi16(y + at, on, _mm512_or_si512(low, _mm512_castps_si512(second)));
}

static void max_of_avx512(DfBf16 *y, const DfBf16 *const *tap, int taps, size_t n)
{
    size_t i = 0;
    for (; i + 32 <= n; i += 32)
        max_of_32(y, tap, taps, i, 0xffffffff);
    if (i < n)
        max_of_32(y, tap, taps, i, (1u << (n - i)) - 1);
}

void df_bf16_init_avx512bf16(DfBf16Kernels *k)
{
    k->tile_m = 12;
    k->tile_n = 2 * DF_PANEL;
    k->round = round_avx512;
    k->widen = widen_avx512;
    k->max_of = max_of_avx512;
    k->tile = gemm_bf16_avx512_12x32_tile;
    k->fetching_tile = gemm_bf16_avx512_12x32_fetching;
}
