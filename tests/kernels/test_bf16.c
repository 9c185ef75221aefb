/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/kernels/test_bf16.c -- products of bfloat16 against loops in float64 over factors that were rounded before, on
 * every rung that has them, with 1 and 2 threads: the same bits.
 */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "tests/kernels/bf16.h"
#include "tests/support/act.h"

TestSuite(bf16, .init = make_pools, .fini = free_pools);

/* ---- rounding ---------------------------------------------------------------------------------------------------- */

Test(bf16, rounds_to_the_nearest)
{
    enum { N = 1000 };
    float x[N];
    uint16_t y[N + 1];
    DfRandom r = df_random(3, 0);
    for (size_t i = 0; i < N; i++) {
        const uint32_t exponent = 1 + (uint32_t)(df_uniform(&r) * (254));
        const uint32_t low[4] = { (uint32_t)(df_uniform(&r) * (1 << 16)), 0x8000, 0x7fff, 0x8001 };
        x[i] = from_bits((uint32_t)(i % 2) << 31 | exponent << 23 | (uint32_t)(df_uniform(&r) * (128)) << 16 | low[i / 2 % 4]);
    }
    x[0] = 0, x[1] = -0.0f, x[2] = INFINITY, x[3] = -INFINITY, x[4] = FLT_MAX, x[5] = 1.00390625f, x[6] = 1.01171875f;
    for (size_t rung = 0; rung < RUNGS; rung++)
        for (size_t n = 0; rung_of(rung) && n <= N; n += n < 70 ? 1 : 93) {
            memset(y, 0xab, sizeof y);
            rung_of(rung)->bf16.round(y, x, n);
            for (size_t i = 0; i < n; i++)
                cr_assert_eq(y[i], nearest(x[i]), "%s: %a gives %04x, want %04x", df_kernels_rung((int)rung), (double)x[i], y[i], nearest(x[i]));
            cr_assert_eq(y[n], 0xabab);
        }
}

Test(bf16, numbers_that_are_none_and_tiny_ones)
{
    const float x[] = { NAN, -NAN, from_bits(0x7f800001), FLT_MIN, -FLT_MIN / 2, from_bits(1) };
    uint16_t y[6];
    for (size_t rung = 0; rung < RUNGS; rung++) {
        if (!rung_of(rung))
            continue;
        rung_of(rung)->bf16.round(y, x, 6);
        for (int i = 0; i < 3; i++)
            cr_assert(isnan(upper_half(y[i])), "%s %d", df_kernels_rung((int)rung), i);
        cr_assert(y[3] == 0x0080 && y[4] == 0x8000 && y[5] == 0, "%s: %04x %04x %04x", df_kernels_rung((int)rung), y[3], y[4], y[5]);
    }
}

/* ---- products ---------------------------------------------------------------------------------------------------- */

