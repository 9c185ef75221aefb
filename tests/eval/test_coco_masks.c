/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/eval/test_coco_masks.c -- masks of COCO's files, worked out by hand: forms, sizes that come late, what is missing,
 * and what is wrong with one. test_coco_reference.c compares whole files with pycocotools.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "eval/eval.h"
#include "tests/eval/coco_text.h"

#define SQUARE "[[10, 10, 30, 10, 30, 30, 10, 30]]"
#define MASK_TRUTH(id, image, segmentation) "{\"id\": " id ", \"image_id\": " image ", \"category_id\": 5, \"iscrowd\": 0, \"area\": 400, \"segmentation\": " segmentation "}"
#define MASK_FILE(annotations) "{\"annotations\": [" annotations "], \"images\": [{\"id\": 1, \"height\": 40, \"width\": 50}, {\"id\": 2}], \"categories\": [{\"id\": 5}]}"
#define MASK_DETECTION "{\"image_id\": 1, \"category_id\": 5, \"score\": 0.5, \"segmentation\": {\"size\": [40, 50], \"counts\": \"SP1d0d0\"}}"

static int evaluate_masks(const char *gt_text, const char *dt_text, double *ap)
{
    DfCocoEval *eval;
    DfCocoParams params = df_coco_params();
    params.type = DF_COCO_MASKS;
    const int error = coco_text_evaluate(gt_text, dt_text, &params, &eval);
    *ap = eval ? eval->stats[0] : -2;
    df_coco_eval_free(eval);
    return error;
}

Test(coco_masks, boxes_stand_for_missing_masks)
{
    double ap;
    const char *box = "[{\"image_id\": 1, \"category_id\": 5, \"score\": 0.5, \"bbox\": [10, 10, 20, 20]}]";
    cr_assert_eq(evaluate_masks(MASK_FILE(MASK_TRUTH("1", "1", SQUARE)), box, &ap), DF_OK, "%s", df_error());
    cr_expect_float_eq(ap, 1, 1e-12);
    cr_assert_eq(evaluate_masks(MASK_FILE(MASK_TRUTH("1", "1", "[[1, 1, 3, 1, 3, 3]]")), box, &ap), DF_OK, "%s", df_error());
    cr_expect_eq(ap, 0);
    cr_assert_eq(evaluate_masks(MASK_FILE(MASK_TRUTH("1", "1", SQUARE)), "[]", &ap), DF_OK, "%s", df_error());
    cr_expect_eq(ap, 0);
}

#define IMAGES(width) "\"images\": [{\"id\": 3, \"height\": 40, \"width\": 50}, {\"id\": 1, \"height\": 40, \"width\": " width "}]"
#define THREE_MASKS "\"annotations\": [" MASK_TRUTH("1", "1", SQUARE) ", " MASK_TRUTH("2", "3", "{\"size\": [40, 50], \"counts\": [1, 2]}") ", " \
    MASK_TRUTH("3", "3", SQUARE) "]"

/* Polygons wait for the sizes of their images, and runs between them do not. */
Test(coco_masks, images_may_stand_behind_the_annotations)
{
    double ap;
    const char *found = "[{\"image_id\": 1, \"category_id\": 5, \"score\": 0.5, \"bbox\": [10, 10, 20, 20]}]";
    const char *files[] = { "{" THREE_MASKS ", " IMAGES("50") ", \"categories\": [{\"id\": 5}]}", "{" IMAGES("50") ", " THREE_MASKS ", " IMAGES("50") ", \"categories\": [{\"id\": 5}]}" };
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(evaluate_masks(files[i], found, &ap), DF_OK, "%s", df_error());
        cr_expect_float_eq(ap, 34. / 101, 1e-12); /* recalls 0, 0.01, .. 0.33 of one in three */
    }
    cr_assert_eq(evaluate_masks("{" IMAGES("60") ", " THREE_MASKS ", " IMAGES("50") ", \"categories\": [{\"id\": 5}]}", found, &ap), DF_EFORMAT);
    cr_expect_str_eq(df_error(), "gt.json: line 1, byte 562: image 2 (id 1): gives image 1 another size, after the annotations");
    cr_expect_eq(df_memory().now, 0);
}

