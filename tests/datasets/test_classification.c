/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/datasets/test_classification.c -- transforms of classification: with the random numbers that timm and torchvision drew, the
 * pixels are those that they gave (tests/scripts/make_classification.py).
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "datasets/datasets.h"

#define NORMALIZE "dict(type='Normalize', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True)"

enum { DRAWS = 64 };

typedef struct {
    char config[256];
    DfImage in;
    int n_draws;
    DfDrawn draws[DRAWS];
    char form[16];
    int height, width;
    float *want; /* R G B */
} Case;

static DfDrawKind kind_of(const char *name)
{
    static const char *const names[] = { "share", "uniform", "integer", "choice", "normal", "order" };
    static const DfDrawKind kinds[] = { DF_DRAW_SHARE, DF_DRAW_UNIFORM, DF_DRAW_INTEGER, DF_DRAW_CHOICE, DF_DRAW_NORMAL, DF_DRAW_ORDER };
    int i = 0;
    while (strcmp(names[i], name) != 0)
        i++;
    return kinds[i];
}

static int hex_byte(FILE *f)
{
    unsigned v;
    cr_assert_eq(fscanf(f, "%2x", &v), 1);
    return (int)v;
}

static bool read_case(FILE *f, Case *c)
{
    int height, width;
    *c = (Case){ 0 };
    if (fscanf(f, " case %255[^\n]", c->config) != 1)
        return false;
    cr_assert_eq(fscanf(f, " in %d %d", &height, &width), 2);
    cr_assert_eq(df_image_new(&c->in, height, width, 3), DF_OK);
    for (int i = 0; i < height * width; i++)
        for (int k = 2; k >= 0; k--)
            c->in.pixels[3 * i + k] = (uint8_t)hex_byte(f);
    cr_assert(fscanf(f, " draws %d", &c->n_draws) == 1 && c->n_draws <= DRAWS);
    for (int i = 0; i < c->n_draws; i++) {
        char kind[16];
        DfDrawn *d = &c->draws[i];
        cr_assert_eq(fscanf(f, "%15s %lf %lf %lf", kind, &d->low, &d->high, &d->value), 4);
        d->kind = kind_of(kind);
    }
    cr_assert_eq(fscanf(f, "%15s %d %d", c->form, &c->height, &c->width), 3);
    c->want = df_malloc((size_t)(3 * c->height * c->width) * sizeof *c->want);
    for (int i = 0; i < 3 * c->height * c->width; i++)
        if (strcmp(c->form, "out") == 0)
            c->want[i] = (float)hex_byte(f);
        else
            cr_assert_eq(fscanf(f, "%f", &c->want[i]), 1);
    return true;
}

/* "A x=1,y=2+B z=3" as a list of dicts. */
static void config_text(char *to, size_t room, const Case *c)
{
    char copy[256];
    snprintf(copy, sizeof copy, "%s", c->config);
    size_t n = (size_t)snprintf(to, room, "pipeline = [dict(type='LoadImageFromFile'), %s", strcmp(c->form, "out") ? NORMALIZE ", " : "");
    for (char *step = strtok(copy, "+"); step; step = strtok(NULL, "+")) {
        char *space = strchr(step, ' ');
        *space = 0;
        n += (size_t)snprintf(to + n, room - n, "dict(type='%s', %s), ", step, space + 1);
    }
    snprintf(to + n, room - n, "dict(type='PackInputs')]");
}

static DfPipeline *pipeline_of(const char *text, bool training)
{
    DfConfig *config;
    DfPipeline *pipeline = NULL;
    const DfPipelineKind kind = { .training = training };
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "c.py", true), DF_OK, "%s: %s", text, df_error());
    df_pipeline_new_as(&pipeline, df_node_at(df_config_root(config), "pipeline"), &kind);
    df_config_free(config);
    return pipeline;
}

static void check_case(const Case *c, int number)
{
    char text[1024];
    DfTrainingSample sample;
    DfDraws draws = { .given = c->draws, .n_given = (size_t)c->n_draws };
    const DfAnnotations a = { .has_class = true, .image_class = 7 };
    config_text(text, sizeof text, c);
    DfPipeline *pipeline = pipeline_of(text, true);
    cr_assert_not_null(pipeline, "%s: %s", text, df_error());
    cr_assert_eq(df_pipeline_train(pipeline, &c->in, &a, NULL, &draws, &sample), DF_OK, "%s: %s", text, df_error());
    cr_expect(!draws.astray && draws.used == (size_t)c->n_draws, "case %d, %s: %zu of %d draws", number, c->config, draws.used, c->n_draws);
    cr_assert(sample.meta.pad_h == c->height && sample.meta.pad_w == c->width, "case %d: %d x %d", number, sample.meta.pad_h, sample.meta.pad_w);
    cr_expect(sample.annotations.has_class && sample.annotations.image_class == 7);
    const bool bytes = strcmp(c->form, "out") == 0;
    float worst = 0;
    for (int i = 0; i < c->height * c->width; i++)
        for (int k = 0; k < 3; k++)
            worst = fmaxf(worst, fabsf(sample.pixels[3 * i + k] - c->want[3 * i + (bytes ? 2 - k : k)]));
    cr_expect_leq(worst, bytes ? 0.0f : 1e-6f, "case %d, %s: %g", number, c->config, (double)worst);
    df_training_sample_free(&sample);
    df_pipeline_free(pipeline);
}

