/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/datasets/test_pipeline_edges.c -- training pipelines at their edges: nothing to see, memory that runs out, options
 * and pictures that do not fit, and the same sample from the same draws.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "datasets/datasets.h"

static const char detr[] =
    "p = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations', with_bbox=True, with_mask=True), dict(type='RandomFlip', flip_ratio=0.5),"
    " dict(type='AutoAugment', policies=[[dict(type='Resize', img_scale=[(48, 90), (60, 90)], multiscale_mode='value')],"
    " [dict(type='Resize', img_scale=(40, 80)), dict(type='RandomCrop', crop_type='absolute_range', crop_size=(10, 30), allow_negative_crop=True),"
    " dict(type='Resize', img_scale=(48, 90), override=True)]]), dict(type='PhotoMetricDistortion'), dict(type='Normalize', mean=[1., 2., 3.], std=[4., 5., 6.]),"
    " dict(type='Pad', size_divisor=32), dict(type='Collect', keys=['img', 'gt_bboxes'])]\n";

static DfPipeline *parse(DfConfig **config, const char *text)
{
    DfPipeline *pipeline = NULL;
    cr_assert_eq(df_config_parse(config, text, strlen(text), "p.py", true), DF_OK, "%s", df_error());
    const DfPipelineKind kind = { .training = true };
    df_pipeline_new_as(&pipeline, df_node_at(df_config_root(*config), "p"), &kind);
    return pipeline;
}

/* The usual pipelines do without any object, on one pixel, and with boxes of no area outside of the picture. */
Test(pipeline_edges, nothing_to_see)
{
    DfConfig *config;
    DfPipeline *pipeline = parse(&config, detr);
    cr_assert(pipeline, "%s", df_error());
    for (int seed = 0; seed < 20; seed++) {
        uint8_t pixel[3] = { 1, 2, 3 };
        const DfImage image = { 1, 1, 3, pixel };
        DfAnnotations known;
        cr_assert_eq(df_annotations_init(&known, (size_t)seed % 3, true), DF_OK);
        for (size_t i = 0; i < known.n; i++)
            known.boxes[4 * i] = known.boxes[4 * i + 2] = 5;
        DfDraws draws = { .random = df_random((uint64_t)seed, 1) };
        DfTrainingSample sample;
        cr_assert_eq(df_pipeline_train(pipeline, &image, &known, NULL, &draws, &sample), DF_OK, "%s", df_error());
        cr_expect(!sample.left_out && sample.pixels && sample.meta.pad_h % 32 == 0);
        df_training_sample_free(&sample);
        df_annotations_done(&known);
    }
    df_pipeline_free(pipeline);
    df_config_free(config);
}

static DfImage noise(int height, int width)
{
    DfImage image;
    cr_assert_eq(df_image_new(&image, height, width, 3), DF_OK);
    for (size_t i = 0; i < df_image_bytes(&image); i++)
        image.pixels[i] = (uint8_t)(i * 37 % 251);
    return image;
}

/* A stream gives the same sample again, whatever was done between. */
Test(pipeline_edges, is_a_function_of_its_draws)
{
    DfConfig *config;
    DfPipeline *pipeline = parse(&config, detr);
    DfImage image = noise(33, 47);
    DfAnnotations known;
    cr_assert_eq(df_annotations_init(&known, 1, false), DF_OK);
    memcpy(known.boxes, (const float[]){ 3, 4, 30, 20 }, 4 * sizeof *known.boxes);
    DfTrainingSample first[8];
    for (int i = 0; i < 16; i++) {
        DfDraws draws = { .random = df_random(5, (uint64_t)(i % 8)) };
        DfTrainingSample sample;
        cr_assert_eq(df_pipeline_train(pipeline, &image, &known, NULL, &draws, &sample), DF_OK, "%s", df_error());
        if (i < 8) {
            first[i] = sample;
            continue;
        }
        const DfTrainingSample *before = &first[i % 8];
        const size_t n = (size_t)sample.meta.pad_h * (size_t)sample.meta.pad_w * 3;
        cr_assert(sample.meta.pad_h == before->meta.pad_h && sample.meta.pad_w == before->meta.pad_w);
        cr_expect_eq(memcmp(sample.pixels, before->pixels, n * sizeof(float)), 0);
        cr_expect_eq(memcmp(sample.annotations.boxes, before->annotations.boxes, 4 * sample.annotations.n * sizeof(float)), 0);
        df_training_sample_free(&sample);
        df_training_sample_free(&first[i % 8]);
    }
    cr_expect_float_eq(known.boxes[2], 30, 0, "the annotations stay as they are");
    df_annotations_done(&known);
    df_image_free(&image);
    df_pipeline_free(pipeline);
    df_config_free(config);
}

