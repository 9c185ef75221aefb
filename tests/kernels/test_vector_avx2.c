/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/kernels/test_vector_avx2.c -- the functions of kernels/vector_avx2.h against the C library in float64, over a sweep of
 * all floats: the bounds are those that the header states.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "kernels/vector_avx2.h"

static const double smallest = 1.17549435e-38; /* normal float */

static double ulp(double x)
{
    const float f = (float)fabs(x);
    return (double)nextafterf(f, INFINITY) - (double)f;
}

static V8 apply(V8 (*f)(V8), const float *x, float *y)
{
    const V8 result = f(_mm256_loadu_ps(x));
    _mm256_storeu_ps(y, result);
    return result;
}

/* Largest error in ulp over every 4001st float of [lo, hi]; subnormal results are not looked at. */
static double sweep(V8 (*f)(V8), double (*exact)(double), double lo, double hi)
{
    double worst = 0;
    float x[8], y[8];
    int n = 0;
    for (uint64_t bits = 0; bits < (UINT64_C(1) << 32); bits += 4001) {
        const uint32_t word = (uint32_t)bits;
        memcpy(&x[n], &word, sizeof word);
        if (!((double)x[n] >= lo && (double)x[n] <= hi) || ++n < 8)
            continue;
        apply(f, x, y);
        for (n = 0; n < 8; n++) {
            const double wanted = exact(x[n]);
            if (fabs(wanted) >= smallest)
                worst = fmax(worst, fabs((double)y[n] - wanted) / ulp(wanted));
        }
        n = 0;
    }
    return worst;
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static bool runs_here(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

Test(vector, errors_stay_within_what_the_header_says)
{
    if (!runs_here())
        cr_skip("no AVX2 here");
    cr_expect_lt(sweep(v8_exp, exp, -87.3, 88.72), 0.9);
    cr_expect_lt(sweep(v8_erf, erf, -3e38, 3e38), 1.2);
    cr_expect_lt(sweep(v8_tanh, tanh, -3e38, 3e38), 1.4);
    cr_expect_lt(sweep(v8_sigmoid, sigmoid, -87.3, 3e38), 2.4);
}

Test(vector, gelu)
{
    if (!runs_here())
        cr_skip("no AVX2 here");
    for (int i = -80000; i < 80000; i++) {
        const float x = (float)i / 4000;
        float y[8];
        _mm256_storeu_ps(y, v8_gelu(v8_set(x)));
        const double wanted = 0.5 * (double)x * (1 + erf((double)x / sqrt(2.0)));
        cr_assert_leq(fabs((double)y[0] - wanted), 1e-7 * fmax(fabs(wanted), fabs((double)x) / 2), "gelu(%g) = %g", (double)x, (double)y[0]);
    }
}

Test(vector, ends)
{
    if (!runs_here())
        cr_skip("no AVX2 here");
    const float x[8] = { NAN, INFINITY, -INFINITY, -88, -1000, 1000, 0, -0.0f };
    float y[8];
    apply(v8_exp, x, y);
    cr_expect(isnan(y[0]) && y[1] > 3.4e38f && y[2] == 0 && y[3] == 0 && y[4] == 0 && y[5] > 3.4e38f && y[6] == 1 && y[7] == 1);
    apply(v8_erf, x, y);
    cr_expect(isnan(y[0]) && y[1] == 1 && y[2] == -1 && y[4] == -1 && y[5] == 1 && y[6] == 0);
    apply(v8_tanh, x, y);
    cr_expect(isnan(y[0]) && y[1] == 1 && y[2] == -1 && y[4] == -1 && y[5] == 1 && y[6] == 0);
    apply(v8_sigmoid, x, y);
    cr_expect(isnan(y[0]) && y[1] == 1 && y[2] == 0 && y[4] == 0 && y[5] == 1 && y[6] == 0.5f);
}

Test(vector, lanes)
{
    if (!runs_here())
        cr_skip("no AVX2 here");
    const V8 x = _mm256_setr_ps(1, 2, 3, 4, 5, 6, 70, 8);
    cr_expect_eq(v8_sum(x), 99.0f);
    cr_expect_eq(v8_largest(x), 70.0f);
    for (int n = 0; n <= 8; n++)
        cr_expect_eq(_mm256_movemask_ps(_mm256_castsi256_ps(v8_first(n))), (1 << n) - 1);
}
