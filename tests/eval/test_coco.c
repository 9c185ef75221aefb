/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/eval/test_coco.c -- COCO evaluation of boxes, worked out by hand: ids, chosen images and classes, arrays from
 * memory, files of many pieces, and what is wrong with a file. test_coco_reference.c compares whole files with
 * pycocotools, test_coco_masks.c has the masks.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval/eval.h"
#include "tests/eval/coco_text.h"

#define BOX(image, category, extra) "{\"image_id\": " image ", \"category_id\": " category ", \"bbox\": [10, 10, 20, 20]" extra "}"
#define TRUTH(id, image, category) BOX(image, category, ", \"iscrowd\": 0, \"area\": 400, \"id\": " id)
#define FILE_OF(annotations) "{\"images\": [{\"id\": 1}, {\"id\": 2}], \"annotations\": [" annotations "], \"categories\": [{\"id\": 5, \"name\": \"cat\"}, {\"id\": 7}]}"

/* A perfect precision is 1 / (1 + 2^-52) in pycocotools, hence 1e-12 where these are compared. */
static double ap_of(const char *gt, const char *dt, const DfCocoParams *params)
{
    DfCocoEval *eval;
    cr_assert_eq(coco_text_evaluate(gt, dt, params, &eval), DF_OK, "%s", df_error());
    const double ap = eval->stats[0];
    df_coco_eval_free(eval);
    return ap;
}

Test(coco, one_hit)
{
    const char *gt = FILE_OF(TRUTH("1", "1", "5"));
    cr_expect_float_eq(ap_of(gt, "[" BOX("1", "5", ", \"score\": 0.5") "]", NULL), 1, 1e-12);
    cr_expect_float_eq(ap_of(gt, "[" BOX("1", "7", ", \"score\": 0.5") "]", NULL), 0, 1e-12);
    cr_expect_float_eq(ap_of(gt, "[" BOX("2", "5", ", \"score\": 0.5") "]", NULL), 0, 1e-12);
    cr_expect_float_eq(ap_of(gt, "[" BOX("1", "99", ", \"score\": 0.5") "]", NULL), 0, 1e-12); /* a class that is not listed */
}

Test(coco, empty_results_are_zero)
{
    DfCocoEval *eval;
    cr_assert_eq(coco_text_evaluate(FILE_OF(TRUTH("1", "1", "5")), "[]", NULL, &eval), DF_OK, "%s", df_error());
    cr_expect_eq(eval->stats[0], 0);  /* there is a ground truth */
    cr_expect_eq(eval->stats[5], -1); /* none that is large      */
    cr_expect_eq(eval->stats[8], 0);
    df_coco_eval_free(eval);
    cr_expect_float_eq(ap_of(FILE_OF(""), "[]", NULL), -1, 1e-12);
    cr_expect_float_eq(ap_of("{\"images\": [], \"annotations\": [], \"categories\": []}", "[]", NULL), -1, 1e-12);
}

Test(coco, ids)
{
    const char *hit = "[" BOX("1", "5", ", \"score\": 0.5") "]";
    cr_expect_float_eq(ap_of(FILE_OF(TRUTH("0", "1", "5")), hit, NULL), 0, 1e-12);  /* id 0 takes the detection, which stays unmatched */
    cr_expect_float_eq(ap_of(FILE_OF(TRUTH("-3", "1", "5")), hit, NULL), 1, 1e-12);
    cr_expect_float_eq(ap_of(FILE_OF(TRUTH("1.0", "1.0", "5")), hit, NULL), 1, 1e-12);
    /* The same id twice: both mentions give the last one, so image 2 has it twice and image 1 none. */
    const double half = ap_of(FILE_OF(TRUTH("4", "1", "5") "," TRUTH("4", "2", "5")), "[" BOX("2", "5", ", \"score\": 0.5") "]", NULL);
    cr_expect_float_eq(half, 51 / 101.0, 1e-12);
    const char *texts = "{\"images\": [{\"id\": \"b\"}, {\"id\": \"a\"}], \"annotations\": [" TRUTH("\"x\"", "\"a\"", "5") "], \"categories\": [{\"id\": 5}]}";
    cr_expect_float_eq(ap_of(texts, "[" BOX("\"a\"", "5", ", \"score\": 1") "]", NULL), 1, 1e-12);
    cr_expect_float_eq(ap_of(texts, "[" BOX("\"b\"", "5", ", \"score\": 1") "]", NULL), 0, 1e-12);
}

