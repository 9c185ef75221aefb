/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/tensor/test_roi_align.c -- RoIAlign against the reference, both directions, on each rung with 1 and 2 threads;
 * several maps at once against one at a time; and regions that are empty, outside, or no numbers.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tensor/tensor.h"
#include "tests/support/golden.h"

static const double tolerance = 2e-5;

typedef struct {
    const char *file;
    DfRoiAlign how;
} Case;
static const Case cases[] = {
    { "roi_align_a_s0", { 7, 7, 0, true } },
    { "roi_align_a_s2", { 7, 7, 2, true } },
    { "roi_align_na_s0", { 3, 5, 0, false } },
    { "roi_align_na_s3", { 4, 6, 3, false } },
};

/* N C H W of the file to N H W C, or back. */
static float *turned(const float *in, size_t N, size_t C, size_t L, bool back)
{
    float *out = df_malloc(N * C * L * sizeof *out);
    for (size_t n = 0; n < N; n++)
        for (size_t i = 0; i < C; i++)
            for (size_t l = 0; l < L; l++) {
                const size_t last = (n * L + l) * C + i, first = (n * C + i) * L + l;
                out[back ? first : last] = in[back ? last : first];
            }
    return out;
}

static DfTensor *load_map(DfCtx *c, DfCheckpoint *g, const char *key)
{
    const DfArray *a = golden_get(g, key);
    float *data = golden_f32(g, key), *last = turned(data, (size_t)a->shape[0], (size_t)a->shape[1], (size_t)(a->shape[2] * a->shape[3]), false);
    DfTensor *x = df_from(c, DF_SHAPE((int)a->shape[0], (int)a->shape[2], (int)a->shape[3], (int)a->shape[1]), last);
    df_free(data);
    df_free(last);
    return x;
}

static void compare(const Case *k, DfCheckpoint *g, const char *key, const float *got)
{
    const DfArray *a = golden_get(g, key);
    float *first = turned(got, (size_t)a->shape[0], (size_t)a->shape[1], (size_t)(a->shape[2] * a->shape[3]), true);
    const double e = max_abs_over_max(first, a);
    cr_expect_leq(e, tolerance, "%s: %s is %.2g off", k->file, key, e);
    df_free(first);
}

/* Copies of the result and of the map's gradient, to be compared bit by bit. */
static void check(const Case *k, DfCheckpoint *g, const char *rung, int threads, float *result)
{
    DfPool *pool;
    DfCtx *c;
    cr_assert_eq(df_pool_new(&pool, threads), DF_OK);
    cr_assert_eq(df_ctx_new(&c, pool), DF_OK);
    c->k = df_kernels_named(rung);
    c->recording = true;
    DfTensor *x = load_map(c, g, "input.x"), *seed = load_map(c, g, "gradout.y");
    float *rois = golden_f32(g, "input.rois");
    x->wants_grad = true;
    const int n = (int)golden_get(g, "input.rois")->shape[0];
    DfTensor *y = df_roi_align(c, &x, (float[]){ 0.25f }, 1, rois, NULL, n, k->how);
    df_free(rois); /* read during the call only */
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    df_backward(c, y, seed->data);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    compare(k, g, "output.y", y->data);
    compare(k, g, "grad.x", x->grad);
    memcpy(result, y->data, df_size(y) * sizeof *result);
    memcpy(result + df_size(y), x->grad, df_size(x) * sizeof *result);
    df_ctx_free(c);
    df_pool_free(pool);
}

Test(roi_align, reference)
{
    static float one[1 << 16], two[1 << 16];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        DfCheckpoint *g = golden_open(DF_TEST_DATA "/ops/%s.safetensors", cases[i].file);
        cr_assert_not_null(g);
        for (int r = 0; df_kernels_rung(r); r++) {
            const char *rung = df_kernels_rung(r);
            check(&cases[i], g, rung, 1, one);
            check(&cases[i], g, rung, 2, two);
            cr_expect_arr_eq(one, two, sizeof one, "%s: threads change the result", cases[i].file);
        }
        golden_close(g);
    }
}

