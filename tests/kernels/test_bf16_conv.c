/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/kernels/test_bf16_conv.c -- convolutions in bfloat16 against loops in float64 over factors that were rounded before,
 * and maps that are kept in it, on every rung that has them, with 1 and 2 threads: the same bits.
 */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "tests/kernels/bf16.h"

TestSuite(bf16_conv, .init = make_pools, .fini = free_pools);

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

Test(bf16_conv, convolutions)
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

Test(bf16_conv, winograd)
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
    for (size_t rung = 0; rung < RUNGS; rung++)
        if (rung_of(rung))
            check_winograd(rung_of(rung), &plain, 25, 1201, 101); /* a far filter: 401 input channels at a time */
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

Test(bf16_conv, maps)
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
        check_maps(k, 25, 1201, 101, 3, 1, 1, true);
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

Test(bf16_conv, largest_of_several)
{
    for (size_t rung = 0; rung < RUNGS; rung++)
        for (int taps = 1; rung_of(rung) && taps <= 33; taps += taps < 10 ? 1 : 23)
            for (size_t n = 0; n < 100; n++)
                check_max_of(&rung_of(rung)->bf16, taps, n);
}
