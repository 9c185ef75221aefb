/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/models/test_points.c -- where networks look, against the official modules in float64
 * (tests/scripts/make_points.py), and with offsets of zero, where it is known.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "models/models.h"
#include "tests/support/golden.h"

typedef struct {
    DfConfig *config;
    DfModel *model;
    DfPool *pool;
    DfCtx *c;
    DfPoints *points;
    DfTensor *image;
    DfImageMeta meta[2];
    int n;
} Run;

static void start(Run *r, const char *config, const char *weights, int threads)
{
    *r = (Run){ 0 };
    cr_assert_eq(df_config_read(&r->config, config, NULL, 0), DF_OK, "%s", df_error());
    cr_assert_eq(df_model_new(&r->model, df_config_root(r->config)), DF_OK, "%s", df_error());
    cr_assert_eq(weights ? df_model_load(r->model, weights, NULL) : df_model_init(r->model, 5), DF_OK, "%s", df_error());
    cr_assert_eq(df_pool_new(&r->pool, threads), DF_OK);
    cr_assert_eq(df_ctx_new(&r->c, r->pool), DF_OK);
}

static void end(Run *r)
{
    df_points_free(r->points);
    df_ctx_free(r->c);
    df_pool_free(r->pool);
    df_model_free(r->model);
    df_config_free(r->config);
}

static int layer_named(const Run *r, const char *path)
{
    for (int i = 0; i < df_points_layers(r->points); i++)
        if (strcmp(df_points_layer(r->points, i)->path, path) == 0)
            return i;
    cr_assert_fail("there is no layer %s", path);
    return -1;
}

static size_t count(const Run *r, int layer)
{
    const DfPointLayer *l = df_points_layer(r->points, layer);
    return (size_t)l->heads * (size_t)l->levels * (size_t)l->points;
}

#define DETR DF_TEST_DATA "/deformable_detr"

/* ---- against the official modules --------------------------------------------------------------------------------------- */

static void read_image(Run *r, const DfCheckpoint *input)
{
    const DfArray *a = golden_get(input, "image");
    const int N = (int)a->shape[0], H = (int)a->shape[2], W = (int)a->shape[3];
    float *data = golden_f32(input, "image"), *mask = golden_has(input, "mask") ? golden_f32(input, "mask") : NULL;
    r->image = df_new(r->c, DF_SHAPE(N, H, W, 3));
    r->n = N;
    for (int i = 0; i < N * H * W * 3; i++)
        r->image->data[i] = data[(i / 3 / (H * W) * 3 + i % 3) * H * W + i / 3 % (H * W)];
    for (int n = 0; n < N; n++) {
        DfImageMeta *m = &r->meta[n];
        *m = (DfImageMeta){ .img_h = mask ? 0 : H, .img_w = mask ? 0 : W, .pad_h = H, .pad_w = W, .scale_factor = { 1, 1, 1, 1 } };
        while (m->img_h < H && mask[(n * H + m->img_h) * W] == 0)
            m->img_h++;
        while (m->img_w < W && mask[n * H * W + m->img_w] == 0)
            m->img_w++;
        m->ori_h = m->img_h;
        m->ori_w = m->img_w;
    }
    df_free(data);
    df_free(mask);
}

static void take_sizes(Run *r, const DfCheckpoint *input)
{
    int64_t *sizes = golden_i64(input, "target_sizes");
    for (int n = 0; n < r->n; n++) {
        DfImageMeta *m = &r->meta[n];
        m->ori_h = (int)sizes[2 * n];
        m->ori_w = (int)sizes[2 * n + 1];
        for (int i = 0; i < 4; i++)
            m->scale_factor[i] = i % 2 ? (float)m->img_h / (float)m->ori_h : (float)m->img_w / (float)m->ori_w;
    }
    df_free(sizes);
}

static void compare(const Run *r, const DfCheckpoint *expected, const char *name, int layer, int n, int query)
{
    const size_t total = count(r, layer);
    cr_assert_eq((size_t)golden_get(expected, name)->shape[0], total, "%s", name);
    float *want = golden_f32(expected, name);
    DfPoint *got = df_calloc(total, sizeof *got);
    cr_assert_eq(df_points_read(r->points, layer, n, &r->meta[n], query, got), DF_OK);
    for (size_t i = 0; i < total; i++) {
        cr_expect(fabsf(got[i].x - want[3 * i]) < 2e-3f && fabsf(got[i].y - want[3 * i + 1]) < 2e-3f, "%s[%zu]: (%g, %g), want (%g, %g)", name, i,
                  (double)got[i].x, (double)got[i].y, (double)want[3 * i], (double)want[3 * i + 1]);
        cr_expect_leq(fabsf(got[i].weight - want[3 * i + 2]), 2e-5f, "%s[%zu]: weight %g, want %g", name, i, (double)got[i].weight, (double)want[3 * i + 2]);
    }
    df_free(got);
    df_free(want);
}