static const char *const everything[] = {
    detr,
    "p = [dict(type='LoadAnnotations', with_seg=True, with_mask=True, poly2mask=False), dict(type='Expand'), dict(type='MinIoURandomCrop'),"
    " dict(type='CutOut', n_holes=2, cutout_shape=(4, 4)), dict(type='Resize', img_scale=(30, 20)), dict(type='RandomFlip', flip_ratio=1.0),"
    " dict(type='Pad', size_divisor=8), dict(type='SegRescale', scale_factor=0.5)]\n",
    "p = [dict(type='LoadAnnotations', reduce_zero_label=True), dict(type='Resize', img_scale=(40, 30), ratio_range=(0.5, 2.0)), dict(type='RandomCrop',"
    " crop_size=(9, 9), cat_max_ratio=0.5), dict(type='RandomFlip', prob=0.5), dict(type='PhotoMetricDistortion'), dict(type='Pad', size=(9, 9))]\n",
};

static void add_things(DfAnnotations *known, const DfImage *image)
{
    static double xy[] = { 3, 4, 20, 5, 15, 14 };
    static DfPolygon polygon = { 3, xy };
    memcpy(known->boxes, (const float[]){ 3, 4, 30, 20, 1, 1, 9, 9 }, 8 * sizeof *known->boxes);
    for (size_t i = 0; i < known->n; i++)
        known->masks[i] = (DfObjectMask){ .form = DF_MASK_POLYGONS, .n_polygons = 1, .polygons = &polygon };
    const size_t pixels = (size_t)image->height * (size_t)image->width;
    known->map = (DfLabelMap){ image->height, image->width, df_arena_alloc(known->arena, pixels, 1), NULL };
}

Test(pipeline_edges, memory_that_runs_out_is_an_error)
{
    DfImage image = noise(33, 47);
    DfAnnotations known;
    cr_assert_eq(df_annotations_init(&known, 2, true), DF_OK);
    add_things(&known, &image);
    for (size_t which = 0; which < sizeof everything / sizeof *everything; which++) {
        DfConfig *config;
        cr_assert_eq(df_config_parse(&config, everything[which], strlen(everything[which]), "p.py", true), DF_OK, "%s", df_error());
        int error = DF_ENOMEM;
        for (size_t n = 1; error == DF_ENOMEM; n++) {
            const DfPipelineKind kind = { .training = true };
            const size_t held = df_memory().now;
            DfPipeline *pipeline;
            DfTrainingSample sample = { 0 };
            DfDraws draws = { .random = df_random(3, 9) };
            df_memory_fail_at(n, false);
            error = df_pipeline_new_as(&pipeline, df_node_at(df_config_root(config), "p"), &kind);
            if (error == DF_OK)
                error = df_pipeline_train(pipeline, &image, &known, NULL, &draws, &sample);
            df_memory_fail_at(0, false);
            df_training_sample_free(&sample);
            df_pipeline_free(pipeline);
            cr_expect_eq(df_memory().now, held, "pipeline %zu: leak when allocation %zu fails", which, n);
            cr_expect(error == DF_OK || error == DF_ENOMEM, "pipeline %zu, allocation %zu: %s", which, n, df_error());
            cr_assert_lt(n, 1000u);
        }
        df_config_free(config);
    }
    df_annotations_done(&known);
    df_image_free(&image);
}

static void expect_error(const char *list, const char *sentence)
{
    char text[512];
    DfConfig *config;
    snprintf(text, sizeof text, "p = %s\n", list);
    DfPipeline *pipeline = parse(&config, text);
    cr_expect(!pipeline && strstr(df_error(), sentence), "%s gives: %s", list, df_error());
    df_pipeline_free(pipeline);
    df_config_free(config);
}

Test(pipeline_edges, errors_are_sentences)
{
    expect_error("[dict(type='MultiScaleFlipAug', img_scale=(1, 2), transforms=[])]", "is for testing");
    expect_error("[dict(type='Corrupt', corruption='fog')]", "not built in");
    expect_error("[dict(type='Resize')]", "without a size");
    expect_error("[dict(type='Resize', img_scale=[(1, 2), (3, 4), (5, 6)])]", "a range of 3 sizes");
    expect_error("[dict(type='Resize', img_scale=[(1, 2), (3, 4)], ratio_range=(1, 2))]", "want one");
    expect_error("[dict(type='RandomFlip')]", "want a probability");
    expect_error("[dict(type='RandomFlip', flip_ratio=[0.7, 0.7], direction=['horizontal', 'vertical'])]", "sum to 1.4");
    expect_error("[dict(type='RandomFlip', flip_ratio=[0.7], direction=['horizontal', 'vertical'])]", "1 probabilities of 2 directions");
    expect_error("[dict(type='RandomCrop', crop_size=(0, 4))]", "want a size of 1");
    expect_error("[dict(type='RandomCrop', crop_type='relative', crop_size=(2, 4))]", "1e-06 to 1");
    expect_error("[dict(type='RandomCrop', crop_type='absolute_range', crop_size=(9, 4))]", "the smaller first");
    expect_error("[dict(type='RandomChoice', transforms=[])]", "one or more lists");
    expect_error("[dict(type='AutoAugment', policies=[[]], prob=[0.5])]", "sum to 0.5");
    expect_error("[dict(type='Expand', mean=[1])]", "three numbers");
    expect_error("[dict(type='CutOut', n_holes=(3, 1), cutout_shape=(1, 1))]", "the smaller first");
    expect_error("[dict(type='CutOut', n_holes=3)]", "either cutout_shape or cutout_ratio");
    expect_error("[dict(type='Mosaic', skip_filter=False)]", "no filter");
}