Test(coco, repeated_keys_and_lists)
{
    const char *gt = "{\"annotations\": [" TRUTH("1", "2", "5") "], \"images\": [{\"id\": 9, \"id\": 1}], \"categories\": [{\"id\": 5}], \"annotations\": [" TRUTH("1", "1", "5") "]}";
    cr_expect_float_eq(ap_of(gt, "[{\"score\": 0, \"image_id\": 1, \"bbox\": [], \"bbox\": [10, 10, 20, 20], \"category_id\": 5, \"score\": 0.5}]", NULL), 1, 1e-12);
}

Test(coco, chosen_images_and_classes)
{
    const char *gt = FILE_OF(TRUTH("1", "1", "5") "," TRUTH("2", "2", "7"));
    const char *dt = "[" BOX("1", "5", ", \"score\": 0.5") "]";
    const int64_t one[] = { 1 }, five[] = { 5, 5 };
    DfCocoParams params = df_coco_params();
    cr_expect_float_eq(ap_of(gt, dt, &params), 0.5, 1e-12);
    params.image_ids = one;
    params.n_image_ids = 1;
    cr_expect_float_eq(ap_of(gt, dt, &params), 1, 1e-12);
    params = df_coco_params();
    params.category_ids = five;
    params.n_category_ids = 2;
    cr_expect_float_eq(ap_of(gt, dt, &params), 1, 1e-12);
    params = df_coco_params();
    params.use_categories = false;
    cr_expect_float_eq(ap_of(gt, "[" BOX("1", "7", ", \"score\": 0.5") "," BOX("2", "5", ", \"score\": 0.5") "]", &params), 1, 1e-12);
    params.n_max_dets = 0;
    DfCocoEval *eval;
    cr_expect_eq(coco_text_evaluate(gt, dt, &params, &eval), DF_EVALUE);
}

Test(coco, added_from_memory)
{
    DfJson *json;
    DfCoco *gt;
    DfCocoResults *dt;
    DfCocoEval *eval;
    char *text;
    const char *file = FILE_OF(TRUTH("1", "1", "5"));
    const double boxes[][4] = { { 10, 10, 20, 20 }, { 0, 0, 5, 5 } }, scores[] = { 0.9, 0.95 };
    const int64_t categories[] = { 5, 12 };
    df_json_open_text(&json, file, strlen(file), "gt.json");
    cr_assert_eq(df_coco_read(&gt, json), DF_OK);
    df_json_close(json);
    df_coco_results_new(&dt, gt);
    cr_assert_eq(df_coco_results_add(dt, 1, 2, boxes, scores, categories), DF_OK);
    cr_expect_eq(df_coco_results_count(dt), 2);
    cr_expect_eq(df_coco_results_add(dt, 3, 2, boxes, scores, categories), DF_EVALUE);
    cr_expect_str_eq(df_error(), "image_id 3 is not an image of gt.json");
    const DfCocoParams params = df_coco_params();
    cr_assert_eq(df_coco_evaluate(&eval, dt, &params, NULL), DF_OK);
    cr_expect_eq(eval->stats[0], 1 / (1 + 0x1p-52));
    cr_assert_eq(df_coco_eval_json(eval, &text), DF_OK);
    cr_expect(strstr(text, "-1, -1, 1, 1, 1, 1, -1, -1]"), "%s", text);
    cr_expect(strstr(text, "{\"id\": 5, \"name\": \"cat\", \"ap\": 0.99999999999999978, \"ap50\": "), "%s", text);
    df_free(text);
    cr_assert_eq(df_coco_eval_class_table(eval, &text), DF_OK);
    cr_expect(strstr(text, "cat"), "%s", text);
    df_free(text);
    df_coco_eval_free(eval);
    df_coco_results_free(dt);
    df_coco_free(gt);
}

static void expect_notes(const char *gt, const DfCocoParams *params, const char *notes)
{
    DfCocoEval *eval;
    char *text;
    cr_assert_eq(coco_text_evaluate(gt, "[]", params, &eval), DF_OK, "%s", df_error());
    cr_assert_eq(df_coco_eval_notes(eval, true, &text), DF_OK);
    cr_expect_str_eq(text, notes);
    df_free(text);
    df_coco_eval_free(eval);
}

