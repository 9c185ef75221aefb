/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/kernels/test_gemm.c -- products against loops in float64, on every rung, with 1 and 2 threads: the same bits.
 */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"

enum { GUARD = 32 };
static const float canary = 12345.5f;

static float *numbers(size_t n, uint64_t stream)
{
    float *x = df_malloc((n + GUARD) * sizeof *x);
    DfRandom r = df_random(7, stream);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)df_normal(&r);
    for (size_t i = n; i < n + GUARD; i++)
        x[i] = canary;
    return x;
}

static bool guarded(const float *x, size_t n)
{
    for (size_t i = n; i < n + GUARD; i++)
        if (x[i] != canary)
            return false;
    return true;
}

static double activate(DfAct act, double x)
{
    switch (act) {
    case DF_ACT_RELU: return x > 0 ? x : 0;
    case DF_ACT_GELU: return 0.5 * x * erfc(-x / sqrt(2));
    case DF_ACT_GELU_TANH: return 0.5 * x * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
    case DF_ACT_SIGMOID: return 1 / (1 + exp(-x));
    case DF_ACT_TANH: return tanh(x);
    case DF_ACT_NONE: break;
    }
    return x;
}

/* |y - truth| must stay below what rounding can do in a sum of k products, and a few ulp of the epilogue. */
static double worst(const float *y, size_t ldy, const float *a, size_t lda, const float *w, size_t M, size_t N, size_t K, const DfEpilogue *e)
{
    double most = 0;
    for (size_t i = 0; i < M; i++)
        for (size_t j = 0; j < N; j++) {
            double sum = 0, size = 0;
            for (size_t p = 0; p < K; p++) {
                sum += (double)a[i * lda + p] * (double)w[j * K + p];
                size += fabs((double)a[i * lda + p] * (double)w[j * K + p]);
            }
            if (e->bias) {
                sum += (double)e->bias[j];
                size += fabs((double)e->bias[j]);
            }
            const double scale = e->scale ? (double)e->scale[j] : 1, residual = e->residual ? (double)e->residual[i * ldy + j] : 0;
            const double truth = activate(e->act, sum) * scale + residual;
            const double bound = FLT_EPSILON * (2 * (1.2 * size * fabs(scale) * ((double)K / 2 + 8)) + fabs(residual)) + 1e-7 * fabs(scale);
            const double error = fabs((double)y[i * ldy + j] - truth) / bound;
            most = error > most || error != error ? error : most;
        }
    return most;
}

typedef struct {
    DfPool *one, *two;
} Pools;

static Pools pools;
static void make_pools(void)
{
    cr_assert_eq(df_pool_new(&pools.one, 1), DF_OK);
    cr_assert_eq(df_pool_new(&pools.two, 2), DF_OK);
}
static void free_pools(void)
{
    df_pool_free(pools.one);
    df_pool_free(pools.two);
}
TestSuite(gemm, .init = make_pools, .fini = free_pools);

static const char *const rungs[] = { "c", "avx2", "avx512" };

static void check_packed(const DfKernels *k, size_t M, size_t N, size_t K, size_t pad, DfAct act, bool bias, bool scale, bool residual)
{
    const size_t lda = K + pad, ldy = N + pad;
    float *a = numbers(M * lda, 1), *w = numbers(N * K, 2), *b = numbers(N, 3), *s = numbers(N, 4), *r = numbers(M * ldy, 5);
    float *y1 = numbers(M * ldy, 6), *y2 = numbers(M * ldy, 6);
    const DfEpilogue e = { bias ? b : NULL, act, scale ? s : NULL, residual ? r : NULL };
    DfPacked *packed;
    cr_assert_eq(df_pack(&packed, pools.two, w, N, K, 1), DF_OK);
    cr_assert_eq(df_gemm_packed(pools.one, k, M, a, lda, packed, y1, ldy, e), DF_OK);
    cr_assert_eq(df_gemm_packed(pools.two, k, M, a, lda, packed, y2, ldy, e), DF_OK);
    const double error = worst(y1, ldy, a, lda, w, M, N, K, &e);
    cr_assert(error <= 1, "%s %zu x %zu x %zu act %d: %.2f of the bound", df_kernels_name(k), M, N, K, act, error);
    cr_assert(memcmp(y1, y2, M * ldy * sizeof *y1) == 0, "%zu x %zu x %zu: 2 threads differ", M, N, K);
    cr_assert(guarded(y1, M * ldy));
    float *untouched = numbers(M * ldy, 6); /* between the rows */
    for (size_t i = 0; i < M; i++)
        cr_assert(memcmp(y1 + i * ldy + N, untouched + i * ldy + N, pad * sizeof *y1) == 0);
    df_packed_free(packed);
    float *const all[] = { a, w, b, s, r, y1, y2, untouched };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        df_free(all[i]);
}

