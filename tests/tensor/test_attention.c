/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/tensor/test_attention.c -- window, deformable and neighborhood attention against PyTorch
 * in float64 (tests/scripts/make_attention.py): values and all gradients, on every rung, with 1
 * and 3 threads, which must give the same bits.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tensor/tensor.h"
#include "tests/support/golden.h"

static const double tolerance = 2e-5; /* of the largest expected value */

/* The inputs by name, a context, and the op's result. */
typedef struct {
    DfPool *pool;
    DfCtx *c;
    const DfCheckpoint *golden;
    float options[8];
    const char *name[5];
    DfTensor *input[5];
    int n;
    DfTensor *y;
} Run;

static DfTensor *input(Run *r, const char *name)
{
    if (!golden_has(r->golden, name))
        return NULL;
    const DfArray *array = golden_get(r->golden, name);
    DfShape shape = { array->ndim, { 0 } };
    for (int i = 0; i < array->ndim; i++)
        shape.d[i] = (int)array->shape[i];
    float *data = golden_f32(r->golden, name);
    DfTensor *x = df_from(r->c, shape, data);
    df_free(data);
    x->wants_grad = true;
    r->name[r->n] = name;
    r->input[r->n++] = x;
    return x;
}

static void apply_window(Run *r)
{
    const float *o = r->options;
    DfTensor *qkv = input(r, "qkv"), *pad = input(r, "pad"), *table = input(r, "table");
    r->y = df_window_attention(r->c, qkv, pad, table,
                               (DfWindowAttention){ .heads = (int)o[0], .window = (int)o[1], .shift = (int)o[2], .scale = o[3] });
}

static const uint8_t *mask(Run *r)
{
    const size_t n = (size_t)df_array_count(golden_get(r->golden, "off"));
    float *values = golden_f32(r->golden, "off");
    uint8_t *off = (uint8_t *)df_workspace(r->c, (n + 3) / 4);
    for (size_t i = 0; i < n; i++)
        off[i] = values[i] != 0;
    df_free(values);
    return off;
}

static void apply_deform(Run *r)
{
    const float *o = r->options;
    DfTensor *q = input(r, "q"), *k = input(r, "k"), *v = input(r, "v"), *pos = input(r, "pos"), *bias = input(r, "bias");
    r->y = df_deform_attention(r->c, q, k, v, pos, bias, (DfDeformAttention){ .heads = (int)o[0], .groups = (int)o[1], .scale = o[4],
                               .kind = (DfBiasKind)(int)o[2], .half_pixel = o[3] != 0, .padding_mask = golden_has(r->golden, "off") ? mask(r) : NULL });
}

static void apply_neighborhood(Run *r)
{
    const float *o = r->options;
    DfTensor *qkv = input(r, "qkv"), *table = input(r, "table");
    r->y = df_neighborhood_attention(r->c, qkv, table,
                                     (DfNeighborhoodAttention){ .heads = (int)o[0], .window = (int)o[1], .dilation = (int)o[2], .scale = o[3] });
}

static void run(Run *r, const DfCheckpoint *golden, const char *rung, int threads, void (*apply)(Run *))
{
    *r = (Run){ .golden = golden };
    cr_assert_eq(df_pool_new(&r->pool, threads), DF_OK);
    cr_assert_eq(df_ctx_new(&r->c, r->pool), DF_OK);
    r->c->k = df_kernels_named(rung);
    r->c->recording = true;
    float *options = golden_f32(golden, "options"), *gradout = golden_f32(golden, "gradout");
    memcpy(r->options, options, (size_t)df_array_count(golden_get(golden, "options")) * sizeof *options);
    apply(r);
    cr_assert_eq(df_ctx_error(r->c), DF_OK, "%s", df_error());
    df_backward(r->c, r->y, gradout);
    cr_assert_eq(df_ctx_error(r->c), DF_OK, "%s", df_error());
    df_free(options);
    df_free(gradout);
}

static void end(Run *r)
{
    df_ctx_free(r->c);
    df_pool_free(r->pool);
}

