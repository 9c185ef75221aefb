/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/gemm_int8_neoni8mm.c -- gemm_int8_neon_6x16: the tile of products in 8-bit integers, with USMMLA, which
 * multiplies two rows of eight numbers by two columns of eight and adds the four results to a register of sums.
 * Registers are used as in gemm_neonbf16.c.
 */
#include <arm_neon.h>
#include <stdalign.h>

#include "kernels/gemm/int8_end_neon.h"
#include "kernels/ladder.h"

enum { ROWS = 6 };

/* ---- two rows of a, four columns of b, over two steps along k ---------------------------------------------------- */

static inline uint8x16_t two_rows(const uint8_t *row, size_t lda)
{
    return vcombine_u8(vld1_u8(row), vld1_u8(row + lda));
}

/* The last step of an odd number of steps, followed by zeros. */
static inline uint8x16_t two_short_rows(const uint8_t *row, size_t lda)
{
    uint8_t all[16] = { 0 };
    memcpy(all, row, DF_INT8_STEP);
    memcpy(all + 8, row + lda, DF_INT8_STEP);
    return vld1q_u8(all);
}

static inline int32x4_t step_of_quad(const int8_t *b)
{
    return vreinterpretq_s32_s8(vld1q_s8(b));
}

/* The code for rows 2 i and 2 i + 1. Four columns q have the sums l (of the first two) and r. */
#define START(i)                                                             \
    int32x4_t l##i##0 = zero, r##i##0 = zero, l##i##1 = zero, r##i##1 = zero; \
    int32x4_t l##i##2 = zero, r##i##2 = zero, l##i##3 = zero, r##i##3 = zero;
#define LOAD(i) const uint8x16_t a##i = two_rows(a + 2 * i * lda, i < whole ? lda : 0);
#define LOAD_SHORT(i) const uint8x16_t a##i = two_short_rows(a + 2 * i * lda, i < whole ? lda : 0);
#define STEP_0(i) l##i##0 = vusmmlaq_s32(l##i##0, a##i, left); r##i##0 = vusmmlaq_s32(r##i##0, a##i, right);
#define STEP_1(i) l##i##1 = vusmmlaq_s32(l##i##1, a##i, left); r##i##1 = vusmmlaq_s32(r##i##1, a##i, right);
#define STEP_2(i) l##i##2 = vusmmlaq_s32(l##i##2, a##i, left); r##i##2 = vusmmlaq_s32(r##i##2, a##i, right);
#define STEP_3(i) l##i##3 = vusmmlaq_s32(l##i##3, a##i, left); r##i##3 = vusmmlaq_s32(r##i##3, a##i, right);
#define STORE_QUAD(i, q)                                                     \
    vst1q_s32(sum + 2 * i * DF_PANEL + 4 * q, vcombine_s32(vget_low_s32(l##i##q), vget_low_s32(r##i##q))); \
    vst1q_s32(sum + (2 * i + 1) * DF_PANEL + 4 * q, vcombine_s32(vget_high_s32(l##i##q), vget_high_s32(r##i##q)));
#define STORE(i) STORE_QUAD(i, 0) STORE_QUAD(i, 1) STORE_QUAD(i, 2) STORE_QUAD(i, 3)

/* Four columns of two steps of the panel, zipped so that eight numbers of a column stand side by side. */
#define QUAD(row_pairs, q, above, below)                                     \
    {                                                                        \
        const int32x4_t top = above, bottom = below;                         \
        const int8x16_t left = vreinterpretq_s8_s32(vzip1q_s32(top, bottom)); \
        const int8x16_t right = vreinterpretq_s8_s32(vzip2q_s32(top, bottom)); \
        EACH_##row_pairs(STEP_##q)                                           \
    }
#define TWO_STEPS(row_pairs, q) QUAD(row_pairs, q, step_of_quad(b + 16 * q), step_of_quad(b + STEP + 16 * q))
#define LAST_STEP(row_pairs, q) QUAD(row_pairs, q, step_of_quad(b + 16 * q), zero)

enum { STEP = DF_INT8_STEP * DF_PANEL }; /* bytes of a panel */

/* sum, rows of DF_PANEL, = a b for `row_pairs` pairs of rows, of which the first `whole` have two. */
#define DEFINE_TILE(row_pairs)                                               \
static void gemm_int8_neon_##row_pairs##x2x16(size_t steps, const uint8_t *a, size_t lda, int whole, const int8_t *b, \
                                              int32_t *sum)                  \
{                                                                            \
    const int32x4_t zero = vdupq_n_s32(0);                                   \
    EACH_##row_pairs(START)                                                  \
    for (; steps >= 2; steps -= 2, a += 2 * DF_INT8_STEP, b += 2 * STEP) {   \
        EACH_##row_pairs(LOAD)                                               \
        TWO_STEPS(row_pairs, 0)                                              \
        TWO_STEPS(row_pairs, 1)                                              \
        TWO_STEPS(row_pairs, 2)                                              \
        TWO_STEPS(row_pairs, 3)                                              \
    }                                                                        \
    if (steps) {                                                             \
        EACH_##row_pairs(LOAD_SHORT)                                         \
        LAST_STEP(row_pairs, 0)                                              \
        LAST_STEP(row_pairs, 1)                                              \
        LAST_STEP(row_pairs, 2)                                              \
        LAST_STEP(row_pairs, 3)                                              \
    }                                                                        \
    EACH_##row_pairs(STORE)                                                  \
}
DEFINE_TILE(1)
DEFINE_TILE(2)
DEFINE_TILE(3)

typedef void Tile(size_t steps, const uint8_t *a, size_t lda, int whole, const int8_t *b, int32_t *sum);
static Tile *const tiles[] = { gemm_int8_neon_1x2x16, gemm_int8_neon_2x2x16, gemm_int8_neon_3x2x16 };

static void gemm_int8_neon_6x16(int m, int n, size_t k, const uint8_t *a, size_t lda, const int8_t *b, size_t panel,
                                float *c, size_t ldc, const DfInt8Columns *columns, const DfEpilogue *e)
{
    alignas(32) int32_t sum[ROWS * DF_PANEL];
    (void)panel;
    tiles[(m - 1) / 2](k / DF_INT8_STEP, a, lda, m / 2, b, sum);
    int8_end((size_t)m, (size_t)n, sum, columns, c, ldc, e);
}

void df_gemm_int8_init_neoni8mm(DfInt8Kernels *k)
{
    k->tile_m = ROWS;
    k->tile_n = DF_PANEL;
    k->tile = gemm_int8_neon_6x16;
    k->quantise = quantise_neon;
}