Test(classification, pixels_of_timm_and_torchvision)
{
    static Case c;
    FILE *f = fopen(DF_TEST_DATA "/classification/transforms.txt", "r");
    int n = 0;
    cr_assert_not_null(f);
    for (; read_case(f, &c); n++) {
        check_case(&c, n);
        df_image_free(&c.in);
        df_free(c.want);
    }
    fclose(f);
    cr_expect_eq(n, 48);
}

static void fails(const char *steps, const char *sentence)
{
    char text[512];
    snprintf(text, sizeof text, "pipeline = [%s]", steps);
    DfPipeline *pipeline = pipeline_of(text, true);
    cr_expect_null(pipeline, "takes %s", steps);
    cr_expect_not_null(strstr(df_error(), sentence), "%s\nsays: %s", steps, df_error());
    df_pipeline_free(pipeline);
}

Test(classification, wrong_options_are_said)
{
    fails("dict(type='RandomResizedCrop')", "want a size in pixels");
    fails("dict(type='RandomResizedCrop', scale=0)", "want a size in pixels");
    fails("dict(type='RandomResizedCrop', scale=8, crop_ratio_range=[0.5])", "two numbers each");
    fails("dict(type='RandomResizedCrop', scale=8, efficientnet_style=True)", "efficientnet_style = 'True', want False");
    fails("dict(type='DefaultFormatBundle', pad_val=dict(img=114, seg=255))", "img = 114, masks = 0, seg = 255: want 0, 0");
    fails("dict(type='DetDataPreprocessor', batch_augments=[dict(type='BatchFixedSizePad')])", "batch_augments");
    fails("dict(type='RandAugment', config='rand-m9-x3')", "'x3' is not understood");
    fails("dict(type='RandAugment', config='augmix-m3')", "'augmix' is not understood");
    fails("dict(type='ResizeEdge')", "scale");
    fails("dict(type='CenterCrop')", "want a size in pixels");
    fails("dict(type='ColorJitter', hue=0.7)", "hue");
    fails("dict(type='RandomErasing', min_count=3)", "want at least min_count");
}

static void fails_to_run(const char *steps, const DfAnnotations *a, const char *sentence)
{
    char text[512];
    uint8_t pixels[48] = { 0 };
    const DfImage image = { .height = 4, .width = 4, .channels = 3, .pixels = pixels };
    DfTrainingSample sample;
    DfDraws draws = { .random = df_random(1, 1) };
    snprintf(text, sizeof text, "pipeline = [%s]", steps);
    DfPipeline *pipeline = pipeline_of(text, true);
    cr_assert_not_null(pipeline, "%s", df_error());
    cr_expect_eq(df_pipeline_train(pipeline, &image, a, NULL, &draws, &sample), DF_EVALUE);
    cr_expect_not_null(strstr(df_error(), sentence), "%s\nsays: %s", steps, df_error());
    df_pipeline_free(pipeline);
}

Test(classification, transforms_in_the_wrong_place_are_said)
{
    const DfAnnotations class = { .has_class = true };
    fails_to_run(NORMALIZE ", dict(type='RandAugment', config='rand-m9-p1')", &class, "RandAugment behind Normalize");
    fails_to_run("dict(type='RandomErasing', erase_prob=1)", &class, "RandomErasing before Normalize");
    DfAnnotations box;
    cr_assert_eq(df_annotations_init(&box, 1, false), DF_OK);
    box.boxes[2] = box.boxes[3] = 3;
    fails_to_run("dict(type='RandomResizedCrop', scale=8)", &box, "no boxes");
    df_annotations_done(&box);
}

/* Every operation at every level on the smallest pictures. */
Test(classification, one_pixel_is_enough)
{
    uint8_t pixels[3] = { 9, 99, 199 };
    const DfImage image = { .height = 1, .width = 1, .channels = 3, .pixels = pixels };
    const DfAnnotations a = { .has_class = true };
    DfPipeline *pipeline = pipeline_of("pipeline = [dict(type='RandomResizedCrop', scale=3), dict(type='RandAugment', config='rand-m9-mstd5-n20'),"
                                       " dict(type='ColorJitter', brightness=0.9, hue=0.5), " NORMALIZE ", dict(type='RandomErasing', erase_prob=1)]", true);
    cr_assert_not_null(pipeline, "%s", df_error());
    for (uint64_t i = 0; i < 200; i++) {
        DfTrainingSample sample;
        DfDraws draws = { .random = df_random(i, 1) };
        cr_assert_eq(df_pipeline_train(pipeline, &image, &a, NULL, &draws, &sample), DF_OK, "%s", df_error());
        cr_expect(sample.meta.pad_h == 3 && isfinite(sample.pixels[26]));
        df_training_sample_free(&sample);
    }
    df_pipeline_free(pipeline);
}

/* The devkit numbers the same classes in another order (tests/scripts/make_devkit_table.py): 1 is the kit fox, 449 the tench, 1000 the
 * dumbbell. */
Test(classification, ids_of_the_devkit)
{
    int met[DF_IMAGENET_CLASSES] = { 0 };
    for (int i = 0; i < DF_IMAGENET_CLASSES; i++) {
        cr_assert_lt(df_imagenet_of_devkit[i], DF_IMAGENET_CLASSES);
        cr_expect_eq(met[df_imagenet_of_devkit[i]]++, 0, "label %d is there twice", df_imagenet_of_devkit[i]);
    }
    cr_expect_str_eq(df_imagenet_classes[df_imagenet_of_devkit[0]], "kit fox");
    cr_expect_str_eq(df_imagenet_classes[df_imagenet_of_devkit[448]], "tench");
    cr_expect_str_eq(df_imagenet_classes[df_imagenet_of_devkit[999]], "dumbbell");
}
