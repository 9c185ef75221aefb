/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/kernels/test_gemm_int8.c -- products in 8-bit integers, on every rung: sums against exact
 * arithmetic in 64 bits, the same bits on all of them and for 1 and 2 threads, and whole layers against
 * float64 within what rounding to 8 bits can do.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "kernels/gemm/int8.h"
#include "kernels/kernels.h"
#include "kernels/ladder.h"

enum { RUNGS = 5 };

/* Each form of the leaves that this processor has. */
static int leaves(DfInt8Kernels k[RUNGS], const char *names[RUNGS])
{
    int n = 0;
    df_gemm_int8_init_c(&k[n]);
    names[n++] = "c";
#ifdef __x86_64__
    if (df_kernels_named("avx2")) {
        k[n] = k[0];
        df_gemm_int8_init_avx2(&k[n]);
        names[n++] = "avx2";
        k[n] = df_kernels_named("avx2")->int8; /* with AVX-VNNI where there is */
        names[n++] = "avx2 of this processor";
    }
    if (df_kernels_named("avx512")) {
        k[n] = df_kernels_named("avx512")->int8;
        names[n++] = "avx512";
    }
#else
    if (df_kernels_named("neon")) {
        k[n] = df_kernels_named("neon")->int8;
        names[n++] = "neon";
    }
#ifdef __aarch64__
    if (df_processor_has(DF_ARM_DOTPROD)) { /* also where there is I8MM */
        k[n] = k[0];
        df_gemm_int8_init_neondot(&k[n]);
        names[n++] = "neon by UDOT";
    }
#endif
#endif
    return n;
}

static DfRandom dice;
static int below(int n)
{
    return (int)(df_random_bits(&dice) % (uint32_t)n);
}

/* ---- one tile ---------------------------------------------------------------------------------------------------- */

typedef struct {
    uint8_t a[12 * 640];
    int8_t *b; /* of two panels */
    float scale[32], bias[32], out_scale[32], residual[12 * 40], y[12 * 40];
    int32_t start[32];
} Tile;

static void fill(Tile *t, size_t k, bool extreme)
{
    for (size_t i = 0; i < sizeof t->a; i++)
        t->a[i] = (uint8_t)(extreme ? 255 : below(256));
    for (size_t i = 0; i < 32 * k; i++)
        t->b[i] = (int8_t)(extreme ? (i % 8 < 4 ? 127 : -127) : below(255) - 127);
    for (int j = 0; j < 32; j++) {
        t->scale[j] = (float)(below(1000) + 1) * 1e-5f;
        t->start[j] = below(100000) - 50000;
        t->bias[j] = (float)below(100) - 50;
        t->out_scale[j] = (float)below(100) * 0.01f;
    }
    for (int i = 0; i < 12 * 40; i++) {
        t->residual[i] = (float)below(1000) * 0.1f;
        t->y[i] = -12345;
    }
}

/* Rounded step by step, as the leaf says. */
static float wanted(const Tile *t, size_t k, size_t i, size_t j, const DfEpilogue *e)
{
    int64_t sum = t->start[j];
    for (size_t p = 0; p < k; p++)
        sum += (int64_t)t->a[i * 640 + p] * t->b[j / 16 * 16 * k + p / 4 * 64 + j % 16 * 4 + p % 4];
    float y = (float)sum * t->scale[j];
    y = e->bias ? y + e->bias[j] : y;
    if (e->residual && e->inside)
        y = y + e->residual[i * 40 + j];
    if (e->act == DF_ACT_RELU && y < 0)
        y = 0;
    y = e->scale ? y * e->scale[j] : y;
    return e->residual && !e->inside ? y + e->residual[i * 40 + j] : y;
}