Test(coco_masks, masks_across_classes_want_to_be_read_so)
{
    const char *file = MASK_FILE(MASK_TRUTH("1", "1", SQUARE)), *found = "[" MASK_DETECTION "]";
    for (int across = 0; across < 2; across++) {
        DfJson *json;
        DfCoco *gt;
        DfCocoResults *dt;
        DfCocoEval *eval;
        DfCocoParams params = df_coco_params();
        params.type = DF_COCO_MASKS;
        params.use_categories = false;
        cr_assert_eq(df_json_open_text(&json, file, strlen(file), "gt.json"), DF_OK);
        cr_assert_eq(df_coco_read_with(&gt, json, &(DfCocoReading){ .masks = true, .across_classes = across }), DF_OK);
        df_json_close(json);
        df_coco_results_new(&dt, gt);
        cr_assert_eq(df_json_open_text(&json, found, strlen(found), "dt.json"), DF_OK);
        cr_assert_eq(df_coco_results_read_json(dt, json), DF_OK, "%s", df_error());
        df_json_close(json);
        cr_expect_eq(df_coco_evaluate(&eval, dt, &params, NULL), across ? DF_OK : DF_EVALUE);
        if (across)
            df_coco_eval_free(eval);
        else
            cr_expect_str_eq(df_error(), "gt.json was read to compare masks within each class: want across_classes when reading");
        df_coco_results_free(dt);
        df_coco_free(gt);
    }
}

