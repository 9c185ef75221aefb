/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/datasets/test_pipeline.c -- test pipelines of configs against mmcv's OpenCV calls, bit for bit
 * (tests/scripts/make_pipelines.py), and against reference outputs of mmdet where those are at hand.
 */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "datasets/datasets.h"

static unsigned long crc_of_floats(const float *v, size_t n)
{
    return crc32(0, (const void *)v, (uInt)(n * sizeof *v));
}

static size_t floats_of(const DfView *v)
{
    return (size_t)v->meta.pad_h * (size_t)v->meta.pad_w * 3;
}

typedef struct {
    char picture[64], flip[16];
    int height, width, pad_height, pad_width;
    float factor[2];
    unsigned long crc;
} Row;

static bool read_row(FILE *table, Row *r)
{
    return fscanf(table, "%63s %d %d %d %d %f %f %15s %lu", r->picture, &r->height, &r->width, &r->pad_height, &r->pad_width, &r->factor[0],
               &r->factor[1], r->flip, &r->crc) == 9;
}

static const char *name_of_flip(const DfImageMeta *meta)
{
    if (meta->flip_x)
        return meta->flip_y ? "diagonal" : "horizontal";
    return meta->flip_y ? "vertical" : "none";
}

static void check_view(const DfView *v, const Row *r, const char *name)
{
    cr_expect(v->meta.img_h == r->height && v->meta.img_w == r->width, "%s: %s is %d x %d, want %d x %d", name, r->picture, v->meta.img_h, v->meta.img_w,
        r->height, r->width);
    cr_expect(v->meta.pad_h == r->pad_height && v->meta.pad_w == r->pad_width, "%s: %s padded to %d x %d", name, r->picture, v->meta.pad_h, v->meta.pad_w);
    cr_expect(v->meta.scale_factor[0] == r->factor[0] && v->meta.scale_factor[3] == r->factor[1], "%s: %s", name, r->picture);
    cr_expect_str_eq(name_of_flip(&v->meta), r->flip);
    cr_expect_eq(crc_of_floats(v->pixels, floats_of(v)), r->crc, "%s: %s %s has other values", name, r->picture, r->flip);
}

/* The same picture as R G B gives the same floats. */
static void check_rgb(const DfPipeline *pipeline, const DfImage *image, const DfViews *want, const char *name)
{
    DfImage rgb;
    DfViews views;
    cr_assert_eq(df_image_new(&rgb, image->height, image->width, 3), DF_OK);
    for (size_t i = 0; i < df_image_bytes(image); i++)
        rgb.pixels[i] = image->pixels[i / 3 * 3 + 2 - i % 3];
    cr_assert_eq(df_pipeline_run_as(pipeline, &rgb, DF_PIXELS_RGB, &views), DF_OK, "%s: %s", name, df_error());
    cr_assert_eq(views.n, want->n);
    for (int i = 0; i < views.n; i++) {
        const DfView *a = &views.view[i];
        const DfView *b = &want->view[i];
        cr_assert_eq(floats_of(a), floats_of(b));
        cr_expect(memcmp(a->pixels, b->pixels, floats_of(a) * sizeof *a->pixels) == 0, "%s: as R G B", name);
    }
    df_views_free(&views);
    df_image_free(&rgb);
}

static void check(const char *name)
{
    char path[1024];
    DfConfig *config;
    DfPipeline *pipeline;
    snprintf(path, sizeof path, DF_TEST_DATA "/pipeline/%s.py", name);
    cr_assert_eq(df_config_read(&config, path, NULL, 0), DF_OK, "%s", df_error());
    cr_assert_eq(df_pipeline_new(&pipeline, df_node_at(df_config_root(config), "test_pipeline")), DF_OK, "%s", df_error());
    snprintf(path, sizeof path, DF_TEST_DATA "/pipeline/%s.txt", name);
    FILE *table = fopen(path, "r");
    cr_assert(table);
    Row row;
    int rows = 0;
    while (read_row(table, &row)) {
        DfImage image;
        DfViews views;
        snprintf(path, sizeof path, DF_TEST_DATA "/images/%s", row.picture);
        cr_assert_eq(df_image_read(&image, path), DF_OK, "%s", df_error());
        cr_assert_eq(df_pipeline_run(pipeline, &image, &views), DF_OK, "%s: %s", name, df_error());
        for (int i = 0; i < views.n; i++, rows++) {
            if (i)
                cr_assert(read_row(table, &row));
            check_view(&views.view[i], &row, name);
        }
        check_rgb(pipeline, &image, &views, name);
        df_views_free(&views);
        df_image_free(&image);
    }
    cr_expect_geq(rows, 5);
    fclose(table);
    df_pipeline_free(pipeline);
    df_config_free(config);
}