/* The error in units of what float32 may err in a sum of k products: as in test_gemm.c. a and w are rounded. */
static double worst(const float *y, size_t ldy, const float *a, size_t lda, const float *w, size_t M, size_t N, size_t K,
                    const DfEpilogue *e)
{
    double most = 0;
    for (size_t i = 0; i < M; i++)
        for (size_t j = 0; j < N; j++) {
            double sum = e->bias ? (double)e->bias[j] : 0;
            double size = fabs(sum);
            for (size_t p = 0; p < K; p++) {
                const double product = (double)a[i * lda + p] * (double)w[j * K + p];
                sum += product;
                size += fabs(product);
            }
            const double scale = e->scale ? (double)e->scale[j] : 1;
            const double residual = e->residual ? (double)e->residual[i * ldy + j] : 0;
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

static void check_packed(const DfKernels *k, size_t M, size_t N, size_t K, size_t pad, DfAct act, bool bias, bool scale,
                         int residual) /* 2: inside */
{
    const size_t lda = K + pad, ldy = N + pad;
    float *a = numbers(M * lda, 1), *w = numbers(N * K, 2), *b = numbers(N, 3), *s = numbers(N, 4), *r = numbers(M * ldy, 5);
    float *y[2] = { numbers(M * ldy, 6), numbers(M * ldy, 6) }, *untouched = numbers(M * ldy, 6);
    const DfEpilogue e = { bias ? b : NULL, act, scale ? s : NULL, residual ? r : NULL, residual == 2 };
    DfPacked *packed = NULL;
    cr_assert_eq(df_pack_bf16(&packed, pools[1], w, N, K, 1), DF_OK);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(df_gemm_packed(pools[i], k, M, a, lda, packed, y[i], ldy, e), DF_OK);
    round_all(a, M * lda), round_all(w, N * K);
    const double error = worst(y[0], ldy, a, lda, w, M, N, K, &e);
    cr_assert(error <= 1, "%s %zu x %zu x %zu act %d: %.2f of the bound", df_kernels_name(k), M, N, K, act, error);
    cr_assert(memcmp(y[0], y[1], M * ldy * sizeof *y[0]) == 0, "%zu x %zu x %zu: 2 threads differ", M, N, K);
    cr_assert(guarded(y[0], M * ldy));
    for (size_t i = 0; i < M; i++) /* between the rows */
        cr_assert(memcmp(y[0] + i * ldy + N, untouched + i * ldy + N, pad * sizeof *untouched) == 0);
    df_packed_free(packed);
    float *const all[] = { a, w, b, s, r, y[0], y[1], untouched };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        df_free(all[i]);
}

Test(bf16, packed_against_float64)
{
    static const size_t Ms[] = { 1, 2, 5, 6, 7, 12, 13, 49, 103 }, Ns[] = { 1, 8, 15, 16, 17, 31, 32, 33, 97 };
    static const size_t Ks[] = { 0, 1, 2, 3, 64, 513 };
    for (size_t rung = 0; rung < RUNGS; rung++)
        for (size_t i = 0; rung_of(rung) && i < 9; i++)
            for (size_t j = 0; j < 9; j++)
                for (size_t p = 0; p < 6; p++)
                    check_packed(rung_of(rung), Ms[i], Ns[j], Ks[p], (i + j) % 3, DF_ACT_NONE, (i + p) % 2, (j + p) % 2,
                                 (i + j + p) % 2);
}

Test(bf16, every_epilogue)
{
    for (size_t rung = 0; rung < RUNGS; rung++)
        for (int act = DF_ACT_NONE; rung_of(rung) && act < DF_ACTS; act++)
            for (int bits = 0; bits < 12; bits++) {
                check_packed(rung_of(rung), 13, 37, 40, 1, (DfAct)act, bits & 1, bits & 2, bits >> 2);
                check_packed(rung_of(rung), 50, 40, 1500, 0, (DfAct)act, bits & 1, bits & 2, bits >> 2);
            }
}

/* But for the rung neon, which rounds otherwise: kernels/gemm/gemm_neonbf16.c. */
Test(bf16, every_rung_has_the_same_bits)
{
    const size_t M = 61, N = 75, K = 701;
    float *a = numbers(M * K, 1), *w = numbers(N * K, 2), *b = numbers(N, 3), *r = numbers(M * N, 4), *y[RUNGS] = { 0 };
    DfPacked *packed = NULL;
    cr_assert_eq(df_pack_bf16(&packed, NULL, w, N, K, 1), DF_OK);
    for (size_t rung = 0; rung < RUNGS; rung++) {
        if (!rung_of(rung) || strcmp(df_kernels_rung((int)rung), "neon") == 0)
            continue;
        y[rung] = numbers(M * N, 5);
        const DfEpilogue e = { .bias = b, .act = DF_ACT_RELU, .residual = r };
        cr_assert_eq(df_gemm_packed(NULL, rung_of(rung), M, a, K, packed, y[rung], N, e), DF_OK);
        cr_expect(memcmp(y[0], y[rung], M * N * sizeof *a) == 0, "%s", df_kernels_rung((int)rung));
    }
    df_packed_free(packed);
    for (size_t rung = 0; rung < RUNGS; rung++)
        df_free(y[rung]);
    df_free(a), df_free(w), df_free(b), df_free(r);
}

Test(bf16, half_the_memory)
{
    float *w = numbers(96 * 384, 1);
    DfPacked *float32 = NULL, *bf16 = NULL;
    cr_assert(df_pack(&float32, NULL, w, 96, 384, 1) == DF_OK && df_pack_bf16(&bf16, NULL, w, 96, 384, 1) == DF_OK);
    cr_assert_eq(df_packed_bytes(float32) - df_packed_bytes(bf16), 96 * 384 * 2);
    cr_assert_eq(df_packed_precision(bf16), DF_PRECISION_BF16);
    df_packed_free(float32), df_packed_free(bf16), df_free(w);
}

/* The hidden layer is rounded for the second product. */
static void check_mlp(const DfKernels *k, size_t M, size_t I, size_t H, size_t O)
{
    float *x = numbers(M * I, 1), *w1 = numbers(H * I, 2), *w2 = numbers(O * H, 3), *b1 = numbers(H, 4), *b2 = numbers(O, 5);
    float *y[2] = { numbers(M * O, 6), numbers(M * O, 6) }, *h = numbers(M * H, 7), *r = numbers(M * O, 9);
    DfPacked *p1 = NULL, *p2 = NULL;
    cr_assert(df_pack_bf16(&p1, NULL, w1, H, I, 1) == DF_OK && df_pack_bf16(&p2, NULL, w2, O, H, 1) == DF_OK);
    const DfEpilogue e = { .bias = b2, .residual = r };
    for (int i = 0; i < 2; i++)
        cr_assert_eq(df_mlp_packed(pools[i], k, M, x, p1, b1, DF_ACT_GELU, p2, y[i], e), DF_OK);
    cr_assert(memcmp(y[0], y[1], M * O * sizeof *h) == 0 && guarded(y[0], M * O));
    cr_assert_eq(df_gemm_packed(NULL, k, M, x, I, p1, h, H, (DfEpilogue){ .bias = b1, .act = DF_ACT_GELU }), DF_OK);
    round_all(h, M * H), round_all(w2, O * H);
    cr_assert(worst(y[0], O, h, H, w2, M, O, H, &e) <= 1, "%s: %zu rows", df_kernels_name(k), M);
    df_packed_free(p1), df_packed_free(p2);
    float *const all[] = { x, w1, w2, b1, b2, y[0], y[1], h, r };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        df_free(all[i]);
}

Test(bf16, mlp_is_two_products)
{
    for (size_t rung = 0; rung < RUNGS; rung++)
        if (rung_of(rung)) {
            check_mlp(rung_of(rung), 1000, 24, 96, 24);
            check_mlp(rung_of(rung), 7, 33, 65, 17);
        }
}

/* Of maps of either kind, with the bits of one product after the other. */
static void check_pair(const DfKernels *k, size_t M, bool from_bf16, bool to_bf16)
{
    const size_t I = 34, H = 600, O = 40;
    float *x = numbers(M * I, 1), *w1 = numbers(H * I, 2), *w2 = numbers(O * H, 3), *b1 = numbers(H, 4);
    float *h[3] = { numbers(M * H, 5), numbers(M * H, 5), numbers(M * H, 5) }, *y[3] = { numbers(M * O, 6), numbers(M * O, 6), numbers(M * O, 6) };
    DfPacked *p1 = NULL, *p2 = NULL;
    cr_assert(df_pack_bf16(&p1, NULL, w1, H, I, 1) == DF_OK && df_pack_bf16(&p2, NULL, w2, O, H, 1) == DF_OK);
    const DfMap from = { x, from_bf16 };
    DfEpilogue first = { .bias = b1, .act = DF_ACT_RELU, .inside = true };
    const DfEpilogue second = { .act = DF_ACT_RELU };
    if (from_bf16)
        k->bf16.round(from.data, x, M * I);
    for (int i = 0; i < 2; i++) {
        first.residual = h[i];
        const DfPair pair = { .M = M, .x = from, .w1 = p1, .first = first, .h = h[i], .w2 = p2, .second = second, .y = { y[i], to_bf16 } };
        cr_assert_eq(df_pair_packed(pools[i], k, &pair), DF_OK);
    }
    first.residual = h[2];
    cr_assert_eq(df_gemm_packed_maps(NULL, k, M, from, I, p1, (DfMap){ h[2], false }, H, first), DF_OK);
    cr_assert_eq(df_gemm_packed_maps(NULL, k, M, (DfMap){ h[2], false }, H, p2, (DfMap){ y[2], to_bf16 }, O, second), DF_OK);
    for (int i = 0; i < 2; i++)
        cr_assert(memcmp(h[i], h[2], (M * H + GUARD) * sizeof *x) == 0 && memcmp(y[i], y[2], (M * O + GUARD) * sizeof *x) == 0, "%s: %zu rows", df_kernels_name(k), M);
    df_packed_free(p1), df_packed_free(p2);
    float *const all[] = { x, w1, w2, b1, h[0], h[1], h[2], y[0], y[1], y[2] };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        df_free(all[i]);
}

Test(bf16, pair_is_two_products)
{
    for (size_t rung = 0; rung < RUNGS; rung++)
        for (int maps = 0; rung_of(rung) && maps < 4; maps++) {
            check_pair(rung_of(rung), 1501, maps & 1, maps & 2);
            check_pair(rung_of(rung), 5, maps & 1, maps & 2);
        }
}

/* ---- who may ask for it ------------------------------------------------------------------------------------------ */

Test(bf16, a_rung_without_it_refuses)
{
    const DfKernels *k = df_kernels_named("avx2");
    cr_assert_eq(df_precision_check(DF_PRECISION_BF16, df_kernels_named("c")), DF_OK);
    if (k) {
        cr_assert_eq(df_precision_check(DF_PRECISION_F32, k), DF_OK);
        cr_assert_eq(df_precision_check(DF_PRECISION_BF16, k), DF_EVALUE);
        cr_assert(strstr(df_error(), "AVX512-BF16"));
    }
}

Test(bf16, names)
{
    DfPrecision p;
    cr_assert(df_precision_read(&p, "bf16") == DF_OK && p == DF_PRECISION_BF16);
    cr_assert(df_precision_read(&p, "float32") == DF_OK && p == DF_PRECISION_F32);
    cr_assert_eq(df_precision_read(&p, "float16"), DF_EVALUE);
    cr_assert_str_eq(df_error(), "precision float16: want float32 or bf16");
}
