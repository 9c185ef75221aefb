/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/vector_avx512.h -- private to the *_avx512.c files: functions of sixteen floats at once, those of
 * kernels/vector_avx2.h with the same polynomials and errors. NaN gives NaN.
 */
#ifndef DF_KERNELS_VECTOR_AVX512_H
#define DF_KERNELS_VECTOR_AVX512_H

#include <immintrin.h>

typedef __m512 V16;

static inline V16 v16_set(float x)
{
    return _mm512_set1_ps(x);
}

/* Lanes 0..n-1 on: all of them for n >= 16, none for n <= 0. */
static inline __mmask16 v16_first(int n)
{
    if (n >= 16)
        return 0xffff;
    return n > 0 ? (__mmask16)((1U << n) - 1U) : 0;
}

/* e^x for x <= 88.72, as v8_exp_le. */
static inline V16 v16_exp_le(V16 x)
{
    const V16 shifter = v16_set(12582912.0f);
    const __mmask16 tiny = _mm512_cmp_ps_mask(x, v16_set(-87.3365f), _CMP_LT_OQ);
    const V16 shifted = _mm512_fmadd_ps(x, v16_set(1.442695041f), shifter);
    const V16 n = _mm512_sub_ps(shifted, shifter);
    V16 r = _mm512_fnmadd_ps(n, v16_set(0.693359375f), x);
    r = _mm512_fnmadd_ps(n, v16_set(-2.12194440e-4f), r);
    V16 p = v16_set(1.381387003e-03f);
    p = _mm512_fmadd_ps(p, r, v16_set(8.369068615e-03f));
    p = _mm512_fmadd_ps(p, r, v16_set(4.166842252e-02f));
    p = _mm512_fmadd_ps(p, r, v16_set(1.666651815e-01f));
    p = _mm512_fmadd_ps(p, r, v16_set(4.999999404e-01f));
    p = _mm512_fmadd_ps(p, r, v16_set(1.0f));
    p = _mm512_fmadd_ps(p, r, v16_set(1.0f));
    const __m512i power = _mm512_slli_epi32(_mm512_castps_si512(shifted), 23);
    const __m512i y = _mm512_add_epi32(_mm512_castps_si512(p), power);
    return _mm512_castsi512_ps(_mm512_mask_mov_epi32(y, tiny, _mm512_setzero_si512()));
}

static inline V16 v16_relu(V16 x)
{
    return _mm512_max_ps(_mm512_setzero_ps(), x); /* in this order max keeps a NaN */
}

/* As v8_gelu_rational. */
static inline V16 v16_gelu(V16 x)
{
    static const float p[] = { 2.338688711e-08f, 6.360018259e-06f, 1.643204154e-04f, 4.650843713e-03f,
                               3.337209376e-02f, 3.989422454e-01f };
    static const float q[] = { 1.216595330e-06f, 7.239980948e-05f, 1.858974340e-03f, 2.837861217e-02f,
                               2.503175229e-01f, 1.0f };
    const V16 t = _mm512_min_ps(v16_set(5.4f), _mm512_max_ps(v16_set(-5.4f), x));
    const V16 s = _mm512_mul_ps(t, t);
    V16 above = v16_set(p[0]), below = v16_set(q[0]);
    for (int i = 1; i < 6; i++) {
        above = _mm512_fmadd_ps(above, s, v16_set(p[i]));
        below = _mm512_fmadd_ps(below, s, v16_set(q[i]));
    }
    const V16 phi = _mm512_fmadd_ps(t, _mm512_div_ps(above, below), v16_set(0.5f));
    return _mm512_mul_ps(x, _mm512_min_ps(v16_set(1.0f), _mm512_max_ps(_mm512_setzero_ps(), phi)));
}

#endif