static void close_to_golden(const Run *r, const char *file, const char *rung)
{
    const double e = max_abs_over_max(r->y->data, golden_get(r->golden, "output"));
    cr_expect_leq(e, tolerance, "%s, %s: output is %.2g off", file, rung, e);
    for (int i = 0; i < r->n; i++) {
        char name[32];
        snprintf(name, sizeof name, "grad.%s", r->name[i]);
        const double g = max_abs_over_max(r->input[i]->grad, golden_get(r->golden, name));
        cr_expect_leq(g, tolerance, "%s, %s: %s is %.2g off", file, rung, name, g);
    }
}

static void same_bits(const Run *a, const Run *b, const char *file)
{
    cr_expect(memcmp(a->y->data, b->y->data, df_size(a->y) * sizeof(float)) == 0, "%s: output depends on the number of threads", file);
    for (int i = 0; i < a->n; i++)
        cr_expect(memcmp(a->input[i]->grad, b->input[i]->grad, df_size(a->input[i]) * sizeof(float)) == 0,
                  "%s: gradient of %s depends on the number of threads", file, a->name[i]);
}

static void check(const char *file, void (*apply)(Run *))
{
    DfCheckpoint *golden = golden_open(DF_TEST_DATA "/attention/%s.safetensors", file);
    cr_assert_not_null(golden);
    for (int i = 0; df_kernels_rung(i); i++) {
        Run one, three;
        run(&one, golden, df_kernels_rung(i), 1, apply);
        run(&three, golden, df_kernels_rung(i), 3, apply);
        close_to_golden(&one, file, df_kernels_rung(i));
        same_bits(&one, &three, file);
        end(&one);
        end(&three);
    }
    golden_close(golden);
}

Test(attention, window)
{
    static const char *const files[] = { "window_pad_shift", "window_map_smaller_than_window", "window_plain", "window_shift_rounded_up",
                                         "window_two_tiles", "window_no_table_shift", "window_long_heads" };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        check(files[i], apply_window);
}

Test(attention, deform)
{
    static const char *const files[] = { "deform_table", "deform_half_pixel", "deform_long_rows", "deform_wide_steps", "deform_unit_steps",
                                         "deform_far_outside", "deform_half_pixel_row", "deform_none", "deform_dense", "deform_dense_batched",
                                         "deform_masked" };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        check(files[i], apply_deform);
}

/* The rows of the attention matrix, one by one: with the values they give what the op gives. */
static void check_weights(const char *file)
{
    DfCheckpoint *golden = golden_open(DF_TEST_DATA "/attention/%s.safetensors", file);
    cr_assert_not_null(golden);
    Run r;
    run(&r, golden, "c", 1, apply_deform);
    const DfDeformAttention how = { .heads = (int)r.options[0], .groups = (int)r.options[1], .scale = r.options[4], .kind = (DfBiasKind)(int)r.options[2],
                                    .half_pixel = r.options[3] != 0 };
    const DfTensor *q = r.input[0], *k = r.input[1], *v = r.input[2], *pos = golden_has(golden, "pos") ? r.input[3] : NULL;
    const DfTensor *bias = golden_has(golden, "bias") ? r.input[r.n - 1] : NULL;
    const DfDeformProblem p = df_deform_problem(q, k, NULL, pos, bias, how);
    const size_t C = (size_t)p.C, keys = (size_t)p.keys, depth = C / (size_t)p.heads, map = (size_t)p.H * (size_t)p.W;
    float *weight = df_malloc(keys * sizeof *weight), *y = df_calloc(df_size(q), sizeof *y);
    cr_assert(weight && y);
    for (size_t b = 0; b < (size_t)p.B; b++)
        for (size_t head = 0; head < (size_t)p.heads; head++)
            for (size_t i = 0; i < map; i++) {
                df_deform_attention_weights(&p, (int)b, (int)head, (int)i, weight);
                for (size_t d = 0; d < depth; d++) {
                    double sum = 0;
                    for (size_t key = 0; key < keys; key++)
                        sum += (double)weight[key] * (double)v->data[(b * keys + key) * C + head * depth + d];
                    y[(b * map + i) * C + head * depth + d] = (float)sum;
                }
            }
    cr_expect_leq(max_abs_over_max(y, golden_get(golden, "output")), 1e-6, "%s: the weights of its queries are %g off", file,
                  max_abs_over_max(y, golden_get(golden, "output")));
    df_free(weight);
    df_free(y);
    end(&r);
    golden_close(golden);
}

