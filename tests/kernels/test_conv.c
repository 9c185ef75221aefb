/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/kernels/test_conv.c -- convolutions of every kind and their gradients against loops in float64, on
 * every rung, with 1 and 2 threads: the same bits.
 */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "tests/kernels/guarded.h"

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
TestSuite(conv, .init = make_pools, .fini = free_pools);

static DfConvShape shape(int N, int H, int W, int I, int O, int kh, int kw, int stride_y, int stride_x, int padding_y, int padding_x, int dilation, int groups)
{
    return (DfConvShape){ N, H, W, I, O, kh, kw, (H + 2 * padding_y - dilation * (kh - 1) - 1) / stride_y + 1,
                          (W + 2 * padding_x - dilation * (kw - 1) - 1) / stride_x + 1, { stride_y, stride_x }, { padding_y, padding_x },
                          { dilation, dilation }, groups };
}

typedef struct {
    size_t x, y, w; /* elements */
} Sizes;

static Sizes sizes(const DfConvShape *s)
{
    return (Sizes){ (size_t)(s->N * s->H * s->W * s->I), (size_t)(s->N * s->oH * s->oW * s->O), (size_t)(s->O * s->kh * s->kw * (s->I / s->groups)) };
}

/* Calls for every product x[ix] w[iw] that goes into y[iy]. A depthwise weight is kh kw C. */
typedef void Visit(void *to, size_t iy, size_t ix, size_t iw);
static void visit_all(const DfConvShape *s, bool depthwise, Visit *visit, void *to)
{
    const int Ig = s->I / s->groups, Og = s->O / s->groups;
    for (int n = 0; n < s->N; n++)
        for (int oy = 0; oy < s->oH; oy++)
            for (int ox = 0; ox < s->oW; ox++)
                for (int o = 0; o < s->O; o++)
                    for (int ky = 0; ky < s->kh; ky++)
                        for (int kx = 0; kx < s->kw; kx++) {
                            const int y = oy * s->stride[0] - s->padding[0] + ky * s->dilation[0];
                            const int x = ox * s->stride[1] - s->padding[1] + kx * s->dilation[1];
                            for (int i = 0; y >= 0 && y < s->H && x >= 0 && x < s->W && i < Ig; i++)
                                visit(to, (size_t)(((n * s->oH + oy) * s->oW + ox) * s->O + o),
                                      (size_t)(((n * s->H + y) * s->W + x) * s->I + o / Og * Ig + i),
                                      (size_t)(depthwise ? (ky * s->kw + kx) * s->I + o : ((o * s->kh + ky) * s->kw + kx) * Ig + i));
                        }
}

typedef struct {
    double *sum, *size;
    const float *x, *w, *y;
} Sums;

static void add(Sums *t, size_t at, double product)
{
    t->sum[at] += product;
    t->size[at] += fabs(product);
}
static void into_y(void *to, size_t iy, size_t ix, size_t iw)
{
    Sums *t = to;
    add(t, iy, (double)t->x[ix] * (double)t->w[iw]);
}
static void into_x(void *to, size_t iy, size_t ix, size_t iw)
{
    Sums *t = to;
    add(t, ix, (double)t->y[iy] * (double)t->w[iw]);
}
static void into_w(void *to, size_t iy, size_t ix, size_t iw)
{
    Sums *t = to;
    add(t, iw, (double)t->x[ix] * (double)t->y[iy]);
}

/* The largest error in units of the sum of absolute products: a float32 sum of n
 * terms stays far below n ulp of that. */
static double worst(const float *got, const Sums *t, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) {
        const double error = fabs((double)got[i] - t->sum[i]) / (t->size[i] + 1e-3) / (double)FLT_EPSILON;
        most = error > most || error != error ? error : most;
    }
    return most;
}

