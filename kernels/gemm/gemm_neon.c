/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/gemm_neon.c -- gemm_f32_neon_6x16: the innermost tile of float32 products, with NEON: the tile of
 * gemm_avx2.c, on registers that are half as wide and twice as many.
 *
 * The loop takes four steps along k at once: a register holds four numbers of a row of a, and an FMA names the lane
 * that it multiplies by. A quarter of a row of b is read for six FMAs, so 22 loads feed 96 FMAs. At 6 rows, 24 sums,
 * six registers of a and two of b use all thirty-two registers.
 */
#include <arm_neon.h>
#include <stdalign.h>

#include "kernels/gemm/tile_end_v8.h"
#include "kernels/ladder.h"

typedef float32x4_t V4;

static inline V4 load_or_zero(const float *from, size_t at)
{
    return from ? vld1q_f32(from + at) : vdupq_n_f32(0);
}

/* The code for row i, whose sums are w x y z: of the columns from 0, 4, 8 and 12 on. */
#define START(i)                                                             \
    V4 w##i = start_w, x##i = start_x, y##i = start_y, z##i = start_z;       \
    __builtin_prefetch(c + i * ldc, 1);                                      \
    __builtin_prefetch(c + i * ldc + 15, 1);
#define LOAD(i) const V4 a##i = vld1q_f32(a + i * lda + p);
#define STEP_W(i) w##i = vfmaq_laneq_f32(w##i, quarter, a##i, lane);
#define STEP_X(i) x##i = vfmaq_laneq_f32(x##i, quarter, a##i, lane);
#define STEP_Y(i) y##i = vfmaq_laneq_f32(y##i, quarter, a##i, lane);
#define STEP_Z(i) z##i = vfmaq_laneq_f32(z##i, quarter, a##i, lane);
#define ONE_STEP(i)                                                          \
    w##i = vfmaq_n_f32(w##i, b0, a[i * lda + p]);                            \
    x##i = vfmaq_n_f32(x##i, b1, a[i * lda + p]);                            \
    y##i = vfmaq_n_f32(y##i, b2, a[i * lda + p]);                            \
    z##i = vfmaq_n_f32(z##i, b3, a[i * lda + p]);
#define ADD(i)                                                               \
    w##i = vaddq_f32(w##i, vld1q_f32(more + i * ldc));                       \
    x##i = vaddq_f32(x##i, vld1q_f32(more + i * ldc + 4));                   \
    y##i = vaddq_f32(y##i, vld1q_f32(more + i * ldc + 8));                   \
    z##i = vaddq_f32(z##i, vld1q_f32(more + i * ldc + 12));
#define STORE(i)                                                             \
    vst1q_f32(to + i * ld, w##i);                                            \
    vst1q_f32(to + i * ld + 4, x##i);                                        \
    vst1q_f32(to + i * ld + 8, y##i);                                        \
    vst1q_f32(to + i * ld + 12, z##i);

/* One of the four steps. `at` selects the lane of a, and must be a constant in the instruction. */
#define STEP(rows, at)                                                       \
    {                                                                        \
        enum { lane = at };                                                  \
        V4 quarter = vld1q_f32(b + 16 * lane);                               \
        EACH_##rows(STEP_W)                                                  \
        quarter = vld1q_f32(b + 16 * lane + 4);                              \
        EACH_##rows(STEP_X)                                                  \
        quarter = vld1q_f32(b + 16 * lane + 8);                              \
        EACH_##rows(STEP_Y)                                                  \
        quarter = vld1q_f32(b + 16 * lane + 12);                             \
        EACH_##rows(STEP_Z)                                                  \
    }

static inline void end_of_16(size_t rows, float *y, float *c, size_t ldc, const DfEpilogue *e)
{
    tile_end(rows, 16, y, c, ldc, e);
}

#define DEFINE_TILE(rows)                                                    \
static void gemm_f32_neon_##rows##x16(size_t k, const float *a, size_t lda, const float *b, float *c, size_t ldc, \
                                      const float *bias, const float *more, const DfEpilogue *end) \
{                                                                            \
    const V4 start_w = load_or_zero(bias, 0), start_x = load_or_zero(bias, 4); \
    const V4 start_y = load_or_zero(bias, 8), start_z = load_or_zero(bias, 12); \
    EACH_##rows(START)                                                       \
    size_t p = 0;                                                            \
    for (; p + 4 <= k; p += 4, b += 64) {                                    \
        EACH_##rows(LOAD)                                                    \
        STEP(rows, 0)                                                        \
        STEP(rows, 1)                                                        \
        STEP(rows, 2)                                                        \
        STEP(rows, 3)                                                        \
    }                                                                        \
    for (; p < k; p++, b += 16) {                                            \
        const V4 b0 = vld1q_f32(b), b1 = vld1q_f32(b + 4);                   \
        const V4 b2 = vld1q_f32(b + 8), b3 = vld1q_f32(b + 12);              \
        EACH_##rows(ONE_STEP)                                                \
    }                                                                        \
    FINISH_TILE(rows, 16, end_of_16)                                         \
}
FROM_1_TO_6(DEFINE_TILE)

static DfPanelTile *const tiles[] = { gemm_f32_neon_1x16, gemm_f32_neon_2x16, gemm_f32_neon_3x16,
                                      gemm_f32_neon_4x16, gemm_f32_neon_5x16, gemm_f32_neon_6x16 };

static void gemm_f32_neon_6x16_tile(int m, int n, size_t k, const float *a, size_t lda, const float *b, size_t panel,
                                    float *c, size_t ldc, bool first, bool last, const DfEpilogue *e)
{
    (void)panel;
    panel_tile(tiles[m - 1], m, n, k, a, lda, b, c, ldc, first, last, e);
}

static void fetch_neon(const float *from, size_t floats)
{
    for (size_t i = 0; i < floats; i += 16)
        __builtin_prefetch(from + i, 0, 2);
}

void df_gemm_init_neon(DfGemmKernels *k)
{
    k->tile_m = DF_V8_ROWS;
    k->tile_n = DF_PANEL;
    k->tile = gemm_f32_neon_6x16_tile;
    k->fetch = fetch_neon;
}