static void open_golden(Run *r, const char *folder, const char *points, int threads, DfCheckpoint **input, DfCheckpoint **expected)
{
    char config[1024], weights[1024];
    *input = golden_open("%s/input.safetensors", folder);
    *expected = golden_open(DF_TEST_DATA "/points/%s.safetensors", points);
    cr_assert(*input && *expected);
    snprintf(config, sizeof config, "%s/config.json", folder);
    snprintf(weights, sizeof weights, "%s/weights.pth", folder);
    start(r, config, weights, threads);
    read_image(r, *input);
}

static void check_detr(const char *folder, const char *points)
{
    Run r;
    DfCheckpoint *input, *expected;
    open_golden(&r, folder, points, 2, &input, &expected);
    take_sizes(&r, input);
    cr_assert_eq(df_points_new(&r.points, r.model, 128, 160), DF_OK, "%s", df_error());
    cr_assert_eq(df_points_layers(r.points), 4, "two of the encoder and two of the decoder");
    const int layer = layer_named(&r, "transformer.decoder.layers.1");
    DfDetections found[2];
    df_points_want(r.points, layer);
    df_points_listen(r.points, r.c);
    cr_assert_eq(df_model_detect(r.model, r.c, r.image, r.meta, r.n, true, found), DF_OK, "%s", df_error());
    cr_assert_eq(df_points_done(r.points, r.c), DF_OK, "%s", df_error());
    cr_expect(df_points_layer(r.points, layer)->answers && !df_points_layer(r.points, 0)->answers);
    for (int n = 0; n < r.n; n++)
        for (int i = 0; i < 3; i++) {
            static const int queries[] = { 0, 3, 17 };
            char key[48];
            float at[2];
            snprintf(key, sizeof key, "points.%d.%d", n, queries[i]);
            compare(&r, expected, key, layer, n, queries[i]);
            snprintf(key, sizeof key, "query.%d.%d", n, queries[i]);
            float *want = golden_f32(expected, key);
            df_points_query(r.points, layer, n, &r.meta[n], queries[i], at);
            cr_expect(fabsf(at[0] - want[0]) < 1e-3f && fabsf(at[1] - want[1]) < 1e-3f);
            cr_expect_eq(df_points_nearest(r.points, layer, n, &r.meta[n], at), queries[i]);
            df_free(want);
        }
    for (int n = 0; n < r.n; n++)
        df_detections_free(&found[n]);
    golden_close(input);
    golden_close(expected);
    end(&r);
}

Test(points, deformable_detr) { check_detr(DETR "/plain", "ddetr_plain"); }
Test(points, deformable_detr_with_box_refinement) { check_detr(DETR "/box_refine", "ddetr_box_refine"); }
Test(points, deformable_detr_of_one_scale) { check_detr(DETR "/single_scale", "ddetr_single_scale"); }

Test(points, dat)
{
    static const char *const paths[] = { "stages.2.attns.1", "stages.3.attns.1" };
    Run r;
    DfCheckpoint *input, *expected;
    open_golden(&r, DF_TEST_DATA "/backbones/dat_cls", "dat_cls", 2, &input, &expected);
    cr_assert_eq(df_points_new(&r.points, r.model, df_dim(r.image, 1), df_dim(r.image, 2)), DF_OK, "%s", df_error());
    cr_assert_eq(df_points_layers(r.points), 2);
    df_points_want(r.points, 0);
    df_points_want(r.points, 1);
    df_points_listen(r.points, r.c);
    df_model_forward(r.model, r.c, r.image);
    cr_assert_eq(df_ctx_error(r.c), DF_OK, "%s", df_error());
    cr_assert_eq(df_points_done(r.points, r.c), DF_OK, "%s", df_error());
    for (int i = 0; i < 2; i++) {
        const int layer = layer_named(&r, paths[i]), queries = df_points_layer(r.points, layer)->queries;
        for (int n = 0; n < r.n; n++)
            for (int k = 0; k < 3; k++) {
                const int query = k == 0 ? 0 : k == 1 ? queries / 2 : queries - 1;
                char key[64];
                snprintf(key, sizeof key, "%s.points.%d.%d", paths[i], n, query);
                compare(&r, expected, key, layer, n, query);
            }
    }
    golden_close(input);
    golden_close(expected);
    end(&r);
}