/* Runs one pass with 1 and 2 threads; both must agree to the bit. `start` is what the result holds before. */
typedef int Pass(DfPool *, const DfKernels *, const DfConvShape *, const float *a, const float *b, float *out);
static float *run_twice(Pass *pass, const DfKernels *k, const DfConvShape *s, const float *a, const float *b, size_t n, uint64_t start)
{
    float *one = numbers(n, start), *two = numbers(n, start);
    cr_assert_eq(pass(pools[0], k, s, a, b, one), DF_OK);
    cr_assert_eq(pass(pools[1], k, s, a, b, two), DF_OK);
    cr_assert(memcmp(one, two, n * sizeof *one) == 0, "2 threads differ");
    df_free(two);
    return one;
}

static bool depthwise;          /* what the passes below run */
static DfPackKind kind;

/* Every test says both: under ThreadSanitizer all tests share a process. */
static void run_as(bool is_depthwise, DfPackKind packed)
{
    depthwise = is_depthwise;
    kind = packed;
}
static const float *bias;

static bool is_winograd(void)
{
    return kind == DF_PACK_WINOGRAD || kind == DF_PACK_WINOGRAD_STRIDED;
}

static int forward(DfPool *pool, const DfKernels *k, const DfConvShape *s, const float *x, const float *w, float *y)
{
    if (depthwise)
        return df_depthwise_forward(pool, k, s, x, w, y, (DfEpilogue){ .bias = bias, .residual = y });
    DfPacked *packed = NULL;
    const size_t K = (size_t)(s->kh * s->kw * (s->I / s->groups));
    int error = is_winograd() ? df_pack_winograd(&packed, pool, kind, DF_PRECISION_F32, w, (size_t)s->O, (size_t)s->I)
                              : df_pack(&packed, pool, w, (size_t)s->O, K, (size_t)s->groups);
    if (!error)
        error = df_conv_forward(pool, k, s, x, packed, y, (DfEpilogue){ .bias = bias, .residual = y });
    df_packed_free(packed);
    return error;
}

static int transposed(DfPool *pool, const DfKernels *k, const DfConvShape *s, const float *y, const float *w, float *x)
{
    return depthwise ? df_depthwise_transposed(pool, k, s, y, w, x) : df_conv_transposed(pool, k, s, y, w, bias, x);
}

static int weight_grad(DfPool *pool, const DfKernels *k, const DfConvShape *s, const float *x, const float *y, float *w)
{
    return depthwise ? df_depthwise_weight_grad(pool, k, s, x, y, w) : df_conv_weight_grad(pool, k, s, x, y, w);
}

static void check_pass(Pass *pass, const DfKernels *k, const DfConvShape *s, Visit *visit, const float *a, const float *b, Sums t, size_t n,
                       bool has_bias, size_t channels, double bound, const char *what)
{
    float *bs = numbers(channels, 20), *start = numbers(n, 9);
    t.sum = df_calloc(n + 1, sizeof(double));
    t.size = df_calloc(n + 1, sizeof(double));
    visit_all(s, depthwise, visit, &t);
    for (size_t i = 0; i < n; i++) {
        add(&t, i, (double)start[i]);
        if (has_bias)
            add(&t, i, (double)bs[i % channels]);
    }
    bias = has_bias ? bs : NULL;
    float *got = run_twice(pass, k, s, a, b, n, 9);
    const double error = worst(got, &t, n);
    cr_assert(error <= bound, "%s, %s: %d %dx%d %d -> %d kernel %dx%d stride %d padding %d dilation %d groups %d: %.1f ulp of the sum", what,
              df_kernels_name(k), s->N, s->H, s->W, s->I, s->O, s->kh, s->kw, s->stride[0], s->padding[0], s->dilation[0], s->groups, error);
    df_free(bs), df_free(start), df_free(t.sum), df_free(t.size), df_free(got);
}