Test(pipeline, as_mmcv_does)
{
    check("usual");
    check("aligned");
    check("augmented");
    check("exact_size");
    check("factor");
    check("pillow");
    check("bare");
}

static void expect_error(const char *list, const char *sentence)
{
    char text[1024];
    DfConfig *config;
    DfPipeline *pipeline;
    snprintf(text, sizeof text, "p = %s\n", list);
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "p.py", true), DF_OK, "%s", df_error());
    cr_expect_lt(df_pipeline_new(&pipeline, df_node_at(df_config_root(config), "p")), 0, "%s", list);
    cr_expect(strstr(df_error(), sentence), "%s gives: %s", list, df_error());
    df_config_free(config);
}

/* Borders have a colour, whichever order the pixels have. */
Test(pipeline, borders_of_a_picture_of_rgb)
{
    static const char *const lists[] = {
        "[dict(type='Pad', size=(9, 12), pad_val=(10, 20, 30)), dict(type='Normalize', mean=[1, 2, 3], std=[4, 5, 6])]",
        ("[dict(type='Pad', size=(9, 12), pad_val=(10, 20, 30)), dict(type='CenterCrop', crop_size=(7, 12)), "
         "dict(type='Normalize', mean=[1, 2, 3], std=[4, 5, 6], to_rgb=False)]"),
        "[dict(type='CenterCrop', crop_size=(8, 9), fill=[10, 20, 30])]",
        "[dict(type='Resize', scale=(20, 16), backend='torch_floats')]",
    };
    DfImage image;
    cr_assert_eq(df_image_new(&image, 5, 7, 3), DF_OK);
    for (size_t i = 0; i < df_image_bytes(&image); i++)
        image.pixels[i] = (uint8_t)(37 * i + i * i / 3);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        char text[512];
        DfConfig *config;
        DfPipeline *pipeline;
        DfViews views;
        snprintf(text, sizeof text, "p = %s\n", lists[i]);
        cr_assert_eq(df_config_parse(&config, text, strlen(text), "p.py", true), DF_OK, "%s", df_error());
        cr_assert_eq(df_pipeline_new(&pipeline, df_node_at(df_config_root(config), "p")), DF_OK, "%s", df_error());
        const int error = df_pipeline_run(pipeline, &image, &views);
        cr_expect(error == DF_OK, "%s: %s", lists[i], df_error());
        if (error == DF_OK)
            check_rgb(pipeline, &image, &views, lists[i]);
        df_views_free(&views);
        df_pipeline_free(pipeline);
        df_config_free(config);
    }
    df_image_free(&image);
}

Test(pipeline, errors_are_sentences)
{
    expect_error("3", "want a list of transforms");
    expect_error("[dict(kind='Resize')]", "want a transform: a dict with a type");
    expect_error("[dict(type='Rezise')]", "did you mean 'Resize'");
    expect_error("[dict(type='RandomCrop', crop_size=(1, 2))]", "RandomCrop is for training");
    expect_error("[dict(type='Resize', img_size=(10, 20))]", "img_scale");
    expect_error("[dict(type='Resize', img_scale=(10, 20, 30))]", "like (1333, 800)");
    expect_error("[dict(type='Resize', img_scale=(10, 0))]", "like (1333, 800)");
    expect_error("[dict(type='Resize', img_scale=[(10, 20), (30, 40)])]", "a choice of 2 scales");
    expect_error("[dict(type='Normalize', mean=[1.0], std=[1.0, 2.0, 3.0])]", "want 3 of each");
    expect_error("[dict(type='Normalize', mean=[1.0, 2.0, 3.0], std=[1.0, 0.0, 3.0])]", "zero");
    expect_error("[dict(type='Pad')]", "either size or size_divisor");
    expect_error("[dict(type='Pad', size_divisor=32, pad_val='x')]", "want a number or a list of three");
    expect_error("[dict(type='LoadImageFromFile', to_float32=True)]", "want False");
    expect_error("[dict(type='MultiScaleFlipAug', transforms=[])]", "either img_scale or scale_factor");
    expect_error("[dict(type='MultiScaleFlipAug', transforms=[], img_scale=(1, 2), flip=True, flip_direction='up')]", "'up': want");
    expect_error("[dict(type='MultiScaleFlipAug', transforms=[], img_scale=(1, 2)), dict(type='Pad', size_divisor=2)]", "Pad after MultiScaleFlipAug");
}

