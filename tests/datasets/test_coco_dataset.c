/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/datasets/test_coco_dataset.c -- annotation files and dataset dicts. The order of images and labels is that of pycocotools'
 * getImgIds() and getCatIds(catNms=...), which mmdet 2.x uses.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "datasets/datasets.h"

#define SMALL DF_TEST_DATA "/dataset/annotations/instances_small.json"

static const char *const three[] = { "car", "dog", "person" };

Test(coco, images_boxes_and_labels)
{
    DfCocoDataset *coco;
    cr_assert_eq(df_coco_dataset_open(&coco, SMALL, DF_TEST_DATA "/images", three, 3), DF_OK, "%s", df_error());
    cr_assert_eq(coco->n_images, 4);
    cr_expect_eq(coco->images[0].id, 30);
    cr_expect_eq(coco->images[1].id, 10);
    cr_expect_str_eq(coco->picture[3], DF_TEST_DATA "/images/rgba.png");
    cr_assert_eq(coco->n_boxes, 3, "the box of an unlisted image is dropped");
    const DfCocoBox *boxes = coco->boxes + coco->images[0].first;
    cr_assert_eq(coco->images[0].n, 2);
    cr_expect(boxes[0].id == 7 && boxes[1].id == 9 && boxes[0].bbox[2] == 10.5 && boxes[0].area == 84.0 && !boxes[0].crowd);
    cr_expect(coco->boxes[coco->images[1].first].crowd);
    cr_expect_eq(coco->images[2].n, 0);
    cr_assert_eq(coco->n_classes, 3);
    cr_expect_str_eq(coco->classes[0], "dog", "labels follow the file's categories");
    cr_expect_str_eq(coco->classes[2], "car");
    cr_expect(coco->category_ids[0] == 18 && coco->category_ids[1] == 1 && coco->category_ids[2] == 3);
    cr_expect(boxes[0].label == 2 && boxes[1].label == 1);
    df_coco_dataset_free(coco);
}

Test(coco, annotations_of_an_image)
{
    DfCocoDataset *coco;
    DfAnnotations a;
    cr_assert_eq(df_coco_dataset_open(&coco, SMALL, "", three, 3), DF_OK, "%s", df_error());
    cr_assert_eq(df_coco_dataset_annotations(coco, 0, &a), DF_OK);
    const DfCocoBox *box = coco->boxes + coco->images[0].first;
    cr_assert(a.n == 2 && a.unit == DF_BOXES_PIXELS && !a.masks);
    for (size_t i = 0; i < a.n; i++) {
        const double *b = box[i].bbox;
        cr_expect(a.boxes[4 * i] == (float)b[0] && a.boxes[4 * i + 3] == (float)(b[1] + b[3]));
        cr_expect(a.labels[i] == box[i].label && a.ids[i] == box[i].id && a.areas[i] == box[i].area);
    }
    df_annotations_done(&a);
    cr_assert_eq(df_coco_dataset_annotations(coco, 1, &a), DF_OK);
    cr_expect(a.n == 1 && a.crowd[0]);
    df_annotations_done(&a);
    cr_assert_eq(df_coco_dataset_annotations(coco, 2, &a), DF_OK);
    cr_expect_eq(a.n, 0, "a picture without objects");
    df_annotations_done(&a);
    df_coco_dataset_free(coco);
}

Test(coco, a_subset_of_the_classes)
{
    DfCocoDataset *coco;
    static const char *const one[] = { "person" };
    cr_assert_eq(df_coco_dataset_open(&coco, SMALL, "", one, 1), DF_OK, "%s", df_error());
    cr_expect_eq(coco->n_classes, 1);
    cr_expect_eq(coco->category_ids[0], 1);
    cr_expect(coco->boxes[0].label == -1 && coco->boxes[1].label == 0);
    cr_expect_str_eq(coco->picture[0], "420.jpg");
    df_coco_dataset_free(coco);
}

static void expect_error(const char *json, const char *sentence)
{
    DfJson *reader;
    DfCocoDataset *coco;
    cr_assert_eq(df_json_open_text(&reader, json, strlen(json), "gt.json"), DF_OK);
    cr_expect_lt(df_coco_dataset_open_json(&coco, reader, "", three, 3), 0, "%s", json);
    cr_expect(df_starts_with(df_error(), "gt.json") && strstr(df_error(), sentence), "%s gives: %s", json, df_error());
    cr_expect_null(coco);
    df_json_close(reader);
}

