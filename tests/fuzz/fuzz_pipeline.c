/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_pipeline.c -- a training pipeline from any text, run on a small picture with a few objects.
 * Bytes: height, width, flags (1 a label map, 2 polygons, 4 runs, 8 mmseg, 16 the later release, 32 a
 * test pipeline), seed, number of objects; four bytes for each, x y w h in halves of a pixel; the rest is
 * the value of `pipeline` as Python. Texts with numbers of four digits, exponents or products are passed
 * over: they make pictures too large for a fuzzer.
 */
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/datasets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAP = 1, POLYGONS = 2, RUNS = 4, SEGMENTATION = 8, NEW = 16, TEST = 32, HEAD = 5, OBJECTS = 8 };

static bool has_large_numbers(const char *text)
{
    int digits = 0;
    for (; *text; text++) {
        if ((digits && strchr("eE", *text)) || *text == '*')
            return true;
        digits = isdigit((unsigned char)*text) ? digits + 1 : 0;
        if (digits > 3)
            return true;
    }
    return false;
}

static void add_mask(DfAnnotations *a, size_t i, const uint8_t *object, int flags, uint32_t height, uint32_t width)
{
    static double xy[OBJECTS][8];
    static DfPolygon polygons[OBJECTS];
    const double x = object[0] / 2.0 - 8;
    const double y = object[1] / 2.0 - 8;
    const double points[8] = { x, y, x + object[2], y, x + object[2], y + object[3] / 2.0, x, y + object[3] };
    memcpy(xy[i], points, sizeof points);
    polygons[i] = (DfPolygon){ 4, xy[i] };
    DfObjectMask mask = { .form = DF_MASK_POLYGONS, .n_polygons = 1, .polygons = &polygons[i] };
    DfMask runs = { 0 };
    if (flags & RUNS && df_object_mask_runs(&runs, &mask, height, width) == DF_OK)
        mask = (DfObjectMask){ .form = DF_MASK_RUNS, .runs = runs };
    if (df_object_mask_copy(&a->masks[i], &mask, a->arena) < 0)
        abort();
    df_mask_done(&runs);
}

static DfAnnotations annotations(const uint8_t *data, size_t n, const DfImage *image)
{
    DfAnnotations a;
    if (df_annotations_init(&a, n, data[2] & (POLYGONS | RUNS)) < 0)
        abort();
    for (size_t i = 0; i < n; i++) {
        const uint8_t *object = data + HEAD + 4 * i;
        a.boxes[4 * i] = object[0] / 2.0f - 8;
        a.boxes[4 * i + 1] = object[1] / 2.0f - 8;
        a.boxes[4 * i + 2] = a.boxes[4 * i] + object[2] / 2.0f;
        a.boxes[4 * i + 3] = a.boxes[4 * i + 1] + object[3] / 2.0f;
        a.labels[i] = object[0] % 5 - 1;
        a.ignore[i] = object[1] % 4 == 0;
        if (a.masks)
            add_mask(&a, i, object, data[2], (uint32_t)image->height, (uint32_t)image->width);
    }
    if (data[2] & MAP) {
        a.map = (DfLabelMap){ .height = image->height, .width = image->width };
        const size_t pixels = (size_t)image->height * (size_t)image->width;
        a.map.narrow = df_arena_alloc(a.arena, pixels, 1);
        for (size_t i = 0; a.map.narrow && i < pixels; i++)
            a.map.narrow[i] = (uint8_t)(i / 7 % 4);
    }
    return a;
}

static DfImage picture(int height, int width)
{
    DfImage image;
    if (df_image_new(&image, height, width, 3) < 0)
        abort();
    for (size_t i = 0; i < df_image_bytes(&image); i++)
        image.pixels[i] = (uint8_t)(i * 37 % 251);
    return image;
}

static int another(void *set, DfDraws *draws, DfImage *image, DfAnnotations *known)
{
    (void)draws;
    *image = picture(9, 13);
    *known = annotations(set, 1, image);
    return DF_OK;
}

static void check(const DfTrainingSample *s)
{
    if (s->left_out)
        return;
    if (!s->pixels || s->meta.pad_h < s->meta.img_h || s->meta.pad_w < s->meta.img_w || s->meta.img_h < 1)
        abort();
    double sum = 0;
    for (size_t i = 0; i < (size_t)s->meta.pad_h * (size_t)s->meta.pad_w * 3; i++)
        sum += (double)s->pixels[i];
    for (size_t i = 0; i < s->annotations.n; i++)
        sum += (double)s->annotations.boxes[4 * i] + s->annotations.labels[i];
    const volatile double used = sum; /* so that every pixel is read */
    (void)used;
}

static void train(const uint8_t *data, size_t n, const DfPipeline *pipeline)
{
    const DfImage image = picture(data[0] % 64 + 1, data[1] % 64 + 1);
    DfAnnotations known = annotations(data, n, &image);
    const uint8_t other[HEAD + 4] = { 9, 13, data[2], 0, 1, 20, 24, 10, 12 };
    const DfOthers others = { (void *)(uintptr_t)other, another };
    DfDraws draws = { .random = df_random(data[3], 1) };
    DfTrainingSample sample;
    if (df_pipeline_train(pipeline, &image, &known, &others, &draws, &sample) == DF_OK)
        check(&sample);
    df_training_sample_free(&sample);
    df_annotations_done(&known);
    df_free(image.pixels);
}

static void test(const uint8_t *data, const DfPipeline *pipeline)
{
    DfImage image = picture(data[0] % 64 + 1, data[1] % 64 + 1);
    DfViews views;
    if (df_pipeline_run(pipeline, &image, &views) == DF_OK)
        df_views_free(&views);
    df_image_free(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[4096];
    if (size < HEAD)
        return 0;
    const size_t n = data[4] % OBJECTS;
    const size_t start = HEAD + 4 * n;
    if (size < start || size - start > sizeof text - 8)
        return 0;
    snprintf(text, sizeof text, "p = %.*s", (int)(size - start), (const char *)data + start);
    DfConfig *config;
    DfPipeline *pipeline;
    if (has_large_numbers(text) || df_config_parse(&config, text, strlen(text), "p.py", true) < 0)
        return 0;
    const DfPipelineKind kind = {
        .training = !(data[2] & TEST),
        .codebase = data[2] & SEGMENTATION ? DF_CODEBASE_SEGMENTATION : DF_CODEBASE_AUTO,
        .release = data[2] & NEW ? DF_RELEASE_NEW : DF_RELEASE_AUTO,
    };
    if (df_pipeline_new_as(&pipeline, df_node_at(df_config_root(config), "p"), &kind) == DF_OK) {
        if (kind.training)
            train(data, n, pipeline);
        else
            test(data, pipeline);
        df_pipeline_free(pipeline);
    }
    df_config_free(config);
    return 0;
}
