/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/datasets/test_ade.c -- datasets of semantic segmentation: names and colours against ADE20K's own tables, lists of files,
 * labels, the scales of mmseg's MultiScaleFlipAug, and a class map as it is drawn.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "datasets/datasets.h"

#define SET DF_TEST_DATA "/segmentation"

static int open_text(DfSegmentation **out, const char *text)
{
    DfConfig *config;
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "config.py", true), DF_OK, "%s", df_error());
    const int error = df_segmentation_from_config(out, df_node_get(df_config_root(config), "data"), SET);
    df_config_free(config);
    return error;
}

static void fails(const char *text, const char *sentence)
{
    DfSegmentation *set;
    cr_expect(open_text(&set, text) < 0, "takes %s", text);
    cr_expect_not_null(strstr(df_error(), sentence), "'%s' does not say '%s'", df_error(), sentence);
}

/* ---- ADE20K ------------------------------------------------------------------------------------------------------- */

/* Against mmseg's table. */
Test(ade, names_and_colours)
{
    FILE *table = fopen(SET "/ade150.csv", "r");
    char line[128], name[64];
    cr_assert(table && fgets(line, sizeof line, table));
    for (int i = 0; i < DF_ADE_CLASSES; i++) {
        int at, r, g, b;
        cr_assert_eq(fscanf(table, "%d,%d,%d,%d,%63[^\n]", &at, &r, &g, &b, name), 5);
        cr_expect_str_eq(df_ade_classes[i], name);
        cr_expect(at == i + 1 && r == df_ade_palette[i][0] && g == df_ade_palette[i][1] && b == df_ade_palette[i][2], "colour of class %d", i);
    }
    cr_assert_eq(fscanf(table, "%63s", name), EOF);
    fclose(table);
}

Test(ade, dict)
{
    DfSegmentation *set;
    cr_assert_eq(open_text(&set, "data = dict(type='ADE20KDataset', data_root='x/ADE', img_dir='images', ann_dir='labels', img_suffix='.png')"), DF_OK, "%s", df_error());
    cr_expect_eq(set->n, 3);
    cr_expect_eq(set->classes.n, DF_ADE_CLASSES);
    cr_expect(set->reduce_zero_label && set->ignore_index == 255);
    cr_expect_str_eq(set->name[2], "deep/c");
    cr_expect_str_eq(set->picture[2], SET "/images/deep/c.png");
    cr_expect_str_eq(set->label[2], SET "/labels/deep/c.png");
    df_segmentation_free(set);
    fails("data = dict(type='ADE20KDataset', img_dir='images', classes=['wall', 'moon'])", "'moon' is not a class of ADE20KDataset: want its class names");
    fails("data = dict(type='ADE20KDataset', img_dir='images', classes=['wall', 'sky', 'wall'])", "the class 'wall' is listed twice");
    fails("data = dict(type='ADE20KDataset', img_dir='images')", "no file in it ends in .jpg");
    fails("data = dict(type='ADE20KDataset', img_dri='images')", "did you mean 'img_dir'");
    fails("data = dict(type='CocoDataset')", "dataset of type 'CocoDataset': want one of label maps");
    fails("data = dict(type='ADEDataset')", "did you mean 'ADE20KDataset'");
}

static void check_chosen(const char *reduce, const uint8_t becomes[5])
{
    char text[512];
    DfSegmentation *set, *all;
    DfImage label, before;
    snprintf(text, sizeof text, "data = dict(type='ADE20KDataset', data_root='x', img_dir='images', ann_dir='labels', img_suffix='.png', reduce_zero_label=%s", reduce);
    const size_t end = strlen(text);
    snprintf(text + end, sizeof text - end, ")");
    cr_assert_eq(open_text(&all, text), DF_OK, "%s", df_error());
    snprintf(text + end, sizeof text - end, ", classes=['sky', 'tree', 'wall'])");
    cr_assert_eq(open_text(&set, text), DF_OK, "%s", df_error());
    cr_expect_eq(set->classes.n, 3);
    cr_expect_str_eq(set->classes.name[1], "tree");
    cr_expect_eq(memcmp(set->classes.colour[0], df_ade_palette[2], 3), 0);
    cr_assert_eq(df_segmentation_label(all, 0, 48, 64, &before), DF_OK);
    cr_assert_eq(df_segmentation_label(set, 0, 48, 64, &label), DF_OK);
    for (size_t i = 0; i < df_image_bytes(&label); i++)
        cr_assert_eq(label.pixels[i], becomes[before.pixels[i]], "%d became %d", before.pixels[i], label.pixels[i]);
    df_image_free(&label);
    df_image_free(&before);
    df_segmentation_free(set);
    df_segmentation_free(all);
}

/* wall building sky floor tree are ADE20K's first. */
Test(ade, chosen_classes)
{
    check_chosen("True", (const uint8_t[]){ 0, 3, 0, 1, 0 });
    check_chosen("False", (const uint8_t[]){ 2, 255, 0, 255, 1 });
}

/* ---- any folder ----------------------------------------------------------------------------------------------------- */

#define CUSTOM "data = dict(type='CustomDataset', data_root='x', img_dir='images', img_suffix='.png', classes=['a', 'b', 'c', 'd']"

