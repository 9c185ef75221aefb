/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/vector_avx2.h -- private to the *_avx2.c files: functions of eight floats at once.
 *
 * Largest errors against float64, over a sweep of all finite floats with normal results:
 *     v8_exp   0.9 ulp (0 for x < -87.3, where results would be subnormal; 3.4e38 above 88.72)
 *     v8_erf   1.2 ulp       v8_tanh   1.4 ulp       v8_sigmoid   2.4 ulp
 *     v8_gelu  1e-7 of max(|gelu(x)|, |x| / 2): x / 2 times (1 + erf) cancels for negative x, as it does in PyTorch
 * NaN gives NaN. The polynomials are minimax fits in float64, rounded to float.
 */
#ifndef DF_KERNELS_VECTOR_AVX2_H
#define DF_KERNELS_VECTOR_AVX2_H

#include <immintrin.h>

typedef __m256 V8;

static inline V8 v8_set(float x)
{
    return _mm256_set1_ps(x);
}

static inline V8 v8_abs(V8 x)
{
    return _mm256_andnot_ps(v8_set(-0.0f), x);
}

/* Lanes 0..n-1 on, for the last n < 8 elements of a row with _mm256_maskload_ps and _mm256_maskstore_ps. */
static inline __m256i v8_first(int n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

static inline float v8_sum(V8 x)
{
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

static inline float v8_largest(V8 x)
{
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

/* e^x for x <= 88.72: the caller's promise saves one instruction, softmax keeps it. x = n ln 2 + r, |r| <= ln 2 / 2:
 * e^x = 2^n (1 + r + r^2 p(r)). Adding 1.5 2^23 rounds to the integer n and leaves it in the low bits, from where it
 * moves straight into the exponent. */
static inline V8 v8_exp_le(V8 x)
{
    const V8 shifter = v8_set(12582912.0f);
    const V8 tiny = _mm256_cmp_ps(x, v8_set(-87.3365f), _CMP_LT_OQ);
    const V8 shifted = _mm256_fmadd_ps(x, v8_set(1.442695041f), shifter);
    const V8 n = _mm256_sub_ps(shifted, shifter);
    V8 r = _mm256_fnmadd_ps(n, v8_set(0.693359375f), x);
    r = _mm256_fnmadd_ps(n, v8_set(-2.12194440e-4f), r);
    V8 p = v8_set(1.381387003e-03f);
    p = _mm256_fmadd_ps(p, r, v8_set(8.369068615e-03f));
    p = _mm256_fmadd_ps(p, r, v8_set(4.166842252e-02f));
    p = _mm256_fmadd_ps(p, r, v8_set(1.666651815e-01f));
    p = _mm256_fmadd_ps(p, r, v8_set(4.999999404e-01f));
    p = _mm256_fmadd_ps(p, r, v8_set(1.0f));
    p = _mm256_fmadd_ps(p, r, v8_set(1.0f));
    const __m256i power = _mm256_slli_epi32(_mm256_castps_si256(shifted), 23);
    const V8 y = _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), power));
    return _mm256_andnot_ps(tiny, y);
}

static inline V8 v8_exp(V8 x)
{
    return v8_exp_le(_mm256_min_ps(v8_set(88.72283f), x)); /* in this order min keeps a NaN */
}

/* |x| < 1: x + x p(x^2), else 1 - exp(q(|x|)) with the sign of x, which is 1 from |x| = 4 on. */
static inline V8 v8_erf(V8 x)
{
    const V8 a = v8_abs(x), s = _mm256_mul_ps(x, x);
    V8 p = v8_set(7.853879652e-05f);
    p = _mm256_fmadd_ps(p, s, v8_set(-8.010200108e-04f));
    p = _mm256_fmadd_ps(p, s, v8_set(5.188328680e-03f));
    p = _mm256_fmadd_ps(p, s, v8_set(-2.685381286e-02f));
    p = _mm256_fmadd_ps(p, s, v8_set(1.128358543e-01f));
    p = _mm256_fmadd_ps(p, s, v8_set(-3.761262596e-01f));
    p = _mm256_fmadd_ps(p, s, v8_set(1.283791661e-01f));
    const V8 small = _mm256_fmadd_ps(p, x, x);
    const V8 t = _mm256_min_ps(v8_set(4.0f), a);
    V8 q = v8_set(1.863793877e-04f);
    q = _mm256_fmadd_ps(q, t, v8_set(-2.947660396e-03f));
    q = _mm256_fmadd_ps(q, t, v8_set(2.183807269e-02f));
    q = _mm256_fmadd_ps(q, t, v8_set(-1.031067744e-01f));
    q = _mm256_fmadd_ps(q, t, v8_set(-6.381447911e-01f));
    q = _mm256_fmadd_ps(q, t, v8_set(-1.127089262e+00f));
    q = _mm256_fmadd_ps(q, t, v8_set(-3.415196261e-04f));
    const V8 sign = _mm256_and_ps(v8_set(-0.0f), x);
    const V8 large = _mm256_or_ps(sign, _mm256_sub_ps(v8_set(1.0f), v8_exp_le(q)));
    return _mm256_blendv_ps(large, small, _mm256_cmp_ps(a, v8_set(1.0f), _CMP_LT_OQ));
}

/* x Phi(x), the exact GELU. */
static inline V8 v8_gelu(V8 x)
{
    const V8 half = _mm256_mul_ps(v8_set(0.5f), x);
    return _mm256_fmadd_ps(half, v8_erf(_mm256_mul_ps(x, v8_set(0.707106781f))), half);
}

/* |x| < 0.625: x + x^3 p(x^2), else 1 - 2 / (e^2|x| + 1) with the sign of x. */
static inline V8 v8_tanh(V8 x)
{
    const V8 a = v8_abs(x), s = _mm256_mul_ps(x, x), one = v8_set(1.0f);
    V8 p = v8_set(-5.704975687e-03f);
    p = _mm256_fmadd_ps(p, s, v8_set(2.063907683e-02f));
    p = _mm256_fmadd_ps(p, s, v8_set(-5.373971164e-02f));
    p = _mm256_fmadd_ps(p, s, v8_set(1.333144158e-01f));
    p = _mm256_fmadd_ps(p, s, v8_set(-3.333328068e-01f));
    const V8 small = _mm256_fmadd_ps(_mm256_mul_ps(p, s), x, x);
    const V8 e = v8_exp_le(_mm256_min_ps(v8_set(40.0f), _mm256_add_ps(a, a)));
    const V8 large = _mm256_sub_ps(one, _mm256_div_ps(v8_set(2.0f), _mm256_add_ps(e, one)));
    const V8 sign = _mm256_and_ps(v8_set(-0.0f), x);
    return _mm256_blendv_ps(_mm256_or_ps(sign, large), small, _mm256_cmp_ps(a, v8_set(0.625f), _CMP_LT_OQ));
}

/* 1 / (1 + e^-x), computed as e^x / (1 + e^x) for x < 0 so that small results stay exact. */
static inline V8 v8_sigmoid(V8 x)
{
    const V8 one = v8_set(1.0f);
    const V8 e = v8_exp_le(_mm256_or_ps(v8_set(-0.0f), x)); /* e^-|x| */
    const V8 numerator = _mm256_blendv_ps(one, e, x);       /* by the sign bit */
    return _mm256_div_ps(numerator, _mm256_add_ps(one, e));
}

#endif
