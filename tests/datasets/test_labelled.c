/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/datasets/test_labelled.c -- datasets as sets: what readers make of each form, what is chosen, divided and merged, and what becomes
 * of it when memory runs out. tests/cli/data.sh has the files.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/datasets.h"

static char *root;

static void begin(void)
{
    root = df_temporary_folder();
    cr_assert_not_null(root);
}

static void end(void)
{
    char command[512];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    cr_assert_eq(system(command), 0);
    df_free(root);
}
TestSuite(labelled, .init = begin, .fini = end);

static const char *below(const char *name)
{
    static char path[4][512];
    static int next;
    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", root, name);
    return path[next];
}

static void put(const char *name, const char *text)
{
    char folder[512];
    snprintf(folder, sizeof folder, "%s", below(name));
    *strrchr(folder, '/') = 0;
    cr_assert_eq(df_make_directory(folder), DF_OK, "%s", df_error());
    cr_assert_eq(df_file_write_text(below(name), text), DF_OK, "%s", df_error());
}

static void put_picture(const char *name, int channels, const uint8_t *pixels)
{
    static uint8_t grey[10 * 8 * 3];
    DfImage image = { .height = 8, .width = 10, .channels = channels };
    memset(grey, 90, sizeof grey);
    image.pixels = grey;
    if (pixels)
        memcpy(grey, pixels, 80);
    put(name, "");
    cr_assert_eq(df_image_write(&image, below(name), 90), DF_OK, "%s", df_error());
}

static DfLabelled read_set(const char *name)
{
    DfLabelled set;
    cr_assert_eq(df_labelled_read(&set, below(name), &(DfLabelledSource){ 0 }), DF_OK, "%s", df_error());
    return set;
}

static void has_box(const DfLabelledObject *o, double x, double y, double w, double h)
{
    cr_expect(o->box[0] == x && o->box[1] == y && o->box[2] == w && o->box[3] == h, "%g %g %g %g", o->box[0], o->box[1],
              o->box[2], o->box[3]);
}

/* ---- what readers make of it ------------------------------------------------------------------------------------------- */

Test(labelled, yolo_has_boxes_polygons_and_keypoints)
{
    put_picture("a/images/p.png", 3, NULL);
    put("a/data.yaml", "names: ['it''s', \"b \\\"c\\\"\"]\n");
    put("a/labels/p.txt", "0 0.35 0.5 0.5 0.5\n1 0.1 0.125 0.3 0.125 0.3 0.5 0.1 0.5\n");
    DfLabelled set = read_set("a");
    cr_assert(set.n_objects == 2 && set.n_classes == 2 && set.form == DF_LABELLED_YOLO);
    cr_expect_str_eq(set.classes[0].name, "it's");
    cr_expect_str_eq(set.classes[1].name, "b \"c\"");
    has_box(&set.objects[0], 1, 2, 5, 4);
    has_box(&set.objects[1], 1, 1, 2, 3);
    cr_expect(set.objects[1].area == 6 && set.objects[1].mask.form == DF_MASK_POLYGONS);
    df_labelled_done(&set);
    put("a/data.yaml", "kpt_shape: [2, 3]\nnames: [a, b]\n");
    put("a/labels/p.txt", "0 0.35 0.5 0.5 0.5 0.1 0.25 2 0 0 0\n");
    set = read_set("a/data.yaml");
    cr_expect_str_eq(set.objects[0].rest, "\"keypoints\": [1, 2, 2, 0, 0, 0], \"num_keypoints\": 1");
    df_labelled_done(&set);
}

Test(labelled, voc_boxes_hold_their_last_pixel)
{
    static const uint8_t object[80] = { [0] = 1, [1] = 1, [10] = 1, [79] = 255, [5] = 2 };
    put("v/Annotations/p.xml", "<annotation><size><width>10</width><height>8</height></size>"
        "<object><name>dog</name><difficult>1</difficult><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></object>"
        "<object><name>cat</name><pose>Left</pose><bndbox><xmin>6</xmin><ymin>1</ymin><xmax>6.5</xmax><ymax>1</ymax></bndbox></object>"
        "</annotation>");
    put_picture("v/SegmentationObject/p.png", 1, object);
    DfLabelled set = read_set("v");
    cr_assert(set.n_objects == 2 && set.n_classes == 2);
    cr_expect_str_eq(set.pictures[0].name, "p.jpg");
    cr_expect_str_eq(set.classes[0].name, "cat");
    has_box(&set.objects[0], 0, 0, 2, 2);
    has_box(&set.objects[1], 5, 0, 1.5, 1);
    cr_expect(set.objects[0].crowd && set.objects[0].area == 3 && set.objects[1].area == 1);
    cr_expect_str_eq(set.objects[1].rest, "\"pose\": \"Left\"");
    df_labelled_done(&set);
}