static void check_tile(const DfInt8Kernels *leaf, const char *name, Tile *t, int m, int n, size_t k, int how)
{
    const DfEpilogue e = { how & 1 ? t->bias : NULL, how & 2 ? DF_ACT_RELU : DF_ACT_NONE, how & 4 ? t->out_scale : NULL,
                           how & 8 ? t->residual : NULL, (how & 3) == 3 };
    fill(t, k, how == 16);
    leaf->tile(m, n, k, t->a, 640, t->b, 16 * k, t->y, 40, &(DfInt8Columns){ t->scale, t->start }, &e);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < 40; j++) {
            const float y = t->y[i * 40 + j];
            const float truth = j < n ? wanted(t, k, (size_t)i, (size_t)j, &e) : -12345;
            cr_assert(y == truth, "%s, %d x %d x %zu, epilogue %d: (%d, %d) is %.9g, want %.9g", name, m, n, k, how, i, j,
                      (double)y, (double)truth);
        }
}

Test(gemm_int8, tiles_are_exact)
{
    static const size_t ks[] = { 0, 4, 8, 36, 148, 576 };
    DfInt8Kernels k[RUNGS];
    const char *names[RUNGS];
    const int rungs = leaves(k, names);
    Tile t;
    dice = df_random(3, 1);
    t.b = df_malloc(32 * 576);
    for (int rung = 0; rung < rungs; rung++)
        for (int m = 1; m <= k[rung].tile_m; m++)
            for (int n = 1; n <= k[rung].tile_n; n++)
                check_tile(&k[rung], names[rung], &t, m, n, ks[(m + n) % 6], (m * 7 + n * 3) % 17);
    df_free(t.b);
}

Test(gemm_int8, numbers_become_8_bits)
{
    DfInt8Kernels k[RUNGS];
    const char *names[RUNGS];
    const int rungs = leaves(k, names);
    float x[133];
    dice = df_random(4, 1);
    for (int i = 0; i < 133; i++)
        x[i] = (float)(below(4000) - 2000) * 0.125f; /* halves among them: ties */
    x[3] = 1e30f;
    x[40] = -1e30f;
    x[77] = INFINITY;
    x[78] = NAN;
    for (int rung = 0; rung < rungs; rung++)
        for (size_t n = 0; n <= 133; n += n < 70 ? 1 : 7) {
            uint8_t u[140];
            memset(u, 77, sizeof u);
            k[rung].quantise(u, x, n, 0.5f, 100);
            for (size_t i = 0; i < 140; i++) {
                const double t = fmin(fmax(nearbyint((double)x[i < n ? i : 0] * 0.5) + 100, 0), 255);
                const int truth = i >= n ? 77 : isnan(x[i]) ? 0 : (int)t;
                cr_assert_eq(u[i], truth, "%s: %g is %d, want %d", names[rung], (double)x[i < n ? i : 0], u[i], truth);
            }
        }
}

/* ---- whole products ---------------------------------------------------------------------------------------------- */

static float *normal(size_t n, uint64_t stream)
{
    float *x = df_malloc((n + 1) * sizeof *x);
    DfRandom r = df_random(7, stream);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)df_normal(&r);
    return x;
}

static DfQuantization quantization(const float *w, size_t O, size_t K, float *scale)
{
    for (size_t i = 0; i < O; i++) {
        float most = 0;
        for (size_t p = 0; p < K; p++)
            most = fmaxf(most, fabsf(w[i * K + p]));
        scale[i] = most / 127;
    }
    return (DfQuantization){ scale, { -5, 4.9f }, 9.9f / 255, 129 };
}

/* The same rounding in float64: what is left is float32's. */
static double rounded_product(const float *a, const float *w, size_t K, float scale, const DfQuantization *q)
{
    double sum = 0;
    for (size_t p = 0; p < K; p++) {
        const float t = a[p] * (1 / q->step);
        const double u = fmin(fmax(nearbyint((double)t), -q->zero), 255 - q->zero);
        sum += u * df_int8_of(w[p], scale);
    }
    return sum * (double)q->step * (double)scale;
}

typedef struct {
    DfPool *one, *two;
} Pools;

