/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/tensor/test_linear.c -- linear layers, the MLP and matmul: reference outputs of PyTorch (tests/data/ops),
 * central differences for every option, and that fused and recorded forms agree.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tests/support/golden.h"
#include "tests/tensor/one_context.h"

TestSuite(linear, .init = open_context, .fini = close_context);

static DfTensor *from_golden(const DfCheckpoint *g, const char *name)
{
    const DfArray *array = df_checkpoint_find(g, name);
    if (!array)
        return NULL;
    DfTensor *x = golden_tensor(c, array);
    x->wants_grad = true;
    return x;
}

static void check_golden(const char *name)
{
    DfCheckpoint *g = golden_open(DF_TEST_DATA "/ops/%s.safetensors", name);
    cr_assert_not_null(g);
    DfTensor *x = from_golden(g, "input.x"), *w = from_golden(g, "input.weight"), *b = from_golden(g, "input.bias");
    c->recording = true;
    DfTensor *y = df_linear(c, x, w, b);
    float *seed = golden_f32(g, "gradout.y");
    df_backward(c, y, seed);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    cr_assert_lt(rel_l2(y->data, golden_get(g, "output.y")), 2e-5);
    cr_assert_lt(rel_l2(x->grad, golden_get(g, "grad.x")), 2e-5);
    cr_assert_lt(rel_l2(w->grad, golden_get(g, "grad.weight")), 2e-5);
    if (b)
        cr_assert_lt(rel_l2(b->grad, golden_get(g, "grad.bias")), 2e-5);
    df_free(seed);
    golden_close(g);
}

Test(linear, as_pytorch)
{
    check_golden("linear_bias");
    df_reset(c);
    check_golden("linear_nobias");
}

/* ---- central differences ---- */

typedef DfTensor *Build(DfTensor *const *x);

static double loss(Build *build, DfTensor *const *x, const float *seed)
{
    c->recording = false;
    for (int i = 0; x[i]; i++)
        df_packed_drop(x[i]); /* their numbers change */
    DfTensor *y = build(x);
    double sum = 0;
    for (size_t i = 0; i < df_size(y); i++)
        sum += (double)y->data[i] * (double)seed[i];
    return sum;
}

static void check_slopes(Build *build, DfTensor *const *x)
{
    c->recording = true;
    DfTensor *y = build(x);
    float *seed = df_malloc(df_size(y) * sizeof *seed);
    DfRandom r = df_random(9, 1);
    for (size_t i = 0; i < df_size(y); i++)
        seed[i] = (float)df_normal(&r);
    df_backward(c, y, seed);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    for (int t = 0; x[t]; t++)
        for (size_t i = 0; i < df_size(x[t]); i += 1 + df_size(x[t]) / 17) {
            float *at = x[t]->data + i;
            const float kept = *at, step = 1e-2f;
            *at = kept + step;
            const double up = loss(build, x, seed);
            *at = kept - step;
            const double down = loss(build, x, seed);
            *at = kept;
            const double slope = (up - down) / (2 * (double)step);
            cr_assert(fabs(slope - (double)x[t]->grad[i]) < 2e-3 * (1 + fabs(slope)), "source %d [%zu]: %g, by differences %g", t, i,
                      (double)x[t]->grad[i], slope);
        }
    df_free(seed);
}

static DfAct act;
static bool with_scale, with_residual;

static DfFuse fuse_of(DfTensor *const *x, int at)
{
    return (DfFuse){ .act = act, .scale = with_scale ? x[at] : NULL, .residual = with_residual ? x[at + 1] : NULL };
}
static DfTensor *build_linear(DfTensor *const *x)
{
    return df_linear_fused(c, x[0], x[1], x[2], fuse_of(x, 3));
}
static DfTensor *build_rows(DfTensor *const *x)
{
    return df_linear_rows(c, x[0], x[1], x[2], 3, 4);
}
static DfTensor *build_mlp(DfTensor *const *x)
{
    return df_mlp(c, x[0], x[1], x[2], DF_ACT_GELU, x[5], x[6], fuse_of(x, 3));
}
static DfTensor *build_matmul(DfTensor *const *x)
{
    return df_matmul(c, x[0], x[1]);
}

/* The recorded form goes through other ops than the fused one. */
static void check_forms(Build *build, DfTensor *const *x)
{
    c->recording = true;
    DfTensor *apart = build(x);
    c->recording = false;
    DfTensor *fused = build(x);
    cr_assert(df_same_shape(apart->shape, fused->shape));
    for (size_t i = 0; i < df_size(fused); i++)
        cr_assert_float_eq(apart->data[i], fused->data[i], 1e-5 * (1 + fabs((double)apart->data[i])));
}