/* All three passes. */
static void check(DfConvShape s)
{
    const Sizes n = sizes(&s);
    float *x = numbers(n.x, 1), *w = numbers(n.w, 2), *y = numbers(n.y, 3);
    const Sums t = { NULL, NULL, x, w, y };
    /* A Winograd error is relative to the patch, not to the few terms at its border. */
    const double bound = is_winograd() ? 12 : 3;
    const double back = kind == DF_PACK_WINOGRAD ? 12 : 3; /* with a stride of 2 the way back is direct */
    for (int rung = 0; df_kernels_rung(rung); rung++) {
        const DfKernels *k = df_kernels_named(df_kernels_rung(rung));
        for (int has_bias = 0; has_bias < 2; has_bias++) {
            check_pass(forward, k, &s, into_y, x, w, t, n.y, has_bias, (size_t)s.O, bound, "forward");
            check_pass(transposed, k, &s, into_x, y, w, t, n.x, has_bias && !depthwise, (size_t)s.I, back, "transposed");
        }
        check_pass(weight_grad, k, &s, into_w, x, y, t, n.w, false, 1, 3, "weight gradient");
    }
    df_free(x), df_free(w), df_free(y);
}

Test(conv, plain_products)
{
    run_as(false, DF_PACK_GEMM);
    check(shape(1, 5, 7, 3, 4, 1, 1, 1, 1, 0, 0, 1, 1));
    check(shape(2, 9, 8, 20, 33, 1, 1, 1, 1, 0, 0, 1, 1));
    check(shape(2, 9, 7, 6, 8, 1, 1, 2, 2, 0, 0, 1, 1));
}

Test(conv, patches)
{
    run_as(false, DF_PACK_GEMM);
    check(shape(2, 27, 22, 3, 8, 4, 4, 4, 4, 0, 0, 1, 1));
    check(shape(1, 9, 8, 6, 12, 2, 2, 2, 2, 0, 0, 1, 1));
    check(shape(2, 11, 13, 5, 7, 3, 3, 1, 1, 1, 1, 1, 1));
    check(shape(2, 15, 12, 3, 7, 3, 3, 2, 2, 1, 1, 1, 1));
    check(shape(1, 25, 19, 3, 8, 7, 7, 2, 2, 3, 3, 1, 1));
    check(shape(2, 12, 11, 5, 6, 3, 3, 1, 1, 2, 2, 2, 1));
    check(shape(2, 10, 13, 4, 5, 3, 5, 2, 1, 1, 2, 1, 1));
    check(shape(1, 13, 17, 4, 3, 3, 2, 3, 2, 4, 0, 3, 1)); /* more padding than kernel, stride and dilation 3 */
    check(shape(1, 1, 1, 3, 2, 3, 3, 1, 1, 1, 1, 1, 1));
    check(shape(1, 2, 3, 40, 50, 5, 5, 1, 1, 2, 2, 1, 1));
}

Test(conv, weight_gradients_in_chunks)
{
    run_as(false, DF_PACK_GEMM);
    check(shape(1, 23, 19, 100, 6, 3, 3, 1, 1, 1, 1, 1, 1)); /* of one run of three taps    */
    check(shape(1, 6, 7, 190, 5, 3, 3, 1, 1, 1, 1, 1, 1));   /* of two taps                 */
    check(shape(1, 4, 5, 1030, 3, 2, 2, 1, 1, 0, 0, 1, 1));  /* of a third of a tap         */
    check(shape(1, 5, 4, 1200, 4, 1, 2, 1, 1, 0, 0, 1, 2));  /* of parts of a group's taps  */
}

Test(conv, groups)
{
    run_as(false, DF_PACK_GEMM);
    check(shape(2, 7, 9, 8, 12, 3, 3, 1, 1, 1, 1, 1, 2));
    check(shape(1, 8, 8, 3, 27, 3, 3, 1, 1, 1, 1, 1, 3)); /* channel multiplier */
    check(shape(2, 9, 5, 12, 6, 3, 3, 2, 2, 1, 1, 2, 3));
    check(shape(1, 6, 6, 4, 4, 1, 1, 1, 1, 0, 0, 1, 4));
}

Test(conv, empty)
{
    run_as(false, DF_PACK_GEMM);
    check(shape(0, 5, 5, 3, 4, 3, 3, 1, 1, 1, 1, 1, 1));
    DfConvShape s = shape(2, 5, 5, 3, 4, 3, 3, 1, 1, 1, 1, 1, 1);
    s.H = s.oH = 0;
    check(s);
}

