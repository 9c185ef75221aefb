/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/datasets/test_loader.c -- order, errors and bounds of the loader, with and without threads.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "datasets/datasets.h"

#define IMAGE(name) DF_TEST_DATA "/images/" name

static const char *const paths[] = { IMAGE("420.jpg"), IMAGE("exif6.jpg"), IMAGE("no_such.jpg"), IMAGE("rgba.png"), IMAGE("expected.txt"), IMAGE("one.jpg") };
enum { N = sizeof paths / sizeof *paths };

static DfPipeline *pipeline_of(DfConfig **config)
{
    static const char text[] = "p = [dict(type='LoadImageFromFile'), dict(type='MultiScaleFlipAug', img_scale=(133, 80), flip=True,"
        " transforms=[dict(type='Resize'), dict(type='RandomFlip'), dict(type='Pad', size_divisor=32)])]\n";
    DfPipeline *pipeline;
    cr_assert_eq(df_config_parse(config, text, strlen(text), "p.py", true), DF_OK, "%s", df_error());
    cr_assert_eq(df_pipeline_new(&pipeline, df_node_at(df_config_root(*config), "p")), DF_OK, "%s", df_error());
    return pipeline;
}

static void check_sample(const DfSample *s, int index, const DfPipeline *pipeline)
{
    DfSample want;
    cr_assert_eq(s->index, index);
    cr_expect_str_eq(s->path, paths[index]);
    df_sample_load(&want, pipeline, paths[index], true);
    cr_assert_eq(s->error, want.error);
    cr_assert_eq(s->views.n, want.views.n);
    cr_expect_str_eq(s->message, want.message);
    cr_expect(s->error == DF_OK || strstr(s->message, paths[index]), "%s", s->message);
    for (int i = 0; i < s->views.n; i++) {
        const DfView *a = &s->views.view[i], *b = &want.views.view[i];
        cr_assert(a->meta.pad_h == b->meta.pad_h && a->meta.pad_w == b->meta.pad_w);
        cr_expect_eq(memcmp(a->pixels, b->pixels, (size_t)a->meta.pad_h * (size_t)a->meta.pad_w * 3 * sizeof *a->pixels), 0);
    }
    cr_assert_eq(df_image_bytes(&s->image), df_image_bytes(&want.image));
    cr_expect(s->error < 0 || memcmp(s->image.pixels, want.image.pixels, df_image_bytes(&want.image)) == 0);
    df_sample_free(&want);
}

static void run(int threads, int ahead, const int *order, int n, int stop_after)
{
    DfConfig *config;
    DfLoader *loader;
    DfPipeline *pipeline = pipeline_of(&config);
    const size_t held = df_memory().now;
    const DfLoading what = { pipeline, paths, order, n, threads, ahead, true };
    cr_assert_eq(df_loader_new(&loader, &what), DF_OK, "%s", df_error());
    int i = 0;
    for (DfSample sample; i < stop_after && df_loader_next(loader, &sample); i++) {
        check_sample(&sample, order ? order[i] : i, pipeline);
        df_sample_free(&sample);
    }
    cr_expect_eq(i, n < stop_after ? n : stop_after);
    df_loader_free(loader);
    cr_expect_eq(df_memory().now, held);
    df_pipeline_free(pipeline);
    df_config_free(config);
}

Test(loader, in_order_for_any_number_of_threads)
{
    for (int threads = 0; threads <= 3; threads++)
        for (int ahead = 1; ahead <= 4; ahead++)
            run(threads, ahead, NULL, N, N + 1);
}

Test(loader, a_chosen_order)
{
    static const int order[] = { 5, 0, 0, 3, 2, 1, 4, 3 };
    for (int threads = 0; threads <= 2; threads++)
        run(threads, 3, order, 8, 99);
    run(2, 2, order, 0, 99);
}

Test(loader, may_be_left_early)
{
    for (int taken = 0; taken < N; taken++)
        run(2, 3, NULL, N, taken);
}