static void check_product(Pools pools, const DfKernels *k, size_t M, size_t N, size_t K, size_t pad)
{
    const size_t lda = K + pad;
    const size_t ldy = N + pad;
    float *a = normal(M * lda, 1), *w = normal(N * K, 2), *b = normal(N, 3), *fold = normal(N, 4);
    float *y1 = normal(M * ldy, 5), *y2 = normal(M * ldy, 5);
    float *scale = df_malloc((N + 1) * sizeof *scale);
    const DfQuantization q = quantization(w, N, K, scale);
    const DfEpilogue e = { .bias = b };
    DfPacked *packed = NULL;
    cr_assert_eq(df_pack_int8(&packed, pools.two, w, N, K, 1, &q, fold), DF_OK);
    cr_assert_eq(df_packed_precision(packed), DF_PRECISION_INT8);
    cr_assert_eq(df_gemm_packed(pools.one, k, M, a, lda, packed, y1, ldy, e), DF_OK);
    cr_assert_eq(df_gemm_packed(pools.two, k, M, a, lda, packed, y2, ldy, e), DF_OK);
    cr_assert(memcmp(y1, y2, M * ldy * sizeof *y1) == 0, "2 threads differ");
    for (size_t i = 0; i < M; i++)
        for (size_t j = 0; j < N; j++) {
            const double product = rounded_product(a + i * lda, w + j * K, K, scale[j], &q) * (double)fold[j];
            const double truth = product + (double)b[j];
            cr_assert_float_eq(y1[i * ldy + j], truth, 1e-6 * (fabs(product) + fabs((double)b[j])) + 1e-7,
                               "%s %zu x %zu x %zu: (%zu, %zu) is %g, want %g", df_kernels_name(k), M, N, K, i, j,
                               (double)y1[i * ldy + j], truth);
        }
    df_packed_free(packed);
    float *const all[] = { a, w, b, fold, y1, y2, scale };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        df_free(all[i]);
}

Test(gemm_int8, products)
{
    static const size_t Ms[] = { 1, 5, 13, 49, 201 }, Ns[] = { 1, 8, 17, 36, 97 }, Ks[] = { 1, 3, 64, 147, 513 };
    Pools pools;
    cr_assert_eq(df_pool_new(&pools.one, 1), DF_OK);
    cr_assert_eq(df_pool_new(&pools.two, 2), DF_OK);
    for (int rung = 0; df_kernels_rung(rung); rung++) {
        const DfKernels *k = df_kernels_named(df_kernels_rung(rung));
        for (size_t i = 0; i < 5; i++)
            for (size_t j = 0; j < 5; j++)
                check_product(pools, k, Ms[i], Ns[j], Ks[(i + j) % 5], i % 2 * 3);
    }
    const DfKernels *best = df_kernels();
    check_product(pools, best, 700, 64, 96, 0);
    check_product(pools, best, 30, 640, 1024, 0);
    df_pool_free(pools.one);
    df_pool_free(pools.two);
}

/* Both layers of an MLP together are the two of them one by one, to the same bits. */
Test(gemm_int8, mlp)
{
    enum { M = 700, C = 36, H = 150 };
    float *x = normal(M * C, 1), *w1 = normal(H * C, 2), *b1 = normal(H, 3), *w2 = normal(C * H, 4), *b2 = normal(C, 5);
    float *h = normal(M * H, 6), *y = normal(M * C, 7), *z = normal(M * C, 7);
    float s1[H], s2[C];
    const DfQuantization q1 = quantization(w1, H, C, s1), q2 = quantization(w2, C, H, s2);
    DfPacked *p1 = NULL, *p2 = NULL;
    cr_assert_eq(df_pack_int8(&p1, NULL, w1, H, C, 1, &q1, NULL), DF_OK);
    cr_assert_eq(df_pack_int8(&p2, NULL, w2, C, H, 1, &q2, NULL), DF_OK);
    for (int rung = 0; df_kernels_rung(rung); rung++) {
        const DfKernels *k = df_kernels_named(df_kernels_rung(rung));
        const DfEpilogue first = { .bias = b1, .act = DF_ACT_GELU }, second = { .bias = b2, .residual = x };
        cr_assert_eq(df_gemm_packed(NULL, k, M, x, C, p1, h, H, first), DF_OK);
        cr_assert_eq(df_gemm_packed(NULL, k, M, h, H, p2, y, C, second), DF_OK);
        cr_assert_eq(df_mlp_packed(NULL, k, M, x, p1, b1, DF_ACT_GELU, p2, z, second), DF_OK);
        cr_assert(memcmp(y, z, M * C * sizeof *y) == 0, "%s", df_kernels_name(k));
        cr_assert_eq(df_mlp_packed(NULL, k, 40, x, p1, b1, DF_ACT_GELU, p2, z, second), DF_OK);
        cr_assert(memcmp(y, z, 40 * C * sizeof *y) == 0, "%s", df_kernels_name(k));
    }
    df_packed_free(p1);
    df_packed_free(p2);
    float *const all[] = { x, w1, b1, w2, b2, h, y, z };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        df_free(all[i]);
}

