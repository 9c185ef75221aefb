/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/kernels/test_bf16.c -- products of bfloat16 against loops in float64 over factors that were rounded before, on
 * every rung that has them, with 1 and 2 threads: the same bits.
 */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "tests/support/act.h"

enum { GUARD = 32 };
static const float canary = 12345.5f;
enum { RUNGS = 8 }; /* more than there are */

static DfPool *pools[2];
static void make_pools(void)
{
    for (int i = 0; i < 2; i++)
        cr_assert_eq(df_pool_new(&pools[i], i + 1), DF_OK);
}
static void free_pools(void)
{
    for (int i = 0; i < 2; i++)
        df_pool_free(pools[i]);
}
TestSuite(bf16, .init = make_pools, .fini = free_pools);

/* A rung that has such products; NULL: not here. */
static const DfKernels *rung_of(size_t i)
{
    const char *name = df_kernels_rung((int)i);
    const DfKernels *k = name ? df_kernels_named(name) : NULL;
    return k && k->bf16.tile ? k : NULL;
}

static float *numbers(size_t n, uint64_t stream)
{
    float *x = df_malloc((n + GUARD) * sizeof *x);
    DfRandom r = df_random(17, stream);
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

/* ---- rounding ---------------------------------------------------------------------------------------------------- */

static float from_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static float upper_half(uint16_t half)
{
    return from_bits((uint32_t)half << 16);
}

/* By the distances to both neighbours, in float64; a number beyond the largest one has infinity for a
 * neighbour, which is as far away as 2^128 would be. */
static uint16_t nearest(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint16_t below = (uint16_t)(bits >> 16);
    const uint16_t above = (uint16_t)(below + 1);
    const double low = fabs((double)upper_half(below));
    const double high = isinf(upper_half(above)) ? ldexp(1, 128) : fabs((double)upper_half(above));
    const double to_low = fabs((double)x) - low;
    const double to_high = high - fabs((double)x);
    if (isinf(x) || to_low < to_high || (to_low <= to_high && below % 2 == 0))
        return below;
    return above;
}

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

static void round_all(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = upper_half(nearest(x[i]));
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

/* ---- convolutions ------------------------------------------------------------------------------------------------ */

/* y[pixel][o] = the sum over taps and channels, in float64, and that of the absolute products. */
static double conv_at(const DfConvShape *s, const float *x, const float *w, int pixel, int o, double *size)
{
    const int Ig = s->I / s->groups, group = o / (s->O / s->groups);
    const int n = pixel / (s->oH * s->oW), oy = pixel / s->oW % s->oH, ox = pixel % s->oW;
    double sum = 0;
    for (int t = 0; t < s->kh * s->kw; t++) {
        const int iy = oy * s->stride[0] - s->padding[0] + t / s->kw * s->dilation[0];
        const int ix = ox * s->stride[1] - s->padding[1] + t % s->kw * s->dilation[1];
        for (int i = 0; iy >= 0 && iy < s->H && ix >= 0 && ix < s->W && i < Ig; i++) {
            const double product = (double)x[((n * s->H + iy) * s->W + ix) * s->I + group * Ig + i] *
                                   (double)w[(o * s->kh * s->kw + t) * Ig + i];
            sum += product;
            *size += fabs(product);
        }
    }
    return sum;
}

static void check_conv(const DfKernels *k, int side, int I, int O, int kernel, int stride, int padding, int dilation, int groups)
{
    const int out = (side + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
    const DfConvShape s = { 2, side, side, I, O, kernel, kernel, out, out, { stride, stride }, { padding, padding },
                            { dilation, dilation }, groups };
    const size_t K = (size_t)(kernel * kernel * (I / groups)), n_x = (size_t)(2 * side * side * I), n_y = (size_t)(2 * out * out * O);
    float *x = numbers(n_x, 1), *w = numbers((size_t)O * K, 2), *y[2] = { numbers(n_y, 3), numbers(n_y, 3) };
    DfPacked *packed = NULL;
    cr_assert_eq(df_pack_bf16(&packed, NULL, w, (size_t)O, K, (size_t)groups), DF_OK);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(df_conv_forward(pools[i], k, &s, x, packed, y[i], (DfEpilogue){ 0 }), DF_OK);
    cr_assert(memcmp(y[0], y[1], n_y * sizeof *x) == 0 && guarded(y[0], n_y));
    round_all(x, n_x), round_all(w, (size_t)O * K);
    for (size_t i = 0; i < n_y; i++) {
        double size = 0;
        const double sum = conv_at(&s, x, w, (int)i / O, (int)i % O, &size);
        cr_assert_float_eq((double)y[0][i], sum, 4 * FLT_EPSILON * (size + 1e-3), "%s: %d -> %d, kernel %d, stride %d, groups %d",
                           df_kernels_name(k), I, O, kernel, stride, groups);
    }
    df_packed_free(packed);
    df_free(x), df_free(w), df_free(y[0]), df_free(y[1]);
}

Test(bf16, convolutions)
{
    for (size_t rung = 0; rung < RUNGS; rung++) {
        const DfKernels *k = rung_of(rung);
        if (!k)
            continue;
        check_conv(k, 9, 20, 33, 1, 1, 0, 1, 1);
        check_conv(k, 9, 6, 8, 1, 2, 0, 1, 1);
        check_conv(k, 9, 7, 130, 1, 2, 0, 1, 1);
        check_conv(k, 9, 6, 8, 1, 2, 1, 1, 1);
        check_conv(k, 9, 6, 8, 1, 2, 0, 1, 2);
        check_conv(k, 11, 5, 7, 3, 1, 1, 1, 1);
        check_conv(k, 11, 64, 40, 3, 2, 1, 1, 1);
        check_conv(k, 12, 5, 6, 3, 1, 2, 2, 1);
        check_conv(k, 23, 3, 8, 7, 2, 3, 1, 1);
        check_conv(k, 9, 12, 6, 3, 2, 1, 2, 3);
        check_conv(k, 9, 14, 260, 3, 1, 1, 1, 2);
        check_conv(k, 5, 190, 35, 3, 1, 1, 1, 1);
        check_conv(k, 1, 3, 2, 3, 1, 1, 1, 1);
    }
}

/* ---- 3x3 convolutions by Winograd -------------------------------------------------------------------------------- */

enum { MOST_PRODUCTS = 81 };

/* F(4x4, 3x3), and its form for a stride of 2: by their points. */
typedef struct {
    DfPackKind kind;
    int stride, side; /* of a patch, in pixels */
    int finite;       /* points along an axis  */
    double point[5];
} Way;

static const Way plain = { DF_PACK_WINOGRAD, 1, 6, 5, { 0, 0.625, -0.625, 1.5, -1.5 } };
static const Way strided = { DF_PACK_WINOGRAD_STRIDED, 2, 9, 4, { 0.375, -0.375, 1.25, -1.25 } };

static const DfWinogradKernels *leaves_of(const DfKernels *k, const Way *way)
{
    return way->stride == 1 ? &k->conv.winograd : &k->conv.winograd_strided;
}

/* U of all filters: side^2 I O. */
static double *filters_of(const DfKernels *k, const Way *way, const float *w, int I, int O)
{
    const int products = way->side * way->side;
    double *u = df_calloc((size_t)(products * I * O), sizeof *u);
    float g[9 * DF_PANEL], out[MOST_PRODUCTS * DF_PANEL];
    for (int o = 0; o < O; o++)
        for (int i = 0; i < I; i++) {
            memset(g, 0, sizeof g);
            for (int t = 0; t < 9; t++)
                g[t * DF_PANEL] = w[(o * 9 + t) * I + i];
            leaves_of(k, way)->filters(out, DF_PANEL, g, DF_PANEL);
            for (int p = 0; p < products; p++)
                u[(p * I + i) * O + o] = (double)upper_half(nearest(out[p * DF_PANEL]));
        }
    return u;
}

/* V of the tile whose patch begins at y, x, which may lie outside: side^2 I. */
static void patch_of(const DfKernels *k, const Way *way, const float *x, const float *zeros, int H, int I, int top, int left, float *v)
{
    const float *d[MOST_PRODUCTS];
    for (int i = 0; i < way->side * way->side; i++) {
        const int y = top + i / way->side, at_x = left + i % way->side;
        d[i] = y >= 0 && y < H && at_x >= 0 && at_x < H ? x + (y * H + at_x) * I : zeros;
    }
    leaves_of(k, way)->input(v, (size_t)I, d, (size_t)I);
    round_all(v, (size_t)(way->side * way->side * I));
}

/* A' m A at pixel (py, px) of a tile, where `stride` products in a row are of one point, and the sum of what is added up
 * there. */
static double back(const Way *way, const double m[MOST_PRODUCTS], int py, int px, double *size)
{
    double sum = 0;
    for (int i = 0; i < way->side * way->side; i++) {
        const int row = i / way->side / way->stride, column = i % way->side / way->stride;
        const double a = row < way->finite ? pow(way->point[row], py) : py == 3;
        const double b = column < way->finite ? pow(way->point[column], px) : px == 3;
        sum += a * b * m[i];
        *size += fabs(a * b * m[i]);
    }
    return sum;
}

static void check_winograd(const DfKernels *k, const Way *way, int side, int I, int O)
{
    const int H = side * way->stride, products = way->side * way->side, across = (side + 3) / 4;
    const DfConvShape s = { 1, H, H, I, O, 3, 3, side, side, { way->stride, way->stride }, { 1, 1 }, { 1, 1 }, 1 };
    const size_t n_y = (size_t)(side * side * O);
    float *x = numbers((size_t)(H * H * I), 1), *w = numbers((size_t)(O * 9 * I), 2), *v = numbers((size_t)(products * I), 4);
    float *y[2] = { numbers(n_y, 3), numbers(n_y, 3) }, *bias = numbers((size_t)O, 5), *zeros = df_calloc((size_t)I, sizeof *zeros);
    double *u = filters_of(k, way, w, I, O);
    DfPacked *packed = NULL;
    cr_assert_eq(df_pack_winograd(&packed, pools[1], way->kind, DF_PRECISION_BF16, w, (size_t)O, (size_t)I), DF_OK);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(df_conv_forward(pools[i], k, &s, x, packed, y[i], (DfEpilogue){ .bias = bias }), DF_OK);
    cr_assert(memcmp(y[0], y[1], n_y * sizeof *x) == 0 && guarded(y[0], n_y));
    for (int tile = 0; tile < across * across; tile++) {
        const int top = tile / across * 4, left = tile % across * 4;
        patch_of(k, way, x, zeros, H, I, top * way->stride - 1, left * way->stride - 1, v);
        for (int o = 0; o < O; o++) {
            double m[MOST_PRODUCTS] = { 0 }, largest[MOST_PRODUCTS] = { 0 };
            for (int i = 0; i < products * I; i++) {
                m[i / I] += (double)v[i] * u[i * O + o];
                largest[i / I] += fabs((double)v[i] * u[i * O + o]);
            }
            for (int pixel = 0; pixel < 16; pixel++) {
                const int py = pixel / 4, px = pixel % 4;
                double size = 0, terms = 0;
                if (top + py >= side || left + px >= side)
                    continue;
                back(way, largest, py, px, &size);
                const double truth = back(way, m, py, px, &terms) + (double)bias[o];
                cr_assert_float_eq((double)y[0][((top + py) * side + left + px) * O + o], truth, 2 * FLT_EPSILON * size,
                                   "%s: %d -> %d, stride %d", df_kernels_name(k), I, O, way->stride);
            }
        }
    }
    df_packed_free(packed), df_free(u);
    float *const all[] = { x, w, v, y[0], y[1], bias, zeros };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        df_free(all[i]);
}

Test(bf16, winograd)
{
    for (size_t rung = 0; rung < RUNGS; rung++)
        for (int stride = 1; rung_of(rung) && stride <= 2; stride++) {
            const Way *way = stride == 1 ? &plain : &strided;
            check_winograd(rung_of(rung), way, 4, 8, 16);
            check_winograd(rung_of(rung), way, 13, 17, 23);
            check_winograd(rung_of(rung), way, 2, 5, 3);
            check_winograd(rung_of(rung), way, 19, 33, 70);
            check_winograd(rung_of(rung), way, 6, 530, 36);
        }
}

/* ---- maps of bfloat16 -------------------------------------------------------------------------------------------- */

/* Numbers rounded, and a guard behind them. */
static uint16_t *halves(const DfKernels *k, const float *x, size_t n)
{
    uint16_t *half = df_malloc((n + GUARD) * sizeof *half);
    k->bf16.round(half, x, n);
    memset(half + n, 0xab, GUARD * sizeof *half);
    return half;
}

/* What is read and written in bfloat16 has the bits of what is rounded before and after. */
static void check_maps(const DfKernels *k, int side, int I, int O, int kernel, int stride, int groups, bool winograd)
{
    const int padding = kernel / 2, out = (side + 2 * padding - kernel) / stride + 1;
    const DfConvShape s = { 2, side, side, I, O, kernel, kernel, out, out, { stride, stride }, { padding, padding }, { 1, 1 },
                            groups };
    const size_t K = (size_t)(kernel * kernel * (I / groups)), n_x = (size_t)(2 * side * side * I), n_y = (size_t)(2 * out * out * O);
    float *x = numbers(n_x, 1), *w = numbers((size_t)O * K, 2), *y = numbers(n_y, 3), *again = numbers(n_y, 4), *bias = numbers((size_t)O, 5);
    round_all(x, n_x);
    uint16_t *x_half = halves(k, x, n_x), *y_half = halves(k, y, n_y);
    DfPacked *packed = NULL;
    const DfPackKind kind = stride == 1 ? DF_PACK_WINOGRAD : DF_PACK_WINOGRAD_STRIDED;
    cr_assert_eq(winograd ? df_pack_winograd(&packed, NULL, kind, DF_PRECISION_BF16, w, (size_t)O, (size_t)I)
                          : df_pack_bf16(&packed, NULL, w, (size_t)O, K, (size_t)groups), DF_OK);
    const DfEpilogue e = { .bias = bias, .act = DF_ACT_RELU };
    cr_assert_eq(df_conv_forward(pools[0], k, &s, x, packed, y, e), DF_OK);
    uint16_t *want = halves(k, y, n_y);
    for (int i = 0; i < 4; i++) {
        const bool reads = i % 2, writes = i / 2;
        memset(again, 0, n_y * sizeof *again);
        cr_assert_eq(df_conv_forward_maps(pools[i % 2], k, &s, (DfMap){ reads ? (void *)x_half : x, reads }, packed,
                                          (DfMap){ writes ? (void *)y_half : again, writes }, e), DF_OK);
        cr_assert(writes || (memcmp(again, y, n_y * sizeof *y) == 0 && guarded(again, n_y)), "%s: kernel %d", df_kernels_name(k), kernel);
        cr_assert(!writes || memcmp(y_half, want, (n_y + GUARD) * sizeof *want) == 0, "%s: kernel %d", df_kernels_name(k), kernel);
    }
    df_packed_free(packed);
    void *const all[] = { x, w, y, again, bias, x_half, y_half, want };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        df_free(all[i]);
}

Test(bf16, maps)
{
    for (size_t rung = 0; rung < RUNGS; rung++) {
        const DfKernels *k = rung_of(rung);
        if (!k)
            continue;
        check_maps(k, 9, 20, 33, 1, 1, 1, false);
        check_maps(k, 14, 600, 130, 1, 1, 1, false);
        check_maps(k, 9, 8, 130, 1, 2, 1, false);
        check_maps(k, 11, 64, 40, 3, 2, 1, false);
        check_maps(k, 9, 24, 66, 3, 1, 3, false);
        check_maps(k, 23, 3, 8, 7, 2, 1, false);
        check_maps(k, 40, 12, 31, 3, 1, 1, false);
        check_maps(k, 13, 66, 70, 3, 1, 1, true);
        check_maps(k, 18, 34, 130, 3, 1, 1, true);
        check_maps(k, 25, 66, 70, 3, 2, 1, true);
        check_maps(k, 36, 34, 130, 3, 2, 1, true);
    }
}

/* The largest of `taps` rows of n; the second time in place of the first of them. */
static void check_max_of(const DfBf16Kernels *k, int taps, size_t n)
{
    enum { MOST = 40 };
    uint16_t x[MOST][100], y[100 + 1];
    const uint16_t *tap[MOST];
    float values[100];
    DfRandom r = df_random(5, (uint64_t)taps * 1000 + n);
    for (int t = 0; t < taps; t++) {
        for (size_t i = 0; i < n; i++)
            values[i] = t == 3 && i == 2 ? INFINITY : (float)(df_normal(&r) * (i % 2 ? 1 : 1e-30) - (i % 5 == 4 ? 30 : 0));
        k->round(x[t], values, n);
        tap[t] = x[t];
    }
    for (int in_place = 0; in_place < 2; in_place++) {
        uint16_t first[100], *to = in_place ? x[0] : y;
        memcpy(first, x[0], sizeof first);
        y[n] = 0xabab;
        k->max_of(to, tap, taps, n);
        for (size_t i = 0; i < n; i++) {
            float most = upper_half(first[i]);
            for (int t = 1; t < taps; t++)
                most = fmaxf(most, upper_half(x[t][i]));
            cr_assert_eq(upper_half(to[i]), most, "%d taps, %zu of %zu", taps, i, n);
        }
        cr_assert_eq(y[n], 0xabab);
    }
}

Test(bf16, largest_of_several)
{
    for (size_t rung = 0; rung < RUNGS; rung++)
        for (int taps = 1; rung_of(rung) && taps <= 33; taps += taps < 10 ? 1 : 23)
            for (size_t n = 0; n < 100; n++)
                check_max_of(&rung_of(rung)->bf16, taps, n);
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
