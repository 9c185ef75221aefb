/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/act_v8.h -- private to the *_v8.c files: the activations on eight floats.
 */
#ifndef DF_KERNELS_ACT_V8_H
#define DF_KERNELS_ACT_V8_H

#include "kernels/act.h"
#include "kernels/vector.h"

static inline V8 v8_relu(V8 x)
{
    return v8_max(v8_zero(), x); /* in this order max keeps a NaN */
}

/* x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, the approximation. */
static inline V8 v8_tanh_form_of_gelu(V8 x)
{
    const V8 half = v8_mul(v8_set(0.5f), x), square = v8_mul(x, x);
    const V8 inner = v8_mul(x, v8_fma(v8_set(0.0356774081f), square, v8_set(0.797884561f)));
    return v8_fma(half, v8_tanh(inner), half);
}

/* x Phi(x) with Phi(x) = 1/2 + x P(x^2) / Q(x^2) up to |x| = 5.4, where float32 has no more of it: half the work of
 * v8_gelu, which keeps a few more bits than a product with hundreds of terms brings along. P / Q is a minimax fit,
 * 5.5e-9 from the truth; the result is within 1.5e-7 |x| of it. */
static inline V8 v8_gelu_rational(V8 x)
{
    const V8 t = v8_min(v8_set(5.4f), v8_max(v8_set(-5.4f), x));
    const V8 s = v8_mul(t, t);
    V8 p = v8_set(2.338688711e-08f), q = v8_set(1.216595330e-06f);
    p = v8_fma(p, s, v8_set(6.360018259e-06f));
    q = v8_fma(q, s, v8_set(7.239980948e-05f));
    p = v8_fma(p, s, v8_set(1.643204154e-04f));
    q = v8_fma(q, s, v8_set(1.858974340e-03f));
    p = v8_fma(p, s, v8_set(4.650843713e-03f));
    q = v8_fma(q, s, v8_set(2.837861217e-02f));
    p = v8_fma(p, s, v8_set(3.337209376e-02f));
    q = v8_fma(q, s, v8_set(2.503175229e-01f));
    p = v8_fma(p, s, v8_set(3.989422454e-01f));
    q = v8_fma(q, s, v8_set(1.0f));
    const V8 phi = v8_fma(t, v8_div(p, q), v8_set(0.5f));
    return v8_mul(x, v8_min(v8_set(1.0f), v8_max(v8_set(0.0f), phi)));
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
