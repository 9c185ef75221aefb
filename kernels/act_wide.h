/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/act_wide.h -- private to kernels/act_v8.h and kernels/act_avx512.h, which include it as a template
 * (kernels/wide.h): the activations of WIDE floats at a time. ReLU, GELU, sigmoid and tanh are vector code; v_act()
 * calls the scalar code of act_c.c for the others.
 */
#include "kernels/wide.h"

static inline V v_relu(V x)
{
    return v_max(v_zero(), x); /* in this order max keeps a NaN */
}

/* x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, the approximation. */
static inline V v_tanh_form_of_gelu(V x)
{
    const V half = v_mul(v_set(0.5f), x), square = v_mul(x, x);
    const V inner = v_mul(x, v_fma(v_set(0.0356774081f), square, v_set(0.797884561f)));
    return v_fma(half, v_tanh(inner), half);
}

/* GELU: x Phi(x) with Phi(x) = 1/2 + x P(x^2) / Q(x^2) up to |x| = 5.4, beyond which this sum in float32 is 0 or 1. It
 * is half the work of v_gelu, which keeps a few more bits; after a product with hundreds of terms these bits are lost
 * anyway. P / Q is a minimax fit with an error of 5.5e-9; the error of the result is at most 1.5e-7 |x|. */
static inline V v_gelu_rational(V x)
{
    const V t = v_min(v_set(5.4f), v_max(v_set(-5.4f), x));
    const V s = v_mul(t, t);
    V p = v_set(2.338688711e-08f), q = v_set(1.216595330e-06f);
    p = v_fma(p, s, v_set(6.360018259e-06f));
    q = v_fma(q, s, v_set(7.239980948e-05f));
    p = v_fma(p, s, v_set(1.643204154e-04f));
    q = v_fma(q, s, v_set(1.858974340e-03f));
    p = v_fma(p, s, v_set(4.650843713e-03f));
    q = v_fma(q, s, v_set(2.837861217e-02f));
    p = v_fma(p, s, v_set(3.337209376e-02f));
    q = v_fma(q, s, v_set(2.503175229e-01f));
    p = v_fma(p, s, v_set(3.989422454e-01f));
    q = v_fma(q, s, v_set(1.0f));
    const V phi = v_fma(t, v_div(p, q), v_set(0.5f));
    return v_mul(x, v_min(v_set(1.0f), v_max(v_set(0.0f), phi)));
}

/* The rarer activations, through memory. */
static inline V v_act_one_by_one(DfAct act, V x)
{
    float y[WIDE];
    v_store(y, x);
    df_act_c(act, y, y, WIDE);
    return v_load(y);
}

static inline V v_act(DfAct act, V x)
{
    switch (act) {
    case DF_ACT_RELU: return v_relu(x);
    case DF_ACT_GELU: return v_gelu_rational(x);
    case DF_ACT_GELU_TANH: return v_tanh_form_of_gelu(x);
    case DF_ACT_SIGMOID: return v_sigmoid(x);
    case DF_ACT_TANH: return v_tanh(x);
    case DF_ACT_NONE: return x;
    default: return v_act_one_by_one(act, x);
    }
}