/* mmseg's reduce_zero_label, for maps of few classes and of many. */
Test(pipeline_edges, class_zero_is_ignored)
{
    DfConfig *config;
    DfPipeline *pipeline = parse(&config, "p = [dict(type='LoadAnnotations', reduce_zero_label=True), dict(type='RandomFlip', prob=1.0)]\n");
    cr_expect(df_pipeline_needs(pipeline).reduces_zero && df_pipeline_needs(pipeline).map && !df_pipeline_needs(pipeline).boxes);
    DfImage image = noise(1, 4);
    static uint8_t narrow[4] = { 0, 1, 150, 255 };
    static uint16_t wide[4] = { 0, 1, 300, 255 };
    for (int i = 0; i < 2; i++) {
        DfAnnotations known = { .map = { 1, 4, i ? NULL : narrow, i ? wide : NULL } };
        DfDraws draws = { .random = df_random(3, 9) };
        DfTrainingSample sample;
        cr_assert_eq(df_pipeline_train(pipeline, &image, &known, NULL, &draws, &sample), DF_OK, "%s", df_error());
        const DfLabelMap *map = &sample.annotations.map;
        const int want[4] = { 255, i ? 299 : 149, 0, 255 }; /* mirrored */
        for (int k = 0; k < 4; k++)
            cr_expect_eq(i ? map->wide[k] : map->narrow[k], want[k], "%d, %d", i, k);
        df_training_sample_free(&sample);
    }
    cr_expect_eq(narrow[1], 1, "the map that was given stays as it is");
    df_image_free(&image);
    df_pipeline_free(pipeline);
    df_config_free(config);
}

Test(pipeline_edges, a_small_map_is_not_cropped)
{
    DfConfig *config;
    DfPipeline *pipeline = parse(&config, "p = [dict(type='SegRescale', scale_factor=0.5), dict(type='RandomCrop', crop_size=3, cat_max_ratio=0.5)]\n");
    DfImage image = noise(8, 8);
    DfAnnotations known;
    DfTrainingSample sample;
    DfDraws draws = { .random = df_random(3, 9) };
    cr_assert_eq(df_annotations_init(&known, 0, false), DF_OK);
    known.map = (DfLabelMap){ 8, 8, image.pixels, NULL };
    cr_expect_eq(df_pipeline_train(pipeline, &image, &known, NULL, &draws, &sample), DF_EVALUE);
    cr_expect(strstr(df_error(), "want SegRescale after it"), "%s", df_error());
    df_annotations_done(&known);
    df_image_free(&image);
    df_pipeline_free(pipeline);
    df_config_free(config);
}

/* What a pipeline cannot be given: one sentence, and nothing made. */
Test(pipeline_edges, what_does_not_fit)
{
    DfConfig *config;
    DfPipeline *pipeline = parse(&config, "p = [dict(type='Mosaic', img_scale=(4, 4))]\n");
    DfImage image = noise(3, 4);
    DfAnnotations known;
    DfTrainingSample sample;
    DfDraws draws = { .random = df_random(3, 9) };
    cr_assert_eq(df_annotations_init(&known, 0, false), DF_OK);
    cr_expect_eq(df_pipeline_train(pipeline, &image, &known, NULL, &draws, &sample), DF_EVALUE);
    cr_expect(strstr(df_error(), "mixes several pictures"), "%s", df_error());
    df_pipeline_free(pipeline);
    df_config_free(config);
    pipeline = parse(&config, "p = [dict(type='LoadAnnotations', with_seg=True)]\n");
    known.map = (DfLabelMap){ 3, 5, image.pixels, NULL };
    cr_expect_eq(df_pipeline_train(pipeline, &image, &known, NULL, &draws, &sample), DF_EVALUE);
    cr_expect(strstr(df_error(), "a label map of 3 x 5 for a picture of 3 x 4"), "%s", df_error());
    cr_expect(!sample.pixels && !sample.annotations.arena);
    known.map = (DfLabelMap){ 0 };
    known.unit = DF_BOXES_RELATIVE;
    cr_expect_eq(df_pipeline_train(pipeline, &image, &known, NULL, &draws, &sample), DF_EVALUE);
    df_annotations_done(&known);
    df_image_free(&image);
    df_pipeline_free(pipeline);
    df_config_free(config);
}
