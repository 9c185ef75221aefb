/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/datasets/test_folder.c -- folders of labelled pictures in every form: what is found, what a config is told, and what a network
 * then learns from.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/datasets.h"

/* ---- a folder in the making ---------------------------------------------------------------------------------------- */

static char *root;
static char *made[128]; /* below the root, files and folders */
static int n_made;

static char *path_of(const char *name)
{
    char *path = df_path_join(root, name);
    cr_assert_not_null(path);
    return path;
}

static void note(const char *name)
{
    for (int i = 0; i < n_made; i++)
        if (strcmp(made[i], name) == 0)
            return;
    cr_assert_lt(n_made, 128);
    made[n_made] = malloc(strlen(name) + 1);
    strcpy(made[n_made++], name);
}

static void make_folders(const char *name)
{
    char part[256];
    for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - name), name);
        char *path = path_of(part);
        cr_assert_eq(df_make_directory(path), DF_OK);
        df_free(path);
        note(part);
    }
    note(name);
}

static void put_text(const char *name, const char *text)
{
    make_folders(name);
    char *path = path_of(name);
    cr_assert_eq(df_file_write_text(path, text), DF_OK, "%s", df_error());
    df_free(path);
}

/* 40 x 32: mmdet leaves out what is smaller than 32. */
static void put_pixels(const char *name, int channels, uint8_t *pixels)
{
    const DfImage image = { .height = 32, .width = 40, .channels = channels, .pixels = pixels };
    make_folders(name);
    char *path = path_of(name);
    cr_assert_eq(df_image_write(&image, path, 90), DF_OK, "%s", df_error());
    df_free(path);
}

static void put_picture(const char *name, int channels, uint8_t value)
{
    uint8_t pixels[40 * 32 * 3];
    memset(pixels, value, sizeof pixels);
    put_pixels(name, channels, pixels);
}

static void begin(void)
{
    cr_assert_not_null(root = df_temporary_folder());
    n_made = 0;
}

/* Files before the folders that they are in. */
static void end(void)
{
    const char *files[132];
    static const char *const written[] = { "deformer_train.json", "deformer_val.json", "pictures_train.txt", "pictures_val.txt" };
    for (int i = 0; i < 4; i++)
        files[i] = written[i];
    for (int i = 0; i < n_made; i++)
        files[4 + i] = made[n_made - 1 - i];
    files[4 + n_made] = NULL;
    for (int round = 0; round < 4; round++) { /* folders were noted once, maybe before later files */
        char *again = malloc(strlen(root) + 1);
        strcpy(again, root);
        df_remove_folder(again, files);
        free(again);
    }
    while (n_made > 0)
        free(made[--n_made]);
    df_free(root);
}

TestSuite(folder, .init = begin, .fini = end);

/* ---- what is found ------------------------------------------------------------------------------------------------- */

static DfConfig *config;
static DfTrainingSet *train, *val;

static void open_sets(const DfFolderSettings *s)
{
    cr_assert_eq(df_config_parse(&config, "a = 1", 5, "c.py", true), DF_OK);
    df_config_free(config);
    put_text("c.json", "{}");
    char *path = path_of("c.json");
    cr_assert_eq(df_config_read(&config, path, s->text, s->n), DF_OK, "%s", df_error());
    df_free(path);
    cr_assert_eq(df_training_set_of_config(&train, df_config_root(config), NULL), DF_OK, "%s", df_error());
    cr_assert_eq(df_training_set_new(&val, df_node_at(df_config_root(config), "data.val"), NULL), DF_OK, "%s", df_error());
}

