/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/datasets/test_synth.c -- the drawn world: equal files for equal seeds and any number of threads, and labels that say the same
 * of every pixel: boxes, areas, polygons, runs and label maps.
 */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boxes/boxes.h"
#include "datasets/datasets.h"

static char root[64];

static void make_root(void)
{
    snprintf(root, sizeof root, "/tmp/deformer-synth-XXXXXX");
    cr_assert_not_null(mkdtemp(root));
}

static void remove_root(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", root);
    cr_expect_eq(system(command), 0);
}

TestSuite(synth, .init = make_root, .fini = remove_root);

static const char *path_of(char path[256], const char *folder, const char *name)
{
    snprintf(path, 256, "%s/%s%s", root, folder, name);
    return path;
}

static void write_world(const char *folder, const DfSynth *o, int threads)
{
    char path[256];
    DfPool *pool;
    cr_assert_eq(df_pool_new(&pool, threads), DF_OK);
    cr_assert_eq(df_synth_write(path_of(path, folder, ""), o, pool), DF_OK, "%s", df_error());
    df_pool_free(pool);
}

static void expect_same(const char *a, const char *b, const char *name)
{
    char path[256];
    DfFile one, two;
    cr_assert_eq(df_file_open(&one, path_of(path, a, name), SIZE_MAX), DF_OK, "%s", df_error());
    cr_assert_eq(df_file_open(&two, path_of(path, b, name), SIZE_MAX), DF_OK, "%s", df_error());
    cr_expect(one.size == two.size && memcmp(one.data, two.data, one.size) == 0, "%s differs", name);
    df_file_close(&one);
    df_file_close(&two);
}

static DfCocoDataset *annotations_of(const char *folder, const char *part)
{
    char file[256], pictures[256], name[64];
    DfCocoDataset *coco;
    snprintf(name, sizeof name, "/annotations/instances_%s.json", part);
    path_of(file, folder, name);
    snprintf(name, sizeof name, "/%s", part);
    path_of(pictures, folder, name);
    cr_assert_eq(df_coco_dataset_open_masks(&coco, file, pictures, NULL, DF_COCO_OWN_CLASSES), DF_OK, "%s", df_error());
    return coco;
}

Test(synth, the_same_for_any_number_of_threads)
{
    const DfSynth o = { .train = 3, .val = 2, .seed = 11 };
    write_world("one", &o, 1);
    write_world("two", &o, 3);
    expect_same("one", "two", "/annotations/instances_train2017.json");
    expect_same("one", "two", "/annotations/instances_val2017.json");
    expect_same("one", "two", "/annotations/train2017/000000000003.png");
    expect_same("one", "two", "/train2017/000000000002.jpg");
    expect_same("one", "two", "/val2017/000000000002.jpg");
}

Test(synth, a_picture_does_not_depend_on_how_many_there_are)
{
    write_world("few", &(DfSynth){ .val = 2, .seed = 3 }, 1);
    write_world("more", &(DfSynth){ .train = 2, .val = 3, .seed = 3 }, 1);
    expect_same("few", "more", "/val2017/000000000002.jpg");
}

/* The mask has the box and the area that the file says, lies on no other object, and the label map has its class there. */
static void check_object(const DfCocoBox *box, const DfImage *map, uint8_t *taken)
{
    DfMask mask;
    double around[4];
    uint8_t *pixels = df_malloc(df_image_bytes(map));
    cr_assert_not_null(pixels);
    cr_assert_eq(df_object_mask_runs(&mask, &box->mask, (uint32_t)map->height, (uint32_t)map->width), DF_OK, "%s", df_error());
    cr_assert_eq(df_mask_decode(&mask, pixels), DF_OK);
    df_mask_box(&mask, around);
    cr_expect(memcmp(around, box->bbox, sizeof around) == 0, "box of %lld", (long long)box->id);
    cr_expect(box->area >= 1.0 && (double)df_mask_area(&mask) == box->area, "area of %lld", (long long)box->id);
    uint8_t class = 0;
    int wrong = 0;
    for (size_t i = 0; i < df_image_bytes(map); i++)
        if (pixels[i]) {
            class = class ? class : map->pixels[i];
            wrong += map->pixels[i] != class || taken[i];
            taken[i] = 1;
        }
    cr_expect(wrong == 0 && class >= DF_SYNTH_CLASSES - DF_SYNTH_THINGS && class < DF_SYNTH_CLASSES);
    df_mask_done(&mask);
    df_free(pixels);
}

/* How many of each form. */
typedef struct {
    int polygons, runs, crowds;
} Forms;

