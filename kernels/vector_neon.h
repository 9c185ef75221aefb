/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/vector_neon.h -- private to kernels/vector.h, which documents the functions: vectors of eight floats, with
 * NEON (aarch64), as two registers of four. (The pairs of arm_neon.h, float32x4x2_t, would have to be in consecutive
 * registers.)
 */
#ifndef DF_KERNELS_VECTOR_NEON_H
#define DF_KERNELS_VECTOR_NEON_H

#include <arm_neon.h>

typedef struct {
    float32x4_t low, high;
} V8;
typedef struct {
    int32x4_t low, high;
} V8i;
typedef struct {
    uint32x4_t low, high;
} V8m;
typedef struct {
    int n; /* number of lanes; the end of a row is read and written float by float */
} V8Part;
typedef struct {
    float64x2_t low, high;
} V4d;

/* ---- memory ----------------------------------------------------------------------------------------------------- */

static inline V8 v8_set(float x)
{
    return (V8){ vdupq_n_f32(x), vdupq_n_f32(x) };
}

static inline V8 v8_zero(void)
{
    return v8_set(0);
}

static inline V8 v8_load(const float *from)
{
    return (V8){ vld1q_f32(from), vld1q_f32(from + 4) };
}

static inline void v8_store(float *to, V8 x)
{
    vst1q_f32(to, x.low);
    vst1q_f32(to + 4, x.high);
}

static inline V8 v8_load_aligned(const float *from)
{
    return v8_load(from);
}

static inline void v8_store_aligned(float *to, V8 x)
{
    v8_store(to, x);
}

static inline V8Part v8_first(int n)
{
    return (V8Part){ n };
}

static inline float32x4_t v4_load_part(const float *from, int n)
{
    float32x4_t x = vdupq_n_f32(0);
    if (n >= 4)
        return vld1q_f32(from);
    if (n > 0)
        x = vld1q_lane_f32(from, x, 0);
    if (n > 1)
        x = vld1q_lane_f32(from + 1, x, 1);
    if (n > 2)
        x = vld1q_lane_f32(from + 2, x, 2);
    return x;
}

static inline void v4_store_part(float *to, int n, float32x4_t x)
{
    if (n >= 4) {
        vst1q_f32(to, x);
        return;
    }
    if (n > 0)
        vst1q_lane_f32(to, x, 0);
    if (n > 1)
        vst1q_lane_f32(to + 1, x, 1);
    if (n > 2)
        vst1q_lane_f32(to + 2, x, 2);
}

static inline V8 v8_load_part(const float *from, V8Part part)
{
    return (V8){ v4_load_part(from, part.n), v4_load_part(from + 4, part.n - 4) };
}

static inline void v8_store_part(float *to, V8Part part, V8 x)
{
    v4_store_part(to, part.n, x.low);
    v4_store_part(to + 4, part.n - 4, x.high);
}

static inline V8i v8i_count(void)
{
    static const int32_t count[8] = { 0, 1, 2, 3, 4, 5, 6, 7 };
    return (V8i){ vld1q_s32(count), vld1q_s32(count + 4) };
}

static inline V8m v8_lanes(V8Part part)
{
    const int32x4_t n = vdupq_n_s32(part.n);
    const V8i count = v8i_count();
    return (V8m){ vcgtq_s32(n, count.low), vcgtq_s32(n, count.high) };
}

/* ---- arithmetic ------------------------------------------------------------------------------------------------- */

static inline V8 v8_add(V8 a, V8 b)
{
    return (V8){ vaddq_f32(a.low, b.low), vaddq_f32(a.high, b.high) };
}

static inline V8 v8_sub(V8 a, V8 b)
{
    return (V8){ vsubq_f32(a.low, b.low), vsubq_f32(a.high, b.high) };
}

static inline V8 v8_mul(V8 a, V8 b)
{
    return (V8){ vmulq_f32(a.low, b.low), vmulq_f32(a.high, b.high) };
}

