/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/tensor/test_ms_deform_attention.c -- multi-scale deformable attention against values and gradients of the
 * official code's pure-tensor form in float64, on each rung, with 1 and 2 threads, which must agree to the bit; and
 * the ops around it against central differences.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tensor/tensor.h"
#include "tests/support/golden.h"

static const double tolerance = 2e-6;

static DfTensor *input(DfCtx *c, DfCheckpoint *g, const char *name)
{
    const DfArray *a = golden_get(g, name);
    DfShape shape = { a->ndim, { 0 } };
    for (int i = 0; i < a->ndim; i++)
        shape.d[i] = (int)a->shape[i];
    float *data = golden_f32(g, name);
    DfTensor *x = df_from(c, shape, data);
    x->wants_grad = true;
    df_free(data);
    return x;
}

static void close_to(const char *file, DfCheckpoint *g, const char *name, const float *got)
{
    const DfArray *a = golden_get(g, name);
    cr_expect_leq(rel_l2(got, a), tolerance, "%s %s: rel l2 %g", file, name, rel_l2(got, a));
}

static uint64_t hash(uint64_t h, const DfTensor *x)
{
    const unsigned char *bytes = (const unsigned char *)x->grad;
    for (size_t i = 0; i < df_size(x) * sizeof(float); i++)
        h = (h ^ bytes[i]) * 0x100000001b3u;
    return h;
}

static uint64_t check(const char *file, DfCheckpoint *g, const char *rung, int threads)
{
    DfPool *pool = NULL;
    DfCtx *c = NULL;
    cr_assert_eq(df_pool_new(&pool, threads), DF_OK);
    cr_assert_eq(df_ctx_new(&c, pool), DF_OK);
    c->k = df_kernels_named(rung);
    c->recording = true;
    DfTensor *value = input(c, g, "input.value"), *location = input(c, g, "input.sampling_locations"), *weight = input(c, g, "input.attention_weights");
    int64_t *shapes = golden_i64(g, "input.spatial_shapes");
    DfPyramid levels = { .n = (int)golden_get(g, "input.spatial_shapes")->shape[0] };
    for (int l = 0; l < levels.n; l++) {
        levels.h[l] = (int)shapes[2 * l];
        levels.w[l] = (int)shapes[2 * l + 1];
    }
    df_free(shapes);
    DfTensor *y = df_ms_deform_attention(c, value, location, weight, &levels);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    float *seed = golden_f32(g, "gradout.y");
    df_backward(c, y, seed);
    df_free(seed);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    close_to(file, g, "output.y", y->data);
    close_to(file, g, "grad.value", value->grad);
    close_to(file, g, "grad.sampling_locations", location->grad);
    close_to(file, g, "grad.attention_weights", weight->grad);
    const uint64_t h = hash(hash(hash(hash(0, y), value), location), weight);
    df_ctx_free(c);
    df_pool_free(pool);
    return h;
}

Test(ms_deform_attention, golden)
{
    static const char *const files[] = { "ms_deform_attn_2lvl", "ms_deform_attn_4lvl" };
    for (int i = 0; i < 2; i++) {
        DfCheckpoint *g = golden_open(DF_TEST_DATA "/ops/%s.safetensors", files[i]);
        cr_assert_not_null(g);
        for (int r = 0; df_kernels_rung(r); r++)
            cr_expect_eq(check(files[i], g, df_kernels_rung(r), 1), check(files[i], g, df_kernels_rung(r), 2), "threads change the result");
        golden_close(g);
    }
}

/* Odd depths, places far outside and without a number: the rungs agree, and
 * nothing outside is read (for the sanitizers). */
Test(ms_deform_attention, rungs_agree)
{
    int last = 0; /* the best rung */
    while (df_kernels_rung(last + 1))
        last++;
    static const int depths[] = { 1, 5, 8, 13, 32, 45, 64 };
    const DfPyramid levels = { 3, { 5, 1, 7 }, { 3, 2, 1 } };
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++)
        for (int points = 1; points < 6; points++) {
            DfCtx *c = NULL;
            cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
            DfRandom random = df_random(7, (uint64_t)(points * 100 + depths[i]));
            DfTensor *value = df_new(c, DF_SHAPE(2, df_pyramid_cells(&levels), 2, depths[i]));
            DfTensor *location = df_new(c, DF_SHAPE(2, 37, 2, 3, points, 2)), *weight = df_new(c, DF_SHAPE(2, 37, 2, 3, points));
            for (size_t j = 0; j < df_size(value); j++)
                value->data[j] = (float)df_normal(&random);
            for (size_t j = 0; j < df_size(location); j++)
                location->data[j] = (float)(0.5 + df_normal(&random));
            for (size_t j = 0; j < df_size(weight); j++)
                weight->data[j] = (float)df_uniform(&random);
            location->data[0] = NAN;
            location->data[5] = INFINITY;
            location->data[8] = -1e30f;
            c->k = df_kernels_named("c");
            const DfTensor *a = df_ms_deform_attention(c, value, location, weight, &levels);
            c->k = df_kernels_named(df_kernels_rung(last));
            const DfTensor *b = df_ms_deform_attention(c, value, location, weight, &levels);
            cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
            for (size_t j = 0; j < df_size(a); j++)
                cr_assert_leq(fabsf(a->data[j] - b->data[j]), 1e-5f, "depth %d, %d points: %g and %g", depths[i], points, (double)a->data[j], (double)b->data[j]);
            df_ctx_free(c);
        }
}

