/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/gemm_avx512.c -- gemm_f32_avx512_12x32: the innermost tile of float32 products, with AVX-512. It is
 * four times as large as that of the AVX2 rung (gemm_avx2.c explains how a tile works): less than half the loads for a
 * multiplication, and the cost of starting and finishing a tile, which matters for short sums over few channels, is
 * paid less often.
 */
#include <string.h>

#include "kernels/gemm/parts.h"
#include "kernels/gemm/tile_end_avx512.h"
#include "kernels/ladder.h"

/* As gemm_avx2.c, with two panels of 16 columns: at 12 rows 24 accumulators, two vectors of b and one of a. */
#define START(i)                                                             \
    V16 l##i = start_l, r##i = start_r;                                      \
    _mm_prefetch((const char *)(c + i * ldc), _MM_HINT_T0);                  \
    _mm_prefetch((const char *)(c + i * ldc + 31), _MM_HINT_T0);             \
    if (more && more != c) {                                                 \
        _mm_prefetch((const char *)(more + i * ldc), _MM_HINT_T0);           \
        _mm_prefetch((const char *)(more + i * ldc + 31), _MM_HINT_T0);      \
    }
#define STEP(i)                                                              \
    x = _mm512_set1_ps((i < 3 ? a : i < 6 ? a3 : i < 9 ? a6 : a9)[(size_t)(i % 3) * lda]); \
    l##i = _mm512_fmadd_ps(x, left, l##i);                                   \
    r##i = _mm512_fmadd_ps(x, right, r##i);
#define ADD(i)                                                               \
    l##i = _mm512_add_ps(l##i, _mm512_loadu_ps(more + i * ldc));             \
    r##i = _mm512_add_ps(r##i, _mm512_loadu_ps(more + i * ldc + 16));
#define STORE(i)                                                             \
    _mm512_storeu_ps(to + i * ld, l##i);                                     \
    _mm512_storeu_ps(to + i * ld + 16, r##i);

/* Rows are addressed from every third one (a, a3, a6, a9) plus 0, 1 or 2 times lda, which an x86 address can express:
 * twelve row pointers would not fit into registers. */
#define DEFINE_TILE(rows)                                                    \
static void gemm_f32_avx512_##rows##x32(size_t k, const float *a, size_t lda, const float *b, size_t panel, float *c, \
                                        size_t ldc, const float *bias, const float *more, const DfEpilogue *end, \
                                        const float *ahead, size_t step)     \
{                                                                            \
    const V16 start_l = bias ? _mm512_loadu_ps(bias) : _mm512_setzero_ps();  \
    const V16 start_r = bias ? _mm512_loadu_ps(bias + 16) : _mm512_setzero_ps(); \
    EACH_##rows(START)                                                       \
    const float *a3 = a + 3 * lda, *a6 = a + 6 * lda, *a9 = a + 9 * lda;     \
    for (const float *const b_end = b + 16 * k; b < b_end; b += 16, a++, a3++, a6++, a9++, ahead += step) { \
        _mm_prefetch((const char *)ahead, _MM_HINT_T1);                      \
        _mm_prefetch((const char *)(ahead + panel), _MM_HINT_T1);            \
        const V16 left = _mm512_load_ps(b);                                  \
        const V16 right = _mm512_load_ps(b + panel);                         \
        V16 x;                                                               \
        EACH_##rows(STEP)                                                    \
    }                                                                        \
    FINISH_TILE(rows, 32, end_of_32)                                         \
}
FROM_1_TO_12(DEFINE_TILE)

typedef void Tile(size_t k, const float *a, size_t lda, const float *b, size_t panel, float *c, size_t ldc,
                  const float *bias, const float *more, const DfEpilogue *end, const float *ahead, size_t step);
static Tile *const tiles[] = {
    gemm_f32_avx512_1x32, gemm_f32_avx512_2x32,  gemm_f32_avx512_3x32,  gemm_f32_avx512_4x32,
    gemm_f32_avx512_5x32, gemm_f32_avx512_6x32,  gemm_f32_avx512_7x32,  gemm_f32_avx512_8x32,
    gemm_f32_avx512_9x32, gemm_f32_avx512_10x32, gemm_f32_avx512_11x32, gemm_f32_avx512_12x32,
};

/* Fewer than 32 columns: one panel at a time, by the rung below. */
static void narrow_tile(int m, int n, size_t k, const float *a, size_t lda, const float *b, size_t panel, float *c,
                        size_t ldc, bool first, bool last, const DfEpilogue *e)
{
    for (int i = 0; i < m; i += DF_AVX2_ROWS)
        for (int j = 0; j < n; j += DF_PANEL) {
            const int rows = m - i < DF_AVX2_ROWS ? m - i : DF_AVX2_ROWS;
            const int columns = n - j < DF_PANEL ? n - j : DF_PANEL;
            const DfEpilogue moved = df_epilogue_at(e, (size_t)i, ldc, (size_t)j);
            df_gemm_tile_avx2(rows, columns, k, a + (size_t)i * lda, lda, b + (j ? panel : 0), panel,
                              c + (size_t)i * ldc + j, ldc, first, last, &moved);
        }
}

static void gemm_f32_avx512_12x32_fetching(int m, int n, size_t k, const float *a, size_t lda, const float *b,
                                           size_t panel, float *c, size_t ldc, bool first, bool last,
                                           const DfEpilogue *e, const float *ahead, size_t step)
{
    if (n < 2 * DF_PANEL) {
        narrow_tile(m, n, k, a, lda, b, panel, c, ldc, first, last, e);
        return;
    }
    const TileEnds ends = tile_ends(c, first, last, e);
    tiles[m - 1](k, a, lda, b, panel, c, ldc, ends.bias, ends.more, ends.end, ahead, step);
}

/* Tiles that prefetch nothing: `ahead` is this tile's own b, which is in the cache. */
static void gemm_f32_avx512_12x32_tile(int m, int n, size_t k, const float *a, size_t lda, const float *b,
                                       size_t panel, float *c, size_t ldc, bool first, bool last, const DfEpilogue *e)
{
    gemm_f32_avx512_12x32_fetching(m, n, k, a, lda, b, panel, c, ldc, first, last, e, b, 0);
}

void df_gemm_init_avx512(DfGemmKernels *k)
{
    k->tile_m = 12;
    k->tile_n = 2 * DF_PANEL;
    k->tile = gemm_f32_avx512_12x32_tile;
    k->fetching_tile = gemm_f32_avx512_12x32_fetching;
}