static inline V8 v8_div(V8 a, V8 b)
{
    return (V8){ vdivq_f32(a.low, b.low), vdivq_f32(a.high, b.high) };
}

static inline V8 v8_fma(V8 a, V8 b, V8 c)
{
    return (V8){ vfmaq_f32(c.low, a.low, b.low), vfmaq_f32(c.high, a.high, b.high) };
}

static inline V8 v8_fnma(V8 a, V8 b, V8 c)
{
    return (V8){ vfmsq_f32(c.low, a.low, b.low), vfmsq_f32(c.high, a.high, b.high) };
}

static inline V8 v8_min(V8 a, V8 b)
{
    return (V8){ vminq_f32(a.low, b.low), vminq_f32(a.high, b.high) };
}

static inline V8 v8_max(V8 a, V8 b)
{
    return (V8){ vmaxq_f32(a.low, b.low), vmaxq_f32(a.high, b.high) };
}

static inline V8 v8_floor(V8 x)
{
    return (V8){ vrndmq_f32(x.low), vrndmq_f32(x.high) };
}

static inline V8 v8_abs(V8 x)
{
    return (V8){ vabsq_f32(x.low), vabsq_f32(x.high) };
}

static inline V8 v8_negate(V8 x)
{
    return (V8){ vnegq_f32(x.low), vnegq_f32(x.high) };
}

static inline V8 v8_minus_abs(V8 x)
{
    return v8_negate(v8_abs(x));
}

static inline V8 v8_with_sign(V8 x, V8 sign)
{
    const uint32x4_t bit = vdupq_n_u32(0x80000000u);
    return (V8){ vbslq_f32(bit, sign.low, x.low), vbslq_f32(bit, sign.high, x.high) };
}

static inline float32x4_t v4_shift_exponent(float32x4_t x, float32x4_t shifted)
{
    const int32x4_t power = vshlq_n_s32(vreinterpretq_s32_f32(shifted), 23);
    return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(x), power));
}

static inline V8 v8_shift_exponent(V8 x, V8 shifted)
{
    return (V8){ v4_shift_exponent(x.low, shifted.low), v4_shift_exponent(x.high, shifted.high) };
}

/* ---- choices ---------------------------------------------------------------------------------------------------- */

static inline V8m v8_lt(V8 a, V8 b)
{
    return (V8m){ vcltq_f32(a.low, b.low), vcltq_f32(a.high, b.high) };
}

static inline V8m v8_gt(V8 a, V8 b)
{
    return (V8m){ vcgtq_f32(a.low, b.low), vcgtq_f32(a.high, b.high) };
}

static inline V8m v8_ge(V8 a, V8 b)
{
    return (V8m){ vcgeq_f32(a.low, b.low), vcgeq_f32(a.high, b.high) };
}

static inline V8m v8m_and(V8m a, V8m b)
{
    return (V8m){ vandq_u32(a.low, b.low), vandq_u32(a.high, b.high) };
}

static inline V8 v8_choose(V8m lanes, V8 a, V8 b)
{
    return (V8){ vbslq_f32(lanes.low, a.low, b.low), vbslq_f32(lanes.high, a.high, b.high) };
}

static inline V8 v8_choose_by_sign(V8 x, V8 negative, V8 positive)
{
    const V8m below = { vcltzq_s32(vreinterpretq_s32_f32(x.low)), vcltzq_s32(vreinterpretq_s32_f32(x.high)) };
    return v8_choose(below, negative, positive);
}

static inline V8 v8_where(V8m lanes, V8 x)
{
    return v8_choose(lanes, x, v8_zero());
}

static inline V8 v8_unless(V8m lanes, V8 x)
{
    return v8_choose(lanes, v8_zero(), x);
}

/* ---- across lanes ----------------------------------------------------------------------------------------------- */

static inline float v8_sum(V8 x)
{
    const float32x4_t s = vaddq_f32(x.low, x.high);
    return vpadds_f32(vadd_f32(vget_low_f32(s), vget_high_f32(s)));
}

