/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/kernels/test_pointwise.c -- every leaf of the pointwise table, on every rung, against float64: all lengths
 * around the width of a vector, unaligned pointers, nothing written behind the end, results on top of arguments.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "tests/support/act.h"

enum { LONGEST = 100, GUARD = 16 };
static const float guard = -12345.5f;


/* Arrays of n floats with guards behind, one float off any alignment. */
typedef struct {
    float block[LONGEST * LONGEST + GUARD + 1];
    size_t n;
} Array;

static float *fill(Array *a, size_t n, DfRandom *random)
{
    a->n = n;
    float *x = a->block + 1;
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(3 * df_normal(random));
    for (size_t i = n; i < n + GUARD; i++)
        x[i] = guard;
    return x;
}

static void expect_guarded(const Array *a, const char *what)
{
    for (size_t i = a->n; i < a->n + GUARD; i++)
        cr_assert_eq(a->block[1 + i], guard, "%s: writes behind the end of %zu", what, a->n);
}

static void expect_near(const float *got, const double *expected, size_t n, double bound, const char *what)
{
    for (size_t i = 0; i < n; i++)
        cr_assert(fabs((double)got[i] - expected[i]) <= bound * (1 + fabs(expected[i])), "%s: %g instead of %g at %zu of %zu",
                  what, (double)got[i], expected[i], i, n);
}

static Array A, B, C, D, Y;

/* ---- elements ---------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    double (*value)(double y, double a, double b, double c); /* y: what stood there */
    void (*run)(const DfPointwiseKernels *k, float *y, const float *a, const float *b, const float *c, size_t n);
} Elementwise;

static double add_value(double y, double a, double b, double c) { (void)y; (void)c; return a + b; }
static double mul_value(double y, double a, double b, double c) { (void)y; (void)c; return a * b; }
static double max_value(double y, double a, double b, double c) { (void)y; (void)c; return fmax(a, b); }
static double scale_value(double y, double a, double b, double c) { (void)y; (void)b; (void)c; return -1.5 * a; }
static double affine_value(double y, double a, double b, double c) { (void)y; return a * b + c; }
static double accumulate_value(double y, double a, double b, double c) { (void)b; (void)c; return y + 0.75 * a; }
static double product_value(double y, double a, double b, double c) { (void)c; return y + a * b; }
static double centred_value(double y, double a, double b, double c) { return y + a * (b - c); }
static double square_value(double y, double a, double b, double c) { (void)c; return y + (a - b) * (a - b); }

typedef const DfPointwiseKernels Table;
static void run_add(Table *k, float *y, const float *a, const float *b, const float *c, size_t n) { (void)c; k->add(y, a, b, n); }
static void run_mul(Table *k, float *y, const float *a, const float *b, const float *c, size_t n) { (void)c; k->mul(y, a, b, n); }
static void run_max(Table *k, float *y, const float *a, const float *b, const float *c, size_t n) { (void)c; k->max(y, a, b, n); }
static void run_scale(Table *k, float *y, const float *a, const float *b, const float *c, size_t n) { (void)b; (void)c; k->scale(y, a, -1.5f, n); }
static void run_affine(Table *k, float *y, const float *a, const float *b, const float *c, size_t n) { k->affine(y, a, b, c, n); }
static void run_accumulate(Table *k, float *y, const float *a, const float *b, const float *c, size_t n) { (void)b; (void)c; k->accumulate(y, a, 0.75f, n); }
static void run_product(Table *k, float *y, const float *a, const float *b, const float *c, size_t n) { (void)c; k->accumulate_product(y, a, b, n); }
static void run_centred(Table *k, float *y, const float *a, const float *b, const float *c, size_t n) { k->accumulate_centred(y, a, b, c, n); }
static void run_square(Table *k, float *y, const float *a, const float *b, const float *c, size_t n) { (void)c; k->accumulate_square(y, a, b, n); }

static const Elementwise elementwise[] = {
    { "add", add_value, run_add },
    { "mul", mul_value, run_mul },
    { "max", max_value, run_max },
    { "scale", scale_value, run_scale },
    { "affine", affine_value, run_affine },
    { "accumulate", accumulate_value, run_accumulate },
    { "accumulate_product", product_value, run_product },
    { "accumulate_centred", centred_value, run_centred },
    { "accumulate_square", square_value, run_square },
};