/* Opens the folder, says it in an empty config, and opens the two sets of that. */
static DfFolder *open_folder(DfFolderForm form, int training, int validation, const char *sentence)
{
    DfFolder *folder = NULL;
    DfFolderSettings s;
    DfConfig *empty;
    cr_assert_eq(df_folder_open(&folder, root), DF_OK, "%s", df_error());
    cr_expect_eq(df_folder_form(folder), form);
    cr_expect(df_folder_training(folder) == training && df_folder_validation(folder) == validation, "%s", df_folder_sentence(folder));
    cr_expect_not_null(strstr(df_folder_sentence(folder), sentence), "%s", df_folder_sentence(folder));
    cr_assert_eq(df_config_parse(&empty, "{}", 2, "c.json", false), DF_OK);
    cr_assert_eq(df_folder_settings(folder, df_config_root(empty), root, &s), DF_OK, "%s", df_error());
    df_config_free(empty);
    open_sets(&s);
    return folder;
}

static void close_folder(DfFolder *folder)
{
    df_training_set_free(train);
    df_training_set_free(val);
    df_config_free(config);
    df_folder_free(folder);
}

static DfAnnotations annotations_of(const DfTrainingSet *set, int i)
{
    DfImage image;
    DfAnnotations a;
    cr_assert_eq(df_training_set_load(set, i, &image, &a), DF_OK, "%s", df_error());
    df_image_free(&image);
    return a;
}

static void expect_box(const DfAnnotations *a, size_t i, float x1, float y1, float x2, float y2)
{
    const float *b = a->boxes + 4 * i;
    cr_assert_lt(i, a->n);
    cr_expect(b[0] == x1 && b[1] == y1 && b[2] == x2 && b[3] == y2, "box %zu is %g %g %g %g", i, b[0], b[1], b[2], b[3]);
}

static void fails(const char *sentence)
{
    DfFolder *folder;
    cr_expect_lt(df_folder_open(&folder, root), 0);
    cr_expect_null(folder);
    cr_expect_not_null(strstr(df_error(), sentence), "says '%s' and not '%s'", df_error(), sentence);
}

static void settings_of(const DfFolder *folder, const char *text, const char *want)
{
    DfConfig *read;
    DfFolderSettings s;
    DfFolder *f;
    memcpy(&f, &folder, sizeof f);
    cr_assert_eq(df_config_parse(&read, text, strlen(text), "c.py", true), DF_OK, "%s", df_error());
    const int error = df_folder_settings(f, df_config_root(read), root, &s);
    bool found = false;
    for (int i = 0; error == DF_OK && i < s.n; i++)
        found = found || df_starts_with(s.text[i] + strlen("--data "), want);
    cr_expect(error == DF_OK ? found : strstr(df_error(), want) != NULL, "%s\ngives no '%s' %s", text, want, error ? df_error() : "");
    df_config_free(read);
}

/* ---- PASCAL VOC ---------------------------------------------------------------------------------------------------- */

#define SIDES(a, b, c, d) "<bndbox><xmin>" #a "</xmin><ymin>" #b "</ymin><xmax>" #c "</xmax><ymax>" #d "</ymax></bndbox>"

static void put_voc(const char *xml, const char *objects)
{
    char text[2048];
    snprintf(text, sizeof text, "<annotation><size><width>40</width><height>32</height></size>%s</annotation>", objects);
    put_text(xml, text);
}

Test(folder, voc_with_lists)
{
    put_voc("Annotations/a.xml", "<object><name>dog</name>" SIDES(3, 2, 9, 7) "</object><object><name>cat</name><difficult>1</difficult>" SIDES(0, 1, 4, 5) "</object>");
    put_voc("Annotations/b.xml", "");
    put_voc("Annotations/c.xml", "<object><name>cat</name>" SIDES(2, 2, 20, 10) "</object>");
    put_picture("JPEGImages/a.jpg", 3, 9);
    put_picture("JPEGImages/b.png", 3, 9);
    put_picture("JPEGImages/c.jpg", 3, 9);
    put_text("ImageSets/Main/train.txt", "a\nb  1\n");
    put_text("ImageSets/Main/val.txt", "c\n");
    DfFolder *folder = open_folder(DF_FOLDER_VOC, 2, 1, "PASCAL VOC's format, 2 pictures to train on and 1 to validate, 2 classes (cat, dog), 3 objects");
    DfAnnotations a = annotations_of(train, 0);
    cr_assert_eq(a.n, 2);
    expect_box(&a, 0, 2, 1, 8, 6); /* one less, as in mmdet */
    cr_expect(a.labels[0] == 1 && !a.ignore[0] && a.labels[1] == 0 && a.ignore[1], "what is difficult is ignored");
    expect_box(&a, 1, 0, 0, 3, 4);
    df_annotations_done(&a);
    a = annotations_of(val, 0);
    expect_box(&a, 0, 1, 1, 19, 9);
    df_annotations_done(&a);
    close_folder(folder);
}