/* ---- gradients of the small ops, by central differences -------------------------------------------------------------- */

typedef DfTensor *Function(DfCtx *, DfTensor *const *in);
static const DfPyramid pyramid = { 2, { 4, 2 }, { 5, 3 } };
static const float ratios[] = { 1, 1, 0.75f, 0.5f, 0.8f, 1, 1, 0.6f }; /* 2 samples, 2 levels */

static DfTensor *locations(DfCtx *c, DfTensor *const *in) { return df_sampling_locations(c, in[0], in[1], ratios, &pyramid, 3, 2); }
static DfTensor *inverse(DfCtx *c, DfTensor *const *in) { return df_inverse_sigmoid(c, in[0]); }
static DfTensor *corners(DfCtx *c, DfTensor *const *in) { return df_box_corners(c, in[0]); }
static DfTensor *rows(DfCtx *c, DfTensor *const *in) { return df_zero_rows(c, in[0], (const uint8_t[]){ 0, 1, 0, 0, 1, 0 }); }

static double weighted(const DfTensor *y)
{
    double sum = 0;
    for (size_t i = 0; i < df_size(y); i++)
        sum += (double)y->data[i] * sin((double)i + 1);
    return sum;
}

static void differences(Function *f, DfTensor **in, int n, DfCtx *c)
{
    c->recording = true;
    for (int i = 0; i < n; i++)
        in[i]->wants_grad = true;
    DfTensor *y = f(c, in);
    float *seed = df_malloc(df_size(y) * sizeof *seed);
    for (size_t i = 0; i < df_size(y); i++)
        seed[i] = (float)sin((double)i + 1);
    df_backward(c, y, seed);
    df_free(seed);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    for (int i = 0; i < n; i++)
        for (size_t j = 0; j < df_size(in[i]); j++) {
            const float at = in[i]->data[j], h = 0.004f;
            in[i]->data[j] = at + h;
            const double above = weighted(f(c, in));
            in[i]->data[j] = at - h;
            const double below = weighted(f(c, in));
            in[i]->data[j] = at;
            const double slope = (above - below) / (2 * (double)h);
            cr_expect_leq(fabs(slope - (double)in[i]->grad[j]), 2e-3 * (1 + fabs(slope)), "input %d, element %zu: %g for %g", i, j, (double)in[i]->grad[j], slope);
        }
}

static DfTensor *uniform(DfCtx *c, DfShape shape, uint64_t seed)
{
    DfTensor *x = df_new(c, shape);
    DfRandom random = df_random(3, seed);
    for (size_t i = 0; i < df_size(x); i++)
        x->data[i] = (float)(0.1 + 0.8 * df_uniform(&random));
    return x;
}

Test(references, gradients)
{
    DfCtx *c = NULL;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    differences(locations, (DfTensor *[]){ uniform(c, DF_SHAPE(2, 3, 2), 1), uniform(c, DF_SHAPE(2, 3, 24), 2) }, 2, c);
    differences(locations, (DfTensor *[]){ uniform(c, DF_SHAPE(2, 3, 4), 3), uniform(c, DF_SHAPE(2, 3, 24), 4) }, 2, c);
    differences(inverse, (DfTensor *[]){ uniform(c, DF_SHAPE(4, 5), 5) }, 1, c);
    differences(corners, (DfTensor *[]){ uniform(c, DF_SHAPE(5, 4), 6) }, 1, c);
    differences(rows, (DfTensor *[]){ uniform(c, DF_SHAPE(2, 3, 7), 7) }, 1, c);
    df_ctx_free(c);
}

Test(references, inverse_sigmoid_at_the_ends)
{
    DfCtx *c = NULL;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    const DfTensor *y = df_inverse_sigmoid(c, df_from(c, DF_SHAPE(4), (const float[]){ -1, 0, 1, 2 }));
    cr_expect_float_eq(y->data[0], logf(1e-5f), 1e-5f);
    cr_expect_eq(y->data[0], y->data[1]);
    cr_expect_float_eq(y->data[2], -logf(1e-5f), 1e-5f);
    cr_expect_eq(y->data[2], y->data[3]);
    df_ctx_free(c);
}