Test(linear, every_option_has_the_right_slope)
{
    for (int bits = 0; bits < 4; bits++)
        for (int a = 0; a < 2; a++) {
            act = a ? DF_ACT_GELU : DF_ACT_NONE;
            with_scale = bits & 1;
            with_residual = bits & 2;
            DfTensor *x[] = { random_tensor(DF_SHAPE(2, 3, 5), 1), random_tensor(DF_SHAPE(7, 5), 2), random_tensor(DF_SHAPE(7), 3),
                              random_tensor(DF_SHAPE(7), 4), random_tensor(DF_SHAPE(2, 3, 7), 5), NULL };
            for (int i = 3; i < 5; i++)
                df_grad(c, x[i]); /* zeros if it is not used */
            check_forms(build_linear, x);
            check_slopes(build_linear, x);
            df_reset(c);
        }
}

Test(linear, rows_have_the_right_slope)
{
    DfTensor *x[] = { random_tensor(DF_SHAPE(2, 3, 5), 1), random_tensor(DF_SHAPE(9, 5), 2), random_tensor(DF_SHAPE(9), 3), NULL };
    check_forms(build_rows, x);
    check_slopes(build_rows, x);
}

/* Some rows give some columns of the whole product, in every precision, and are packed once beside the whole. */
static void check_rows_of(DfTensor *x, DfTensor *w, DfTensor *b)
{
    static const int parts[][2] = { { 0, 5 }, { 5, 16 }, { 21, 1 }, { 0, 22 } };
    DfTensor *whole = df_linear(c, x, w, b);
    for (int i = 0; i < 8; i++) {
        const int first = parts[i / 2][0], count = parts[i / 2][1];
        DfTensor *y = df_linear_rows(c, x, w, b, first, count);
        const struct DfPacked *newest = w->packed;
        cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
        for (int row = 0; row < 7; row++)
            for (int j = 0; j < count; j++)
                cr_assert_float_eq(y->data[row * count + j], whole->data[row * 22 + first + j], 1e-5);
        df_linear_rows(c, x, w, b, first, count);
        cr_assert_eq(w->packed, newest, "packed once");
    }
    df_packed_drop(w);
}

Test(linear, rows_are_columns_of_the_whole)
{
    DfTensor *x = random_tensor(DF_SHAPE(7, 19), 1), *w = random_tensor(DF_SHAPE(22, 19), 2), *b = random_tensor(DF_SHAPE(22), 3);
    float scale[22];
    DfQuantization q = { .scale = scale, .range = { -4, 4 }, .step = 8.0f / 255, .zero = 128 };
    for (int i = 0; i < 22; i++)
        scale[i] = 0.02f + 0.001f * (float)i;
    check_rows_of(x, w, b);
    check_rows_of(x, w, NULL);
    w->quantization = &q;
    check_rows_of(x, w, b);
    w->quantization = NULL;
    if (df_ctx_set_precision(c, DF_PRECISION_BF16) == DF_OK)
        check_rows_of(x, w, b);
}

Test(linear, mlp_has_the_right_slope)
{
    act = DF_ACT_NONE;
    with_scale = with_residual = true;
    DfTensor *x[] = { random_tensor(DF_SHAPE(9, 5), 1),   random_tensor(DF_SHAPE(11, 5), 2), random_tensor(DF_SHAPE(11), 3),
                      random_tensor(DF_SHAPE(4), 4),      random_tensor(DF_SHAPE(9, 4), 5),  random_tensor(DF_SHAPE(4, 11), 6),
                      random_tensor(DF_SHAPE(4), 7),      NULL };
    check_forms(build_mlp, x);
    check_slopes(build_mlp, x);
}

Test(linear, matmul_has_the_right_slope)
{
    DfTensor *few[] = { random_tensor(DF_SHAPE(2, 3, 5), 1), random_tensor(DF_SHAPE(2, 5, 4), 2), NULL };
    check_slopes(build_matmul, few);
    DfTensor *many[] = { random_tensor(DF_SHAPE(3, 4, 3, 5), 1), random_tensor(DF_SHAPE(3, 4, 5, 2), 2), NULL };
    check_slopes(build_matmul, many);
    DfTensor *y = build_matmul(many);
    double sum = 0;
    for (size_t p = 0; p < 5; p++) /* element [2][3][1][0] */
        sum += (double)many[0]->data[11 * 15 + 5 + p] * (double)many[1]->data[11 * 10 + p * 2];
    cr_assert_float_eq((double)y->data[11 * 6 + 2], sum, 1e-5);
}

/* ---- contracts ---- */