#define CATEGORIES "\"categories\": [{\"id\": 1, \"name\": \"car\"}, {\"id\": 2, \"name\": \"dog\"}, {\"id\": 3, \"name\": \"person\"}]"
#define IMAGES "\"images\": [{\"id\": 1, \"file_name\": \"a.jpg\"}]"

/* As in Python, whose dict keeps the last value of a key. */
Test(coco, a_list_that_is_given_again_replaces_the_one_before)
{
    static const char json[] = "{\"images\": [{\"id\": 5, \"file_name\": \"z.jpg\"}],"
                               "\"categories\": [{\"id\": 9, \"name\": \"x\"}],"
                               "\"annotations\": [{\"id\": 1, \"image_id\": 5, \"category_id\": 9, \"bbox\": [1, 2, 3, 4]}],"
                               IMAGES ", " CATEGORIES ", \"annotations\": []}";
    DfJson *reader;
    DfCocoDataset *coco;
    cr_assert_eq(df_json_open_text(&reader, json, strlen(json), "gt.json"), DF_OK);
    cr_assert_eq(df_coco_dataset_open_json(&coco, reader, "", three, 3), DF_OK, "%s", df_error());
    cr_expect(coco->n_images == 1 && coco->n_classes == 3 && coco->n_boxes == 0);
    cr_expect_str_eq(coco->picture[0], "a.jpg");
    df_coco_dataset_free(coco);
    df_json_close(reader);
}

/* ---- masks ------------------------------------------------------------------------------------------------------ */

#define OBJECT(id, segmentation) \
    "{\"id\": " #id ", \"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 2, 4, 3], \"segmentation\": " segmentation "}"

static DfCocoDataset *with_masks(const char *annotations)
{
    static char text[4096];
    DfJson *reader;
    DfCocoDataset *coco = NULL;
    snprintf(text, sizeof text, "{" IMAGES ", " CATEGORIES ", \"annotations\": [%s]}", annotations);
    cr_assert_eq(df_json_open_text(&reader, text, strlen(text), "gt.json"), DF_OK);
    const int error = df_coco_dataset_open_masks_json(&coco, reader, "", three, 3);
    cr_expect(error == DF_OK || !coco);
    df_json_close(reader);
    return coco;
}

/* Areas of a rectangle are those that pycocotools gives for it: polygon [1 2, 5 2, 5 5, 1 5] covers 4 x 3 pixels. */
Test(coco, masks_come_as_the_file_has_them)
{
    static const struct { DfMaskForm form; size_t polygons; uint32_t area; } want[] = {
        { DF_MASK_POLYGONS, 1, 12 }, { DF_MASK_POLYGONS, 2, 16 }, { DF_MASK_RUNS, 0, 6 }, { DF_MASK_NONE, 0, 0 }, { DF_MASK_NONE, 0, 0 },
    };
    DfAnnotations a;
    DfCocoDataset *coco = with_masks(OBJECT(1, "[[1, 2, 5, 2, 5, 5, 1, 5]]") ", " OBJECT(2, "[[1, 2, 5, 2, 5, 5, 1, 5], [6, 6, 8, 6, 8, 8, 6, 8]]") ", "
                                     OBJECT(3, "{\"size\": [9, 10], \"counts\": [5, 4, 20, 2, 59]}") ", " OBJECT(4, "[]") ", " OBJECT(5, "null"));
    cr_assert_not_null(coco, "%s", df_error());
    cr_assert_eq(df_coco_dataset_annotations(coco, 0, &a), DF_OK);
    df_coco_dataset_free(coco); /* the annotations stand alone */
    cr_assert(a.n == 5 && a.masks);
    for (size_t i = 0; i < a.n; i++) {
        DfMask mask;
        cr_expect_eq(a.masks[i].form, want[i].form, "object %zu", i);
        cr_expect_eq(a.masks[i].n_polygons, want[i].polygons);
        cr_assert_eq(df_object_mask_runs(&mask, &a.masks[i], 9, 10), DF_OK, "%s", df_error());
        cr_expect_eq(df_mask_area(&mask), want[i].area, "object %zu covers %u pixels", i, df_mask_area(&mask));
        df_mask_done(&mask);
    }
    df_annotations_done(&a);
}