/* ---- known geometry ------------------------------------------------------------------------------------------------------- */

#define NANO DF_ROOT "/configs/demo/retinanet_dat_nano.py"
enum { HEIGHT = 96, WIDTH = 160 };

/* A detector whose offsets are zero: samples stay on their grid. */
static void look(Run *r, int threads, const DfImageMeta *meta)
{
    start(r, NANO, NULL, threads);
    NnModel *weights = df_model_weights(r->model);
    for (int i = 0; i < nn_model_count(weights); i++) {
        const NnParam *param = nn_model_at(weights, i);
        if (strstr(param->name, "conv_offset.3.weight"))
            memset(param->tensor->data, 0, df_count(param->shape) * sizeof *param->tensor->data);
    }
    cr_assert_eq(df_points_new(&r->points, r->model, 800, 1216), DF_OK, "%s", df_error());
    for (int i = 0; i < df_points_layers(r->points); i++)
        df_points_want(r->points, i);
    DfRandom random = df_random(3, 0);
    r->image = df_new(r->c, DF_SHAPE(1, HEIGHT, WIDTH, 3));
    for (size_t i = 0; i < df_size(r->image); i++)
        r->image->data[i] = (float)df_normal(&random);
    DfDetections found;
    r->meta[0] = *meta;
    df_points_listen(r->points, r->c);
    cr_assert_eq(df_model_detect(r->model, r->c, r->image, meta, 1, true, &found), DF_OK, "%s", df_error());
    cr_assert_eq(df_points_done(r->points, r->c), DF_OK, "%s", df_error());
    df_detections_free(&found);
}

static const DfImageMeta half_size = { .ori_h = 180, .ori_w = 300, .img_h = 90, .img_w = 150, .pad_h = HEIGHT, .pad_w = WIDTH, .scale_factor = { 0.5f, 0.5f, 0.5f, 0.5f } };

/* The 2022 code, which the config has, puts sample i of n at (i + 0.5) / n of the way
 * from the first cell's centre to the last one's. */
static float on_grid(int i, int n, int cell)
{
    return ((float)(n - 1) * ((float)i + 0.5f) / (float)n + 0.5f) * (float)cell;
}

Test(points, samples_without_offsets_lie_on_their_grid)
{
    Run r;
    look(&r, 1, &half_size);
    for (int i = 0; i < df_points_layers(r.points); i++) {
        const int cell = i == 0 ? 16 : 32, H = HEIGHT / cell, W = WIDTH / cell;
        const DfPointLayer *l = df_points_layer(r.points, i);
        cr_assert(l->shared && l->queries == H * W && l->points == H * W && l->levels == 1);
        DfPoint *p = df_calloc(count(&r, i), sizeof *p);
        cr_assert_eq(df_points_read(r.points, i, 0, &half_size, 1, p), DF_OK);
        for (int head = 0; head < l->heads; head++) {
            double sum = 0;
            for (int k = 0; k < l->points; k++) {
                const DfPoint *at = &p[head * l->points + k];
                cr_expect_leq(fabsf(at->x - 2 * on_grid(k % W, W, cell)), 1e-3f, "sample %d of %s: x %g", k, l->path, (double)at->x);
                cr_expect_leq(fabsf(at->y - 2 * on_grid(k / W, H, cell)), 1e-3f, "sample %d of %s: y %g", k, l->path, (double)at->y);
                sum += (double)at->weight;
            }
            cr_expect_leq(fabs(sum - 1), 1e-5);
        }
        df_free(p);
    }
    end(&r);
}

/* A deformable convolution whose offsets and masks are the biases of the layer that computes them: query (row, column)
 * of its output has the kernel's nine points around (2 row, 2 column), moved, in cells of the map that is read. */