/* Pixels of 1 are the first object of the file, those of 2 the second, which is difficult; 255 is a border. */
static void put_masks(const char *name)
{
    uint8_t map[40 * 32] = { [2 * 40 + 4] = 1, [2 * 40 + 5] = 1, [3 * 40 + 4] = 1, [3 * 40 + 6] = 255, [20 * 40 + 9] = 2 };
    put_pixels(name, 1, map);
}

static void expect_area(const DfCocoBox *box, uint32_t area)
{
    DfMask runs;
    cr_assert_eq(df_object_mask_runs(&runs, &box->mask, 32, 40), DF_OK, "%s", df_error());
    cr_expect(df_mask_area(&runs) == area && box->area == area, "%u pixels, area %g", (unsigned)df_mask_area(&runs), box->area);
    df_mask_done(&runs);
}

static const char mask_rcnn[] = "model = dict(roi_head=dict(mask_head=dict(type='FCNMaskHead')))";

/* All pictures are listed in Main, those with masks in Segmentation, too. */
static void put_voc_with_masks(void)
{
    put_voc("Annotations/a.xml", "<object><name>dog</name>" SIDES(3, 2, 9, 7) "</object><object><name>cat</name><difficult>1</difficult>" SIDES(9, 20, 11, 22) "</object>"
            "<object><name>cat</name>" SIDES(20, 20, 30, 30) "</object>");
    put_voc("Annotations/b.xml", "<object><name>cat</name>" SIDES(2, 2, 20, 10) "</object>");
    put_voc("Annotations/c.xml", "<object><name>cat</name>" SIDES(2, 2, 20, 10) "</object>");
    put_picture("JPEGImages/a.jpg", 3, 9);
    put_picture("JPEGImages/b.jpg", 3, 9);
    put_picture("JPEGImages/c.jpg", 3, 9);
    put_masks("SegmentationObject/a.png");
    put_masks("SegmentationObject/c.png");
    put_text("ImageSets/Main/train.txt", "a\nb\n");
    put_text("ImageSets/Main/val.txt", "c\n");
    put_text("ImageSets/Segmentation/train.txt", "a\n");
    put_text("ImageSets/Segmentation/val.txt", "c\n");
}

Test(folder, voc_with_masks)
{
    DfCocoDataset *coco;
    put_voc_with_masks();
    DfFolder *folder = open_folder(DF_FOLDER_VOC, 2, 1, "2 classes (cat, dog), 5 objects with masks");
    char *path = path_of("deformer_train.json");
    cr_assert_eq(df_coco_dataset_open_masks(&coco, path, "", NULL, DF_COCO_OWN_CLASSES), DF_OK, "%s", df_error());
    cr_assert_eq(coco->n_boxes, 4);
    expect_area(&coco->boxes[0], 3);
    expect_area(&coco->boxes[1], 1);
    cr_expect(!coco->boxes[0].crowd && coco->boxes[1].crowd);
    cr_expect_eq(coco->boxes[2].mask.form, DF_MASK_NONE);
    cr_expect_eq(coco->boxes[3].mask.form, DF_MASK_NONE);
    cr_expect_eq(coco->boxes[2].area, 100.0, "without a mask it is the area of the box");
    df_coco_dataset_free(coco);
    df_free(path);
    close_folder(folder);
}

