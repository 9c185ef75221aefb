/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm_avx512.c -- gemm_f32_avx512_12x32: the inner product by AVX-512. Four times the tile of the AVX2 rung: half the loads
 * for a multiplication, and fewer beginnings and ends for the short sums of small channel counts.
 */
#include <stdalign.h>
#include <string.h>

#include "kernels/gemm_leaves.h"
#include "kernels/ladder.h"
#include "kernels/tile_end_avx2.h"

typedef __m512 V16;

/* As gemm_avx2.c, with two panels of 16 columns: at 12 rows 24 accumulators, two vectors of b and one of a. */
#define START(i)                                                             \
    V16 l##i = start_l, r##i = start_r;                                      \
    if (start) {                                                             \
        l##i = _mm512_add_ps(l##i, _mm512_loadu_ps(start + i * ldc));        \
        r##i = _mm512_add_ps(r##i, _mm512_loadu_ps(start + i * ldc + 16));   \
    } else {                                                                 \
        _mm_prefetch((const char *)(c + i * ldc), _MM_HINT_T0);              \
        _mm_prefetch((const char *)(c + i * ldc + 16), _MM_HINT_T0);         \
    }
#define STEP(i)                                                              \
    x = _mm512_set1_ps(a[i * lda + p]);                                      \
    l##i = _mm512_fmadd_ps(x, left, l##i);                                   \
    r##i = _mm512_fmadd_ps(x, right, r##i);
#define STORE(i)                                                             \
    _mm512_storeu_ps(to + i * ld, l##i);                                     \
    _mm512_storeu_ps(to + i * ld + 16, r##i);

#define DEFINE_TILE(rows)                                                    \
static void gemm_f32_avx512_##rows##x32(size_t k, const float *a, size_t lda, const float *b, size_t panel, float *c, size_t ldc, \
                                        const float *bias, const float *start, const DfEpilogue *end) \
{                                                                            \
    const V16 start_l = bias ? _mm512_loadu_ps(bias) : _mm512_setzero_ps();  \
    const V16 start_r = bias ? _mm512_loadu_ps(bias + 16) : _mm512_setzero_ps(); \
    EACH_##rows(START)                                                       \
    for (size_t p = 0; p < k; p++) {                                         \
        const V16 left = _mm512_load_ps(b + 16 * p), right = _mm512_load_ps(b + panel + 16 * p); \
        V16 x;                                                               \
        EACH_##rows(STEP)                                                    \
    }                                                                        \
    alignas(64) float product[rows * 32];                                    \
    float *const to = end ? product : c;                                     \
    const size_t ld = end ? 32 : ldc;                                        \
    EACH_##rows(STORE)                                                       \
    if (end)                                                                 \
        tile_end(rows, 32, product, c, ldc, end);                            \
}
DEFINE_TILE(1)
DEFINE_TILE(2)
DEFINE_TILE(3)
DEFINE_TILE(4)
DEFINE_TILE(5)
DEFINE_TILE(6)
DEFINE_TILE(7)
DEFINE_TILE(8)
DEFINE_TILE(9)
DEFINE_TILE(10)
DEFINE_TILE(11)
DEFINE_TILE(12)

typedef void Tile(size_t k, const float *a, size_t lda, const float *b, size_t panel, float *c, size_t ldc, const float *bias,
                  const float *start, const DfEpilogue *end);
static Tile *const tiles[] = { gemm_f32_avx512_1x32, gemm_f32_avx512_2x32,  gemm_f32_avx512_3x32,  gemm_f32_avx512_4x32,
                               gemm_f32_avx512_5x32, gemm_f32_avx512_6x32,  gemm_f32_avx512_7x32,  gemm_f32_avx512_8x32,
                               gemm_f32_avx512_9x32, gemm_f32_avx512_10x32, gemm_f32_avx512_11x32, gemm_f32_avx512_12x32 };

/* Fewer than 32 columns: one panel at a time, by the rung below. */
static void narrow_tile(int m, int n, size_t k, const float *a, size_t lda, const float *b, size_t panel, float *c, size_t ldc, bool first,
                        bool last, const DfEpilogue *e)
{
    const DfGemmKernels *below = &df_kernels_named("avx2")->gemm;
    for (int i = 0; i < m; i += below->tile_m)
        for (int j = 0; j < n; j += DF_PANEL) {
            const int rows = m - i < below->tile_m ? m - i : below->tile_m, columns = n - j < DF_PANEL ? n - j : DF_PANEL;
            const DfEpilogue moved = df_epilogue_at(e, (size_t)i, ldc, (size_t)j);
            below->tile(rows, columns, k, a + (size_t)i * lda, lda, b + (j ? panel : 0), panel, c + (size_t)i * ldc + j, ldc, first, last, &moved);
        }
}

static void gemm_f32_avx512_12x32_tile(int m, int n, size_t k, const float *a, size_t lda, const float *b, size_t panel, float *c, size_t ldc,
                                       bool first, bool last, const DfEpilogue *e)
{
    const bool is_sum = df_epilogue_is_sum(e);
    if (n < 2 * DF_PANEL)
        narrow_tile(m, n, k, a, lda, b, panel, c, ldc, first, last, e);
    else
        tiles[m - 1](k, a, lda, b, panel, c, ldc, first ? e->bias : NULL, !first ? c : is_sum ? e->residual : NULL, last && !is_sum ? e : NULL);
}

void df_gemm_init_avx512(DfGemmKernels *k)
{
    k->tile_m = 12;
    k->tile_n = 2 * DF_PANEL;
    k->tile = gemm_f32_avx512_12x32_tile;
}