static void check_elementwise(const Elementwise *e, Table *k, size_t n, DfRandom *random)
{
    const float *a = fill(&A, n, random), *b = fill(&B, n, random), *c = fill(&C, n, random);
    float *y = fill(&Y, n, random);
    double expected[LONGEST], in_place[LONGEST];
    for (size_t i = 0; i < n; i++) {
        expected[i] = e->value((double)y[i], (double)a[i], (double)b[i], (double)c[i]);
        in_place[i] = e->value((double)a[i], (double)a[i], (double)b[i], (double)c[i]);
    }
    e->run(k, y, a, b, c, n);
    expect_near(y, expected, n, 1e-6, e->name);
    expect_guarded(&Y, e->name);
    memcpy(y, a, n * sizeof *y);
    e->run(k, y, y, b, c, n);
    expect_near(y, in_place, n, 1e-6, e->name);
}

Test(pointwise, elements)
{
    DfRandom random = df_random(1, 0);
    for (int r = 0; df_kernels_rung(r); r++)
        for (size_t i = 0; i < sizeof elementwise / sizeof *elementwise; i++)
            for (size_t n = 0; n <= LONGEST; n++)
                check_elementwise(&elementwise[i], &df_kernels_named(df_kernels_rung(r))->pointwise, n, &random);
}

/* One rounding of a root in float64, so nothing but equality will do; what has no root is infinite or NaN. */
static void check_inverse_root(Table *k, size_t n, float eps, DfRandom *random)
{
    float *x = fill(&A, n, random), *y = fill(&Y, n, random);
    for (size_t i = 0; i < n; i++)
        x[i] = i % 7 == 6 ? -eps : i % 11 == 10 ? -1 : x[i] * x[i];
    k->inverse_root(y, x, eps, n);
    expect_guarded(&Y, "inverse_root");
    for (size_t i = 0; i < n; i++) {
        const float want = (float)(1 / sqrt((double)x[i] + (double)eps));
        cr_assert(y[i] == want || (isnan(want) && isnan(y[i])), "%g instead of %g at %zu of %zu", (double)y[i],
                  (double)want, i, n);
    }
    k->inverse_root(x, x, eps, n);
    cr_assert(n == 0 || memcmp(x, y, n * sizeof *x) == 0, "in place, n = %zu", n);
}

Test(pointwise, inverse_roots)
{
    DfRandom random = df_random(7, 0);
    for (int r = 0; df_kernels_rung(r); r++)
        for (size_t n = 0; n <= LONGEST; n++)
            check_inverse_root(&df_kernels_named(df_kernels_rung(r))->pointwise, n, n % 2 ? 1e-5f : 0.5f, &random);
}

/* ---- activations ------------------------------------------------------------------------------------------------- */

/* Where a slope jumps, no difference tells it. */
static bool jumps(DfAct act, double x)
{
    switch (act) {
    case DF_ACT_LEAKY_RELU: return fabs(x) < 1e-4;
    case DF_ACT_RELU6: return fabs(x) < 1e-4 || fabs(x - 6) < 1e-4;
    case DF_ACT_HARDSWISH: return fabs(fabs(x) - 3) < 1e-4;
    default: return false;
    }
}

static double slope_value(DfAct act, double x) /* central difference in float64 */
{
    const double h = 1e-5;
    return act == DF_ACT_RELU ? x > 0 : (act_value(act, x + h) - act_value(act, x - h)) / (2 * h);
}

static void check_act(DfAct act, Table *k, size_t n, DfRandom *random)
{
    const float *x = fill(&A, n, random), *g = fill(&B, n, random);
    float *y = fill(&Y, n, random), *gx = fill(&D, n, random);
    double expected[LONGEST] = { 0 }, gradient[LONGEST], parts[LONGEST];
    for (size_t i = 0; i < n; i++) {
        const double added = slope_value(act, (double)x[i]) * (double)g[i];
        expected[i] = act_value(act, (double)x[i]);
        gradient[i] = (double)gx[i] + added;
        parts[i] = fabs((double)gx[i]) + fabs((double)g[i]);
    }
    k->act(act, y, x, n);
    expect_near(y, expected, n, 1e-6, "act");
    expect_guarded(&Y, "act");
    k->act_grad(act, gx, g, x, n);
    for (size_t i = 0; i < n; i++) /* what cancels out leaves the error of its parts */
        cr_assert(jumps(act, (double)x[i]) || fabs((double)gx[i] - gradient[i]) <= 1e-6 * (1 + parts[i]),
                  "act_grad %d: %g instead of %g at %zu of %zu", act, (double)gx[i], gradient[i], i, n);
    expect_guarded(&D, "act_grad");
}

