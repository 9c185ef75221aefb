/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/gemm_neonbf16.c -- gemm_bf16_neon_6x16: the innermost tile of bfloat16 products, with BFMMLA, which
 * multiplies two rows of four numbers by two columns of four and adds the four results to a register of sums.
 *
 * It rounds differently from the other rungs: the sum of a step is rounded to odd, and numbers below 2^-126 count as
 * zero. An accumulator has two rows by two columns, so a pair of rows with 16 columns takes eight of them, and three
 * pairs leave eight registers for a and b.
 */
#include <arm_neon.h>

#include "core/core.h"
#include "kernels/gemm/bf16.h"
#include "kernels/gemm/tile_end_v8.h"
#include "kernels/ladder.h"

enum { ROWS = 6, QUADS = DF_PANEL / 4 };

typedef float32x4_t V4;

/* ---- two rows of a, four columns of b, over four steps along k --------------------------------------------------- */

static inline bfloat16x8_t two_rows(const DfBf16 *row, size_t lda)
{
    return vreinterpretq_bf16_u16(vcombine_u16(vld1_u16(row), vld1_u16(row + lda)));
}

/* The last pair of an odd number of pairs, followed by two zeros. */
static inline bfloat16x8_t two_short_rows(const DfBf16 *row, size_t lda)
{
    uint32_t pair[4] = { 0 };
    memcpy(&pair[0], row, sizeof pair[0]);
    memcpy(&pair[2], row + lda, sizeof pair[2]);
    return vreinterpretq_bf16_u32(vld1q_u32(pair));
}

static inline uint32x4_t pairs_of_quad(const DfBf16 *b)
{
    return vreinterpretq_u32_u16(vld1q_u16(b));
}

/* The code for rows 2 i and 2 i + 1. Four columns q have the sums l (of the first two) and r. */
#define START(i)                                                             \
    V4 l##i##0 = start[0], r##i##0 = start[1], l##i##1 = start[2], r##i##1 = start[3]; \
    V4 l##i##2 = start[4], r##i##2 = start[5], l##i##3 = start[6], r##i##3 = start[7];