static inline float v8_largest(V8 x)
{
    return vmaxvq_f32(vmaxq_f32(x.low, x.high));
}

static inline float v8_lane_0(V8 x)
{
    return vgetq_lane_f32(x.low, 0);
}

static inline int v8_lane_0_to_int(V8 x)
{
    return vgetq_lane_s32(vcvtq_s32_f32(x.low), 0);
}

static inline V8 v8_spread_lane_0(V8 x)
{
    const float32x4_t y = vdupq_laneq_f32(x.low, 0);
    return (V8){ y, y };
}

/* Table lookup works on bytes: the four bytes of a float are looked up separately. */
static inline float32x4_t v4_lookup(uint8x16x2_t table, int32x4_t at)
{
    const uint32x4_t bytes = vdupq_n_u32(0x03020100u);
    const uint32x4_t from = vmlaq_n_u32(bytes, vreinterpretq_u32_s32(at), 0x04040404u);
    return vreinterpretq_f32_u8(vqtbl2q_u8(table, vreinterpretq_u8_u32(from)));
}

static inline V8 v8_lookup(V8 table, V8i at)
{
    const uint8x16x2_t bytes = { { vreinterpretq_u8_f32(table.low), vreinterpretq_u8_f32(table.high) } };
    return (V8){ v4_lookup(bytes, at.low), v4_lookup(bytes, at.high) };
}

static inline float32x4_t v4_gather(const float *from, int32x4_t at)
{
    float32x4_t x = vld1q_dup_f32(from + vgetq_lane_s32(at, 0));
    x = vld1q_lane_f32(from + vgetq_lane_s32(at, 1), x, 1);
    x = vld1q_lane_f32(from + vgetq_lane_s32(at, 2), x, 2);
    return vld1q_lane_f32(from + vgetq_lane_s32(at, 3), x, 3);
}

static inline V8 v8_gather(const float *from, V8i at)
{
    return (V8){ v4_gather(from, at.low), v4_gather(from, at.high) };
}

static inline V8 v8_even(V8 a, V8 b)
{
    return (V8){ vuzp1q_f32(a.low, a.high), vuzp1q_f32(b.low, b.high) };
}

static inline V8 v8_odd(V8 a, V8 b)
{
    return (V8){ vuzp2q_f32(a.low, a.high), vuzp2q_f32(b.low, b.high) };
}

static inline V8 v8_zip_low(V8 a, V8 b)
{
    return (V8){ vzip1q_f32(a.low, b.low), vzip2q_f32(a.low, b.low) };
}

static inline V8 v8_zip_high(V8 a, V8 b)
{
    return (V8){ vzip1q_f32(a.high, b.high), vzip2q_f32(a.high, b.high) };
}

static inline float32x4_t v4_low_halves(float32x4_t a, float32x4_t b)
{
    return vcombine_f32(vget_low_f32(a), vget_low_f32(b));
}

static inline float32x4_t v4_high_halves(float32x4_t a, float32x4_t b)
{
    return vcombine_f32(vget_high_f32(a), vget_high_f32(b));
}

static inline void v4_transpose(float32x4_t r[4])
{
    const float32x4_t a = vtrn1q_f32(r[0], r[1]), b = vtrn2q_f32(r[0], r[1]);
    const float32x4_t c = vtrn1q_f32(r[2], r[3]), d = vtrn2q_f32(r[2], r[3]);
    r[0] = v4_low_halves(a, c);
    r[1] = v4_low_halves(b, d);
    r[2] = v4_high_halves(a, c);
    r[3] = v4_high_halves(b, d);
}