static void check_kernel(const Run *r, int layer, int cell, int stride, bool masked)
{
    const DfPointLayer *l = df_points_layer(r->points, layer);
    const int W = WIDTH / cell / stride, query = 2 * W + 3;
    float at[2];
    cr_assert(!l->shared && !l->answers && l->levels == 1 && l->heads == 2 && l->points == 9);
    cr_assert_eq(l->queries, W * (HEIGHT / cell / stride));
    DfPoint p[18];
    cr_assert_eq(df_points_read(r->points, layer, 0, &half_size, query, p), DF_OK);
    for (int i = 0; i < 18; i++) {
        const double y = 2 * stride - 1 + i % 9 / 3 + 0.25 * i, x = 3 * stride - 1 + i % 3 - 0.5 * i;
        cr_expect_leq(fabs((double)p[i].x - 2 * (x + 0.5) * cell), 1e-3, "point %d of %s: x %g", i, l->path, (double)p[i].x);
        cr_expect_leq(fabs((double)p[i].y - 2 * (y + 0.5) * cell), 1e-3, "point %d of %s: y %g", i, l->path, (double)p[i].y);
        cr_expect_leq(fabs((double)p[i].weight - (masked ? 1 / (1 + exp(-0.1 * i)) : 1) / 9), 1e-6);
    }
    df_points_query(r->points, layer, 0, &half_size, query, at);
    cr_expect(at[0] == (float)(2 * (3 * stride + 0.5) * cell) && at[1] == (float)(2 * (2 * stride + 0.5) * cell));
    cr_expect_eq(df_points_nearest(r->points, layer, 0, &half_size, at), query);
}

static void set_offsets(Run *r, bool masked)
{
    NnModel *weights = df_model_weights(r->model);
    for (int k = 0; k < nn_model_count(weights); k++) {
        const NnParam *param = nn_model_at(weights, k);
        if (!strstr(param->name, "conv2_offset.bias") && !strstr(param->name, "conv2.conv_offset.bias"))
            continue;
        cr_assert_eq((int)df_count(param->shape), masked ? 54 : 36);
        for (int i = 0; i < 18; i++) {
            param->tensor->data[2 * i] = 0.25f * (float)i;
            param->tensor->data[2 * i + 1] = -0.5f * (float)i;
            if (masked)
                param->tensor->data[36 + i] = 0.1f * (float)i;
        }
    }
}

static void check_dcn(const char *dcn, bool masked)
{
    Run r = { 0 };
    char convolution[128];
    snprintf(convolution, sizeof convolution, "model.backbone.dcn=dict(type='%s',deform_groups=2,fallback_on_stride=False)", dcn);
    const char *const sets[] = { convolution, "model.backbone.stage_with_dcn=(False,False,True,True)", "model.backbone.init_cfg=None" };
    cr_assert_eq(df_config_read(&r.config, DF_ROOT "/configs/retinanet/retinanet_r50_fpn_1x_coco.py", sets, 3), DF_OK, "%s", df_error());
    cr_assert_eq(df_model_new(&r.model, df_config_root(r.config)), DF_OK, "%s", df_error());
    cr_assert_eq(df_model_init(r.model, 5), DF_OK, "%s", df_error());
    cr_assert_eq(df_pool_new(&r.pool, 2), DF_OK);
    cr_assert_eq(df_ctx_new(&r.c, r.pool), DF_OK);
    set_offsets(&r, masked);
    cr_assert_eq(df_points_new(&r.points, r.model, 800, 1216), DF_OK, "%s", df_error());
    cr_assert_eq(df_points_layers(r.points), 9, "six blocks of stage 3, three of stage 4");
    for (int i = 0; i < 9; i++)
        df_points_want(r.points, i);
    DfDetections found;
    df_points_listen(r.points, r.c);
    DfTensor *image = df_zeros(r.c, DF_SHAPE(1, HEIGHT, WIDTH, 3));
    cr_assert_eq(df_model_detect(r.model, r.c, image, &half_size, 1, true, &found), DF_OK, "%s", df_error());
    cr_assert_eq(df_points_done(r.points, r.c), DF_OK, "%s", df_error());
    df_detections_free(&found);
    check_kernel(&r, 0, 8, 2, masked);
    check_kernel(&r, 1, 16, 1, masked);
    check_kernel(&r, 8, 32, 1, masked);
    end(&r);
}

Test(points, deformable_convolution) { check_dcn("DCN", false); }
Test(points, deformable_convolution_with_a_mask) { check_dcn("DCNv2", true); }

Test(points, queries_of_a_map_are_its_cells)
{
    Run r;
    look(&r, 1, &half_size);
    float at[2];
    df_points_query(r.points, 0, 0, &half_size, 13, at);
    cr_expect(at[0] == 2 * 3.5f * 16 && at[1] == 2 * 1.5f * 16, "cell 13 is column 3 of row 1: (%g, %g)", (double)at[0], (double)at[1]);
    cr_expect_eq(df_points_nearest(r.points, 0, 0, &half_size, (float[]){ 100, 40 }), 13);
    cr_expect_eq(df_points_nearest(r.points, 0, 0, &half_size, (float[]){ -1e5f, -1e5f }), 0);
    DfImageMeta mirrored = half_size;
    mirrored.flip_x = mirrored.flip_y = true;
    df_points_query(r.points, 0, 0, &mirrored, 13, at);
    cr_expect(at[0] == 300 - 2 * 3.5f * 16 && at[1] == 180 - 2 * 1.5f * 16, "mirrored: (%g, %g)", (double)at[0], (double)at[1]);
    end(&r);
}