Test(pointwise, activations)
{
    DfRandom random = df_random(2, 0);
    for (int r = 0; df_kernels_rung(r); r++)
        for (int act = DF_ACT_NONE; act < DF_ACTS; act++)
            for (size_t n = 0; n <= LONGEST; n++)
                check_act((DfAct)act, &df_kernels_named(df_kernels_rung(r))->pointwise, n, &random);
}

Test(pointwise, activations_far_out)
{
    const float x[] = { -INFINITY, -1e30f, -200, -20, 0, 20, 200, 1e30f, INFINITY };
    enum { N = sizeof x / sizeof *x };
    const float gelu[N] = { NAN, 0, 0, 0, 0, 20, 200, 1e30f, INFINITY };
    const float sigmoid[N] = { 0, 0, 0, 2.0611537e-9f, 0.5f, 1, 1, 1, 1 };
    for (int r = 0; df_kernels_rung(r); r++) {
        const DfKernels *k = df_kernels_named(df_kernels_rung(r));
        float y[N];
        for (int i = 1; i < N; i++) { /* -inf Phi(-inf) is inf 0 */
            k->pointwise.act(DF_ACT_GELU, y, x + i, 1);
            cr_expect(y[0] == gelu[i] || fabsf(y[0] - gelu[i]) < 1e-6f, "%s: gelu(%g) = %g", df_kernels_rung(r), (double)x[i], (double)y[0]);
        }
        for (int i = 0; k && i < N; i++) {
            k->pointwise.act(DF_ACT_SIGMOID, y, x + i, 1);
            cr_expect(fabsf(y[0] - sigmoid[i]) <= 1e-6f * sigmoid[i], "%s: sigmoid(%g) = %g", df_kernels_rung(r), (double)x[i], (double)y[0]);
        }
    }
}

/* ---- sums and rows ----------------------------------------------------------------------------------------------- */

static void check_sums(Table *k, size_t n, DfRandom *random)
{
    const float *a = fill(&A, n, random), *b = fill(&B, n, random);
    double sum = 0, dot = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)a[i];
        dot += (double)a[i] * (double)b[i];
    }
    cr_assert_float_eq(k->sum(a, n), sum, 1e-10);
    cr_assert_float_eq(k->dot(a, b, n), dot, 1e-10);
}

static void check_softmax(Table *k, size_t rows, size_t n, DfRandom *random)
{
    const float *x = fill(&A, rows * n, random), *g = fill(&B, rows * n, random);
    float *y = fill(&Y, rows * n, random), *gx = fill(&D, rows * n, random);
    static double expected[LONGEST * 3], gradient[LONGEST * 3];
    for (size_t i = 0; i < rows; i++) {
        double sum = 0, inner = 0;
        for (size_t j = i * n; j < (i + 1) * n; j++)
            sum += exp((double)x[j]);
        for (size_t j = i * n; j < (i + 1) * n; j++)
            inner += (double)g[j] * (expected[j] = exp((double)x[j]) / sum);
        for (size_t j = i * n; j < (i + 1) * n; j++)
            gradient[j] = (double)gx[j] + expected[j] * ((double)g[j] - inner);
    }
    k->softmax(y, x, rows, n);
    expect_near(y, expected, rows * n, 1e-6, "softmax");
    expect_guarded(&Y, "softmax");
    k->softmax_grad(gx, g, y, rows, n);
    expect_near(gx, gradient, rows * n, 2e-6, "softmax_grad");
    expect_guarded(&D, "softmax_grad");
}

/* Rows far from zero: the mean is a float, so half a unit in its last place, in deviations, times a
 * weight of up to 10, is what may be lost. */