static inline void v8_transpose(V8 r[8])
{
    float32x4_t a[4], b[4], c[4], d[4]; /* quarters: a b above c d */
    for (int i = 0; i < 4; i++) {
        a[i] = r[i].low;
        b[i] = r[i].high;
        c[i] = r[i + 4].low;
        d[i] = r[i + 4].high;
    }
    v4_transpose(a);
    v4_transpose(b);
    v4_transpose(c);
    v4_transpose(d);
    for (int i = 0; i < 4; i++) {
        r[i] = (V8){ a[i], c[i] };
        r[i + 4] = (V8){ b[i], d[i] };
    }
}

/* ---- integers --------------------------------------------------------------------------------------------------- */

static inline V8i v8i_set(int x)
{
    return (V8i){ vdupq_n_s32(x), vdupq_n_s32(x) };
}

static inline V8i v8i_zero(void)
{
    return v8i_set(0);
}

static inline V8i v8i_load(const int *from)
{
    return (V8i){ vld1q_s32(from), vld1q_s32(from + 4) };
}

static inline void v8i_store(int *to, V8i x)
{
    vst1q_s32(to, x.low);
    vst1q_s32(to + 4, x.high);
}

static inline V8i v8i_add(V8i a, V8i b)
{
    return (V8i){ vaddq_s32(a.low, b.low), vaddq_s32(a.high, b.high) };
}

static inline V8i v8i_mul(V8i a, V8i b)
{
    return (V8i){ vmulq_s32(a.low, b.low), vmulq_s32(a.high, b.high) };
}

static inline V8m v8i_eq(V8i a, V8i b)
{
    return (V8m){ vceqq_s32(a.low, b.low), vceqq_s32(a.high, b.high) };
}

static inline V8i v8i_choose(V8m lanes, V8i a, V8i b)
{
    return (V8i){ vbslq_s32(lanes.low, a.low, b.low), vbslq_s32(lanes.high, a.high, b.high) };
}

static inline V8i v8i_where(V8m lanes, V8i x)
{
    return v8i_choose(lanes, x, v8i_zero());
}

static inline V8i v8_to_int(V8 x)
{
    return (V8i){ vcvtq_s32_f32(x.low), vcvtq_s32_f32(x.high) };
}

static inline V8 v8_from_int(V8i x)
{
    return (V8){ vcvtq_f32_s32(x.low), vcvtq_f32_s32(x.high) };
}

/* ---- float64 ---------------------------------------------------------------------------------------------------- */

static inline V4d v4d_zero(void)
{
    return (V4d){ vdupq_n_f64(0), vdupq_n_f64(0) };
}

static inline V4d v4d_set(double x)
{
    return (V4d){ vdupq_n_f64(x), vdupq_n_f64(x) };
}

static inline V4d v8_low(V8 x)
{
    return (V4d){ vcvt_f64_f32(vget_low_f32(x.low)), vcvt_high_f64_f32(x.low) };
}

static inline V4d v8_high(V8 x)
{
    return (V4d){ vcvt_f64_f32(vget_low_f32(x.high)), vcvt_high_f64_f32(x.high) };
}

static inline V8 v8_rounded(V4d low, V4d high)
{
    return (V8){ vcvt_high_f32_f64(vcvt_f32_f64(low.low), low.high),
                 vcvt_high_f32_f64(vcvt_f32_f64(high.low), high.high) };
}

static inline V4d v4d_add(V4d a, V4d b)
{
    return (V4d){ vaddq_f64(a.low, b.low), vaddq_f64(a.high, b.high) };
}

static inline V4d v4d_div(V4d a, V4d b)
{
    return (V4d){ vdivq_f64(a.low, b.low), vdivq_f64(a.high, b.high) };
}

static inline V4d v4d_sqrt(V4d x)
{
    return (V4d){ vsqrtq_f64(x.low), vsqrtq_f64(x.high) };
}

static inline V4d v4d_fma(V4d a, V4d b, V4d c)
{
    return (V4d){ vfmaq_f64(c.low, a.low, b.low), vfmaq_f64(c.high, a.high, b.high) };
}

static inline double v4d_sum(V4d x)
{
    return vpaddd_f64(vaddq_f64(x.low, x.high));
}

#endif