Test(points, any_number_of_threads_gives_the_same_bits)
{
    Run one, three;
    look(&one, 1, &half_size);
    look(&three, 3, &half_size);
    for (int i = 0; i < df_points_layers(one.points); i++) {
        const size_t n = count(&one, i);
        DfPoint *a = df_calloc(n, sizeof *a), *b = df_calloc(n, sizeof *b);
        cr_assert_eq(df_points_read(one.points, i, 0, &half_size, 2, a), DF_OK);
        cr_assert_eq(df_points_read(three.points, i, 0, &half_size, 2, b), DF_OK);
        cr_expect_eq(memcmp(a, b, n * sizeof *a), 0);
        df_free(a);
        df_free(b);
    }
    end(&one);
    end(&three);
}

Test(points, of_several_views_the_first_is_heard)
{
    Run r;
    look(&r, 1, &half_size);
    const size_t n = count(&r, 0);
    DfPoint *a = df_calloc(n, sizeof *a), *b = df_calloc(n, sizeof *b);
    cr_assert_eq(df_points_read(r.points, 0, 0, &half_size, 5, a), DF_OK);
    DfTensor *other = df_zeros(r.c, r.image->shape);
    DfImageMeta metas[2] = { half_size, half_size };
    metas[1].flip_x = true;
    DfDetections found;
    df_points_listen(r.points, r.c);
    cr_assert_eq(df_model_detect_views(r.model, r.c, (DfTensor *[]){ r.image, other }, metas, 2, &found), DF_OK, "%s", df_error());
    cr_assert_eq(df_points_done(r.points, r.c), DF_OK);
    df_detections_free(&found);
    cr_assert_eq(df_points_read(r.points, 0, 0, &half_size, 5, b), DF_OK);
    cr_expect_eq(memcmp(a, b, n * sizeof *a), 0);
    df_free(a);
    df_free(b);
    end(&r);
}

Test(points, a_layer_that_did_not_run_is_told)
{
    Run r;
    look(&r, 1, &half_size);
    df_points_listen(r.points, r.c);
    cr_expect_eq(df_points_done(r.points, r.c), DF_EVALUE);
    cr_expect_str_eq(df_error(), "backbone.stages.2.attns.1 did not run");
    end(&r);
}

Test(points, memory_that_runs_out_is_an_error)
{
    Run r;
    look(&r, 1, &half_size);
    size_t n = 1;
    for (int error = DF_ENOMEM; error == DF_ENOMEM && n < 10000; n++) {
        DfPoints *again;
        df_memory_fail_at(n, false);
        error = df_points_new(&again, r.model, 64, 64);
        df_memory_fail_at(0, false);
        cr_expect(error == DF_OK || (error == DF_ENOMEM && !again), "allocation %zu: %s", n, df_error());
        df_points_free(again);
    }
    cr_expect_gt(n, 5);
    n = 1;
    for (int error = DF_ENOMEM; error == DF_ENOMEM && n < 10000; n++) {
        DfPoint *p = df_calloc(count(&r, 0), sizeof *p);
        df_memory_fail_at(n, false);
        error = df_points_read(r.points, 0, 0, &half_size, 0, p);
        df_memory_fail_at(0, false);
        df_free(p);
    }
    cr_expect_eq(n, 3);
    for (n = 1; n < 2000; n += 53) {
        DfDetections found = { 0 };
        df_reset(r.c);
        DfTensor *image = df_zeros(r.c, DF_SHAPE(1, HEIGHT, WIDTH, 3));
        df_memory_fail_at(n, false);
        df_points_listen(r.points, r.c);
        const int ran = df_model_detect(r.model, r.c, image, &half_size, 1, true, &found), heard = df_points_done(r.points, r.c);
        df_memory_fail_at(0, false);
        cr_expect(ran == DF_OK || ran == DF_ENOMEM);
        cr_expect(heard == DF_OK || heard == DF_ENOMEM || ran < 0);
        df_detections_free(&found);
    }
    end(&r);
}