static DfTensor *noise(DfCtx *c, DfShape shape, uint64_t seed)
{
    DfTensor *x = df_new(c, shape);
    DfRandom random = df_random(seed, 0);
    for (size_t i = 0; i < df_size(x); i++)
        x->data[i] = (float)df_uniform(&random);
    return x;
}

Test(roi_align, several_maps)
{
    DfCtx *c;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    DfTensor *maps[3] = { noise(c, DF_SHAPE(2, 20, 24, 70), 1), noise(c, DF_SHAPE(2, 10, 12, 70), 2), noise(c, DF_SHAPE(2, 5, 6, 70), 3) };
    const float scales[3] = { 0.25f, 0.125f, 0.0625f };
    const float rois[] = { 0, 3, 4, 20, 30, 1, 0, 0, 96, 80, 0, 50, 2, 95, 9, 1, 10, 10, 11, 11 };
    const int level[] = { 0, 2, 1, 0 };
    const DfRoiAlign how = { 4, 6, 0, true };
    const DfTensor *all = df_roi_align(c, maps, scales, 3, rois, level, 4, how);
    for (int i = 0; i < 4; i++) {
        const DfTensor *one = df_roi_align(c, &maps[level[i]], &scales[level[i]], 1, rois + 5 * i, NULL, 1, how);
        cr_expect_arr_eq(one->data, all->data + (size_t)i * df_size(one), df_size(one) * sizeof(float), "region %d", i);
    }
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    df_ctx_free(c);
}

/* The mean of equal cells is that cell, also where a bin has more cells than are blended at once. */
Test(roi_align, large_bins)
{
    DfCtx *c;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    for (int r = 0; df_kernels_rung(r); r++) {
        c->k = df_kernels_named(df_kernels_rung(r));
        DfTensor *map = df_new(c, DF_SHAPE(1, 30, 40, 13));
        for (size_t i = 0; i < df_size(map); i++)
            map->data[i] = 2.5f;
        const float scale = 1, whole[] = { 0, 2, 3, 38, 28 };
        const DfTensor *y = df_roi_align(c, &map, &scale, 1, whole, NULL, 1, (DfRoiAlign){ 1, 2, 0, true });
        cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
        for (size_t i = 0; i < df_size(y); i++)
            cr_expect_float_eq(y->data[i], 2.5f, 1e-4f, "%s: %zu", df_kernels_name(c->k), i);
    }
    df_ctx_free(c);
}

Test(roi_align, odd_regions)
{
    DfCtx *c;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    DfTensor *map = noise(c, DF_SHAPE(1, 9, 8, 5), 4);
    const float scale = 1;
    /* empty; turned round; no number; without end; far outside; all of them give 0 */
    const float nothing[] = { 0, 3, 3, 3, 3, 0, 5, 5, 2, 2, 0, NAN, 1, 4, 4, 0, 1, 1, INFINITY, 5, 0, 100, 100, 120, 120 };
    const DfTensor *y = df_roi_align(c, &map, &scale, 1, nothing, NULL, 5, (DfRoiAlign){ 3, 3, 0, true });
    for (size_t i = 0; i < df_size(y); i++)
        cr_expect_eq(y->data[i], 0.0f);
    /* a pixel: its own value in one bin, whatever the number of samples */
    const float pixel[] = { 0, 4, 6, 5, 7 };
    y = df_roi_align(c, &map, &scale, 1, pixel, NULL, 1, (DfRoiAlign){ 1, 1, 1, true });
    for (size_t i = 0; i < 5; i++)
        cr_expect_float_eq(y->data[i], map->data[(6 * 8 + 4) * 5 + i], 1e-6f);
    y = df_roi_align(c, &map, &scale, 1, pixel, NULL, 0, (DfRoiAlign){ 7, 7, 0, true });
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    cr_expect_eq(df_size(y), 0);
    const float other[] = { 1, 0, 0, 4, 4 };
    df_roi_align(c, &map, &scale, 1, other, NULL, 1, (DfRoiAlign){ 1, 1, 1, true });
    cr_expect_lt(df_ctx_error(c), 0, "a region of an image that is not there");
    df_ctx_free(c);
}
