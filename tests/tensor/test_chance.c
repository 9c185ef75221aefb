/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/tensor/test_chance.c -- what chance decides in training: how much is dropped, and by which random numbers.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tensor/tensor.h"

/* ---- what is dropped --------------------------------------------------------------------------------------------- */

static void check_drop(bool path)
{
    DfCtx *c = NULL;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    df_ctx_seed(c, 3, 0, 0);
    DfTensor *x = df_zeros(c, DF_SHAPE(1000, 9));
    for (size_t i = 0; i < df_size(x); i++)
        x->data[i] = 1;
    x->wants_grad = true;
    cr_expect_eq(path ? df_drop_path(c, x, 0.25f) : df_dropout(c, x, 0.25f), x, "inference drops nothing");
    c->training = c->recording = true;
    DfTensor *y = path ? df_drop_path(c, x, 0.25f) : df_dropout(c, x, 0.25f);
    df_backward(c, y, NULL);
    size_t dropped = 0;
    for (size_t i = 0; i < df_size(y); i++) {
        dropped += y->data[i] == 0;
        cr_assert(y->data[i] == 0 || fabsf(y->data[i] - 4.0f / 3) < 1e-6f);
        cr_assert_float_eq(x->grad[i], y->data[i], 1e-9);
        cr_assert(!path || y->data[i] == y->data[i / 9 * 9], "a sample is dropped as a whole");
    }
    cr_expect_float_eq((double)dropped / (double)df_size(y), 0.25, path ? 0.05 : 0.02);
    df_ctx_free(c);
}

Test(chance, dropout)
{
    check_drop(false);
    check_drop(true);
}

/* ---- the random numbers of a step -------------------------------------------------------------------------------- */

typedef DfTensor *Drop(DfCtx *, DfTensor *, float);

/* Three layers of dropout, the last two under one path, for samples first .. first + n - 1. */
static void dropped(Drop *drop, uint64_t seed, uint64_t step, int first, int n, int threads, float *out)
{
    DfPool *pool = NULL;
    DfCtx *c = NULL;
    cr_assert_eq(df_pool_new(&pool, threads), DF_OK);
    cr_assert_eq(df_ctx_new(&c, pool), DF_OK);
    c->training = true;
    df_ctx_seed(c, seed, step, first);
    const DfShape shape = DF_SHAPE(n, 70, 301); /* more than a block */
    DfTensor *x = df_zeros(c, shape);
    for (size_t i = 0; i < df_size(x); i++)
        x->data[i] = 1;
    for (int layer = 0; layer < 3; layer++) {
        const DfMark m = df_enter(c, "layer", layer ? 1 : 0);
        const DfTensor *y = drop(c, x, 0.5f);
        memcpy(out + (size_t)layer * 4 * 70 * 301 + (size_t)first * 70 * 301, y->data, df_size(y) * sizeof *out);
        df_leave(c, m, NULL);
    }
    df_ctx_free(c);
    df_pool_free(pool);
}

static double share_equal(const float *a, const float *b, size_t n)
{
    size_t same = 0;
    for (size_t i = 0; i < n; i++)
        same += a[i] == b[i];
    return (double)same / (double)n;
}

static void check_streams(Drop *drop, double slack)
{
    enum { ONE = 70 * 301, LAYER = 4 * ONE, ALL = 3 * LAYER };
    float *whole = df_malloc(ALL * sizeof *whole), *other = df_malloc(ALL * sizeof *other);
    dropped(drop, 5, 9, 0, 4, 1, whole);
    dropped(drop, 5, 9, 0, 2, 2, other);
    dropped(drop, 5, 9, 2, 2, 1, other);
    cr_expect_eq(memcmp(whole, other, ALL * sizeof *whole), 0, "halves drop what the whole does");
    dropped(drop, 5, 10, 0, 4, 1, other);
    cr_expect_float_eq(share_equal(whole, other, ALL), 0.5, slack, "another step");
    dropped(drop, 6, 9, 0, 4, 1, other);
    cr_expect_float_eq(share_equal(whole, other, ALL), 0.5, slack, "another seed");
    cr_expect_float_eq(share_equal(whole, whole + LAYER, LAYER), 0.5, slack, "another path");
    cr_expect_float_eq(share_equal(whole + LAYER, whole + 2 * LAYER, LAYER), 0.5, slack, "another visit");
    cr_expect_float_eq(share_equal(whole, whole + ONE, ONE), 0.5, slack, "another sample");
    df_free(whole);
    df_free(other);
}

Test(chance, random_numbers_of_a_step)
{
    check_streams(df_dropout, 0.02);
    check_streams(df_dropout_channels, 0.1);
}

static double rate_of_fresh_context(Drop *drop, float p)
{
    DfCtx *c = NULL;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    c->training = true;
    DfTensor *x = df_zeros(c, DF_SHAPE(1000, 2, 10));
    for (size_t i = 0; i < df_size(x); i++)
        x->data[i] = 1;
    const DfTensor *y = drop(c, x, p);
    size_t n = 0;
    for (size_t i = 0; i < df_size(y); i++)
        n += y->data[i] == 0;
    df_ctx_free(c);
    return (double)n / 20000;
}

Test(chance, rates_without_a_seed)
{
    cr_expect_float_eq(rate_of_fresh_context(df_dropout, 0.1f), 0.1, 0.01);
    cr_expect_float_eq(rate_of_fresh_context(df_drop_path, 0.1f), 0.1, 0.03);
    cr_expect_float_eq(rate_of_fresh_context(df_dropout_channels, 0.1f), 0.1, 0.02);
    cr_expect_eq(rate_of_fresh_context(df_dropout, 1), 1);
    cr_expect_eq(rate_of_fresh_context(df_drop_path, 1), 1);
}

/* A stream is asked for again after a reset. */
Test(chance, random_numbers_repeat_after_a_reset)
{
    DfCtx *c = NULL;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    uint64_t bits[2][300];
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < 300; i++) {
            DfRandom random = df_ctx_random(c, i % 100); /* three visits of each sample */
            bits[pass][i] = df_random_bits(&random);
        }
        df_reset(c);
    }
    cr_expect_eq(memcmp(bits[0], bits[1], sizeof bits[0]), 0);
    for (int i = 0; i < 300; i++)
        for (int j = 0; j < i; j++)
            cr_expect_neq(bits[0][i], bits[0][j]);
    df_ctx_free(c);
}
