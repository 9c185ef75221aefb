/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/kernels/test_vector_v8.c -- the functions of kernels/vector.h against the C library in float64, over a sweep of
 * all floats: the bounds are those that the header states.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "kernels/vector.h"

static const double smallest = 1.17549435e-38; /* normal float */

static double ulp(double x)
{
    const float f = (float)fabs(x);
    return (double)nextafterf(f, INFINITY) - (double)f;
}

static V8 apply(V8 (*f)(V8), const float *x, float *y)
{
    const V8 result = f(v8_load(x));
    v8_store(y, result);
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
#ifdef __x86_64__
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return true;
#endif
}

Test(vector, errors_stay_within_what_the_header_says)
{
    if (!runs_here())
        cr_skip("no such vectors here");
    cr_expect_lt(sweep(v8_exp, exp, -87.3, 88.72), 0.9);
    cr_expect_lt(sweep(v8_erf, erf, -3e38, 3e38), 1.2);
    cr_expect_lt(sweep(v8_tanh, tanh, -3e38, 3e38), 1.4);
    cr_expect_lt(sweep(v8_sigmoid, sigmoid, -87.3, 3e38), 2.4);
}

Test(vector, gelu)
{
    if (!runs_here())
        cr_skip("no such vectors here");
    for (int i = -80000; i < 80000; i++) {
        const float x = (float)i / 4000;
        float y[8];
        v8_store(y, v8_gelu(v8_set(x)));
        const double wanted = 0.5 * (double)x * (1 + erf((double)x / sqrt(2.0)));
        cr_assert_leq(fabs((double)y[0] - wanted), 1e-7 * fmax(fabs(wanted), fabs((double)x) / 2), "gelu(%g) = %g", (double)x, (double)y[0]);
    }
}