Test(coco, no_number_is_missing_without_a_word)
{
    static const int max_dets[] = { 1, 5, 7 };
    static const double ious[] = { 0.6, 0.75 };
    static const DfAreaRange areas[] = { { "all", 0, 1e10 }, { "medium", 500, 600 } };
    const char *one = FILE_OF(TRUTH("1", "1", "5")), *crowds = FILE_OF(BOX("1", "5", ", \"iscrowd\": 1, \"area\": 400, \"id\": 1"));
    expect_notes(one, NULL, "-1 at area=medium: no object to score has an area from 1024 to 9216 square pixels\n"
                            "-1 at area=large: no object to score has an area from 9216 to 1e+10 square pixels\n"
                            "-1 for 1 of 2 classes, which have no object to score: 7\n");
    expect_notes(crowds, NULL, "-1: there is no object to score in these images, classes and areas (crowds are not scored)\n");
    DfCocoParams params = df_coco_params();
    params.max_dets = max_dets;
    params.ious = ious;
    params.n_ious = 2;
    params.areas = areas;
    params.n_areas = 2;
    params.use_categories = false;
    expect_notes(one, &params, "-1 at area=medium: no object to score has an area from 500 to 600 square pixels\n"
                               "-1 at IoU=0.50: it is not among the IoU thresholds\n"
                               "-1 as the AP of all areas: it needs 100 in maxDets\n"
                               "-1 at area=small: no area range has that name\n"
                               "-1 at area=large: no area range has that name\n");
    cr_expect_eq(df_memory().now, 0);
}

/* ---- pieces of large files ---------------------------------------------------------------------------------------------- */

/* A results file of many pieces, with texts and inner lists that look like the
 * place between two records, and a fault at the end. */
static char *large_file(bool fault, size_t *size)
{
    enum { RECORDS = 30000 };
    char *text = df_malloc(RECORDS * 160), *at = text;
    at += sprintf(at, "[");
    for (int i = 0; i < RECORDS; i++)
        at += sprintf(at, "%s{\"image_id\": %d, \"x\": %s, \"category_id\": 5, \"bbox\": [10, 10, 20, %d], \"score\": %g%s}", i ? ",\n" : "", 1 + i % 2,
                      i % 3 ? "[{\"a\": 1}, {\"b\": \"}, {\"}]" : "\"}, {}, {\"", 1 + i % 40, i / 30000.0, fault && i == RECORDS - 7 ? "x" : "");
    *size = (size_t)(at + sprintf(at, "]") - text);
    return text;
}

static int read_large(const char *text, size_t size, int threads, double *ap, size_t *count)
{
    const char *file = FILE_OF(TRUTH("1", "1", "5") "," TRUTH("2", "2", "5"));
    DfJson *json;
    DfCoco *gt;
    DfCocoResults *dt;
    DfCocoEval *eval = NULL;
    DfPool *pool;
    const DfCocoParams params = df_coco_params();
    cr_assert_eq(df_pool_new(&pool, threads), DF_OK);
    df_json_open_text(&json, file, strlen(file), "gt.json");
    cr_assert_eq(df_coco_read_with(&gt, json, &(DfCocoReading){ .pool = pool }), DF_OK);
    df_json_close(json);
    df_coco_results_new(&dt, gt);
    cr_assert_eq(df_json_open_text(&json, text, size, "dt.json"), DF_OK);
    int error = df_coco_results_read_json(dt, json);
    df_json_close(json);
    *count = df_coco_results_count(dt);
    if (error == DF_OK)
        error = df_coco_evaluate(&eval, dt, &params, pool);
    *ap = eval ? eval->stats[0] : -2;
    df_coco_eval_free(eval);
    df_coco_results_free(dt);
    df_coco_free(gt);
    df_pool_free(pool);
    return error;
}

Test(coco, large_files_are_read_in_pieces)
{
    size_t size, count;
    double first = 0;
    char *text = large_file(false, &size);
    for (int threads = 1; threads <= 3; threads++) {
        double ap;
        cr_assert_eq(read_large(text, size, threads, &ap, &count), DF_OK, "%s", df_error());
        cr_expect_eq(count, 30000);
        first = threads == 1 ? ap : first;
        cr_expect_eq(ap, first);
    }
    df_free(text);
    text = large_file(true, &size);
    cr_expect_eq(read_large(text, size, 3, &first, &count), DF_EFORMAT);
    cr_expect_str_eq(df_error(), "dt.json: line 29994, byte 3183718: met 'x', want ',' or '}'");
    df_free(text);
    cr_expect_eq(df_memory().now, 0);
}

/* ---- bad files ------------------------------------------------------------------------------------------------------- */