Test(coco, a_wrong_mask_is_said)
{
    cr_expect_null(with_masks(OBJECT(1, "[[1, 2, 5]]")));
    cr_expect(strstr(df_error(), "segmentation"), "%s", df_error());
    cr_expect_null(with_masks(OBJECT(1, "7")));
    cr_expect(strstr(df_error(), "segmentation"), "%s", df_error());
}

Test(coco, errors_are_sentences)
{
    expect_error("", "");
    expect_error("[]", "want an object");
    expect_error("{}", "no \"images\"");
    expect_error("{\"images\": 3}", "want a list");
    expect_error("{\"images\": [3]}", "want a list of objects");
    expect_error("{\"images\": [{\"id\": 1}]}", "has no \"file_name\"");
    expect_error("{\"images\": [{\"id\": 1.5, \"file_name\": \"a\"}]}", "want an integer");
    expect_error("{\"images\": [{\"id\": 1, \"file_name\": \"a\", \"width\": -4}]}", "number of pixels");
    expect_error("{\"images\": [{\"id\": 1, \"file_name\": \"a\"}, {\"id\": 1, \"file_name\": \"b\"}], " CATEGORIES "}", "two images have the id 1");
    expect_error("{" IMAGES "}", "none of its 0 categories is called 'car', 'dog', 'person', as classes of the config are; names are compared letter by letter");
    expect_error("{" IMAGES ", \"categories\": [{\"id\": 1, \"name\": \"carr\"}]}", "nearest: 'carr'");
    expect_error("{" IMAGES ", " CATEGORIES ", \"annotations\": [{\"id\": 1, \"image_id\": 1, \"category_id\": 1}]}", "has no \"bbox\"");
    expect_error("{" IMAGES ", " CATEGORIES ", \"annotations\": [{\"id\": 1, \"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 2, 3]}]}", "four numbers");
    expect_error("{" IMAGES ", " CATEGORIES ", \"annotations\": [{\"id\": 1, \"image_id\": 1, \"cat", "");
}

Test(coco, a_dataset_of_other_categories)
{
    static const char blood[] = "{" IMAGES ", \"categories\": [{\"id\": 1, \"name\": \"platelets\"}]}";
    DfJson *reader;
    DfCocoDataset *coco;
    cr_assert_eq(df_json_open_text(&reader, blood, strlen(blood), "gt.json"), DF_OK);
    cr_expect_eq(df_coco_dataset_open_json(&coco, reader, "", NULL, 0), DF_EVALUE);
    cr_expect_str_eq(df_error(), "gt.json: the category 'platelets' is not one of the 80 classes of COCO: want the names of this dataset as `classes` in the config");
    df_json_close(reader);
}

static int from_text(DfCocoDataset **coco, const char *text, const char *data_dir)
{
    DfConfig *config;
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "c.py", true), DF_OK, "%s", df_error());
    const int error = df_coco_dataset_from_config(coco, df_node_at(df_config_root(config), "data.test"), data_dir);
    df_config_free(config);
    return error;
}

