/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/act_avx2.h -- private to the *_avx2.c files: the activations on eight floats.
 */
#ifndef DF_KERNELS_ACT_AVX2_H
#define DF_KERNELS_ACT_AVX2_H

#include "kernels/act.h"
#include "kernels/vector_avx2.h"

static inline V8 v8_relu(V8 x)
{
    return _mm256_max_ps(_mm256_setzero_ps(), x); /* in this order max keeps a NaN */
}

/* x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, the approximation. */
static inline V8 v8_tanh_form_of_gelu(V8 x)
{
    const V8 half = _mm256_mul_ps(v8_set(0.5f), x), square = _mm256_mul_ps(x, x);
    const V8 inner = _mm256_mul_ps(x, _mm256_fmadd_ps(v8_set(0.0356774081f), square, v8_set(0.797884561f)));
    return _mm256_fmadd_ps(half, v8_tanh(inner), half);
}

/* x Phi(x) with Phi(x) = 1/2 + x P(x^2) / Q(x^2) up to |x| = 5.4, where float32 has no more of it: half the work of
 * v8_gelu, which keeps a few more bits than a product with hundreds of terms brings along. P / Q is a minimax fit,
 * 5.5e-9 from the truth; the result is within 1.5e-7 |x| of it. */
static inline V8 v8_gelu_rational(V8 x)
{
    const V8 t = _mm256_min_ps(v8_set(5.4f), _mm256_max_ps(v8_set(-5.4f), x));
    const V8 s = _mm256_mul_ps(t, t);
    V8 p = v8_set(2.338688711e-08f), q = v8_set(1.216595330e-06f);
    p = _mm256_fmadd_ps(p, s, v8_set(6.360018259e-06f));
    q = _mm256_fmadd_ps(q, s, v8_set(7.239980948e-05f));
    p = _mm256_fmadd_ps(p, s, v8_set(1.643204154e-04f));
    q = _mm256_fmadd_ps(q, s, v8_set(1.858974340e-03f));
    p = _mm256_fmadd_ps(p, s, v8_set(4.650843713e-03f));
    q = _mm256_fmadd_ps(q, s, v8_set(2.837861217e-02f));
    p = _mm256_fmadd_ps(p, s, v8_set(3.337209376e-02f));
    q = _mm256_fmadd_ps(q, s, v8_set(2.503175229e-01f));
    p = _mm256_fmadd_ps(p, s, v8_set(3.989422454e-01f));
    q = _mm256_fmadd_ps(q, s, v8_set(1.0f));
    const V8 phi = _mm256_fmadd_ps(t, _mm256_div_ps(p, q), v8_set(0.5f));
    return _mm256_mul_ps(x, _mm256_min_ps(v8_set(1.0f), _mm256_max_ps(v8_set(0.0f), phi)));
}

static inline V8 v8_act(DfAct act, V8 x)
{
    switch (act) {
    case DF_ACT_RELU: return v8_relu(x);
    case DF_ACT_GELU: return v8_gelu_rational(x);
    case DF_ACT_GELU_TANH: return v8_tanh_form_of_gelu(x);
    case DF_ACT_SIGMOID: return v8_sigmoid(x);
    case DF_ACT_TANH: return v8_tanh(x);
    case DF_ACT_NONE: break;
    }
    return x;
}

#endif