Test(pipeline, memory_that_runs_out_is_an_error)
{
    static const char text[] = "p = [dict(type='LoadImageFromFile'), dict(type='MultiScaleFlipAug', img_scale=[(133, 80), (50, 50)], flip=True,"
        " transforms=[dict(type='Resize'), dict(type='RandomFlip'), dict(type='Pad', size_divisor=32)])]\n";
    DfConfig *config;
    DfImage image;
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "p.py", true), DF_OK, "%s", df_error());
    cr_assert_eq(df_image_read(&image, DF_TEST_DATA "/images/420.jpg"), DF_OK);
    for (size_t n = 1;; n++) {
        DfPipeline *pipeline;
        DfViews views = { 0 };
        const size_t held = df_memory().now;
        df_memory_fail_at(n, false);
        int error = df_pipeline_new(&pipeline, df_node_at(df_config_root(config), "p"));
        if (error == DF_OK)
            error = df_pipeline_run(pipeline, &image, &views);
        df_memory_fail_at(0, false);
        df_views_free(&views);
        df_pipeline_free(pipeline);
        cr_expect_eq(df_memory().now, held, "leak when allocation %zu fails", n);
        if (error == DF_OK)
            break;
        cr_expect_eq(error, DF_ENOMEM, "allocation %zu: %s", n, df_error());
        cr_assert_lt(n, 100u);
    }
    df_image_free(&image);
    df_config_free(config);
}

Test(pipeline, a_config_without_one)
{
    DfPipeline *pipeline;
    cr_expect_eq(df_pipeline_new(&pipeline, NULL), DF_EVALUE);
    cr_expect_null(pipeline);
    cr_expect_str_eq(df_error(), "want a list of transforms");
}

/* ---- reference outputs of mmdet and mmseg -------------------------------------------------------- */

static cJSON *read_json(const char *path)
{
    char *text;
    size_t size;
    cr_assert_eq(df_file_text(&text, &size, path, 1 << 24), DF_OK, "%s", df_error());
    cJSON *json = cJSON_Parse(text);
    df_free(text);
    cr_assert(json);
    return json;
}

static double number(const cJSON *object, const char *key)
{
    const cJSON *value = cJSON_GetObjectItem(object, key);
    cr_assert(value, "%s", key);
    return value->valuedouble;
}

static unsigned long crc_of_chw(const DfView *v)
{
    const size_t plane = (size_t)v->meta.pad_h * (size_t)v->meta.pad_w;
    float *chw = df_malloc(plane * 3 * sizeof *chw);
    cr_assert(chw);
    for (size_t i = 0; i < plane; i++)
        for (size_t c = 0; c < 3; c++)
            chw[c * plane + i] = v->pixels[i * 3 + c];
    const unsigned long crc = crc_of_floats(chw, plane * 3);
    df_free(chw);
    return crc;
}

static void check_resized(const DfImage *image, const DfView *v, unsigned long crc)
{
    DfImage resized;
    cr_assert_eq(df_resize_cv2(&resized, image, v->meta.img_h, v->meta.img_w), DF_OK);
    cr_expect_eq(crc32(0, resized.pixels, (uInt)df_image_bytes(&resized)), crc);
    df_image_free(&resized);
}