Test(folder, voc_of_a_network_with_masks)
{
    DfFolder *folder;
    DfConfig *read;
    put_voc_with_masks();
    cr_assert_eq(df_config_parse(&read, mask_rcnn, strlen(mask_rcnn), "c.py", true), DF_OK, "%s", df_error());
    cr_assert_eq(df_folder_open_for(&folder, root, df_config_root(read)), DF_OK, "%s", df_error());
    cr_expect(df_folder_training(folder) == 1 && df_folder_validation(folder) == 1, "%s", df_folder_sentence(folder));
    df_folder_free(folder);
    put_voc("Annotations/a.xml", "<object><name>dog</name>" SIDES(3, 2, 9, 7) "</object><size><width>41</width><height>32</height></size>");
    fails("a.png is 40 x 32 and its picture 41 x 32: want one size");
    df_config_free(read);
}

Test(folder, voc_beside_the_pictures)
{
    char name[32];
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "%d.xml", i);
        put_voc(name, "<object><name>dog</name>" SIDES(3, 2, 9, 7) "</object>");
        snprintf(name, sizeof name, "%d.png", i);
        put_picture(name, 3, 1);
    }
    DfFolder *folder = open_folder(DF_FOLDER_VOC, 8, 2, "8 pictures to train on and 2 to validate (taken from 10, because there is no part for it)");
    close_folder(folder);
    folder = open_folder(DF_FOLDER_VOC, 8, 2, "taken from 10");
    cr_expect(df_ends_with(df_training_set_path(val, 0), ".png"));
    close_folder(folder);
    put_voc("orphan.xml", "");
    fails("orphan.xml: there is no picture of that name");
}

/* ---- YOLO ---------------------------------------------------------------------------------------------------------- */

Test(folder, yolo_with_parts)
{
    put_text("data.yaml", "names: [wheel, door]\nnc: 2\n");
    put_picture("train/images/a.png", 3, 1);
    put_picture("train/images/empty.png", 3, 1);
    put_picture("valid/images/b.jpg", 3, 1);
    put_text("train/labels/a.txt", "1 0.5 0.5 0.5 0.25\n0 0.1 0.1 0.6 0.1 0.6 0.5\n");
    put_text("valid/labels/b.txt", "0 0.5 0.5 1 1\n");
    DfFolder *folder = open_folder(DF_FOLDER_YOLO, 2, 1, "YOLO's format, 2 pictures to train on and 1 to validate, 2 classes (wheel, door), 3 objects with masks");
    cr_expect(df_folder_has_masks(folder));
    cr_expect_eq(df_training_set_count(train), 1, "pictures without objects are left out, as the default has it");
    DfAnnotations a = annotations_of(train, 0);
    expect_box(&a, 0, 10, 12, 30, 20);
    cr_expect(a.labels[0] == 1 && a.labels[1] == 0);
    df_annotations_done(&a);
    close_folder(folder);
    put_text("train/labels/a.txt", "2 0.5 0.5 0.5 0.4\n");
    fails("a.txt: line 1: class 2: want one of the 2 classes");
}

Test(folder, yolo_flat)
{
    put_picture("images/a.png", 3, 1);
    put_picture("images/b.png", 3, 1);
    put_text("labels/a.txt", "0 0.5 0.5 0.5 0.4\n");
    put_text("labels/b.txt", "0 0.5 0.5 0.5 0.4\n");
    fails("want data.yaml or classes.txt");
    put_text("classes.txt", "thing\n");
    close_folder(open_folder(DF_FOLDER_YOLO, 1, 1, "1 class (thing)"));
}

/* ---- COCO ---------------------------------------------------------------------------------------------------------- */

#define CATEGORIES "\"categories\": [{\"id\": 4, \"name\": \"it's \\\"x\\\"\"}, {\"id\": 2, \"name\": \"b\"}]"