Test(gemm, packed_against_float64)
{
    static const size_t Ms[] = { 1, 2, 5, 6, 7, 49, 103 }, Ns[] = { 1, 8, 15, 16, 17, 36, 97 }, Ks[] = { 0, 1, 3, 64, 513 };
    for (size_t rung = 0; rung < 3; rung++) {
        const DfKernels *k = df_kernels_named(rungs[rung]);
        for (size_t i = 0; k && i < 7; i++)
            for (size_t j = 0; j < 7; j++)
                for (size_t p = 0; p < 5; p++)
                    check_packed(k, Ms[i], Ns[j], Ks[p], (i + j) % 3, DF_ACT_NONE, (i + p) % 2, (j + p) % 2, (i + j + p) % 2);
    }
}

Test(gemm, every_epilogue)
{
    for (size_t rung = 0; rung < 3; rung++) {
        const DfKernels *k = df_kernels_named(rungs[rung]);
        for (int act = DF_ACT_NONE; k && act <= DF_ACT_TANH; act++)
            for (int bits = 0; bits < 8; bits++)
                check_packed(k, 13, 21, 40, 1, (DfAct)act, bits & 1, bits & 2, bits & 4);
    }
}

Test(gemm, long_sums_in_blocks)
{
    for (size_t rung = 0; rung < 3; rung++) {
        const DfKernels *k = df_kernels_named(rungs[rung]);
        if (!k)
            continue;
        check_packed(k, 50, 40, 1500, 0, DF_ACT_GELU, true, true, true);
        check_packed(k, 200, 768, 97, 0, DF_ACT_RELU, true, false, true);
    }
}

Test(gemm, residual_may_be_the_result)
{
    const size_t M = 20, N = 33, K = 12;
    const DfKernels *k = df_kernels();
    float *a = numbers(M * K, 1), *w = numbers(N * K, 2), *y = numbers(M * N, 3), *r = numbers(M * N, 3);
    DfPacked *packed;
    cr_assert_eq(df_pack(&packed, NULL, w, N, K, 1), DF_OK);
    cr_assert_eq(df_gemm_packed(NULL, k, M, a, K, packed, y, N, (DfEpilogue){ .residual = y }), DF_OK);
    cr_assert(worst(y, N, a, K, w, M, N, K, &(DfEpilogue){ .residual = r }) <= 1);
    df_packed_free(packed);
    df_free(a), df_free(w), df_free(y), df_free(r);
}

static void check_mlp(const DfKernels *k, size_t M, size_t I, size_t H, size_t O)
{
    float *x = numbers(M * I, 1), *w1 = numbers(H * I, 2), *w2 = numbers(O * H, 3), *b1 = numbers(H, 4), *b2 = numbers(O, 5);
    float *y1 = numbers(M * O, 6), *y2 = numbers(M * O, 6), *h = numbers(M * H, 7), *apart = numbers(M * O, 8), *r = numbers(M * O, 9);
    DfPacked *p1 = NULL, *p2 = NULL;
    cr_assert(df_pack(&p1, NULL, w1, H, I, 1) == DF_OK && df_pack(&p2, NULL, w2, O, H, 1) == DF_OK);
    const DfEpilogue e = { .bias = b2, .residual = r };
    cr_assert_eq(df_mlp_packed(pools.one, k, M, x, p1, b1, DF_ACT_GELU, p2, y1, e), DF_OK);
    cr_assert_eq(df_mlp_packed(pools.two, k, M, x, p1, b1, DF_ACT_GELU, p2, y2, e), DF_OK);
    cr_assert(memcmp(y1, y2, M * O * sizeof *y1) == 0 && guarded(y1, M * O));
    cr_assert_eq(df_gemm_packed(NULL, k, M, x, I, p1, h, H, (DfEpilogue){ .bias = b1, .act = DF_ACT_GELU }), DF_OK);
    cr_assert(worst(y1, O, h, H, w2, M, O, H, &e) <= 1, "%zu rows", M);
    df_packed_free(p1);
    df_packed_free(p2);
    float *const all[] = { x, w1, w2, b1, b2, y1, y2, h, apart, r };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        df_free(all[i]);
}

