/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/vector.h -- private to the *_v8.c files: eight floats at once, and functions of them. What is written with
 * it is compiled for AVX2 on x86-64 and for NEON on aarch64, and gives the same bits on both but for NaNs and signs of
 * zeros: vector_avx2.h and vector_neon.h differ in instructions, not in the order of additions.
 *
 *     V8      eight floats                           V8i  eight integers of 32 bits
 *     V8m     lanes that are on, as compared         V4d  four doubles
 *     V8Part  the first lanes, for the end of a row
 *
 * memory      v8_zero v8_set v8_load v8_store, and v8_load_aligned v8_store_aligned at multiples of 32 bytes
 *             v8_first(n)             lanes 0..n-1; none for n <= 0, all from 8 on
 *             v8_load_part(p, part)   0 in the other lanes, which are not read
 *             v8_store_part(p, part, x)
 *             v8_lanes(part)          as V8m
 * arithmetic  v8_add v8_sub v8_mul v8_div v8_abs v8_negate v8_minus_abs v8_floor
 *             v8_fma(a, b, c)         a b + c, rounded once; v8_fnma(a, b, c) is c - a b
 *             v8_min v8_max           b where b is NaN; where only a is, either
 *             v8_with_sign(x, s)      x >= 0 with the sign of s
 *             v8_shift_exponent(x, i) x 2^n where the bits of i end in n
 * choices     v8_lt v8_gt v8_ge       off where there is a NaN
 *             v8_choose(on, a, b)     a where on, else b; v8_where(on, a) and v8_unless(on, b) with 0 for the other
 *             v8_choose_by_sign(x, negative, positive)
 * across      v8_sum v8_largest v8_lane_0 v8_lane_0_to_int (towards 0) v8_spread_lane_0
 *             v8_lookup(table, at)    table[at] of a vector, at in 0..7; v8_gather(p, at) is p[at]
 *             v8_even v8_odd          every second float of a and b, which stand one behind the other
 *             v8_transpose(r)         eight vectors
 * integers    v8i_zero v8i_set v8i_count (0..7) v8i_load v8i_store v8i_add v8i_mul v8i_eq v8i_choose v8i_where
 *             v8_to_int (towards 0) v8_from_int
 * doubles     v4d_zero v4d_add v4d_fma v4d_sum, and v8_low v8_high from half a vector
 *
 * Functions, with their largest errors against float64 over a sweep of all finite floats with normal results:
 *     v8_exp   0.9 ulp (0 for x < -87.3, where results would be subnormal; 3.4e38 above 88.72)
 *     v8_erf   1.2 ulp       v8_tanh   1.4 ulp       v8_sigmoid   2.4 ulp
 *     v8_gelu  1e-7 of max(|gelu(x)|, |x| / 2): x / 2 times (1 + erf) cancels for negative x, as it does in PyTorch
 * NaN gives NaN. The polynomials are minimax fits in float64, rounded to float.
 */
#ifndef DF_KERNELS_VECTOR_H
#define DF_KERNELS_VECTOR_H

#if defined(__AVX2__) && defined(__FMA__)
#include "kernels/vector_avx2.h"
#elif defined(__aarch64__)
#include "kernels/vector_neon.h"
#else
#error "want AVX2 and FMA, or aarch64"
#endif

/* e^x for x <= 88.72: the caller's promise saves one instruction, softmax keeps it. x = n ln 2 + r, |r| <= ln 2 / 2:
 * e^x = 2^n (1 + r + r^2 p(r)). Adding 1.5 2^23 rounds to the integer n and leaves it in the low bits, from where it
 * moves straight into the exponent. */