Test(conv, depthwise)
{
    run_as(true, DF_PACK_GEMM);
    check(shape(2, 8, 9, 10, 10, 3, 3, 1, 1, 1, 1, 1, 10));
    check(shape(1, 12, 9, 19, 19, 7, 7, 1, 1, 3, 3, 1, 19));
    check(shape(2, 26, 19, 4, 4, 9, 9, 8, 8, 4, 4, 1, 4));
    check(shape(1, 11, 14, 17, 17, 5, 5, 2, 2, 2, 2, 1, 17));
    check(shape(1, 13, 11, 8, 8, 3, 3, 1, 2, 2, 3, 2, 8));
    check(shape(1, 2, 2, 16, 16, 9, 9, 1, 1, 4, 4, 1, 16));
    check(shape(0, 5, 5, 8, 8, 3, 3, 1, 1, 1, 1, 1, 8));
}

Test(conv, winograd)
{
    run_as(false, DF_PACK_WINOGRAD);
    check(shape(1, 4, 4, 8, 16, 3, 3, 1, 1, 1, 1, 1, 1));
    check(shape(2, 11, 13, 17, 23, 3, 3, 1, 1, 1, 1, 1, 1));
    check(shape(1, 1, 2, 5, 3, 3, 3, 1, 1, 1, 1, 1, 1));
    check(shape(1, 21, 19, 32, 70, 3, 3, 1, 1, 1, 1, 1, 1)); /* two blocks of output channels; gradients by Winograd too */
    check(shape(2, 9, 30, 64, 36, 3, 3, 1, 1, 1, 1, 1, 1));
    check(shape(2, 14, 17, 32, 33, 3, 3, 1, 1, 0, 1, 1, 1)); /* other paddings, as strips of a map have them */
    check(shape(1, 13, 18, 33, 32, 3, 3, 1, 1, 2, 0, 1, 1));
}

Test(conv, winograd_strided)
{
    run_as(false, DF_PACK_WINOGRAD_STRIDED);
    check(shape(1, 8, 8, 8, 16, 3, 3, 2, 2, 1, 1, 1, 1));
    check(shape(2, 21, 27, 17, 23, 3, 3, 2, 2, 1, 1, 1, 1));
    check(shape(1, 1, 2, 5, 3, 3, 3, 2, 2, 1, 1, 1, 1));
    check(shape(1, 41, 38, 32, 70, 3, 3, 2, 2, 1, 1, 1, 1)); /* two blocks of output channels */
    check(shape(2, 18, 59, 64, 36, 3, 3, 2, 2, 1, 1, 1, 1));
    check(shape(2, 27, 34, 32, 33, 3, 3, 2, 2, 0, 1, 1, 1));
    check(shape(1, 25, 36, 33, 32, 3, 3, 2, 2, 2, 0, 1, 1));
    check(shape(3, 7, 3, 300, 20, 3, 3, 2, 2, 1, 1, 1, 1)); /* two blocks along k */
    check(shape(0, 9, 9, 8, 8, 3, 3, 2, 2, 1, 1, 1, 1));
}

/* ---- a filter that comes from far away: some input channels at a time, many output channels ---------------------- */

/* The result with each number of threads, on a rung: all have the same bits. */
static float *with_all_threads(const DfKernels *k, const DfConvShape *s, const DfPacked *w, const float *x, const float *bs)
{
    static const int threads[] = { 1, 2, 3, 7 };
    const size_t n = sizes(s).y;
    float *first = NULL;
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        DfPool *pool = NULL;
        float *y = df_malloc(n * sizeof *y);
        cr_assert_eq(df_pool_new(&pool, threads[i]), DF_OK);
        cr_assert_eq(df_conv_forward(pool, k, s, x, w, y, (DfEpilogue){ .bias = bs, .act = DF_ACT_RELU }), DF_OK);
        cr_assert(!first || memcmp(first, y, n * sizeof *y) == 0, "%d threads differ", threads[i]);
        df_pool_free(pool);
        df_free(first);
        first = y;
    }
    return first;
}