static void check_layer_norm(Table *k, size_t rows, size_t n, double offset, bool affine, DfRandom *random)
{
    float *x = fill(&A, rows * n, random), *y = fill(&Y, rows * n, random), stats[6];
    const float *weight = affine ? fill(&B, n, random) : NULL, *bias = affine ? fill(&C, n, random) : NULL;
    static double expected[LONGEST * 3];
    double lost = 0;
    for (size_t i = 0; i < rows; i++) {
        double mean = 0, var = 0;
        for (size_t j = 0; j < n; j++)
            mean += (double)(x[i * n + j] += (float)offset) / (double)n;
        for (size_t j = 0; j < n; j++)
            var += ((double)x[i * n + j] - mean) * ((double)x[i * n + j] - mean) / (double)n;
        lost = fmax(lost, 6e-8 * fabs(mean) / sqrt(var + 1e-5));
        for (size_t j = 0; j < n; j++)
            expected[i * n + j] = ((double)x[i * n + j] - mean) / sqrt(var + 1e-5) * (affine ? (double)weight[j] : 1) + (affine ? (double)bias[j] : 0);
    }
    k->layer_norm(y, x, weight, bias, rows, n, 1e-5f, stats);
    expect_near(y, expected, rows * n, 3e-6 + 10 * lost, "layer_norm");
    expect_guarded(&Y, "layer_norm");
}

Test(pointwise, rows)
{
    DfRandom random = df_random(3, 0);
    for (int r = 0; df_kernels_rung(r); r++)
        for (size_t n = 1; n <= LONGEST; n++) {
            Table *k = &df_kernels_named(df_kernels_rung(r))->pointwise;
            check_sums(k, n, &random);
            check_softmax(k, 3, n, &random);
            check_layer_norm(k, 3, n, 0, false, &random);
            check_layer_norm(k, 3, n, 0, true, &random);
            check_layer_norm(k, 3, n < 3 ? 3 : n, 1000, true, &random);
        }
}

Test(pointwise, masked_softmax)
{
    const float x[] = { 1, -INFINITY, 2, -1e30f, -INFINITY, 1, 0, -INFINITY, 3 };
    for (int r = 0; df_kernels_rung(r); r++) {
        float y[9], sum = 0;
        df_kernels_named(df_kernels_rung(r))->pointwise.softmax(y, x, 1, 9);
        for (int i = 0; i < 9; i++)
            sum += y[i];
        cr_expect_float_eq(sum, 1, 1e-6);
        cr_expect(y[1] == 0 && y[3] == 0 && y[4] == 0 && y[7] == 0);
    }
}

/* ---- taps, transposition ----------------------------------------------------------------------------------------- */

static void check_blend(Table *k, int taps, size_t n, DfRandom *random)
{
    const float *x = fill(&A, 16 * LONGEST, random), *weight = fill(&B, 16, random), *tap[16];
    float *y = fill(&Y, n, random);
    double expected[LONGEST] = { 0 };
    for (int t = 0; t < taps; t++) {
        tap[t] = x + (size_t)(15 - t) * LONGEST;
        for (size_t i = 0; i < n; i++)
            expected[i] += (double)weight[t] * (double)tap[t][i];
    }
    k->blend(y, tap, weight, taps, n);
    expect_near(y, expected, n, 1e-5, "blend");
    expect_guarded(&Y, "blend");
}

Test(pointwise, blend)
{
    DfRandom random = df_random(4, 0);
    for (int r = 0; df_kernels_rung(r); r++)
        for (size_t n = 0; n < LONGEST; n++)
            for (int taps = 0; taps <= 16; taps++)
                check_blend(&df_kernels_named(df_kernels_rung(r))->pointwise, taps, n, &random);
}

static void check_max_of(Table *k, int taps, size_t n, DfRandom *random)
{
    const float *x = fill(&A, 16 * LONGEST, random), *tap[16];
    float *y = fill(&Y, n, random);
    double expected[LONGEST];
    for (int t = 0; t < taps; t++) {
        tap[t] = x + (size_t)(15 - t) * LONGEST;
        for (size_t i = 0; i < n; i++)
            expected[i] = t ? fmax(expected[i], (double)tap[t][i]) : (double)tap[t][i];
    }
    k->max_of(y, tap, taps, n);
    expect_near(y, expected, n, 0, "max_of");
    expect_guarded(&Y, "max_of");
    memcpy(y, tap[0], n * sizeof *y); /* in place */
    tap[0] = y;
    k->max_of(y, tap, taps, n);
    expect_near(y, expected, n, 0, "max_of in place");
}