/* ---- convolutions ------------------------------------------------------------------------------------------------ */

/* Against a loop over the map rounded beforehand, in float64: pixels outside are 0. */
static void check_conv(const DfKernels *k, DfConvShape s)
{
    const size_t n_x = (size_t)(s.N * s.H * s.W * s.I), n_y = (size_t)(s.N * s.oH * s.oW * s.O);
    const int C = s.I / s.groups;
    const size_t K = (size_t)(s.kh * s.kw * C);
    float *x = normal(n_x, 1), *w = normal((size_t)s.O * K, 2), *y = normal(n_y, 3), *scale = normal((size_t)s.O, 4);
    const DfQuantization q = quantization(w, (size_t)s.O, K, scale);
    DfPacked *packed = NULL;
    cr_assert_eq(df_pack_int8(&packed, NULL, w, (size_t)s.O, K, (size_t)s.groups, &q, NULL), DF_OK);
    cr_assert_eq(df_conv_forward(NULL, k, &s, x, packed, y, (DfEpilogue){ 0 }), DF_OK);
    for (size_t at = 0; at < n_y; at++) {
        const int o = (int)(at % (size_t)s.O), j = (int)(at / (size_t)s.O) % s.oW;
        const int i = (int)(at / (size_t)s.O) / s.oW % s.oH, n = (int)(at / (size_t)s.O) / s.oW / s.oH;
        double sum = 0, size = 0;
        for (int t = 0; t < s.kh * s.kw; t++) {
            const int r = i * s.stride[0] - s.padding[0] + t / s.kw * s.dilation[0];
            const int c = j * s.stride[1] - s.padding[1] + t % s.kw * s.dilation[1];
            if (r < 0 || r >= s.H || c < 0 || c >= s.W)
                continue;
            const float *pixel = x + ((size_t)(n * s.H + r) * (size_t)s.W + (size_t)c) * (size_t)s.I;
            const double part = rounded_product(pixel + o / (s.O / s.groups) * C, w + (size_t)o * K + (size_t)(t * C),
                                                (size_t)C, scale[o], &q);
            sum += part;
            size += fabs(part);
        }
        cr_assert_float_eq(y[at], sum, 1e-6 * size + 1e-7, "%s: %g, want %g", df_kernels_name(k), (double)y[at], sum);
    }
    df_packed_free(packed);
    float *const all[] = { x, w, y, scale };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        df_free(all[i]);
}

Test(gemm_int8, convolutions)
{
    static const DfConvShape shapes[] = {
        { 2, 9, 11, 8, 20, 3, 3, 9, 11, { 1, 1 }, { 1, 1 }, { 1, 1 }, 1 },
        { 1, 13, 10, 3, 40, 7, 7, 7, 5, { 2, 2 }, { 3, 3 }, { 1, 1 }, 1 },
        { 1, 9, 9, 16, 33, 1, 1, 5, 5, { 2, 2 }, { 0, 0 }, { 1, 1 }, 1 },
        { 1, 7, 8, 12, 24, 3, 3, 7, 8, { 1, 1 }, { 2, 2 }, { 2, 2 }, 4 },
        { 1, 6, 5, 7, 9, 1, 1, 6, 5, { 1, 1 }, { 0, 0 }, { 1, 1 }, 1 },
    };
    for (int rung = 0; df_kernels_rung(rung); rung++)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            check_conv(df_kernels_named(df_kernels_rung(rung)), shapes[i]);
}