Test(attention, weights_of_single_queries)
{
    static const char *const files[] = { "deform_table", "deform_half_pixel", "deform_wide_steps", "deform_far_outside", "deform_half_pixel_row", "deform_none",
                                         "deform_dense", "deform_dense_batched" };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        check_weights(files[i]);
}

Test(attention, neighborhood)
{
    static const char *const files[] = { "neighborhood_plain", "neighborhood_many_tiles", "neighborhood_map_of_one_window", "neighborhood_dilated",
                                         "neighborhood_dilated_no_table", "neighborhood_long_heads", "neighborhood_tall", "neighborhood_several_bands" };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        check(files[i], apply_neighborhood);
}

/* ---- edges ---------------------------------------------------------------------------------------------------------- */

static DfTensor *filled(DfCtx *c, DfShape shape, float value)
{
    DfTensor *x = df_new(c, shape);
    for (size_t i = 0; i < df_size(x); i++)
        x->data[i] = value;
    return x;
}

static const DfDeformAttention with_table = { .heads = 1, .groups = 1, .scale = 1, .kind = DF_BIAS_TABLE };

Test(attention, one_row_with_a_corner_grid_is_nan)
{
    DfCtx *c;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    for (int i = 0; df_kernels_rung(i); i++)
        for (int tall = 0; tall < 2; tall++) {
            c->k = df_kernels_named(df_kernels_rung(i));
            DfTensor *q = filled(c, tall ? DF_SHAPE(1, 9, 1, 8) : DF_SHAPE(1, 1, 9, 8), 0.5f), *k = filled(c, DF_SHAPE(1, 3, 8), 0.5f);
            DfTensor *y = df_deform_attention(c, q, k, k, filled(c, DF_SHAPE(1, 1, 3, 2), 0.1f), filled(c, DF_SHAPE(1, 5, 7), 1), with_table);
            cr_assert_eq(df_ctx_error(c), DF_OK);
            for (size_t j = 0; j < df_size(y); j++)
                cr_expect(isnan(y->data[j]));
        }
    df_ctx_free(c);
}

Test(attention, positions_that_are_not_numbers_give_nan_and_read_nothing_else)
{
    DfCtx *c;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    for (int i = 0; df_kernels_rung(i); i++) {
        c->k = df_kernels_named(df_kernels_rung(i));
        const float bad[] = { NAN, INFINITY, -INFINITY, 3e38f };
        for (int j = 0; j < 4; j++) {
            DfTensor *pos = filled(c, DF_SHAPE(1, 1, 3, 2), 0.1f), *k = filled(c, DF_SHAPE(1, 3, 8), 0.5f);
            pos->data[3] = bad[j];
            DfTensor *y = df_deform_attention(c, filled(c, DF_SHAPE(1, 4, 9, 8), 0.5f), k, k, pos, filled(c, DF_SHAPE(1, 5, 7), 1), with_table);
            for (size_t n = 0; n < df_size(y); n++)
                cr_expect(j == 3 ? fabsf(y->data[n] - 0.5f) < 1e-6f : isnan(y->data[n]));
        }
    }
    df_ctx_free(c);
}

Test(attention, no_keys_give_zeros)
{
    DfCtx *c;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    c->recording = true;
    DfTensor *q = filled(c, DF_SHAPE(1, 2, 3, 8), 1), *k = df_new(c, DF_SHAPE(1, 0, 8));
    q->wants_grad = true;
    DfTensor *y = df_deform_attention(c, q, k, k, NULL, NULL, (DfDeformAttention){ .heads = 2, .groups = 1, .scale = 1 });
    df_backward(c, y, NULL);
    cr_assert_eq(df_ctx_error(c), DF_OK);
    for (size_t i = 0; i < df_size(y); i++)
        cr_expect(y->data[i] == 0 && q->grad[i] == 0);
    static const uint8_t off[] = { 1, 1, 1 };
    df_reset(c);
    k = filled(c, DF_SHAPE(1, 3, 8), 1);
    q = filled(c, DF_SHAPE(1, 2, 3, 8), 1);
    q->wants_grad = true;
    y = df_deform_attention(c, q, k, k, NULL, NULL, (DfDeformAttention){ .heads = 2, .groups = 1, .scale = 1, .padding_mask = off });
    df_backward(c, y, NULL);
    cr_assert_eq(df_ctx_error(c), DF_OK);
    for (size_t i = 0; i < df_size(y); i++)
        cr_expect(y->data[i] == 0 && q->grad[i] == 0);
    df_ctx_free(c);
}

