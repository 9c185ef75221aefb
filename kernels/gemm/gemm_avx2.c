/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/gemm_avx2.c -- gemm_f32_avx2_6x16: the innermost tile of float32 products, with AVX2 and FMA.
 *
 * A tile is 6 rows and 16 columns of the result: twelve vectors that stay in registers during the loop over k. A step
 * along k reads two vectors of b and, for each row, one number of a, which is broadcast: 12 FMAs for 8 loads. The
 * processor can start two FMAs every cycle, and each takes four or five cycles, so about ten independent ones are
 * needed to keep it busy; a tile has twelve.
 */
#include <stdalign.h>

#include "kernels/gemm/parts.h"
#include "kernels/gemm/tile_end_avx2.h"
#include "kernels/ladder.h"

/* The code for row i. At 6 rows, twelve sums, two vectors of b and one of a use fifteen of the sixteen registers. The
 * sums are variables, l0 r0 .. l5 r5 for the left and right half of a row, because compilers keep arrays in memory. */
#define START(i)                                                             \
    V8 l##i = start_l, r##i = start_r;                                       \
    _mm_prefetch((const char *)(c + i * ldc), _MM_HINT_T0);                  \
    _mm_prefetch((const char *)(c + i * ldc + 15), _MM_HINT_T0);
#define ADD(i)                                                               \
    l##i = _mm256_add_ps(l##i, _mm256_loadu_ps(more + i * ldc));             \
    r##i = _mm256_add_ps(r##i, _mm256_loadu_ps(more + i * ldc + 8));
#define STEP(i)                                                              \
    x = _mm256_broadcast_ss(a + i * lda + p);                                \
    l##i = _mm256_fmadd_ps(x, left, l##i);                                   \
    r##i = _mm256_fmadd_ps(x, right, r##i);
#define STORE(i)                                                             \
    _mm256_storeu_ps(to + i * ld, l##i);                                     \
    _mm256_storeu_ps(to + i * ld + 8, r##i);

static inline void end_of_16(size_t rows, float *y, float *c, size_t ldc, const DfEpilogue *e)
{
    tile_end(rows, 16, y, c, ldc, e);
}

/* The sums start from `bias`. `more` (laid out as c) is added at the end, when its loads have had time to complete;
 * then follows the epilogue `end`. Each may be NULL. */
#define DEFINE_TILE(rows)                                                    \
static void gemm_f32_avx2_##rows##x16(size_t k, const float *a, size_t lda, const float *b, float *c, size_t ldc, \
                                      const float *bias, const float *more, const DfEpilogue *end) \
{                                                                            \
    const V8 start_l = bias ? _mm256_loadu_ps(bias) : _mm256_setzero_ps();   \
    const V8 start_r = bias ? _mm256_loadu_ps(bias + 8) : _mm256_setzero_ps(); \
    EACH_##rows(START)                                                       \
    for (size_t p = 0; p < k; p++) {                                         \
        const V8 left = _mm256_load_ps(b + 16 * p);                          \
        const V8 right = _mm256_load_ps(b + 16 * p + 8);                     \
        V8 x;                                                                \
        EACH_##rows(STEP)                                                    \
    }                                                                        \
    FINISH_TILE(rows, 16, end_of_16)                                         \
}
FROM_1_TO_6(DEFINE_TILE)

static DfPanelTile *const tiles[] = { gemm_f32_avx2_1x16, gemm_f32_avx2_2x16, gemm_f32_avx2_3x16,
                                      gemm_f32_avx2_4x16, gemm_f32_avx2_5x16, gemm_f32_avx2_6x16 };

void df_gemm_tile_avx2(int m, int n, size_t k, const float *a, size_t lda, const float *b, size_t panel, float *c,
                       size_t ldc, bool first, bool last, const DfEpilogue *e)
{
    (void)panel;
    panel_tile(tiles[m - 1], m, n, k, a, lda, b, c, ldc, first, last, e);
}

static void fetch_avx2(const float *from, size_t floats)
{
    for (size_t i = 0; i < floats; i += 16)
        _mm_prefetch((const char *)(from + i), _MM_HINT_T1);
}

void df_gemm_init_avx2(DfGemmKernels *k)
{
    k->tile_m = DF_AVX2_ROWS;
    k->tile_n = DF_PANEL;
    k->tile = df_gemm_tile_avx2;
    k->fetch = fetch_avx2;
}
