/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/datasets/test_folder_objects.c -- folders of pictures with objects: PASCAL VOC, YOLO and COCO in every form.
 */
#include "tests/datasets/folder_maker.h"

TestSuite(folder_objects, .init = begin, .fini = end);

/* ---- PASCAL VOC ---------------------------------------------------------------------------------------------------- */

Test(folder_objects, voc_with_lists)
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

Test(folder_objects, voc_with_masks)
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

Test(folder_objects, voc_of_a_network_with_masks)
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

Test(folder_objects, voc_beside_the_pictures)
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

Test(folder_objects, yolo_with_parts)
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

Test(folder_objects, yolo_flat)
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

Test(folder_objects, coco_of_roboflow)
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
Test(folder_objects, coco_with_categories_in_another_order)
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
Test(folder_objects, coco_in_one_file)
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
