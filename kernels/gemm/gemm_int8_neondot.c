/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/gemm_int8_neondot.c -- gemm_int8_neondot_6x16: the tile of products in 8-bit integers, with UDOT, which
 * adds four products to each of four sums.
 *
 * Both factors of UDOT are unsigned. So a weight q is read as q + 128, by flipping its upper bit, and 128 times the
 * sum of the row of a is subtracted at the end; all sums are modulo 2^32.
 */
#include <arm_neon.h>
#include <stdalign.h>

#include "kernels/gemm/int8_end_neon.h"
#include "kernels/ladder.h"

enum { ROWS = 6 };

/* 128 times the sum of a row. */
static inline int32x4_t offset_of(const uint8_t *a, size_t k)
{
    uint32x4_t all = vdupq_n_u32(0);
    size_t p = 0;
    for (; p + 16 <= k; p += 16)
        all = vdotq_u32(all, vld1q_u8(a + p), vdupq_n_u8(1));
    uint32_t sum = vaddvq_u32(all);
    for (; p < k; p++)
        sum += a[p];
    return vreinterpretq_s32_u32(vdupq_n_u32(128 * sum));
}

static inline uint8x16_t turned(const int8_t *b)
{
    return veorq_u8(vreinterpretq_u8_s8(vld1q_s8(b)), vdupq_n_u8(0x80));
}

static inline uint8x16_t four_of(const uint8_t *a)
{
    uint32_t four;
    memcpy(&four, a, sizeof four);
    return vreinterpretq_u8_u32(vdupq_n_u32(four));
}

#define START(i)                                                             \
    uint32x4_t w##i = zero, x##i = zero, y##i = zero, z##i = zero;
#define STEP(i)                                                              \
    four = four_of(a + i * lda);                                             \
    w##i = vdotq_u32(w##i, b0, four);                                        \
    x##i = vdotq_u32(x##i, b1, four);                                        \
    y##i = vdotq_u32(y##i, b2, four);                                        \
    z##i = vdotq_u32(z##i, b3, four);
#define STORE(i)                                                             \
    offset = offset_of(a - k + i * lda, k);                                  \
    vst1q_s32(sum + i * DF_PANEL, vsubq_s32(vreinterpretq_s32_u32(w##i), offset)); \
    vst1q_s32(sum + i * DF_PANEL + 4, vsubq_s32(vreinterpretq_s32_u32(x##i), offset)); \
    vst1q_s32(sum + i * DF_PANEL + 8, vsubq_s32(vreinterpretq_s32_u32(y##i), offset)); \
    vst1q_s32(sum + i * DF_PANEL + 12, vsubq_s32(vreinterpretq_s32_u32(z##i), offset));

#define DEFINE_TILE(rows)                                                    \
static void sums_of_##rows(int32_t *sum, size_t k, const uint8_t *a, size_t lda, const int8_t *b) \
{                                                                            \
    const uint32x4_t zero = vdupq_n_u32(0);                                  \
    EACH_##rows(START)                                                       \
    for (const int8_t *const end = b + DF_PANEL * k; b < end; b += DF_INT8_STEP * DF_PANEL, a += DF_INT8_STEP) { \
        const uint8x16_t b0 = turned(b), b1 = turned(b + 16), b2 = turned(b + 32), b3 = turned(b + 48); \
        uint8x16_t four;                                                     \
        EACH_##rows(STEP)                                                    \
    }                                                                        \
    int32x4_t offset;                                                        \
    EACH_##rows(STORE)                                                       \
}
FROM_1_TO_6(DEFINE_TILE)

static DfInt8Sums *const sums[ROWS] = { sums_of_1, sums_of_2, sums_of_3, sums_of_4, sums_of_5, sums_of_6 };

static void gemm_int8_neondot_6x16(int m, int n, size_t k, const uint8_t *a, size_t lda, const int8_t *b, size_t panel,
                                   float *c, size_t ldc, const DfInt8Columns *columns, const DfEpilogue *e)
{
    (void)panel;
    int8_panel_tile(sums[m - 1], m, n, k, a, lda, b, c, ldc, columns, e);
}

void df_gemm_int8_init_neondot(DfInt8Kernels *k)
{
    k->tile_m = ROWS;
    k->tile_n = DF_PANEL;
    k->tile = gemm_int8_neondot_6x16;
    k->quantise = quantise_neon;
}
