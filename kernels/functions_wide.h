/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/functions_wide.h -- template of kernels/vector.h and kernels/vector_avx512.h (kernels/wide.h): exp, erf,
 * tanh, sigmoid and GELU of WIDE floats. kernels/vector.h states their errors.
 */
#include "kernels/wide.h"

/* e^x for x <= 88.72: the caller's promise saves one instruction, softmax keeps it. x = n ln 2 + r, |r| <= ln 2 / 2:
 * e^x = 2^n (1 + r + r^2 p(r)). Adding 1.5 2^23 rounds to the integer n and leaves it in the low bits, from where it
 * moves straight into the exponent. */
static inline V v_exp_le(V x)
{
    const V shifter = v_set(12582912.0f);
    const VMask tiny = v_lt(x, v_set(-87.3365f));
    const V shifted = v_fma(x, v_set(1.442695041f), shifter);
    const V n = v_sub(shifted, shifter);
    V r = v_fnma(n, v_set(0.693359375f), x);
    r = v_fnma(n, v_set(-2.12194440e-4f), r);
    V p = v_set(1.381387003e-03f);
    p = v_fma(p, r, v_set(8.369068615e-03f));
    p = v_fma(p, r, v_set(4.166842252e-02f));
    p = v_fma(p, r, v_set(1.666651815e-01f));
    p = v_fma(p, r, v_set(4.999999404e-01f));
    p = v_fma(p, r, v_set(1.0f));
    p = v_fma(p, r, v_set(1.0f));
    return v_unless(tiny, v_shift_exponent(p, shifted));
}

static inline V v_exp(V x)
{
    return v_exp_le(v_min(v_set(88.72283f), x)); /* in this order min keeps a NaN */
}

/* |x| < 1: x + x p(x^2), else 1 - exp(q(|x|)) with the sign of x, which is 1 from |x| = 4 on. */
static inline V v_erf(V x)
{
    const V a = v_abs(x), s = v_mul(x, x);
    V p = v_set(7.853879652e-05f);
    p = v_fma(p, s, v_set(-8.010200108e-04f));
    p = v_fma(p, s, v_set(5.188328680e-03f));
    p = v_fma(p, s, v_set(-2.685381286e-02f));
    p = v_fma(p, s, v_set(1.128358543e-01f));
    p = v_fma(p, s, v_set(-3.761262596e-01f));
    p = v_fma(p, s, v_set(1.283791661e-01f));
    const V small = v_fma(p, x, x);
    const V t = v_min(v_set(4.0f), a);
    V q = v_set(1.863793877e-04f);
    q = v_fma(q, t, v_set(-2.947660396e-03f));
    q = v_fma(q, t, v_set(2.183807269e-02f));
    q = v_fma(q, t, v_set(-1.031067744e-01f));
    q = v_fma(q, t, v_set(-6.381447911e-01f));
    q = v_fma(q, t, v_set(-1.127089262e+00f));
    q = v_fma(q, t, v_set(-3.415196261e-04f));
    const V large = v_with_sign(v_sub(v_set(1.0f), v_exp_le(q)), x);
    return v_choose(v_lt(a, v_set(1.0f)), small, large);
}

/* x Phi(x), the exact GELU. */
static inline V v_gelu(V x)
{
    const V half = v_mul(v_set(0.5f), x);
    return v_fma(half, v_erf(v_mul(x, v_set(0.707106781f))), half);
}

/* |x| < 0.625: x + x^3 p(x^2), else 1 - 2 / (e^2|x| + 1) with the sign of x. */
static inline V v_tanh(V x)
{
    const V a = v_abs(x), s = v_mul(x, x), one = v_set(1.0f);
    V p = v_set(-5.704975687e-03f);
    p = v_fma(p, s, v_set(2.063907683e-02f));
    p = v_fma(p, s, v_set(-5.373971164e-02f));
    p = v_fma(p, s, v_set(1.333144158e-01f));
    p = v_fma(p, s, v_set(-3.333328068e-01f));
    const V small = v_fma(v_mul(p, s), x, x);
    const V e = v_exp_le(v_min(v_set(40.0f), v_add(a, a)));
    const V large = v_sub(one, v_div(v_set(2.0f), v_add(e, one)));
    return v_choose(v_lt(a, v_set(0.625f)), small, v_with_sign(large, x));
}

/* 1 / (1 + e^-x), computed as e^x / (1 + e^x) for x < 0 so that small results stay exact. */
static inline V v_sigmoid(V x)
{
    const V one = v_set(1.0f);
    const V e = v_exp_le(v_minus_abs(x));
    const V numerator = v_choose_by_sign(x, e, one);
    return v_div(numerator, v_add(one, e));
}