#define LOAD(i) const bfloat16x8_t a##i = two_rows(a + 2 * i * lda, i < whole ? lda : 0);
#define LOAD_SHORT(i) const bfloat16x8_t a##i = two_short_rows(a + 2 * i * lda, i < whole ? lda : 0);
#define STEP_0(i) l##i##0 = vbfmmlaq_f32(l##i##0, a##i, left); r##i##0 = vbfmmlaq_f32(r##i##0, a##i, right);
#define STEP_1(i) l##i##1 = vbfmmlaq_f32(l##i##1, a##i, left); r##i##1 = vbfmmlaq_f32(r##i##1, a##i, right);
#define STEP_2(i) l##i##2 = vbfmmlaq_f32(l##i##2, a##i, left); r##i##2 = vbfmmlaq_f32(r##i##2, a##i, right);
#define STEP_3(i) l##i##3 = vbfmmlaq_f32(l##i##3, a##i, left); r##i##3 = vbfmmlaq_f32(r##i##3, a##i, right);
#define STORE_QUAD(i, q)                                                     \
    vst1q_f32(y + 2 * i * DF_PANEL + 4 * q, vcombine_f32(vget_low_f32(l##i##q), vget_low_f32(r##i##q))); \
    vst1q_f32(y + (2 * i + 1) * DF_PANEL + 4 * q, vcombine_f32(vget_high_f32(l##i##q), vget_high_f32(r##i##q)));
#define STORE(i) STORE_QUAD(i, 0) STORE_QUAD(i, 1) STORE_QUAD(i, 2) STORE_QUAD(i, 3)

/* Four columns of two rows of the panel, whose pairs are zipped so that four numbers of a column stand side by side. */
#define QUAD(pairs, q, above, below)                                         \
    {                                                                        \
        const uint32x4_t top = above, bottom = below;                        \
        const bfloat16x8_t left = vreinterpretq_bf16_u32(vzip1q_u32(top, bottom)); \
        const bfloat16x8_t right = vreinterpretq_bf16_u32(vzip2q_u32(top, bottom)); \
        EACH_##pairs(STEP_##q)                                               \
    }
#define TWO_ROWS_OF_B(pairs, q) QUAD(pairs, q, pairs_of_quad(b + 8 * q), pairs_of_quad(b + 2 * DF_PANEL + 8 * q))
#define LAST_ROW_OF_B(pairs, q) QUAD(pairs, q, pairs_of_quad(b + 8 * q), vdupq_n_u32(0))

/* y, rows of DF_PANEL, = `start` + a b for `row_pairs` pairs of rows, of which the first `whole` have two. */
#define DEFINE_TILE(row_pairs)                                               \
static void gemm_bf16_neon_##row_pairs##x2x16(size_t pairs, const DfBf16 *a, size_t lda, int whole, const DfBf16 *b, \
                                              const V4 start[2 * QUADS], float *y) \
{                                                                            \
    EACH_##row_pairs(START)                                                  \
    for (; pairs >= 2; pairs -= 2, a += 4, b += 4 * DF_PANEL) {              \
        EACH_##row_pairs(LOAD)                                               \
        TWO_ROWS_OF_B(row_pairs, 0)                                          \
        TWO_ROWS_OF_B(row_pairs, 1)                                          \
        TWO_ROWS_OF_B(row_pairs, 2)                                          \
        TWO_ROWS_OF_B(row_pairs, 3)                                          \
    }                                                                        \
    if (pairs) {                                                             \
        EACH_##row_pairs(LOAD_SHORT)                                         \
        LAST_ROW_OF_B(row_pairs, 0)                                          \
        LAST_ROW_OF_B(row_pairs, 1)                                          \
        LAST_ROW_OF_B(row_pairs, 2)                                          \
        LAST_ROW_OF_B(row_pairs, 3)                                          \
    }                                                                        \
    EACH_##row_pairs(STORE)                                                  \
}
DEFINE_TILE(1)
DEFINE_TILE(2)
DEFINE_TILE(3)

typedef void Tile(size_t pairs, const DfBf16 *a, size_t lda, int whole, const DfBf16 *b, const V4 start[2 * QUADS],
                  float *y);
static Tile *const tiles[] = { gemm_bf16_neon_1x2x16, gemm_bf16_neon_2x2x16, gemm_bf16_neon_3x2x16 };

/* ---- the tile of the table --------------------------------------------------------------------------------------- */

/* Sums begin with the bias of their two columns, in both rows. */
static void start_sums(V4 start[2 * QUADS], const float *bias, size_t n)
{
    float wide[DF_PANEL] = { 0 };
    if (bias)
        memcpy(wide, bias, n * sizeof *bias);
    for (size_t i = 0; i < 2 * QUADS; i++) {
        const float32x2_t two = vld1_f32(wide + 2 * i);
        start[i] = vcombine_f32(two, two);
    }
}

/* Adds `ends->more` to m rows of n sums in y, applies the epilogue, and stores them in c. */
static void finish(size_t m, size_t n, float *y, float *c, size_t ldc, const TileEnds *ends)
{
    const DfEpilogue *const e = ends->end;
    for (size_t i = 0; ends->more && i < m; i++)
        for (size_t j = 0; j < n; j += 8) {
            const V8 more = v8_load_part(ends->more + i * ldc + j, v8_first((int)(n - j)));
            v8_store(y + i * DF_PANEL + j, v8_add(v8_load(y + i * DF_PANEL + j), more));
        }
    if (e)
        tile_act(e->act, y, m * DF_PANEL);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j += 8) {
            const V8Part part = v8_first((int)(n - j));
            V8 x = v8_load(y + i * DF_PANEL + j);
            if (e && e->scale)
                x = v8_mul(x, v8_load_part(e->scale + j, part));
            if (e && e->residual && !e->inside)
                x = v8_add(x, v8_load_part(e->residual + i * ldc + j, part));
            v8_store_part(c + i * ldc + j, part, x);
        }
}

static void gemm_bf16_neon_6x16_tile(int m, int n, size_t pairs, const DfBf16 *a, size_t lda, const DfBf16 *b,
                                     size_t panel, float *c, size_t ldc, bool first, bool last, const DfEpilogue *e)
{
    (void)panel;
    alignas(64) float y[ROWS * DF_PANEL];
    V4 start[2 * QUADS];
    const TileEnds ends = tile_ends(c, first, last, e);
    start_sums(start, ends.bias, (size_t)n);
    tiles[(m - 1) / 2](pairs, a, lda, m / 2, b, start, y);
    finish((size_t)m, (size_t)n, y, c, ldc, &ends);
}

/* ---- rounding ---------------------------------------------------------------------------------------------------- */

/* BFCVTN rounds to nearest but keeps numbers below 2^-126; here they become zeros with their sign. */
static inline uint16x4_t round_4(V4 x)
{
    const uint32x4_t tiny = vcltq_f32(vabsq_f32(x), vdupq_n_f32(0x1p-126f));
    const uint32x4_t cleared = vandq_u32(tiny, vdupq_n_u32(0x7fffffffu));
    const V4 y = vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(x), cleared));
    return vreinterpret_u16_bf16(vcvt_bf16_f32(y));
}

static void round_neon(DfBf16 *y, const float *x, size_t n)
{
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        vst1_u16(y + i, round_4(vld1q_f32(x + i)));
    for (; i < n; i++)
        y[i] = df_bf16(x[i]);
}

void df_bf16_init_neonbf16(DfBf16Kernels *k)
{
    k->tile_m = ROWS;
    k->tile_n = DF_PANEL;
    k->round = round_neon;
    k->widen = df_widen;
    k->max_of = df_bf16_max_of;
    k->tile = gemm_bf16_neon_6x16_tile;
}