Test(linear, packed_copies)
{
    DfTensor *x = random_tensor(DF_SHAPE(4, 6), 1), *w = random_tensor(DF_SHAPE(3, 6), 2);
    DfTensor *y = df_linear(c, x, w, NULL);
    const struct DfPacked *first = w->packed;
    cr_assert_not_null(first);
    df_linear(c, x, w, NULL);
    cr_assert_eq(w->packed, first, "made once");
    w->data[0] += 1;
    df_packed_drop(w);
    DfTensor *z = df_linear(c, x, w, NULL);
    cr_assert_float_eq(z->data[0] - y->data[0], x->data[0], 1e-5);
    df_packed_drop(w);
    c->recording = true;
    df_linear(c, x, w, NULL);
    cr_assert_null(w->packed, "a weight in training keeps no copy");
}

Test(linear, refuses_what_does_not_fit)
{
    DfTensor *x = random_tensor(DF_SHAPE(4, 6), 1), *w = random_tensor(DF_SHAPE(3, 5), 2);
    cr_assert_eq(df_linear(c, x, w, NULL), &c->nil);
    cr_assert_eq(df_ctx_error(c), DF_ESHAPE);
    cr_assert_not_null(strstr(df_error(), "(4 6)"));
    df_reset(c);
    x = random_tensor(DF_SHAPE(4, 6), 1), w = random_tensor(DF_SHAPE(3, 6), 2);
    df_linear(c, x, w, random_tensor(DF_SHAPE(2), 3));
    cr_assert_eq(df_ctx_error(c), DF_ESHAPE);
    df_reset(c);
    df_matmul(c, random_tensor(DF_SHAPE(2, 3), 1), random_tensor(DF_SHAPE(2, 3), 1));
    cr_assert_eq(df_ctx_error(c), DF_ESHAPE);
    static const int rows[][2] = { { -1, 2 }, { 0, 0 }, { 2, 2 }, { 0, 4 } };
    for (int i = 0; i < 4; i++) {
        df_reset(c);
        x = random_tensor(DF_SHAPE(4, 6), 1), w = random_tensor(DF_SHAPE(3, 6), 2);
        cr_assert_eq(df_linear_rows(c, x, w, NULL, rows[i][0], rows[i][1]), &c->nil);
        cr_assert_eq(df_ctx_error(c), DF_ESHAPE);
    }
}

Test(linear, no_rows)
{
    c->recording = true;
    DfTensor *x = random_tensor(DF_SHAPE(0, 6), 1), *w = random_tensor(DF_SHAPE(3, 6), 2), *b = random_tensor(DF_SHAPE(3), 3);
    DfTensor *y = df_linear(c, x, w, b);
    df_backward(c, y, NULL);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    cr_assert_eq(df_dim(y, 0), 0);
}

Test(linear, dry_counts_multiply_adds)
{
    c->dry = true;
    df_profile(c, true);
    DfTensor *x = df_new(c, DF_SHAPE(2, 5, 6)), *w1 = df_new(c, DF_SHAPE(24, 6)), *w2 = df_new(c, DF_SHAPE(6, 24));
    df_linear(c, x, w1, NULL);
    df_mlp(c, x, w1, NULL, DF_ACT_GELU, w2, NULL, (DfFuse){ 0 });
    df_matmul(c, df_new(c, DF_SHAPE(2, 3, 4)), df_new(c, DF_SHAPE(2, 4, 5)));
    const DfProfileRow *rows;
    cr_assert_geq(df_profile_rows(c, &rows), 1);
    cr_assert_float_eq(rows[0].macs[DF_MACS_LAYER], 10 * 144 + 10 * 288, 0.1);
    cr_assert_float_eq(rows[0].macs[DF_MACS_ATTENTION], 120, 0.1);
    cr_assert_eq(df_ctx_error(c), DF_OK);
}

/* Every argument, weight and result once: x, W, b, y; then x, W1, W2, y and the residual, and not the hidden layer. */
Test(linear, a_profile_counts_bytes)
{
    const DfProfileRow *rows;
    c->dry = true;
    DfTensor *x = df_new(c, DF_SHAPE(2, 5, 6)), *w1 = df_new(c, DF_SHAPE(24, 6)), *w2 = df_new(c, DF_SHAPE(6, 24));
    df_profile(c, true);
    df_linear(c, x, w1, df_new(c, DF_SHAPE(24)));
    df_profile_rows(c, &rows);
    cr_expect_float_eq(rows[0].bytes, 4 * (60 + 144 + 24 + 240), 0.1);
    df_profile(c, true);
    df_mlp(c, x, w1, NULL, DF_ACT_GELU, w2, NULL, (DfFuse){ .residual = x });
    df_profile_rows(c, &rows);
    cr_expect_float_eq(rows[0].bytes, 4 * (60 + 144 + 144 + 60 + 60), 0.1);
    df_profile(c, true);
    df_slice(c, x, 1, 1, 2);
    df_profile_rows(c, &rows);
    cr_expect_float_eq(rows[0].bytes, 4 * (24 + 24), 0.1);
    cr_assert_eq(df_ctx_error(c), DF_OK);
}