Test(folder, coco_of_roboflow)
{
    put_picture("train/a.png", 3, 1);
    put_picture("valid/b.png", 3, 1);
    put_text("train/_annotations.coco.json", "{\"images\": [{\"id\": 1, \"file_name\": \"a.png\", \"height\": 32, \"width\": 40}], " CATEGORIES ","
             " \"annotations\": [{\"id\": 1, \"image_id\": 1, \"category_id\": 2, \"bbox\": [1, 2, 3, 4]}]}");
    put_text("valid/_annotations.coco.json", "{\"images\": [{\"id\": 1, \"file_name\": \"b.png\", \"height\": 32, \"width\": 40}], " CATEGORIES ","
             " \"annotations\": [{\"id\": 1, \"image_id\": 1, \"category_id\": 4, \"bbox\": [1, 2, 3, 4]}]}");
    DfFolder *folder = open_folder(DF_FOLDER_COCO, 1, 1, "COCO's format, 1 picture to train on and 1 to validate, 2 classes (it's \"x\", b), 2 objects");
    cr_expect_str_eq(df_training_set_classes(train)->name[0], "it's \"x\"");
    DfAnnotations a = annotations_of(train, 0);
    expect_box(&a, 0, 1, 2, 4, 6);
    cr_expect(a.labels[0] == 1 && a.areas[0] == 12, "the area of the box, where the file has none");
    df_annotations_done(&a);
    close_folder(folder);
}

/* Labels are places in the list of categories: both parts must have the same. */
Test(folder, coco_with_categories_in_another_order)
{
    put_picture("train/a.png", 3, 1);
    put_picture("valid/b.png", 3, 1);
    put_text("train/_annotations.coco.json", "{\"images\": [{\"id\": 1, \"file_name\": \"a.png\"}], \"categories\": [{\"id\": 4, \"name\": \"x\"}, {\"id\": 2, \"name\": \"b\"}],"
             " \"annotations\": [{\"id\": 1, \"image_id\": 1, \"category_id\": 2, \"bbox\": [1, 2, 3, 4]}]}");
    put_text("valid/_annotations.coco.json", "{\"images\": [{\"id\": 1, \"file_name\": \"b.png\"}], \"categories\": [{\"id\": 1, \"name\": \"b\"}, {\"id\": 2, \"name\": \"x\"}],"
             " \"annotations\": [{\"id\": 1, \"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 2, 3, 4]}, {\"id\": 2, \"image_id\": 1, \"category_id\": 2, \"bbox\": [1, 2, 3, 4]}]}");
    DfFolder *folder = open_folder(DF_FOLDER_COCO, 1, 1, "2 classes (x, b)");
    DfAnnotations a = annotations_of(train, 0);
    cr_expect_eq(a.labels[0], 1);
    df_annotations_done(&a);
    a = annotations_of(val, 0);
    cr_expect(a.labels[0] == 1 && a.labels[1] == 0);
    cr_expect_str_eq(df_training_set_classes(val)->name[0], "x");
    df_annotations_done(&a);
    close_folder(folder);
}