Test(gemm, mlp_is_two_products)
{
    for (size_t rung = 0; rung < 3; rung++) {
        const DfKernels *k = df_kernels_named(rungs[rung]);
        for (size_t i = 0; k && i < 3; i++)
            check_mlp(k, (size_t[]){ 1, 50, 900 }[i], 12, 48, 13);
    }
}

static double naive(bool ta, bool tb, size_t i, size_t j, size_t K, const float *a, size_t lda, const float *b, size_t ldb)
{
    double sum = 0;
    for (size_t p = 0; p < K; p++)
        sum += (double)a[ta ? p * lda + i : i * lda + p] * (double)b[tb ? j * ldb + p : p * ldb + j];
    return sum;
}

static void check_general(bool ta, bool tb, size_t M, size_t N, size_t K, float alpha, float beta)
{
    const size_t lda = (ta ? M : K) + 2, ldb = (tb ? K : N) + 1, ldc = N + 3;
    float *a = numbers((ta ? K : M) * lda, 1), *b = numbers((tb ? N : K) * ldb, 2), *before = numbers(M * ldc, 3);
    float *c1 = numbers(M * ldc, 3), *c2 = numbers(M * ldc, 3);
    cr_assert_eq(df_gemm(pools.one, ta, tb, M, N, K, alpha, a, lda, b, ldb, beta, c1, ldc), DF_OK);
    cr_assert_eq(df_gemm(pools.two, ta, tb, M, N, K, alpha, a, lda, b, ldb, beta, c2, ldc), DF_OK);
    cr_assert(memcmp(c1, c2, M * ldc * sizeof *c1) == 0 && guarded(c1, M * ldc));
    for (size_t i = 0; i < M; i++)
        for (size_t j = 0; j < ldc; j++) {
            const double old = (double)before[i * ldc + j];
            const double truth = j < N ? (double)alpha * naive(ta, tb, i, j, K, a, lda, b, ldb) + (double)beta * old : old;
            cr_assert(fabs((double)c1[i * ldc + j] - truth) <= 1e-6 * (10 + sqrt((double)K) * 8), "%d%d %zu %zu %zu", ta, tb, M, N, K);
        }
    df_free(a), df_free(b), df_free(before), df_free(c1), df_free(c2);
}

Test(gemm, general_product)
{
    for (int bits = 0; bits < 4; bits++) {
        check_general(bits & 1, bits & 2, 7, 5, 3, 1, 0);
        check_general(bits & 1, bits & 2, 300, 270, 40, 0.5f, 1);
        check_general(bits & 1, bits & 2, 20, 30, 5000, 1, 1); /* cut along k */
        check_general(bits & 1, bits & 2, 20, 30, 3001, -1, 0);
        check_general(bits & 1, bits & 2, 4, 3, 0, 1, 1);
    }
}

Test(gemm, out_of_memory_is_an_error)
{
    float *w = numbers(32 * 16, 1);
    for (size_t n = 1; n <= 3; n++) {
        DfPacked *packed = NULL;
        df_memory_fail_at(n, true);
        const int error = df_pack(&packed, NULL, w, 32, 16, 1);
        df_memory_fail_at(0, false);
        cr_assert_eq(error, n <= 2 ? DF_ENOMEM : DF_OK);
        df_packed_free(packed);
    }
    df_free(w);
}