Test(coco, bad_files_get_one_sentence)
{
    const char *good_gt = FILE_OF(TRUTH("1", "1", "5"));
    const struct {
        const char *gt, *dt, *sentence;
    } cases[] = {
        { "", "[]", "gt.json: line 1, byte 0: the file ends, want a value" },
        { "[]", "[]", "gt.json: line 1, byte 1: want a COCO annotation file: an object with images, annotations and categories" },
        { "{\"images\": []}", "[]", "gt.json: line 1, byte 14: has no \"categories\", want a COCO annotation file" },
        { "{\"images\": {}}", "[]", "gt.json: line 1, byte 12: \"images\" is not an array" },
        { "{\n\"images\": [{\"id\": 1},\n 7]}", "[]", "gt.json: line 3, byte 26: image 2: is not an object" },
        { "{\"images\": [{}]}", "[]", "gt.json: line 1, byte 14: image 1: has no id" },
        { "{\"images\": [{\"id\": 1.5}]}", "[]", "gt.json: line 1, byte 22: image 1: id is not an integer or a string" },
        { "{\"annotations\": [{\"id\": 1, \"image_id\": 1}]}", "[]", "gt.json: line 1, byte 41: annotation 1 (id 1, image 1): has no category_id" },
        { "{\"annotations\": [{\"bbox\": [1, 2, 3]}]}", "[]", "gt.json: line 1, byte 35: annotation 1: bbox has 3 numbers, want x, y, width and height" },
        { "{\"annotations\": [{\"area\": \"x\"}]}", "[]", "gt.json: line 1, byte 29: annotation 1: area is not a number" },
        { FILE_OF(BOX("1", "5", ", \"id\": 1, \"area\": 3")), "[]", "gt.json: line 1: an annotation of image 1 has no iscrowd, which scores need" },
        { good_gt, "{}", "dt.json: line 1, byte 1: want COCO results: an array of detections" },
        { good_gt, "[1]", "dt.json: line 1, byte 2: detection 1: is not an object" },
        { good_gt, "[" BOX("1", "5", "") "]", "dt.json: line 1, byte 60: detection 1 (image 1): has no score" },
        { good_gt, "[" BOX("3", "5", ", \"score\": 1") "]", "dt.json: line 1, byte 15: detection 1 (image 3): image_id 3 is not an image of gt.json" },
        { good_gt, "[\n{\"image_id\": 1, \"category_id\": 5, \"score\": 1, \"segmentation\": {}}]", "dt.json: line 2, byte 66: detection 1 (image 1): segmentation: has no size" },
        { good_gt, "[{\"image_id\": 1, \"category_id\": 5, \"score\": 1}]", "dt.json: line 1, byte 46: detection 1 (image 1): want a segmentation of size and compressed counts, since the first detection has no bbox" },
        { good_gt, "[" BOX("1", "5", ", \"score\": 1") ", {\"image_id\": 1, \"category_id\": 5, \"score\": 1}]", "dt.json: line 1, byte 119: detection 2 (image 1): has no bbox, but the first detection has one" },
        { good_gt, "[" BOX("1", "5", ", \"score\": 1") "", "dt.json: line 1, byte 72: the file ends, want ',' or ']'" },
        { good_gt, "[] []", "dt.json: line 1, byte 3: met '[', want nothing after the value" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        DfCocoEval *eval;
        cr_expect_lt(coco_text_evaluate(cases[i].gt, cases[i].dt, NULL, &eval), 0);
        cr_expect_str_eq(df_error(), cases[i].sentence);
        cr_expect_null(eval);
    }
    cr_expect_eq(df_memory().now, 0);
}

Test(coco, every_allocation_may_fail)
{
    for (size_t n = 1;; n++) {
        DfCocoEval *eval;
        DfJson *json;
        DfCoco *gt = NULL;
        DfCocoResults *dt = NULL;
        const char *file = FILE_OF(TRUTH("1", "1", "5") "," TRUTH("\"two\"", "2", "7"));
        const double boxes[][4] = { { 10, 10, 20, 20 } }, scores[] = { 0.9 };
        const int64_t categories[] = { 5 };
        const DfCocoParams params = df_coco_params();
        cr_assert_eq(df_json_open_text(&json, file, strlen(file), "gt.json"), DF_OK);
        df_memory_fail_at(n, false);
        int error = df_coco_read(&gt, json);
        if (error == DF_OK)
            error = df_coco_results_new(&dt, gt);
        if (error == DF_OK)
            error = df_coco_results_add(dt, 1, 1, boxes, scores, categories);
        eval = NULL;
        if (error == DF_OK)
            error = df_coco_evaluate(&eval, dt, &params, NULL);
        df_memory_fail_at(0, false);
        cr_expect(error == DF_OK || error == DF_ENOMEM, "allocation %zu: %d, %s", n, error, df_error());
        df_coco_eval_free(eval);
        df_coco_results_free(dt);
        df_coco_free(gt);
        df_json_close(json);
        cr_assert_eq(df_memory().now, 0, "allocation %zu leaks %zu bytes", n, df_memory().now);
        if (error == DF_OK)
            break;
        cr_assert_lt(n, 500);
    }
}