/* What is split off is written, with masks and crowds as they were. */
Test(folder, coco_in_one_file)
{
    char text[4096];
    size_t n = (size_t)snprintf(text, sizeof text, "{" CATEGORIES ", \"images\": [");
    for (int i = 0; i < 7; i++) {
        char name[32];
        snprintf(name, sizeof name, "images/p%d.png", i);
        put_picture(name, 3, 1);
        n += (size_t)snprintf(text + n, sizeof text - n, "%s{\"id\": %d, \"file_name\": \"p%d.png\", \"height\": 32, \"width\": 40}", i ? "," : "", 50 + i, i);
    }
    n += (size_t)snprintf(text + n, sizeof text - n, "], \"annotations\": [");
    for (int i = 0; i < 7; i++)
        n += (size_t)snprintf(text + n, sizeof text - n,
                              "%s{\"id\": %d, \"image_id\": %d, \"category_id\": 4, \"bbox\": [1.25, 2, 3, 4], \"area\": 7.5, \"iscrowd\": %d, \"segmentation\": %s}",
                              i ? "," : "", i, 50 + i, i % 2, i % 2 ? "{\"size\": [32, 40], \"counts\": [12, 4, 1264]}" : "[[1.5, 2, 4, 2, 4, 6]]");
    snprintf(text + n, sizeof text - n, "]}");
    put_text("labels.json", text);
    DfFolder *folder = open_folder(DF_FOLDER_COCO, 6, 1, "7 objects with masks");
    DfCocoDataset *coco;
    char *path = path_of("deformer_train.json");
    cr_assert_eq(df_coco_dataset_open_masks(&coco, path, "", NULL, DF_COCO_OWN_CLASSES), DF_OK, "%s", df_error());
    cr_assert(coco->n_images == 6 && coco->n_boxes == 6 && coco->n_classes == 2);
    for (int i = 0; i < 6; i++) {
        const DfCocoBox *box = &coco->boxes[i];
        cr_expect(box->bbox[0] == 1.25 && box->area == 7.5 && box->category_id == 4);
        cr_expect(box->crowd == (box->id % 2) && box->image_id == 50 + box->id);
        if (box->crowd)
            cr_expect(box->mask.form == DF_MASK_RUNS && box->mask.runs.n == 3 && box->mask.runs.runs[1] == 4);
        else
            cr_expect(box->mask.form == DF_MASK_POLYGONS && box->mask.polygons[0].n == 3 && box->mask.polygons[0].xy[0] == 1.5);
    }
    df_coco_dataset_free(coco);
    df_free(path);
    close_folder(folder);
}

/* ---- label maps ---------------------------------------------------------------------------------------------------- */

Test(folder, label_maps)
{
    put_picture("images/train/a.jpg", 3, 1);
    put_picture("images/train/b.jpg", 3, 1);
    put_picture("images/val/c.jpg", 3, 1);
    put_picture("masks/train/a.png", 1, 0);
    put_picture("masks/train/b.png", 1, 255);
    put_picture("masks/val/c.png", 1, 2);
    DfFolder *folder = open_folder(DF_FOLDER_LABEL_MAPS, 2, 1, "label maps, 2 pictures to train on and 1 to validate, 3 classes (class 0, class 1, class 2)");
    DfAnnotations a = annotations_of(val, 0);
    cr_expect(a.map.height == 32 && a.map.narrow[5] == 2);
    df_annotations_done(&a);
    settings_of(folder, "data = dict(train=dict(type='ADE20KDataset', pipeline=[dict(type='LoadImageFromFile'), dict(type='LoadAnnotations', reduce_zero_label=True)]))",
                "data.train.pipeline.1.reduce_zero_label=False");
    close_folder(folder);
    put_text("classes.txt", "ground\nwater\n");
    fails("a label map has the label 2, and there are 2 class names");
    put_picture("images/val/d.jpg", 3, 1);
    fails("d.png does not exist: want a label map for each picture");
}

Test(folder, label_maps_without_parts)
{
    char name[32];
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "images/%d.png", i);
        put_picture(name, 3, 1);
        snprintf(name, sizeof name, "masks/%d_mask.png", i);
        put_picture(name, 1, (uint8_t)(i % 2));
    }
    close_folder(open_folder(DF_FOLDER_LABEL_MAPS, 5, 1, "2 classes"));
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "masks/%d_mask.png", i);
        put_picture(name, 1, i % 2 ? 255 : 0);
    }
    fails("hold 0 and 255 alone, and 255 is ignored: want 1 for the object");
}

/* ---- classes ------------------------------------------------------------------------------------------------------- */

