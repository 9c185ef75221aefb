/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/kernels/test_blas.c -- what is special to products by OpenBLAS: weights that are read where they lie, many
 * threads at once, numbers that are none. (Its values are tested with those of the other rungs.)
 */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "tests/kernels/guarded.h"

static const DfKernels *blas;
static DfPool *pools[3]; /* of 1, 2 and 7 threads */

static void begin(void)
{
    blas = df_kernels_named("blas");
    for (int i = 0; i < 3; i++)
        cr_assert_eq(df_pool_new(&pools[i], (int[]){ 1, 2, 7 }[i]), DF_OK);
}

static void end(void)
{
    for (int i = 0; i < 3; i++)
        df_pool_free(pools[i]);
}
TestSuite(blas, .init = begin, .fini = end);

static void check_against_float64(const float *y, const float *a, const float *w, size_t M, size_t N, size_t K)
{
    for (size_t i = 0; i < M; i++)
        for (size_t j = 0; j < N; j++) {
            double sum = 0, size = 0;
            for (size_t p = 0; p < K; p++) {
                sum += (double)a[i * K + p] * (double)w[j * K + p];
                size += fabs((double)a[i * K + p] * (double)w[j * K + p]);
            }
            cr_assert(fabs((double)y[i * N + j] - sum) <= FLT_EPSILON * size * ((double)K / 2 + 8), "at %zu %zu: %g, want %g", i, j,
                      (double)y[i * N + j], sum);
        }
}

static void check_product(size_t M, size_t N, size_t K)
{
    float *a = numbers(M * K, 1), *w = numbers(N * K, 2), *y[3];
    DfPacked *packed = NULL;
    cr_assert_eq(df_pack_itself(&packed, w, N, K, 1), DF_OK);
    cr_expect_lt(df_packed_bytes(packed), (size_t)1024, "no copy");
    for (int i = 0; i < 3; i++) {
        y[i] = numbers(M * N, 3);
        cr_assert_eq(df_gemm_packed(pools[i], blas, M, a, K, packed, y[i], N, (DfEpilogue){ 0 }), DF_OK);
        cr_assert(memcmp(y[0], y[i], M * N * sizeof *a) == 0, "%zu x %zu x %zu: threads change the result", M, N, K);
    }
    check_against_float64(y[0], a, w, M, N, K);
    df_packed_free(packed);
    df_free(a), df_free(w), df_free(y[0]), df_free(y[1]), df_free(y[2]);
}

Test(blas, a_weight_is_read_where_it_lies)
{
    if (!blas)
        cr_skip_test("no OpenBLAS here");
    check_product(1, 1, 1);
    check_product(3, 17, 5);
    check_product(49, 96, 96);
    check_product(197, 300, 64);
    check_product(400, 33, 700);
}

/* A 3x3 convolution of two groups, whose weights are two matrices. */
Test(blas, groups)
{
    if (!blas)
        cr_skip_test("no OpenBLAS here");
    const DfConvShape s = { 1, 9, 11, 12, 10, 3, 3, 9, 11, { 1, 1 }, { 1, 1 }, { 1, 1 }, 2 };
    float *x = numbers(9 * 11 * 12, 1), *w = numbers(10 * 9 * 6, 2), *one = numbers(9 * 11 * 10, 3), *two = numbers(9 * 11 * 10, 3);
    DfPacked *panels = NULL, *itself = NULL;
    cr_assert(df_pack(&panels, NULL, w, 10, 54, 2) == DF_OK && df_pack_itself(&itself, w, 10, 54, 2) == DF_OK);
    cr_assert_eq(df_conv_forward(pools[0], df_kernels_named("c"), &s, x, panels, one, (DfEpilogue){ 0 }), DF_OK);
    cr_assert_eq(df_conv_forward(pools[1], blas, &s, x, itself, two, (DfEpilogue){ 0 }), DF_OK);
    for (size_t i = 0; i < 9 * 11 * 10; i++)
        cr_assert_float_eq(one[i], two[i], 1e-4f);
    df_packed_free(panels);
    df_packed_free(itself);
    df_free(x), df_free(w), df_free(one), df_free(two);
}

/* The numbers that df_packed_keep() is given are freed with the packed weight. */
Test(blas, a_weight_may_be_kept)
{
    DfPacked *packed = NULL;
    float *w = numbers(6, 1);
    cr_assert_eq(df_pack_itself(&packed, w, 2, 3, 1), DF_OK);
    df_packed_keep(packed, w);
    cr_expect_geq(df_packed_bytes(packed), 6 * sizeof *w);
    df_packed_free(packed);
}

enum { MANY = 400, SIDE = 24 };

typedef struct {
    const float *a, *b;
    float *c;
} Many;

static void multiply(void *arg, size_t task, void *scratch)
{
    const Many *m = arg;
    (void)scratch;
    df_gemm(NULL, blas, task % 2, task % 3, SIDE, SIDE, SIDE, 1, m->a, SIDE, m->b, SIDE, 0, m->c + task * SIDE * SIDE, SIDE);
}

/* A build of OpenBLAS that is not made for it would mix up its buffers. */
Test(blas, many_threads_at_once)
{
    if (!blas)
        cr_skip_test("no OpenBLAS here");
    float *a = numbers(SIDE * SIDE, 1), *b = numbers(SIDE * SIDE, 2), *c[2];
    for (int i = 0; i < 2; i++) {
        c[i] = numbers(MANY * SIDE * SIDE, 3);
        cr_assert_eq(df_parallel(pools[2 * i], MANY, 0, multiply, &(Many){ a, b, c[i] }), DF_OK);
    }
    cr_expect(memcmp(c[0], c[1], MANY * SIDE * SIDE * sizeof *a) == 0);
    df_free(a), df_free(b), df_free(c[0]), df_free(c[1]);
}

static float product_of(float a, float b, float before)
{
    float row[20], column[20], c = before;
    for (int i = 0; i < 20; i++)
        row[i] = column[i] = 0;
    row[7] = a;
    column[7] = b;
    cr_assert_eq(df_gemm(NULL, blas, false, false, 1, 1, 20, 1, row, 20, column, 1, 0, &c, 1), DF_OK);
    return c;
}

Test(blas, numbers_that_are_none_and_small_ones)
{
    if (!blas)
        cr_skip_test("no OpenBLAS here");
    cr_expect(isnan(product_of(NAN, 0, 0)));
    cr_expect(isnan(product_of(INFINITY, 0, 0)));
    cr_expect(isinf(product_of(INFINITY, 2, 0)));
    cr_expect(product_of(3, 2, NAN) == 6.0f, "a result with beta = 0 is not read");
    cr_expect(product_of(1e-30f, 1e-10f, 0) == 1e-30f * 1e-10f, "subnormal numbers are kept");
    cr_expect(product_of(1e-40f, 1e10f, 0) == 1e-40f * 1e10f);
}
