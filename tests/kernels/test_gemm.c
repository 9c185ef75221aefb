/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/kernels/test_gemm.c -- products against loops in float64, on every rung, with 1 and 2 threads: the same bits.
 */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "kernels/gemm/parts.h"
#include "kernels/kernels.h"
#include "tests/kernels/guarded.h"
#include "tests/support/act.h"
#include "tests/support/rung.h"

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
            const double before = e->inside ? sum + residual : sum;
            const double truth = act_value(e->act, before) * scale + (e->inside ? 0 : residual);
            const double steepest = act_steepest(e->act, before);
            const double of_sum = 2 * steepest * size * fabs(scale) * ((double)K / 2 + 8);
            const double bound = FLT_EPSILON * (of_sum + fabs(residual) * (1 + fabs(scale))) + 1e-7 * fabs(scale);
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

enum { OUTSIDE = 1, INSIDE }; /* a residual */

static void check_packed(const DfKernels *k, size_t M, size_t N, size_t K, size_t pad, DfAct act, bool bias, bool scale, int residual)
{
    const size_t lda = K + pad, ldy = N + pad;
    float *a = numbers(M * lda, 1), *w = numbers(N * K, 2), *b = numbers(N, 3), *s = numbers(N, 4), *r = numbers(M * ldy, 5);
    float *y1 = numbers(M * ldy, 6), *y2 = numbers(M * ldy, 6);
    const DfEpilogue e = { bias ? b : NULL, act, scale ? s : NULL, residual ? r : NULL, residual == INSIDE };
    DfPacked *packed = NULL;
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
    for (int rung = 0; df_kernels_rung(rung); rung++) {
        const DfKernels *k = df_kernels_named(df_kernels_rung(rung));
        for (size_t i = 0; i < 7; i++)
            for (size_t j = 0; j < 7; j++)
                for (size_t p = 0; p < 5; p++)
                    check_packed(k, Ms[i], Ns[j], Ks[p], (i + j) % 3, DF_ACT_NONE, (i + p) % 2, (j + p) % 2, (i + j + p) % 2);
    }
}

Test(gemm, every_epilogue)
{
    for (int rung = 0; df_kernels_rung(rung); rung++) {
        const DfKernels *k = df_kernels_named(df_kernels_rung(rung));
        for (int act = DF_ACT_NONE; act < DF_ACTS; act++)
            for (int bits = 0; bits < 12; bits++) {
                check_packed(k, 13, 21, 40, 1, (DfAct)act, bits & 1, bits & 2, bits >> 2);
                check_packed(k, 13, 53, 600, 1, (DfAct)act, bits & 1, bits & 2, bits >> 2); /* in blocks of k */
            }
    }
}

Test(gemm, long_sums_in_blocks)
{
    for (int rung = 0; df_kernels_rung(rung); rung++) {
        const DfKernels *k = df_kernels_named(df_kernels_rung(rung));
        check_packed(k, 50, 40, 1500, 0, DF_ACT_GELU, true, true, OUTSIDE);
        check_packed(k, 200, 768, 97, 0, DF_ACT_RELU, true, false, OUTSIDE);
        check_packed(k, 200, 768, 97, 0, DF_ACT_RELU, true, false, INSIDE);
    }
}

Test(gemm, residual_may_be_the_result)
{
    const size_t M = 20, N = 33, K = 12;
    const DfKernels *k = df_kernels();
    float *a = numbers(M * K, 1), *w = numbers(N * K, 2), *y = numbers(M * N, 3), *r = numbers(M * N, 3);
    DfPacked *packed = NULL;
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
    for (int rung = 0; df_kernels_rung(rung); rung++) {
        const DfKernels *k = df_kernels_named(df_kernels_rung(rung));
        for (size_t i = 0; i < 3; i++)
            check_mlp(k, (size_t[]){ 1, 50, 900 }[i], 12, 48, 13);
    }
}

/* A pair is two products: both results against float64, and where no rung has its own order of sums, the same bits as
 * one after the other. The middle is its own residual, as in a ResNet. */