Test(folder, a_folder_for_each_class)
{
    char name[32];
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "%s/%d.jpg", i % 3 ? "rose" : "aster", i);
        put_picture(name, 3, 1);
    }
    DfFolder *folder = open_folder(DF_FOLDER_CLASSES, 8, 2, "a folder for each class, 8 pictures to train on and 2 to validate");
    cr_expect_eq(df_folder_learning(folder), DF_LEARN_IMAGE_CLASS);
    cr_expect_str_eq(df_folder_classes(folder)->name[1], "rose");
    for (int i = 0; i < 8; i++) {
        DfAnnotations a = annotations_of(train, i);
        cr_expect_eq(a.image_class, strstr(df_training_set_path(train, i), "rose") != NULL);
        df_annotations_done(&a);
    }
    close_folder(folder);
}

Test(folder, classes_with_parts)
{
    put_picture("train/b/1.jpg", 3, 1);
    put_picture("train/a/1.jpg", 3, 1);
    put_picture("val/b/1.jpg", 3, 1);
    close_folder(open_folder(DF_FOLDER_CLASSES, 2, 1, "2 classes (a, b)"));
    put_picture("val/c/1.jpg", 3, 1);
    fails("the folder 'c' is not one of the 2 classes");
}

/* ---- what a config is told ------------------------------------------------------------------------------------------ */

Test(folder, settings_go_below_wrappers)
{
    DfFolder *folder;
    put_picture("a/1.jpg", 3, 1);
    put_picture("b/2.jpg", 3, 1);
    cr_assert_eq(df_folder_open(&folder, root), DF_OK, "%s", df_error());
    settings_of(folder, "data = dict(train=dict(type='RepeatDataset', times=2, dataset=dict(type='ImageNet')))", "data.train.dataset.type=\"ImageNet\"");
    settings_of(folder, "data = dict(train=dict(type='ImageNet', ann_file='x'))", "data.train.ann_file=None");
    settings_of(folder, "train_dataloader = dict(dataset=dict(type='ImageNet'))", "data.val.data_prefix=");
    settings_of(folder, "data = dict(train=dict(type='CocoDataset'))", "the config learns from objects with boxes, and ");
    settings_of(folder, "data = dict(train=[dict(type='ImageNet')])", "a list of datasets");
    settings_of(folder, "backbone = dict(type='DAT', img_size=64)", "data.train.pipeline=[{'type': 'LoadImageFromFile'}, {'type': 'RandomResizedCrop', 'scale': 64}");
    settings_of(folder, "backbone = dict(type='DAT')", "data.test.pipeline=[{'type': 'LoadImageFromFile', 'imdecode_backend': 'pillow', 'color_type': 'color_ignore_orientation'}, {'type': 'ResizeEdge', 'scale': 256, 'interpolation': 'bicubic'}, {'type': 'CenterCrop', 'crop_size': (224, 224)}");
    df_folder_free(folder);
}

Test(folder, nothing_known_is_said)
{
    fails("want a folder in COCO's, PASCAL VOC's or YOLO's format");
    put_text("readme.txt", "x");
    fails("want a folder in COCO's");
    DfFolder *folder;
    cr_expect_eq(df_folder_open(&folder, "no/such"), DF_EIO);
    cr_expect_str_eq(df_error(), "no/such: no such folder");
}

Test(folder, memory_that_runs_out_is_an_error)
{
    put_voc("Annotations/a.xml", "<object><name>dog</name>" SIDES(3, 2, 9, 7) "</object>");
    put_voc("Annotations/b.xml", "<object><name>cat</name>" SIDES(3, 2, 9, 7) "</object>");
    put_picture("JPEGImages/a.jpg", 3, 9);
    put_picture("JPEGImages/b.jpg", 3, 9);
    for (size_t n = 1;; n++) {
        DfFolder *folder;
        const size_t held = df_memory().now;
        df_memory_fail_at(n, false);
        const int error = df_folder_open(&folder, root);
        df_memory_fail_at(0, false);
        df_folder_free(folder);
        cr_expect_eq(df_memory().now, held, "leak when allocation %zu fails", n);
        if (error == DF_OK && n > 40)
            break;
        cr_assert_lt(n, 400u);
    }
}