Test(attention, shapes_that_do_not_fit_are_refused)
{
    DfCtx *c;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    const DfWindowAttention w = { .heads = 2, .window = 7, .shift = 3, .scale = 1 };
    df_window_attention(c, df_zeros(c, DF_SHAPE(1, 5, 5, 20)), NULL, NULL, w);
    cr_expect_eq(df_ctx_error(c), DF_ESHAPE);
    df_reset(c);
    df_window_attention(c, df_zeros(c, DF_SHAPE(1, 5, 5, 24)), df_zeros(c, DF_SHAPE(23)), NULL, w);
    cr_expect_eq(df_ctx_error(c), DF_ESHAPE);
    df_reset(c);
    df_window_attention(c, df_zeros(c, DF_SHAPE(1, 5, 5, 24)), NULL, df_zeros(c, DF_SHAPE(168, 2)), w);
    cr_expect_eq(df_ctx_error(c), DF_ESHAPE);
    df_reset(c);
    DfTensor *q = df_zeros(c, DF_SHAPE(1, 5, 5, 8)), *k = df_zeros(c, DF_SHAPE(1, 4, 8));
    df_deform_attention(c, q, k, k, NULL, df_zeros(c, DF_SHAPE(1, 5, 7)), with_table);
    cr_expect_eq(df_ctx_error(c), DF_ESHAPE);
    df_reset(c);
    df_deform_attention(c, df_zeros(c, DF_SHAPE(1, 5, 5, 8)), df_zeros(c, DF_SHAPE(2, 4, 8)), df_zeros(c, DF_SHAPE(2, 4, 8)), NULL, NULL,
                        (DfDeformAttention){ .heads = 2, .groups = 1, .scale = 1 });
    cr_expect_eq(df_ctx_error(c), DF_ESHAPE);
    df_reset(c);
    df_neighborhood_attention(c, df_zeros(c, DF_SHAPE(1, 8, 6, 24)), NULL, (DfNeighborhoodAttention){ .heads = 2, .window = 7, .dilation = 1, .scale = 1 });
    cr_expect_eq(df_ctx_error(c), DF_ESHAPE);
    df_reset(c);
    df_neighborhood_attention(c, df_zeros(c, DF_SHAPE(1, 8, 8, 24)), NULL, (DfNeighborhoodAttention){ .heads = 2, .window = 4, .dilation = 1, .scale = 1 });
    cr_expect_eq(df_ctx_error(c), DF_ESHAPE);
    df_reset(c);
    df_neighborhood_attention(c, df_zeros(c, DF_SHAPE(1, 8, 8, 24)), df_zeros(c, DF_SHAPE(2, 5, 4)),
                              (DfNeighborhoodAttention){ .heads = 2, .window = 3, .dilation = 2, .scale = 1 });
    cr_expect_eq(df_ctx_error(c), DF_ESHAPE);
    df_ctx_free(c);
}

Test(attention, a_dry_pass_counts_and_computes_nothing)
{
    DfCtx *c;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    c->dry = true;
    df_profile(c, true);
    df_window_attention(c, df_new(c, DF_SHAPE(1, 8, 7, 288)), NULL, NULL, (DfWindowAttention){ .heads = 3, .window = 7, .scale = 1 });
    DfTensor *k = df_new(c, DF_SHAPE(1, 10, 64));
    df_deform_attention(c, df_new(c, DF_SHAPE(1, 4, 5, 64)), k, k, NULL, NULL, (DfDeformAttention){ .heads = 2, .groups = 1, .scale = 1 });
    cr_assert_eq(df_ctx_error(c), DF_OK);
    const DfProfileRow *rows;
    cr_assert_geq(df_profile_rows(c, &rows), 1);
    cr_expect_eq(rows[0].macs[DF_MACS_ATTENTION], 2.0 * 2 * 49 * 49 * 96 + 2.0 * 20 * 10 * 64); /* two windows, one of them mostly padding */
    df_ctx_free(c);
}