static void check_reference(const DfImage *image, const cJSON *want, const char *pad)
{
    const cJSON *scale = cJSON_GetObjectItem(want, "scale");
    char text[1024];
    snprintf(text, sizeof text, "p = [dict(type='MultiScaleFlipAug', img_scale=(%d, %d), transforms=[dict(type='Resize'), dict(type='RandomFlip'), "
        "dict(type='Normalize', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]), %s])]\n",
        cJSON_GetArrayItem(scale, 0)->valueint, cJSON_GetArrayItem(scale, 1)->valueint, pad);
    DfConfig *config;
    DfPipeline *pipeline;
    DfViews views;
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "p.py", true), DF_OK, "%s", df_error());
    cr_assert_eq(df_pipeline_new(&pipeline, df_node_at(df_config_root(config), "p")), DF_OK, "%s", df_error());
    cr_assert_eq(df_pipeline_run(pipeline, image, &views), DF_OK, "%s", df_error());
    const DfView *v = views.view;
    const cJSON *shape = cJSON_GetObjectItem(want, "pad_shape"), *factor = cJSON_GetObjectItem(want, "scale_factor");
    cr_expect_eq(v->meta.pad_h, cJSON_GetArrayItem(shape, 0)->valueint);
    cr_expect_eq(v->meta.pad_w, cJSON_GetArrayItem(shape, 1)->valueint);
    for (int i = 0; i < 4; i++)
        cr_expect_eq(v->meta.scale_factor[i], (float)cJSON_GetArrayItem(factor, i)->valuedouble);
    check_resized(image, v, (unsigned long)number(want, "resized_bgr_u8_crc32"));
    cr_expect_eq(crc_of_chw(v), (unsigned long)number(want, "tensor_chw_f32_crc32"));
    df_views_free(&views);
    df_pipeline_free(pipeline);
    df_config_free(config);
}

Test(pipeline, as_the_reference_outputs)
{
    static const char *const pictures[] = { "wide", "small", "tall" };
    for (int i = 0; i < 3; i++) {
        char path[1024];
        snprintf(path, sizeof path, DF_TEST_DATA "/preprocessing/%s.json", pictures[i]);
        cJSON *json = read_json(path);
        DfImage image;
        snprintf(path, sizeof path, DF_TEST_DATA "/preprocessing/%s.jpg", pictures[i]);
        cr_assert_eq(df_image_read(&image, path), DF_OK, "%s", df_error());
        cr_expect_eq(crc32(0, image.pixels, (uInt)df_image_bytes(&image)), (unsigned long)number(json, "decoded_bgr_crc32"));
        const cJSON *want;
        cJSON_ArrayForEach(want, cJSON_GetObjectItem(json, "mmdet"))
            check_reference(&image, want, "dict(type='Pad', size_divisor=32)");
        cJSON_ArrayForEach(want, cJSON_GetObjectItem(json, "mmseg"))
            check_reference(&image, want, "");
        df_image_free(&image);
        cJSON_Delete(json);
    }
}

/* 200 sizes of pictures and scales: mmcv.rescale_size and padding to 32. */
Test(pipeline, sizes_round_as_the_reference)
{
    cJSON *json = read_json(DF_TEST_DATA "/preprocessing/sizes.json");
    const cJSON *row;
    int rows = 0;
    cJSON_ArrayForEach(row, cJSON_GetObjectItem(json, "mmcv_rescale_size"))
    {
        int n[8];
        for (int i = 0; i < 8; i++)
            n[i] = cJSON_GetArrayItem(row, i)->valueint;
        char text[256];
        snprintf(text, sizeof text, "p = [dict(type='Resize', img_scale=(%d, %d)), dict(type='Pad', size_divisor=32)]\n", n[2], n[3]);
        DfConfig *config;
        DfPipeline *pipeline;
        DfViews views;
        DfImage image;
        cr_assert_eq(df_config_parse(&config, text, strlen(text), "p.py", true), DF_OK, "%s", df_error());
        cr_assert_eq(df_pipeline_new(&pipeline, df_node_at(df_config_root(config), "p")), DF_OK, "%s", df_error());
        cr_assert_eq(df_image_new(&image, n[1], n[0], 3), DF_OK);
        memset(image.pixels, 0, df_image_bytes(&image));
        cr_assert_eq(df_pipeline_run(pipeline, &image, &views), DF_OK, "%s", df_error());
        const DfView *v = views.view;
        cr_expect(v->meta.img_w == n[4] && v->meta.img_h == n[5] && v->meta.pad_w == n[6] && v->meta.pad_h == n[7], "%d x %d to %d x %d in %d x %d", n[0],
            n[1], v->meta.img_w, v->meta.img_h, v->meta.pad_w, v->meta.pad_h);
        df_views_free(&views);
        df_image_free(&image);
        df_pipeline_free(pipeline);
        df_config_free(config);
        rows++;
    }
    cr_expect_geq(rows, 200);
    cJSON_Delete(json);
}