/* Forward alone, on every rung, against float64: a bias and a ReLU follow. */
static void check_far(DfConvShape s)
{
    const Sizes n = sizes(&s);
    float *x = numbers(n.x, 1), *w = numbers(n.w, 2), *bs = numbers((size_t)s.O, 20);
    Sums t = { df_calloc(n.y, sizeof(double)), df_calloc(n.y, sizeof(double)), x, w, NULL };
    visit_all(&s, false, into_y, &t);
    for (size_t i = 0; i < n.y; i++) {
        add(&t, i, (double)bs[i % (size_t)s.O]);
        t.sum[i] = t.sum[i] > 0 ? t.sum[i] : 0;
    }
    for (int rung = 0; df_kernels_rung(rung); rung++) {
        const DfKernels *k = df_kernels_named(df_kernels_rung(rung));
        DfPacked *packed = NULL;
        cr_assert_eq(df_pack_winograd(&packed, pools[1], DF_PACK_WINOGRAD, DF_PRECISION_F32, w, (size_t)s.O, (size_t)s.I), DF_OK);
        float *y = with_all_threads(k, &s, packed, x, bs);
        const double error = worst(y, &t, n.y);
        cr_expect(error <= 12, "%s, %d images of %dx%d, %d -> %d: %.1f ulp of the sum", df_kernels_name(k), s.N, s.H, s.W, s.I, s.O, error);
        df_packed_free(packed), df_free(y);
    }
    df_free(x), df_free(w), df_free(bs), df_free(t.sum), df_free(t.size);
}

Test(conv, winograd_of_a_far_filter)
{
    check_far(shape(20, 1, 5, 771, 200, 3, 3, 1, 1, 1, 1, 1, 1));  /* uneven blocks of input channels, 13 or 14 tiles */
    check_far(shape(340, 1, 1, 120, 520, 3, 3, 1, 1, 1, 1, 1, 1)); /* nine O_BLOCKs: a slab of eight and one of one   */
}

/* Many images read the filter from far away, each alone has few tiles: the sums are the same, to the bit. (OpenBLAS's
 * are not, which depend on the number of rows.) */
Test(conv, winograd_of_one_image_or_many)
{
    const DfConvShape all = shape(3, 13, 14, 1500, 80, 3, 3, 1, 1, 1, 1, 1, 1), one = shape(1, 13, 14, 1500, 80, 3, 3, 1, 1, 1, 1, 1, 1);
    const Sizes n = sizes(&all), each = sizes(&one);
    float *x = numbers(n.x, 1), *w = numbers(n.w, 2), *bs = numbers(80, 20);
    for (int rung = 0; df_kernels_rung(rung); rung++) {
        const DfKernels *k = df_kernels_named(df_kernels_rung(rung));
        for (DfPrecision precision = DF_PRECISION_F32; !k->gemm.product && precision <= DF_PRECISION_BF16; precision++) {
            if (precision == DF_PRECISION_BF16 && !k->bf16.tile)
                continue;
            DfPacked *packed = NULL;
            cr_assert_eq(df_pack_winograd(&packed, pools[1], DF_PACK_WINOGRAD, precision, w, 80, 1500), DF_OK);
            float *together = with_all_threads(k, &all, packed, x, bs);
            for (size_t i = 0; i < 3; i++) {
                float *alone = with_all_threads(k, &one, packed, x + i * each.x, bs);
                cr_expect(memcmp(alone, together + i * each.y, each.y * sizeof *alone) == 0, "%s, image %zu", df_kernels_name(k), i);
                df_free(alone);
            }
            df_packed_free(packed), df_free(together);
        }
    }
    df_free(x), df_free(w), df_free(bs);
}

/* Float32 sums one product after the other, as a plain loop has them. Sums in another order (the C rung's, in blocks)
 * err less, so a rung's own products are no yardstick. */
typedef struct {
    const float *x, *w;
    float *sum;
} PlainSums;

static void into_plain(void *to, size_t iy, size_t ix, size_t iw)
{
    PlainSums *t = to;
    t->sum[iy] += t->x[ix] * t->w[iw];
}