Test(vector, ends)
{
    if (!runs_here())
        cr_skip("no such vectors here");
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

static const float some[8] = { 1, 2, 3, 4, 5, 6, 70, -8 };

Test(vector, lanes)
{
    if (!runs_here())
        cr_skip("no such vectors here");
    const V8 x = v8_load(some);
    cr_expect_eq(v8_sum(x), 83.0f);
    cr_expect_eq(v8_largest(x), 70.0f);
    cr_expect_eq(v8_lane_0(x), 1.0f);
    float y[8];
    v8_store(y, v8_spread_lane_0(x));
    for (int i = 0; i < 8; i++)
        cr_expect_eq(y[i], 1.0f);
}

Test(vector, sums_have_one_order)
{
    if (!runs_here())
        cr_skip("no such vectors here");
    const float x[8] = { 1e8f, 3, -1e8f, 5, 7, 1.5f, 11, 0.25f };
    const float s[4] = { x[0] + x[4], x[1] + x[5], x[2] + x[6], x[3] + x[7] };
    cr_expect_eq(v8_sum(v8_load(x)), (s[0] + s[2]) + (s[1] + s[3]));
    V4d sum = v4d_zero();
    const float most[8] = { 1, 1, -1, 1, 0, 0, 0, 0 };
    const float times[8] = { 1e17f, 3, 1e17f, 7, 0, 0, 0, 0 };
    sum = v4d_fma(v8_low(v8_load(most)), v8_low(v8_load(times)), sum);
    sum = v4d_add(sum, v8_high(v8_load(most)));
    cr_expect_eq(v4d_sum(sum), 10.0);
}

Test(vector, doubles_are_rounded_once)
{
    if (!runs_here())
        cr_skip("no such vectors here");
    const V8 x = v8_load(some);
    const V4d third = v4d_div(v4d_sqrt(v8_low(x)), v4d_set(3));
    const V4d ninth = v4d_div(v8_high(x), v4d_set(9));
    float y[8];
    v8_store(y, v8_rounded(third, ninth));
    for (int i = 0; i < 4; i++) {
        cr_expect_eq(y[i], (float)(sqrt((double)some[i]) / 3));
        cr_expect_eq(y[4 + i], (float)((double)some[4 + i] / 9));
    }
}

Test(vector, parts)
{
    if (!runs_here())
        cr_skip("no such vectors here");
    for (int n = -1; n <= 9; n++) {
        float y[10], z[8], on[8];
        for (int i = 0; i < 10; i++)
            y[i] = -1;
        const V8Part part = v8_first(n);
        v8_store(z, v8_load_part(some, part));
        v8_store_part(y, part, v8_load(some));
        v8_store(on, v8_where(v8_lanes(part), v8_load(some)));
        for (int i = 0; i < 8; i++) {
            cr_expect_eq(z[i], i < n ? some[i] : 0.0f, "%d of %d", i, n);
            cr_expect_eq(y[i], i < n ? some[i] : -1.0f, "%d of %d", i, n);
            cr_expect_eq(on[i], i < n ? some[i] : 0.0f, "%d of %d", i, n);
        }
    }
}

static uint32_t bits_of(float x)
{
    uint32_t word;
    memcpy(&word, &x, sizeof word);
    return word;
}

static void check(V8 got, const float wanted[8], const char *what)
{
    float y[8];
    v8_store(y, got);
    for (int i = 0; i < 8; i++)
        cr_expect_eq(bits_of(y[i]), bits_of(wanted[i]), "%s: lane %d is %g: want %g", what, i, (double)y[i], (double)wanted[i]);
}
#define EXPECT(got, ...) check(got, (const float[8]){ __VA_ARGS__ }, #got)

Test(vector, arithmetic)
{
    if (!runs_here())
        cr_skip("no such vectors here");
    const V8 x = v8_load((const float[8]){ 1, -2, 3.5f, -4.5f, 0, -0.0f, 1e20f, 0x1.000002p0f });
    const V8 two = v8_set(2);
    EXPECT(v8_add(x, two), 3, 0, 5.5f, -2.5f, 2, 2, 1e20f, 3);
    EXPECT(v8_sub(x, two), -1, -4, 1.5f, -6.5f, -2, -2, 1e20f, -0x1.fffffcp-1f);
    EXPECT(v8_mul(x, two), 2, -4, 7, -9, 0, -0.0f, 2e20f, 0x1.000002p1f);
    EXPECT(v8_div(x, two), 0.5f, -1, 1.75f, -2.25f, 0, -0.0f, 5e19f, 0x1.000002p-1f);
    EXPECT(v8_fma(x, x, v8_set(-1)), 0, 3, 11.25f, 19.25f, -1, -1, INFINITY, 0x1.000001p-22f);
    EXPECT(v8_fnma(x, x, v8_set(1)), 0, -3, -11.25f, -19.25f, 1, 1, -INFINITY, -0x1.000001p-22f);
    EXPECT(v8_abs(x), 1, 2, 3.5f, 4.5f, 0, 0, 1e20f, 0x1.000002p0f);
    EXPECT(v8_negate(x), -1, 2, -3.5f, 4.5f, -0.0f, 0, -1e20f, -0x1.000002p0f);
    EXPECT(v8_minus_abs(x), -1, -2, -3.5f, -4.5f, -0.0f, -0.0f, -1e20f, -0x1.000002p0f);
    EXPECT(v8_with_sign(two, x), 2, -2, 2, -2, 2, -2, 2, 2);
    EXPECT(v8_floor(x), 1, -2, 3, -5, 0, -0.0f, 1e20f, 1);
    EXPECT(v8_min(x, two), 1, -2, 2, -4.5f, 0, -0.0f, 2, 0x1.000002p0f);
    EXPECT(v8_max(x, two), 2, 2, 3.5f, 2, 2, 2, 1e20f, 2);
    EXPECT(v8_shift_exponent(two, v8_set(12582912.0f + 3)), 16, 16, 16, 16, 16, 16, 16, 16);
    EXPECT(v8_shift_exponent(two, v8_set(12582912.0f - 2)), 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f);
}

Test(vector, choices)
{
    if (!runs_here())
        cr_skip("no such vectors here");
    const V8 x = v8_load((const float[8]){ 1, 2, 3, NAN, -1, -0.0f, 0, INFINITY });
    const V8 two = v8_set(2);
    const V8 one = v8_set(1);
    EXPECT(v8_where(v8_lt(x, two), one), 1, 0, 0, 0, 1, 1, 1, 0);
    EXPECT(v8_where(v8_gt(x, two), one), 0, 0, 1, 0, 0, 0, 0, 1);
    EXPECT(v8_where(v8_ge(x, two), one), 0, 1, 1, 0, 0, 0, 0, 1);
    EXPECT(v8_unless(v8_lt(x, two), one), 0, 1, 1, 1, 0, 0, 0, 1);
    EXPECT(v8_choose(v8_lt(x, two), one, two), 1, 2, 2, 2, 1, 1, 1, 2);
    EXPECT(v8_where(v8m_and(v8_ge(x, v8_zero()), v8_lt(x, two)), one), 1, 0, 0, 0, 0, 1, 1, 0);
    const V8 signs = v8_load((const float[8]){ 1, -2, 3, -4, -1, -0.0f, 0, -INFINITY });
    EXPECT(v8_choose_by_sign(signs, one, two), 2, 1, 2, 1, 1, 1, 2, 1);
}

Test(vector, across)
{
    if (!runs_here())
        cr_skip("no such vectors here");
    const V8 x = v8_load(some);
    const V8 y = v8_load((const float[8]){ 11, 12, 13, 14, 15, 16, 17, 18 });
    const V8i at = v8i_load((const int[8]){ 7, 0, 3, 3, 1, 2, 6, 5 });
    EXPECT(v8_lookup(x, at), -8, 1, 4, 4, 2, 3, 70, 6);
    EXPECT(v8_gather(some, at), -8, 1, 4, 4, 2, 3, 70, 6);
    EXPECT(v8_even(x, y), 1, 3, 5, 70, 11, 13, 15, 17);
    EXPECT(v8_odd(x, y), 2, 4, 6, -8, 12, 14, 16, 18);
    EXPECT(v8_zip_low(x, y), 1, 11, 2, 12, 3, 13, 4, 14);
    EXPECT(v8_zip_high(x, y), 5, 15, 6, 16, 70, 17, -8, 18);
    V8 r[8];
    for (int i = 0; i < 8; i++)
        r[i] = v8_add(v8_set(10 * (float)i), v8_from_int(v8i_count()));
    v8_transpose(r);
    for (int i = 0; i < 8; i++) {
        const float k = (float)i;
        EXPECT(r[i], k, k + 10, k + 20, k + 30, k + 40, k + 50, k + 60, k + 70);
    }
}

Test(vector, integers)
{
    if (!runs_here())
        cr_skip("no such vectors here");
    const V8i x = v8_to_int(v8_load((const float[8]){ 1.9f, -1.9f, 0, 100000, -5, 6, 7, 8 }));
    EXPECT(v8_from_int(x), 1, -1, 0, 100000, -5, 6, 7, 8);
    EXPECT(v8_from_int(v8i_add(x, v8i_set(2))), 3, 1, 2, 100002, -3, 8, 9, 10);
    EXPECT(v8_from_int(v8i_mul(x, v8i_count())), 0, -1, 0, 300000, -20, 30, 42, 56);
    const V8m six = v8i_eq(x, v8i_set(6));
    EXPECT(v8_from_int(v8i_choose(six, v8i_set(1), v8i_set(2))), 2, 2, 2, 2, 2, 1, 2, 2);
    EXPECT(v8_from_int(v8i_where(six, x)), 0, 0, 0, 0, 0, 6, 0, 0);
    int y[8];
    v8i_store(y, v8i_zero());
    cr_expect(y[0] == 0 && y[7] == 0);
}