Test(coco_masks, bad_masks_get_one_sentence)
{
    const struct {
        const char *gt, *dt, *sentence;
    } cases[] = {
        { MASK_FILE(MASK_TRUTH("1", "1", "7")), "[]", "gt.json: line 1, byte 104: annotation 1 (id 1, image 1): segmentation: is neither a list of polygons nor an object with size and counts" },
        { MASK_FILE(MASK_TRUTH("1", "1", "[1, 2, 3, 4, 5, 6]")), "[]", "gt.json: line 1, byte 105: annotation 1 (id 1, image 1): segmentation: a list of something else than polygons, want [[x, y, ...], ...]" },
        { MASK_FILE(MASK_TRUTH("1", "1", "[[1, 2, 3, 4]]")), "[]", "gt.json: line 1, byte 116: annotation 1 (id 1, image 1): segmentation: the first polygon has 4 numbers, want at least 6: x and y of three points" },
        { MASK_FILE(MASK_TRUTH("1", "1", "[[1, 2, 3, 4, 5, 1e300]]")), "[]", "gt.json: line 1, byte 126: annotation 1 (id 1, image 1): segmentation: a polygon has the coordinate 1e+300, want one between -2e8 and 2e8" },
        { MASK_FILE(MASK_TRUTH("1", "1", "{\"size\": [3], \"counts\": []}")), "[]", "gt.json: line 1, byte 115: annotation 1 (id 1, image 1): segmentation: size is not an array of height and width" },
        { MASK_FILE(MASK_TRUTH("1", "1", "{\"size\": [3, 4], \"counts\": [-1]}")), "[]", "gt.json: line 1, byte 134: annotation 1 (id 1, image 1): segmentation: a count of -1, want one from 0 to 2^32 - 1" },
        { MASK_FILE(MASK_TRUTH("1", "1", "{\"size\": [3, 4], \"counts\": \"0p\"}")), "[]", "gt.json: line 1, byte 134: annotation 1 (id 1, image 1): segmentation: the compressed counts of a mask hold the byte 0x70 at 1, want characters from '0' to 'o'" },
        { MASK_FILE(MASK_TRUTH("1", "1", "[]")), "[]", "gt.json: line 1: an annotation of image 1 has no segmentation, which scores need" },
        { MASK_FILE(MASK_TRUTH("1", "2", SQUARE)), "[]", "gt.json: image 2 has no height and width, which masks need" },
        { MASK_FILE(MASK_TRUTH("1", "1", SQUARE)), "[" MASK_DETECTION ", {\"image_id\": 1, \"category_id\": 5, \"score\": 1, \"segmentation\": " SQUARE "}]",
          "dt.json: line 1, byte 204: detection 2 (image 1): want a segmentation of size and compressed counts, since the first detection has no bbox" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double ap;
        cr_expect_lt(evaluate_masks(cases[i].gt, cases[i].dt, &ap), 0);
        cr_expect_str_eq(df_error(), cases[i].sentence);
    }
    cr_expect_eq(df_memory().now, 0);
}

Test(coco_masks, masks_from_memory)
{
    const char *file = MASK_FILE(MASK_TRUTH("1", "1", SQUARE));
    DfJson *json;
    DfCoco *gt;
    DfCocoResults *dt;
    DfCocoEval *eval;
    DfMask mask;
    const double score = 0.9;
    const int64_t category = 5;
    df_json_open_text(&json, file, strlen(file), "gt.json");
    cr_assert_eq(df_coco_read_with(&gt, json, &(DfCocoReading){ .masks = true }), DF_OK);
    df_json_close(json);
    df_coco_results_new(&dt, gt);
    cr_assert_eq(df_mask_from_box(&mask, (double[4]){ 10, 10, 20, 20 }, 40, 50), DF_OK);
    cr_assert_eq(df_coco_results_add_masks(dt, 1, 1, &mask, NULL, &score, &category), DF_OK);
    df_mask_done(&mask);
    for (int type = 0; type < 2; type++) { /* the ground truth has no boxes */
        DfCocoParams params = df_coco_params();
        params.type = type ? DF_COCO_MASKS : DF_COCO_BOXES;
        cr_assert_eq(df_coco_evaluate(&eval, dt, &params, NULL), type ? DF_OK : DF_EFORMAT);
        if (type) {
            cr_expect_float_eq(eval->stats[0], 1, 1e-12);
            df_coco_eval_free(eval);
        }
    }
    df_coco_results_free(dt);
    df_coco_free(gt);
    cr_expect_eq(df_memory().now, 0);
}

Test(coco_masks, every_allocation_of_masks_may_fail)
{
    const char *file = MASK_FILE(MASK_TRUTH("1", "1", SQUARE) "," MASK_TRUTH("2", "1", "[[1, 1, 9, 1, 9, 9], [2, 2, 30, 2, 2, 30]]"));
    const char *results = "[" MASK_DETECTION ", " MASK_DETECTION "]";
    for (size_t n = 1; n < 1000; n++) {
        DfJson *json[2];
        DfCoco *gt = NULL;
        DfCocoResults *dt = NULL;
        DfCocoEval *eval = NULL;
        DfCocoParams params = df_coco_params();
        params.type = DF_COCO_MASKS;
        cr_assert_eq(df_json_open_text(&json[0], file, strlen(file), "gt.json"), DF_OK);
        cr_assert_eq(df_json_open_text(&json[1], results, strlen(results), "dt.json"), DF_OK);
        df_memory_fail_at(n, true);
        int error = df_coco_read_with(&gt, json[0], &(DfCocoReading){ .masks = true });
        if (error == DF_OK)
            error = df_coco_results_new(&dt, gt);
        if (error == DF_OK)
            error = df_coco_results_read_json(dt, json[1]);
        if (error == DF_OK)
            error = df_coco_evaluate(&eval, dt, &params, NULL);
        df_memory_fail_at(0, false);
        cr_expect(error == DF_OK || error == DF_ENOMEM, "allocation %zu: %d, %s", n, error, df_error());
        df_coco_eval_free(eval);
        df_coco_results_free(dt);
        df_coco_free(gt);
        df_json_close(json[0]);
        df_json_close(json[1]);
        cr_assert_eq(df_memory().now, 0, "allocation %zu leaks %zu bytes", n, df_memory().now);
        if (error == DF_OK)
            return;
    }
    cr_assert(false, "never succeeds");
}