Test(labelled, patches_of_label_maps_are_objects)
{
    static const uint8_t map[80] = { [0] = 1, [11] = 1, [13] = 1, [40] = 2, [79] = 255 };
    put_picture("m/annotations/p.png", 1, map);
    put("m/classes.txt", "background\nroad\ncar\n");
    DfLabelled set = read_set("m");
    cr_assert_eq(set.n_objects, 3u);                 /* pixels that meet at a corner are one patch */
    has_box(&set.objects[0], 0, 0, 2, 2);
    cr_expect(set.objects[0].area == 2 && set.objects[2].label == 1 && set.classes[1].id.number == 2);
    df_labelled_done(&set);
    cr_assert_eq(df_labelled_read(&set, below("m"), &(DfLabelledSource){ .whole = true }), DF_OK);
    cr_expect_eq(set.n_objects, 2u);
    df_labelled_done(&set);
    put("m/classes.txt", "background\nroad\n");
    cr_expect_eq(df_labelled_read(&set, below("m"), &(DfLabelledSource){ 0 }), DF_EVALUE);
    cr_expect(strstr(df_error(), "has the label 2, and there are 2 class names"), "%s", df_error());
}

/* ---- dividing ---------------------------------------------------------------------------------------------------------- */

static void make_set(DfLabelled *set, int pictures, int classes)
{
    char name[32];
    cr_assert_eq(df_labelled_begin(set), DF_OK);
    cr_assert_eq(df_labelled_add_part(set, ""), 0);
    for (int c = 0; c < classes; c++) {
        snprintf(name, sizeof name, "c%d", c);
        cr_assert_eq(df_labelled_add_class(set, &(DfLabelledClass){ { c + 1, NULL }, name, "" }), c);
    }
    for (int i = 0; i < pictures; i++) {
        snprintf(name, sizeof name, "p%03d.jpg", i);
        cr_assert_eq(df_labelled_add_picture(set, &(DfLabelledPicture){ .id = { i + 1, NULL }, .name = name }), i);
        for (int c = 0; c < classes; c++)
            if (i % (c + 2) == 0)
                cr_assert_eq(df_labelled_add_object(set, &(DfLabelledObject){ .picture = i, .label = c }), DF_OK);
    }
    cr_assert_eq(df_labelled_group(set), DF_OK);
}

Test(labelled, shares_are_whole_and_do_not_depend_on_the_order)
{
    static const double share[3] = { 8, 1, 1 };
    DfLabelled set;
    int part[103], n[3] = { 0 }, other[103];
    make_set(&set, 103, 3);
    DfLabelledShares shares = { .n = 3, .share = share, .seed = 5 };
    cr_assert_eq(df_labelled_divide(&set, &shares, part), DF_OK);
    for (int i = 0; i < 103; i++)
        n[part[i]]++;
    cr_expect(n[0] == 83 && n[1] == 10 && n[2] == 10, "%d %d %d", n[0], n[1], n[2]); /* 82.4, 10.3, 10.3 */
    shares.seed = 6;
    cr_assert_eq(df_labelled_divide(&set, &shares, other), DF_OK);
    cr_expect_neq(memcmp(part, other, sizeof part), 0, "another seed divides alike");
    for (int i = 0; i < 103 / 2; i++) { /* turned round */
        const DfLabelledPicture kept = set.pictures[i];
        set.pictures[i] = set.pictures[102 - i];
        set.pictures[102 - i] = kept;
    }
    cr_assert_eq(df_labelled_divide(&set, &shares, part), DF_OK);
    for (int i = 0; i < 103; i++)
        cr_expect_eq(part[i], other[102 - i]);
    df_labelled_done(&set);
}

Test(labelled, every_class_gets_its_share)
{
    static const double share[2] = { 1, 1 };
    enum { PICTURES = 120, CLASSES = 9 };
    DfLabelled set;
    int part[PICTURES], n[CLASSES][2] = { { 0 } };
    make_set(&set, PICTURES, CLASSES);
    for (uint64_t seed = 0; seed < 20; seed++) {
        const DfLabelledShares shares = { .n = 2, .share = share, .seed = seed, .stratify = true };
        memset(n, 0, sizeof n);
        int pictures = 0;
        cr_assert_eq(df_labelled_divide(&set, &shares, part), DF_OK);
        for (size_t k = 0; k < set.n_objects; k++)
            n[set.objects[k].label][part[set.objects[k].picture]]++;
        for (int i = 0; i < PICTURES; i++)
            pictures += part[i];
        cr_expect_eq(pictures, PICTURES / 2);
        for (int c = 0; c < CLASSES; c++)
            cr_expect_leq(abs(n[c][0] - n[c][1]), 4, "class %d: %d and %d", c, n[c][0], n[c][1]);
    }
    df_labelled_done(&set);
}