static void check_pair(const DfKernels *k, size_t M, size_t I, size_t H, size_t O)
{
    float *x = numbers(M * I, 1), *w1 = numbers(H * I, 2), *w2 = numbers(O * H, 3), *b1 = numbers(H, 4), *b2 = numbers(O, 5);
    float *h[3] = { numbers(M * H, 6), numbers(M * H, 6), numbers(M * H, 6) }, *y[2] = { numbers(M * O, 7), numbers(M * O, 8) };
    DfPacked *p1 = NULL, *p2 = NULL;
    cr_assert(df_pack(&p1, NULL, w1, H, I, 1) == DF_OK && df_pack(&p2, NULL, w2, O, H, 1) == DF_OK);
    DfEpilogue first = { .bias = b1, .act = DF_ACT_RELU, .inside = true };
    const DfEpilogue second = { .bias = b2, .act = DF_ACT_RELU };
    DfPool *const pool[2] = { pools.one, pools.two };
    for (int i = 0; i < 2; i++) {
        first.residual = h[i];
        const DfPair pair = { .M = M, .x = { x, false }, .w1 = p1, .first = first, .h = h[i], .w2 = p2, .second = second, .y = { y[i], false } };
        cr_assert_eq(df_pair_packed(pool[i], k, &pair), DF_OK);
        cr_assert(guarded(h[i], M * H) && guarded(y[i], M * O));
    }
    cr_assert(memcmp(h[0], h[1], M * H * sizeof *x) == 0 && memcmp(y[0], y[1], M * O * sizeof *x) == 0);
    first.residual = h[2]; /* still as it was */
    cr_assert(worst(h[0], H, x, I, w1, M, H, I, &first) <= 1 && worst(y[0], O, h[0], H, w2, M, O, H, &second) <= 1, "%zu rows", M);
    cr_assert_eq(df_gemm_packed(NULL, k, M, x, I, p1, h[2], H, first), DF_OK);
    cr_assert_eq(df_gemm_packed(NULL, k, M, h[2], H, p2, y[1], O, second), DF_OK);
    cr_assert(k->gemm.product || (memcmp(h[0], h[2], M * H * sizeof *x) == 0 && memcmp(y[0], y[1], M * O * sizeof *x) == 0));
    df_packed_free(p1), df_packed_free(p2);
    float *const all[] = { x, w1, w2, b1, b2, h[0], h[1], h[2], y[0], y[1] };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        df_free(all[i]);
}

Test(gemm, pair_is_two_products)
{
    for (int rung = 0; df_kernels_rung(rung); rung++) {
        const DfKernels *k = df_kernels_named(df_kernels_rung(rung));
        check_pair(k, 1, 5, 12, 3);
        check_pair(k, 1500, 12, 35, 13);
        check_pair(k, 1530, 10, 1030, 7); /* rows far apart, in several blocks */
    }
}

/* ---- products of two changing matrices --------------------------------------------------------------------------- */

typedef struct {
    bool ta, tb;
    size_t M, N, K, pad; /* pad: between the rows of each matrix */
    float alpha, beta;
} General;

/* Of one element: the truth, and in `size` what the terms add up to without their signs. */
static double naive(const General *g, size_t i, size_t j, const float *a, size_t lda, const float *b, size_t ldb, double *size)
{
    double sum = 0;
    *size = 0;
    for (size_t p = 0; p < g->K; p++) {
        const double term = (double)a[g->ta ? p * lda + i : i * lda + p] * (double)b[g->tb ? j * ldb + p : p * ldb + j];
        sum += term;
        *size += fabs(term);
    }
    *size *= fabs((double)g->alpha);
    return (double)g->alpha * sum;
}

static void check_result(const General *g, const char *rung, const float *a, size_t lda, const float *b, size_t ldb, const float *before,
                         const float *c, size_t ldc)
{
    for (size_t i = 0; i < g->M; i++)
        for (size_t j = 0; j < ldc; j++) {
            const float old = before[i * ldc + j], met = c[i * ldc + j];
            double size = 0;
            if (j >= g->N) {
                cr_assert(met == old, "between the rows");
                continue;
            }
            const double scaled = g->beta == 0 ? 0 : (double)g->beta * (double)old;
            const double truth = naive(g, i, j, a, lda, b, ldb, &size) + scaled;
            const double bound = FLT_EPSILON * ((size + fabs(scaled)) * ((double)g->K / 2 + 8));
            cr_assert(fabs((double)met - truth) <= bound, "%s %d%d %zu x %zu x %zu, %g %g, at %zu %zu: met %g, want %g", rung, g->ta, g->tb, g->M,
                      g->N, g->K, (double)g->alpha, (double)g->beta, i, j, (double)met, truth);
        }
}