static void check_picture(const DfCocoDataset *coco, int i, Forms *forms)
{
    char path[256];
    DfImage picture, map;
    cr_assert_eq(df_image_read(&picture, coco->picture[i]), DF_OK, "%s", df_error());
    snprintf(path, sizeof path, "%s/world/annotations/train2017/%.12s.png", root, coco->images[i].file_name);
    cr_assert_eq(df_image_read_labels(&map, path), DF_OK, "%s", df_error());
    cr_expect(picture.height == coco->images[i].height && picture.width == coco->images[i].width);
    cr_expect(picture.height == map.height && picture.width == map.width);
    uint8_t *taken = df_calloc(df_image_bytes(&map), 1);
    for (int k = 0; k < coco->images[i].n; k++) {
        const DfCocoBox *box = &coco->boxes[coco->images[i].first + k];
        check_object(box, &map, taken);
        forms->polygons += box->mask.form == DF_MASK_POLYGONS;
        forms->runs += box->mask.form == DF_MASK_RUNS && !box->crowd;
        forms->crowds += box->crowd;
    }
    int left_over = 0;
    for (size_t k = 0; k < df_image_bytes(&map); k++)
        left_over += map.pixels[k] >= DF_SYNTH_CLASSES - DF_SYNTH_THINGS && !taken[k];
    cr_expect_eq(left_over, 0, "every pixel of a thing is in a mask");
    df_free(taken);
    df_image_free(&picture);
    df_image_free(&map);
}

Test(synth, all_labels_say_the_same)
{
    Forms forms = { 0 };
    write_world("world", &(DfSynth){ .train = 40, .seed = 5 }, 2);
    DfCocoDataset *coco = annotations_of("world", "train2017");
    cr_expect(coco->n_images == 40 && coco->n_categories == DF_SYNTH_THINGS);
    for (int i = 0; i < coco->n_images; i++)
        check_picture(coco, i, &forms);
    cr_expect(forms.polygons > 100 && forms.runs > 5 && forms.crowds > 0, "%d polygons, %d runs, %d crowds", forms.polygons, forms.runs, forms.crowds);
    df_coco_dataset_free(coco);
}

Test(synth, sizes_and_categories_as_asked)
{
    write_world("small", &(DfSynth){ .val = 8, .least = { 64, 80 }, .most = { 70, 2048 / 16 }, .coco = true }, 1);
    DfCocoDataset *coco = annotations_of("small", "val2017");
    cr_expect_eq(coco->n_categories, DF_COCO_CLASSES);
    for (int i = 0; i < coco->n_images; i++)
        cr_expect(coco->images[i].height >= 64 && coco->images[i].height <= 70 && coco->images[i].width >= 80 && coco->images[i].width <= 128);
    df_coco_dataset_free(coco);
}

Test(synth, numbers_out_of_range)
{
    cr_expect_eq(df_synth_write(root, &(DfSynth){ .train = 0 }, NULL), DF_EVALUE);
    cr_expect_eq(df_synth_write(root, &(DfSynth){ .train = -1, .val = 3 }, NULL), DF_EVALUE);
    cr_expect_eq(df_synth_write(root, &(DfSynth){ .train = DF_SYNTH_MOST, .val = 1 }, NULL), DF_EVALUE);
    cr_expect_eq(df_synth_write(root, &(DfSynth){ .val = 1, .least = { 63, 64 }, .most = { 64, 64 } }, NULL), DF_EVALUE);
    cr_expect_eq(df_synth_write(root, &(DfSynth){ .val = 1, .least = { 64, 64 }, .most = { 64, 4096 } }, NULL), DF_EVALUE);
    cr_expect_eq(df_synth_write(root, &(DfSynth){ .val = 1, .least = { 80, 64 }, .most = { 64, 64 } }, NULL), DF_EVALUE);
}

/* A folder of both kinds of labels: a config gets what it learns from. */
Test(synth, both_kinds_of_networks_can_learn_from_it)
{
    char path[256];
    DfFolder *folder;
    DfConfig *config;
    static const char text[] = "data = dict(train=dict(type='CustomDataset'))";
    write_world("both", &(DfSynth){ .train = 3, .val = 2, .seed = 1 }, 1);
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "c.py", true), DF_OK, "%s", df_error());
    cr_assert_eq(df_folder_open(&folder, path_of(path, "both", "")), DF_OK, "%s", df_error());
    cr_expect(df_folder_form(folder) == DF_FOLDER_COCO && df_folder_has_masks(folder));
    cr_expect(df_folder_training(folder) == 3 && df_folder_validation(folder) == 2);
    df_folder_free(folder);
    cr_assert_eq(df_folder_open_for(&folder, path, df_config_root(config)), DF_OK, "%s", df_error());
    cr_expect_eq(df_folder_form(folder), DF_FOLDER_LABEL_MAPS);
    cr_expect(df_folder_training(folder) == 3 && df_folder_validation(folder) == 2);
    cr_expect_eq(df_folder_classes(folder)->n, DF_SYNTH_CLASSES);
    cr_expect_str_eq(df_folder_classes(folder)->name[0], "sky");
    df_folder_free(folder);
    df_config_free(config);
}
