/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/int8_end_neon.h -- private to the products in 8-bit integers on ARM: quantises the input.
 */
#ifndef DF_KERNELS_GEMM_INT8_END_NEON_H
#define DF_KERNELS_GEMM_INT8_END_NEON_H

#include <arm_neon.h>

#include "kernels/gemm/int8_end_v8.h"

/* quantise() of four numbers; `zero` is added at the end. A NaN has to become `least`: FMAXNM and FMINNM return the
 * other operand, while FMAX and FMIN would return the NaN. */
static inline int32x4_t quantise_4(float32x4_t x, float factor, float least, float most, int zero)
{
    const float32x4_t above = vmaxnmq_f32(vmulq_n_f32(x, factor), vdupq_n_f32(least));
    const float32x4_t inside = vminnmq_f32(above, vdupq_n_f32(most));
    return vaddq_s32(vcvtnq_s32_f32(inside), vdupq_n_s32(zero));
}

static inline void quantise_16(uint8_t *u, const float *x, float factor, float least, float most, int zero)
{
    int32x4_t q[4];
    for (int i = 0; i < 4; i++)
        q[i] = quantise_4(vld1q_f32(x + 4 * i), factor, least, most, zero);
    const uint16x8_t low = vcombine_u16(vqmovun_s32(q[0]), vqmovun_s32(q[1]));
    const uint16x8_t high = vcombine_u16(vqmovun_s32(q[2]), vqmovun_s32(q[3]));
    vst1q_u8(u, vcombine_u8(vmovn_u16(low), vmovn_u16(high)));
}

static inline void quantise_neon(uint8_t *u, const float *x, size_t n, float factor, int zero)
{
    const float least = (float)-zero;
    const float most = (float)(255 - zero);
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        quantise_16(u + i, x + i, factor, least, most, zero);
    if (i == n)
        return;
    float rest[16] = { 0 };
    uint8_t last[16];
    memcpy(rest, x + i, (n - i) * sizeof *rest);
    quantise_16(last, rest, factor, least, most, zero);
    memcpy(u + i, last, n - i);
}

#endif