static inline V8 v8_exp_le(V8 x)
{
    const V8 shifter = v8_set(12582912.0f);
    const V8m tiny = v8_lt(x, v8_set(-87.3365f));
    const V8 shifted = v8_fma(x, v8_set(1.442695041f), shifter);
    const V8 n = v8_sub(shifted, shifter);
    V8 r = v8_fnma(n, v8_set(0.693359375f), x);
    r = v8_fnma(n, v8_set(-2.12194440e-4f), r);
    V8 p = v8_set(1.381387003e-03f);
    p = v8_fma(p, r, v8_set(8.369068615e-03f));
    p = v8_fma(p, r, v8_set(4.166842252e-02f));
    p = v8_fma(p, r, v8_set(1.666651815e-01f));
    p = v8_fma(p, r, v8_set(4.999999404e-01f));
    p = v8_fma(p, r, v8_set(1.0f));
    p = v8_fma(p, r, v8_set(1.0f));
    return v8_unless(tiny, v8_shift_exponent(p, shifted));
}

static inline V8 v8_exp(V8 x)
{
    return v8_exp_le(v8_min(v8_set(88.72283f), x)); /* in this order min keeps a NaN */
}

/* |x| < 1: x + x p(x^2), else 1 - exp(q(|x|)) with the sign of x, which is 1 from |x| = 4 on. */
static inline V8 v8_erf(V8 x)
{
    const V8 a = v8_abs(x), s = v8_mul(x, x);
    V8 p = v8_set(7.853879652e-05f);
    p = v8_fma(p, s, v8_set(-8.010200108e-04f));
    p = v8_fma(p, s, v8_set(5.188328680e-03f));
    p = v8_fma(p, s, v8_set(-2.685381286e-02f));
    p = v8_fma(p, s, v8_set(1.128358543e-01f));
    p = v8_fma(p, s, v8_set(-3.761262596e-01f));
    p = v8_fma(p, s, v8_set(1.283791661e-01f));
    const V8 small = v8_fma(p, x, x);
    const V8 t = v8_min(v8_set(4.0f), a);
    V8 q = v8_set(1.863793877e-04f);
    q = v8_fma(q, t, v8_set(-2.947660396e-03f));
    q = v8_fma(q, t, v8_set(2.183807269e-02f));
    q = v8_fma(q, t, v8_set(-1.031067744e-01f));
    q = v8_fma(q, t, v8_set(-6.381447911e-01f));
    q = v8_fma(q, t, v8_set(-1.127089262e+00f));
    q = v8_fma(q, t, v8_set(-3.415196261e-04f));
    const V8 large = v8_with_sign(v8_sub(v8_set(1.0f), v8_exp_le(q)), x);
    return v8_choose(v8_lt(a, v8_set(1.0f)), small, large);
}

/* x Phi(x), the exact GELU. */
static inline V8 v8_gelu(V8 x)
{
    const V8 half = v8_mul(v8_set(0.5f), x);
    return v8_fma(half, v8_erf(v8_mul(x, v8_set(0.707106781f))), half);
}

/* |x| < 0.625: x + x^3 p(x^2), else 1 - 2 / (e^2|x| + 1) with the sign of x. */
static inline V8 v8_tanh(V8 x)
{
    const V8 a = v8_abs(x), s = v8_mul(x, x), one = v8_set(1.0f);
    V8 p = v8_set(-5.704975687e-03f);
    p = v8_fma(p, s, v8_set(2.063907683e-02f));
    p = v8_fma(p, s, v8_set(-5.373971164e-02f));
    p = v8_fma(p, s, v8_set(1.333144158e-01f));
    p = v8_fma(p, s, v8_set(-3.333328068e-01f));
    const V8 small = v8_fma(v8_mul(p, s), x, x);
    const V8 e = v8_exp_le(v8_min(v8_set(40.0f), v8_add(a, a)));
    const V8 large = v8_sub(one, v8_div(v8_set(2.0f), v8_add(e, one)));
    return v8_choose(v8_lt(a, v8_set(0.625f)), small, v8_with_sign(large, x));
}

/* 1 / (1 + e^-x), computed as e^x / (1 + e^x) for x < 0 so that small results stay exact. */
static inline V8 v8_sigmoid(V8 x)
{
    const V8 one = v8_set(1.0f);
    const V8 e = v8_exp_le(v8_minus_abs(x));
    const V8 numerator = v8_choose_by_sign(x, e, one);
    return v8_div(numerator, v8_add(one, e));
}

#endif