/* Errors over many pixels: Winograd on every rung against plain float32 sums. */
static void check_accuracy(DfPackKind packed, DfConvShape s, double rms, double largest)
{
    const Sizes n = sizes(&s);
    float *x = numbers(n.x, 1), *w = numbers(n.w, 2), *plain = df_calloc(n.y, sizeof(float)), *y = df_calloc(n.y, sizeof(float));
    Sums t = { df_calloc(n.y, sizeof(double)), df_calloc(n.y, sizeof(double)), x, w, NULL };
    visit_all(&s, false, into_y, &t);
    visit_all(&s, false, into_plain, &(PlainSums){ x, w, plain });
    run_as(false, packed);
    for (int rung = 0; df_kernels_rung(rung); rung++) {
        const DfKernels *k = df_kernels_named(df_kernels_rung(rung));
        double error[2] = { 0, 0 }, most[2] = { 0, 0 };
        memset(y, 0, n.y * sizeof *y); /* passes of these tests add to what is there */
        cr_assert_eq(forward(pools[1], k, &s, x, w, y), DF_OK);
        for (size_t j = 0; j < n.y; j++) {
            const double e[2] = { fabs((double)plain[j] - t.sum[j]), fabs((double)y[j] - t.sum[j]) };
            for (int i = 0; i < 2; i++) {
                error[i] += e[i] * e[i];
                most[i] = e[i] > most[i] ? e[i] : most[i];
            }
        }
        cr_expect(sqrt(error[1] / error[0]) < rms, "%s: rms %.2f times that of plain sums", df_kernels_rung(rung), sqrt(error[1] / error[0]));
        cr_expect(most[1] / most[0] < largest, "%s: largest %.2f times that of plain sums", df_kernels_rung(rung), most[1] / most[0]);
    }
    df_free(x), df_free(w), df_free(plain), df_free(y), df_free(t.sum), df_free(t.size);
}

Test(conv, winograd_is_accurate)
{
    check_accuracy(DF_PACK_WINOGRAD, shape(1, 24, 24, 128, 64, 3, 3, 1, 1, 1, 1, 1, 1), 4, 6);
    check_accuracy(DF_PACK_WINOGRAD_STRIDED, shape(1, 48, 48, 128, 64, 3, 3, 2, 2, 1, 1, 1, 1), 1.5, 2);
}

/* What is packed so: 3x3 with many channels, where tiles hang over little. */
Test(conv, who_goes_by_winograd)
{
    DfConvShape s = shape(1, 56, 56, 128, 128, 3, 3, 2, 2, 1, 1, 1, 1);
    cr_expect_eq(df_conv_pack_kind(&s, DF_PRECISION_F32), DF_PACK_WINOGRAD_STRIDED);
    cr_expect_eq(df_conv_pack_kind(&s, DF_PRECISION_BF16), DF_PACK_GEMM, "in bf16");
    s.stride[0] = 1;
    cr_expect_eq(df_conv_pack_kind(&s, DF_PRECISION_F32), DF_PACK_GEMM, "one stride of 1, one of 2");
    s = shape(1, 28, 28, 128, 128, 3, 3, 1, 1, 1, 1, 1, 1);
    cr_expect_eq(df_conv_pack_kind(&s, DF_PRECISION_F32), DF_PACK_WINOGRAD);
    s = shape(1, 14, 14, 512, 512, 3, 3, 2, 2, 1, 1, 1, 1);
    cr_expect_eq(df_conv_pack_kind(&s, DF_PRECISION_F32), DF_PACK_GEMM, "a small map");
    s = shape(1, 57, 57, 128, 128, 3, 3, 2, 2, 2, 2, 2, 1);
    cr_expect_eq(df_conv_pack_kind(&s, DF_PRECISION_F32), DF_PACK_GEMM, "a dilated one");
    s = shape(1, 84, 84, 128, 128, 3, 3, 3, 3, 1, 1, 1, 1);
    cr_expect_eq(df_conv_pack_kind(&s, DF_PRECISION_F32), DF_PACK_GEMM, "a stride of 3");
    s = shape(1, 56, 56, 16, 128, 3, 3, 2, 2, 1, 1, 1, 1);
    cr_expect_eq(df_conv_pack_kind(&s, DF_PRECISION_F32), DF_PACK_GEMM, "few channels");
}