static void check_general(const DfKernels *k, General g)
{
    const size_t lda = (g.ta ? g.M : g.K) + g.pad, ldb = (g.tb ? g.K : g.N) + g.pad, ldc = g.N + g.pad, size = g.M * ldc;
    float *a = numbers((g.ta ? g.K : g.M) * lda, 1), *b = numbers((g.tb ? g.N : g.K) * ldb, 2), *before = numbers(size, 3);
    float *c1 = numbers(size, 3), *c2 = numbers(size, 3);
    for (size_t i = 0; g.beta == 0 && i < g.M; i++) /* is not read then */
        for (size_t j = 0; j < g.N; j++)
            c1[i * ldc + j] = c2[i * ldc + j] = NAN;
    cr_assert_eq(df_gemm(pools.one, k, g.ta, g.tb, g.M, g.N, g.K, g.alpha, a, lda, b, ldb, g.beta, c1, ldc), DF_OK);
    cr_assert_eq(df_gemm(pools.two, k, g.ta, g.tb, g.M, g.N, g.K, g.alpha, a, lda, b, ldb, g.beta, c2, ldc), DF_OK);
    cr_assert(memcmp(c1, c2, size * sizeof *c1) == 0 && guarded(c1, size), "%zu x %zu x %zu", g.M, g.N, g.K);
    check_result(&g, df_kernels_name(k), a, lda, b, ldb, before, c1, ldc);
    df_free(a), df_free(b), df_free(before), df_free(c1), df_free(c2);
}

static void check_forms(General g)
{
    for (int rung = 0; df_kernels_rung(rung); rung++) {
        const DfKernels *k = df_kernels_named(df_kernels_rung(rung));
        for (int form = 0; form < 4; form++) {
            g.ta = form & 1, g.tb = form & 2;
            check_general(k, g);
        }
    }
}

Test(gemm, general_products_of_small_sizes)
{
    static const size_t sizes[] = { 0, 1, 2, 7, 16, 17, 33 };
    for (size_t i = 0; i < 343; i++)
        check_forms((General){ .M = sizes[i % 7], .N = sizes[i / 7 % 7], .K = sizes[i / 49], .pad = i % 3, .alpha = 1, .beta = (float)(i % 2) });
}

Test(gemm, general_products_with_factors)
{
    static const float factors[] = { 0, 1, -1, 0.3f };
    for (size_t i = 0; i < 16; i++)
        check_forms((General){ .M = 14, .N = 35, .K = 20, .pad = 1, .alpha = factors[i % 4], .beta = factors[i / 4] });
}

Test(gemm, general_products_of_several_blocks)
{
    check_forms((General){ .M = 97, .N = 50, .K = 321, .alpha = 1, .beta = 1 });               /* of rows and of k */
    check_forms((General){ .M = 200, .N = 210, .K = 40, .pad = 3, .alpha = 0.5f, .beta = 1 }); /* several tasks */
    check_forms((General){ .M = 520, .N = 30, .K = 70, .alpha = 1 });
    check_forms((General){ .M = 30, .N = 530, .K = 70, .pad = 1, .alpha = 1, .beta = 2 });
    check_forms((General){ .M = 20, .N = 30, .K = 5000, .alpha = 1, .beta = 1 });              /* cut along k */
    check_forms((General){ .M = 40, .N = 300, .K = 3001, .pad = 2, .alpha = -1 });
    check_forms((General){ .M = 5, .N = 37, .K = 30, .pad = 1100, .alpha = 1, .beta = 1 });    /* rows lie far apart */
}

Test(gemm, general_product_on_one_thread)
{
    const General g = { true, false, 130, 1100, 330, 0, 1, 1 }; /* more columns than a task of df_gemm has */
    float *a = numbers(g.K * g.M, 1), *b = numbers(g.K * g.N, 2), *before = numbers(g.M * g.N, 3), *c = numbers(g.M * g.N, 3);
    const DfProduct p = { true, false, g.M, g.N, g.K, 1, 1, a, g.M, b, g.N, c, g.N };
    float *scratch = df_malloc(df_product_scratch(&p));
    df_product_alone(df_kernels(), &p, scratch);
    check_result(&g, "best", a, g.M, b, g.N, before, c, g.N);
    df_free(a), df_free(b), df_free(before), df_free(c), df_free(scratch);
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

Test(gemm, general_product_out_of_memory)
{
    float *a = numbers(8192 * 8, 1), *c = numbers(64, 2);
    for (size_t n = 1; n <= 3 && !rung_is_blas(); n++) { /* partial sums, then scratch */
        df_memory_fail_at(n, true);
        const int error = df_gemm(NULL, df_kernels(), true, false, 8, 8, 8192, 1, a, 8, a, 8, 0, c, 8);
        df_memory_fail_at(0, false);
        cr_assert_eq(error, n <= 2 ? DF_ENOMEM : DF_OK, "%zu: %d", n, error);
    }
    df_free(a), df_free(c);
}