Test(pointwise, max_of)
{
    DfRandom random = df_random(5, 0);
    for (int r = 0; df_kernels_rung(r); r++)
        for (size_t n = 0; n < LONGEST; n++)
            for (int taps = 1; taps <= 16; taps += 5)
                check_max_of(&df_kernels_named(df_kernels_rung(r))->pointwise, taps, n, &random);
}

/* What is already summed may be one of the taps of the next sum. */
static void check_blend_in_place(Table *k, size_t n, DfRandom *random)
{
    const float *x = fill(&A, n, random), *before = fill(&B, n, random);
    float *y = fill(&Y, n, random);
    double expected[LONGEST] = { 0 };
    memcpy(y, before, n * sizeof *y);
    for (size_t i = 0; i < n; i++)
        expected[i] = (double)before[i] - 0.5 * (double)x[i];
    k->blend(y, (const float *[]){ y, x }, (const float[]){ 1, -0.5f }, 2, n);
    expect_near(y, expected, n, 1e-5, "blend in place");
    expect_guarded(&Y, "blend in place");
}

Test(pointwise, blend_in_place)
{
    DfRandom random = df_random(6, 0);
    for (int r = 0; df_kernels_rung(r); r++)
        for (size_t n = 0; n < LONGEST; n++)
            check_blend_in_place(&df_kernels_named(df_kernels_rung(r))->pointwise, n, &random);
}

/* Rounded in each step, on every rung: to the bit. Among equals the first is the best. */
static void check_mix(Table *k, size_t n, DfRandom *random)
{
    float *a = fill(&A, n, random), *b = fill(&B, n, random), *y = fill(&Y, n, random);
    const float weight = (float)df_uniform(random);
    size_t best = 0;
    for (size_t i = n / 2; i < n && n > 4; i += 3) {
        a[i] = 40;
        b[i] = 40;
    }
    k->mix(y, a, b, weight, n);
    expect_guarded(&Y, "mix");
    for (size_t i = 0; i < n; i++) {
        const volatile float difference = b[i] - a[i], part = weight * difference, sum = a[i] + part;
        cr_assert_eq(y[i], sum, "mix: %zu of %zu", i, n);
        best = y[i] > y[best] ? i : best;
    }
    if (n)
        cr_assert_eq(k->mix_best(a, b, weight, n), best, "mix_best of %zu", n);
}

Test(pointwise, mix)
{
    DfRandom random = df_random(5, 0);
    for (int r = 0; df_kernels_rung(r); r++)
        for (size_t n = 0; n <= LONGEST; n++)
            for (int k = 0; k < 4; k++)
                check_mix(&df_kernels_named(df_kernels_rung(r))->pointwise, n, &random);
}

static void check_transpose(Table *k, size_t rows, size_t columns, DfRandom *random)
{
    const size_t ldx = columns + 3, ldy = rows + 2;
    const float *x = fill(&A, rows * ldx, random);
    float *y = fill(&Y, columns * ldy, random);
    for (size_t i = 0; i < columns * ldy; i++)
        y[i] = guard;
    k->transpose(y, ldy, x, ldx, rows, columns);
    for (size_t j = 0; j < columns; j++)
        for (size_t i = 0; i < ldy; i++)
            cr_assert_eq(y[j * ldy + i], i < rows ? x[i * ldx + j] : guard, "transpose of %zu x %zu", rows, columns);
    expect_guarded(&Y, "transpose");
}

Test(pointwise, transpose)
{
    DfRandom random = df_random(5, 0);
    for (int r = 0; df_kernels_rung(r); r++)
        for (size_t rows = 0; rows < 35; rows++)
            for (size_t columns = 0; columns < 35; columns++)
                check_transpose(&df_kernels_named(df_kernels_rung(r))->pointwise, rows, columns, &random);
}