Test(custom, dict)
{
    DfSegmentation *set;
    cr_assert_eq(open_text(&set, CUSTOM ", ann_dir='labels', palette=[[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12]])"), DF_OK, "%s", df_error());
    cr_expect_eq(set->classes.n, 4);
    cr_expect_str_eq(set->classes.name[3], "d");
    cr_expect_eq(set->classes.colour[1][2], 6);
    cr_expect_not(set->reduce_zero_label);
    df_segmentation_free(set);
    cr_assert_eq(open_text(&set, CUSTOM ")"), DF_OK, "%s", df_error());
    cr_expect_null(set->label);
    df_segmentation_free(set);
    fails(CUSTOM ", palette=[[1, 2, 3]])", "want a list of 4 colours");
    fails(CUSTOM ", palette=[[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 256]])", "want a colour: [r, g, b]");
    fails(CUSTOM ", ann_dir='wrong')", "/wrong/a.png does not exist: want a label map for ");
    fails(CUSTOM ", split='names.txt')", "does not contain names.txt");
}

Test(custom, labels)
{
    DfSegmentation *set;
    DfImage label;
    cr_assert_eq(open_text(&set, CUSTOM ", ann_dir='labels')"), DF_OK, "%s", df_error());
    cr_assert_eq(df_segmentation_label(set, 0, 48, 64, &label), DF_OK, "%s", df_error());
    for (size_t i = 0; i < df_image_bytes(&label); i++)
        cr_assert_leq(label.pixels[i], 4);
    df_image_free(&label);
    cr_expect_eq(df_segmentation_label(set, 0, 64, 48, &label), DF_EVALUE);
    cr_expect_not_null(strstr(df_error(), "a.png is 64 x 48 and "), "%s", df_error());
    df_segmentation_free(set);
}

/* No allocation that fails may crash or leak. */
Test(custom, memory)
{
    for (size_t n = 1;; n++) {
        DfSegmentation *set;
        DfConfig *config;
        const char *text = CUSTOM ", ann_dir='labels')";
        cr_assert_eq(df_config_parse(&config, text, strlen(text), "config.py", true), DF_OK);
        const size_t before = df_memory().now;
        df_memory_fail_at(n, false);
        const int error = df_segmentation_from_config(&set, df_node_get(df_config_root(config), "data"), SET);
        df_memory_fail_at(0, false);
        df_segmentation_free(set);
        cr_assert_eq(df_memory().now, before, "allocation %zu leaks", n);
        df_config_free(config);
        if (error == DF_OK)
            break;
        cr_assert(error == DF_ENOMEM && n < 1000, "allocation %zu: %s", n, df_error());
    }
}

/* ---- mmseg's scales --------------------------------------------------------------------------------------------------- */

typedef struct {
    int height, width;
} Size;

/* Sizes by mmcv 1.3: factor = min(long / long side, short / short side) of (int(w r), int(h r)), side = int(side factor + 0.5). */
static void expect_views(const char *aug, int height, int width, int n, const Size *sizes)
{
    char text[512];
    DfConfig *config;
    DfPipeline *pipeline;
    DfImage image;
    DfViews views;
    snprintf(text, sizeof text, "p = [dict(type='LoadImageFromFile', imdecode_backend='cv2'), dict(type='MultiScaleFlipAug', %s, "
             "transforms=[dict(type='Resize', keep_ratio=True), dict(type='RandomFlip', prob=0.5)])]", aug);
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "config.py", true), DF_OK, "%s", df_error());
    cr_assert_eq(df_pipeline_new(&pipeline, df_node_get(df_config_root(config), "p")), DF_OK, "%s", df_error());
    cr_assert_eq(df_image_new(&image, height, width, 3), DF_OK);
    memset(image.pixels, 0, df_image_bytes(&image));
    cr_assert_eq(df_pipeline_run(pipeline, &image, &views), DF_OK, "%s", df_error());
    cr_expect_eq(views.n, n);
    for (int i = 0; i < n && i < views.n; i++)
        cr_expect(views.view[i].meta.img_h == sizes[i].height && views.view[i].meta.img_w == sizes[i].width, "%s: view %d is %d x %d", aug, i,
                  views.view[i].meta.img_h, views.view[i].meta.img_w);
    df_views_free(&views);
    df_image_free(&image);
    df_pipeline_free(pipeline);
    df_config_free(config);
}

Test(mmseg, img_ratios)
{
    expect_views("img_scale=(2048, 512), img_ratios=[0.5, 1.0, 1.75], flip=True", 364, 500, 6,
                 (Size[]){ { 256, 352 }, { 256, 352 }, { 512, 703 }, { 512, 703 }, { 896, 1231 }, { 896, 1231 } });
    expect_views("img_scale=(301, 101), img_ratios=0.75", 200, 200, 1, (Size[]){ { 75, 75 } });
    expect_views("img_scale=None, img_ratios=[0.5, 1.5]", 101, 51, 2, (Size[]){ { 50, 25 }, { 151, 76 } });
}

/* ---- drawing -------------------------------------------------------------------------------------------------------- */

Test(draw, classes)
{
    static const char *const names[] = { "one", "two" };
    static const uint8_t colours[][3] = { { 200, 0, 0 }, { 0, 0, 200 } };
    static uint16_t labels[60 * 80];
    for (int i = 0; i < 60 * 80; i++)
        labels[i] = i % 80 >= 40;
    labels[0] = 700; /* a label without a name */
    DfImage image;
    cr_assert_eq(df_image_new(&image, 60, 80, 3), DF_OK);
    memset(image.pixels, 100, df_image_bytes(&image));
    cr_assert_eq(df_draw_classes(&image, labels, &(DfClasses){ 2, names, colours }, 0.5f), DF_OK, "%s", df_error());
    cr_expect(image.width == 80 && image.height > 60, "the legend is under the picture");
    const uint8_t *left = image.pixels + (30 * 80 + 10) * 3, *right = image.pixels + (30 * 80 + 70) * 3;
    cr_expect(left[0] == 50 && left[1] == 50 && left[2] == 150);
    cr_expect(right[0] == 150 && right[1] == 50 && right[2] == 50);
    df_image_free(&image);
}