Test(coco, from_a_config)
{
    DfCocoDataset *coco;
    cr_assert_eq(from_text(&coco, "data = dict(test=dict(type='CocoDataset', ann_file='data/coco/annotations/instances_small.json',"
        " img_prefix='data/coco/val2017/', classes=('car', 'dog', 'person'), pipeline=[], test_mode=True))", DF_TEST_DATA "/dataset"), DF_EIO);
    cr_expect(strstr(df_error(), "does not contain val2017/"), "%s", df_error());
    cr_assert_eq(from_text(&coco, "data = dict(test=dict(type='CocoDataset', data_root='data/', ann_file='dataset/annotations/instances_small.json',"
        " img_prefix='coco/images', classes=('car', 'dog', 'person'), pipeline=[]))", DF_TEST_DATA), DF_OK, "%s", df_error());
    cr_expect_str_eq(coco->path, SMALL);
    cr_expect_str_eq(coco->picture[0], DF_TEST_DATA "/images/420.jpg");
    df_coco_dataset_free(coco);
    cr_assert_eq(from_text(&coco, "data = dict(test=dict(type='CocoDataset', data_root='" DF_TEST_DATA "/dataset', ann_file='annotations/instances_small.json',"
        " img_prefix='" DF_TEST_DATA "/images', classes=['dog']))", NULL), DF_OK, "%s", df_error());
    cr_expect_str_eq(coco->picture[0], DF_TEST_DATA "/images/420.jpg");
    df_coco_dataset_free(coco);
    cr_expect_eq(from_text(&coco, "data = dict(test=dict(type='LVISDataset'))", NULL), DF_EVALUE);
    cr_expect_eq(from_text(&coco, "data = dict(test=dict(type='CocoDataset', anno_file='x'))", NULL), DF_EVALUE);
    cr_expect(strstr(df_error(), "ann_file"), "%s", df_error());
}

/* The file has dog, person and car, in that order; a class that it lacks has an id that is none of theirs. */
Test(coco, labels_by_name)
{
    static const char dict[] = "data = dict(test=dict(type='CocoDataset', ann_file='" SMALL "', img_prefix='" DF_TEST_DATA "/images', by_name=True,"
                               " classes=['car', 'kite', 'dog', 'person']))";
    DfCocoDataset *coco;
    cr_assert_eq(from_text(&coco, dict, NULL), DF_OK, "%s", df_error());
    cr_expect_eq(coco->n_classes, 4);
    cr_expect_str_eq(coco->classes[1], "kite");
    cr_expect(coco->category_ids[0] == 3 && coco->category_ids[2] == 18 && coco->category_ids[3] == 1);
    cr_expect_eq(coco->category_ids[1], 0, "%lld", (long long)coco->category_ids[1]);
    for (int i = 0; i < coco->n_boxes; i++)
        cr_expect_eq(coco->category_ids[coco->boxes[i].label], coco->boxes[i].category_id);
    df_coco_dataset_free(coco);
    cr_expect_eq(from_text(&coco, "data = dict(test=dict(type='CocoDataset', ann_file='" SMALL "', by_name=True, classes=['kite', 'cart']))", NULL), DF_EVALUE);
    cr_expect(strstr(df_error(), "none of its 3 categories is called 'kite', 'cart'"), "%s", df_error());
}

Test(coco, memory_that_runs_out_is_an_error)
{
    for (size_t n = 1;; n++) {
        DfCocoDataset *coco;
        const size_t held = df_memory().now;
        df_memory_fail_at(n, false);
        const int error = df_coco_dataset_open(&coco, SMALL, "images", three, 3);
        df_memory_fail_at(0, false);
        df_coco_dataset_free(coco);
        cr_expect_eq(df_memory().now, held, "leak when allocation %zu fails", n);
        if (error == DF_OK)
            break;
        cr_expect_eq(error, DF_ENOMEM, "allocation %zu: %s", n, df_error());
        cr_assert_lt(n, 200u);
    }
}

/* A file in the form of COCO's own, with all of its categories (tests/scripts/make_class_tables.py). */
Test(coco, a_file_like_the_genuine_one)
{
    DfCocoDataset *coco;
    cr_assert_eq(df_coco_dataset_open(&coco, DF_TEST_DATA "/dataset/annotations/instances_coco.json", "", NULL, 0), DF_OK, "%s", df_error());
    cr_expect(coco->n_images == 12 && coco->n_boxes == 96 && coco->n_categories == 80 && coco->n_classes == 80);
    int crowds = 0;
    for (int i = 0; i < coco->n_boxes; i++)
        crowds += coco->boxes[i].crowd;
    cr_expect_eq(crowds, 6);
    for (int i = 0; i < DF_COCO_CLASSES; i++)
        cr_expect(strcmp(coco->classes[i], df_coco_classes[i]) == 0 && coco->category_ids[i] == df_coco_category_id(i), "class %d", i);
    cr_expect_str_eq(coco->classes[79], "toothbrush");
    cr_expect_eq(coco->category_ids[79], 90);
    df_coco_dataset_free(coco);
}