Test(labelled, groups_stay_together)
{
    static const double share[2] = { 3, 1 };
    DfLabelled set;
    int part[100], n = 0;
    const char *group[100];
    make_set(&set, 100, 2);
    static const char *const names[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j" };
    for (int i = 0; i < 100; i++)
        group[i] = names[i % 10];
    const DfLabelledShares shares = { .n = 2, .share = share, .group = group };
    cr_assert_eq(df_labelled_divide(&set, &shares, part), DF_OK);
    for (int i = 0; i < 100; i++) {
        cr_expect_eq(part[i], part[i % 10]);
        n += part[i];
    }
    cr_expect(n == 20 || n == 30, "%d", n);
    df_labelled_done(&set);
}

/* ---- choosing and merging ---------------------------------------------------------------------------------------------- */

Test(labelled, what_is_kept_is_numbered_anew)
{
    DfLabelled set;
    bool classes[3] = { true, false, true }, pictures[10];
    make_set(&set, 10, 3);
    for (int i = 0; i < 10; i++)
        pictures[i] = i != 0;
    cr_assert_eq(df_labelled_keep(&set, &(DfLabelledChoice){ .classes = classes, .pictures = pictures }), DF_OK);
    cr_assert(set.n_classes == 2 && set.n_pictures == 9);
    cr_expect_eq(set.n_objects, 4u + 2u); /* pictures 2 4 6 8 of the first class, 4 8 of the third */
    for (size_t k = 0; k < set.n_objects; k++)
        cr_expect(set.objects[k].label < 2 && set.objects[k].picture < 9);
    cr_expect_eq(set.pictures[3].n, 2u);
    df_labelled_done(&set);
}

Test(labelled, merging_twice_is_merging_once)
{
    DfLabelled set, all;
    DfLabelledMerge first = { 0 }, second = { 0 };
    make_set(&set, 10, 3);
    cr_assert_eq(df_labelled_begin(&all), DF_OK);
    cr_assert_eq(df_labelled_append(&all, &set, NULL, &first), DF_OK);
    cr_assert_eq(df_labelled_append(&all, &set, NULL, &second), DF_OK);
    cr_expect(all.n_objects == set.n_objects && all.n_pictures == 10 && all.n_classes == 3);
    cr_expect(second.same_pictures == 10 && second.same_objects == set.n_objects && second.same_classes == 3);
    set.pictures[0].height = set.pictures[0].width = 5;
    all.pictures[0].height = all.pictures[0].width = 6;
    cr_expect_eq(df_labelled_append(&all, &set, NULL, &second), DF_EVALUE);
    cr_expect_eq(df_labelled_append(&all, &set, "2", &second), DF_OK);
    cr_expect_eq(all.n_pictures, 20);
    df_labelled_done(&set);
    df_labelled_done(&all);
}

/* ---- memory ------------------------------------------------------------------------------------------------------------ */

static const char coco[] =
    "{\"info\": {}, \"images\": [{\"id\": 1, \"file_name\": \"p.png\", \"height\": 8, \"width\": 10, \"x\": 1}],"
    "\"categories\": [{\"id\": 1, \"name\": \"cat\"}],"
    "\"annotations\": [{\"id\": 1, \"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 1, 4, 4], \"area\": 16, \"iscrowd\": 0,"
    "\"segmentation\": [[1, 1, 5, 1, 5, 5, 1, 5], [6, 6, 8, 6, 8, 8]], \"y\": [2]},"
    "{\"id\": 2, \"image_id\": 1, \"category_id\": 1, \"bbox\": [0, 0, 2, 2], \"area\": 4, \"iscrowd\": 0,"
    "\"segmentation\": {\"size\": [8, 10], \"counts\": [0, 2, 6, 2, 70]}}]}";

static int convert(DfLabelledForm form)
{
    DfLabelled set = { 0 };
    df_writers_hurry();
    DfLabelledReport report = { 0 };
    char out[64];
    snprintf(out, sizeof out, "out-%s", df_labelled_form_name(form));
    int error = df_labelled_read(&set, below("instances.json"), &(DfLabelledSource){ 0 });
    if (error == DF_OK)
        error = df_labelled_write(&set, below(out), &(DfLabelledTarget){ .form = form }, &report);
    df_labelled_done(&set);
    df_writers_settle(NULL);
    return error;
}

Test(labelled, memory_that_runs_out_is_an_error)
{
    put("instances.json", coco);
    for (DfLabelledForm form = DF_LABELLED_COCO; form <= DF_LABELLED_MAPS; form++)
        for (size_t n = 1;; n++) {
            const size_t held = df_memory().now;
            df_memory_fail_at(n, false);
            const int error = convert(form);
            df_memory_fail_at(0, false);
            cr_expect_eq(df_memory().now, held, "form %d: leak when allocation %zu fails", (int)form, n);
            cr_expect(error == DF_OK || df_error()[0]);
            if (error == DF_OK && n > 300)
                break;
            cr_assert_lt(n, 2000u);
        }
}
