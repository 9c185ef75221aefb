/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/datasets/test_transform_detr.c -- how DETR prepares a picture, against checksums of the official transforms: every bit of the
 * tensor.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "datasets/datasets.h"

#define PICTURES DF_TEST_DATA "/preprocessing"

static DfPipeline *pipeline_of(int size, int max_size)
{
    char text[256];
    DfConfig *config;
    DfPipeline *pipeline;
    snprintf(text, sizeof text, "p = [dict(type='DetrResize', size=%d, max_size=%d), dict(type='DetrNormalize')]\n", size, max_size);
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "p.py", true), DF_OK, "%s", df_error());
    cr_assert_eq(df_pipeline_new(&pipeline, df_node_at(df_config_root(config), "p")), DF_OK, "%s", df_error());
    df_config_free(config);
    return pipeline;
}

static unsigned long planes_crc(const DfView *v) /* of C H W floats */
{
    unsigned long crc = crc32(0, NULL, 0);
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < v->meta.img_h * v->meta.img_w; i++)
            crc = crc32(crc, (const Bytef *)&v->pixels[3 * i + c], sizeof(float));
    return crc;
}

static void check_picture(const char *name)
{
    char path[1024];
    DfConfig *config;
    DfImage image;
    snprintf(path, sizeof path, PICTURES "/%s.json", name);
    cr_assert_eq(df_config_read(&config, path, NULL, 0), DF_OK, "%s", df_error());
    snprintf(path, sizeof path, PICTURES "/%s.jpg", name);
    cr_assert_eq(df_image_read(&image, path), DF_OK, "%s", df_error());
    int cases = 0;
    for (const DfNode *one = df_node_get(df_config_root(config), "detr")->first; one; one = one->next, cases++) {
        DfPipeline *pipeline = pipeline_of((int)df_node_int(df_node_get(one, "size"), 0), (int)df_node_int(df_node_get(one, "max_size"), 0));
        DfViews views;
        cr_assert_eq(df_pipeline_run(pipeline, &image, &views), DF_OK, "%s", df_error());
        cr_expect_eq(views.view[0].meta.img_h, df_node_int(df_node_at(one, "out_hw.0"), 0));
        cr_expect_eq(views.view[0].meta.img_w, df_node_int(df_node_at(one, "out_hw.1"), 0));
        cr_expect_eq((int64_t)planes_crc(&views.view[0]), df_node_int(df_node_get(one, "tensor_chw_f32_crc32"), 0), "%s, size %d", name, (int)df_node_int(df_node_get(one, "size"), 0));
        df_views_free(&views);
        df_pipeline_free(pipeline);
    }
    cr_expect_geq(cases, 2);
    df_image_free(&image);
    df_config_free(config);
}

Test(transform_detr, pictures)
{
    check_picture("wide");
    check_picture("small");
    check_picture("tall");
}

/* RandomResize of the official code draws one of its sizes. */
Test(transform_detr, in_training_a_length_is_drawn)
{
    static const char text[] = "p = [dict(type='DetrResize', size=[10, 20, 30], max_size=45), dict(type='DetrNormalize')]";
    static uint8_t pixels[40 * 80 * 3];
    const DfImage image = { .height = 40, .width = 80, .channels = 3, .pixels = pixels };
    const DfAnnotations a = { 0 };
    const int want[3][2] = { { 10, 20 }, { 20, 40 }, { 22, 44 } }; /* 30 x 60 is over max_size */
    DfConfig *config;
    DfPipeline *pipeline;
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "p.py", true), DF_OK, "%s", df_error());
    const DfNode *list = df_node_at(df_config_root(config), "p");
    cr_expect_eq(df_pipeline_new(&pipeline, list), DF_EVALUE, "in testing there is one size");
    cr_expect_not_null(strstr(df_error(), "3 lengths"), "%s", df_error());
    cr_assert_eq(df_pipeline_new_as(&pipeline, list, &(DfPipelineKind){ .training = true }), DF_OK, "%s", df_error());
    for (int i = 0; i < 3; i++) {
        const DfDrawn drawn = { DF_DRAW_CHOICE, 0, 3, i };
        DfDraws draws = { .given = &drawn, .n_given = 1 };
        DfTrainingSample sample;
        cr_assert_eq(df_pipeline_train(pipeline, &image, &a, NULL, &draws, &sample), DF_OK, "%s", df_error());
        cr_expect(!draws.astray && sample.meta.img_h == want[i][0] && sample.meta.img_w == want[i][1], "%d x %d", sample.meta.img_h, sample.meta.img_w);
        df_training_sample_free(&sample);
    }
    df_pipeline_free(pipeline);
    df_config_free(config);
}
