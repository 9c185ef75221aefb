/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/eval/test_check.c -- files that are wrong in one known way each, and the finding that says so.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "eval/eval.h"

#define IMAGES "\"images\": [{\"id\": 1, \"width\": 100, \"height\": 80, \"file_name\": \"a.jpg\"}, {\"id\": 2, \"width\": 50, \"height\": 50, \"file_name\": \"b.jpg\"}]"
#define CATEGORIES "\"categories\": [{\"id\": 1, \"name\": \"cat\"}, {\"id\": 2, \"name\": \"dog\"}]"
#define GOOD "{\"id\": 1, \"image_id\": 1, \"category_id\": 1, \"bbox\": [10, 10, 20, 20], \"area\": 400, \"iscrowd\": 0, \"segmentation\": [[10, 10, 30, 10, 30, 30, 10, 30]]}"
#define GT(more) "{" IMAGES ",\n" CATEGORIES ",\n\"annotations\": [\n" GOOD more "]}"
#define ANN(id, image, category, box, area, mask) \
    ",\n{\"id\": " id ", \"image_id\": " image ", \"category_id\": " category ", \"bbox\": " box ", \"area\": " area ", \"iscrowd\": 0, \"segmentation\": " mask "}"
#define SEGM(mask) "{\"image_id\": 1, \"category_id\": 1, \"score\": 0.5, \"segmentation\": {" mask "}}"
#define SQUARE "[[1, 1, 9, 1, 9, 9, 1, 9]]"

typedef struct {
    const char *gt, *dt, *code;
    size_t line;
} Case;

static const Case cases[] = {
    { GT(ANN("1", "1", "1", "[1, 1, 9, 9]", "81", SQUARE)), NULL, "annotation_twice", 5 },
    { GT(ANN("0", "1", "1", "[1, 1, 9, 9]", "81", SQUARE)), NULL, "annotation_id_zero", 5 },
    { GT(ANN("3", "9", "1", "[1, 1, 9, 9]", "81", SQUARE)), NULL, "image_unknown", 5 },
    { GT(ANN("3", "1", "7", "[1, 1, 9, 9]", "81", SQUARE)), NULL, "category_unknown", 5 },
    { GT(ANN("3", "1", "1", "[90, 1, 19, 9]", "81", SQUARE)), NULL, "box_outside", 5 },
    { GT(ANN("3", "1", "1", "[1, 1, 0, 9]", "0", SQUARE)), NULL, "box_empty", 5 },
    { GT(ANN("3", "1", "1", "[1, 1, 9]", "81", SQUARE)), NULL, "annotation_bbox", 5 },
    { GT(ANN("3", "1", "1", "[1, 1, 9, 9]", "8100", SQUARE)), NULL, "area_too_large", 5 },
    { GT(ANN("3", "1", "1", "[1, 1, 9, 9]", "81", "[]")), NULL, "polygon_empty", 5 },
    { GT(ANN("3", "1", "1", "[1, 1, 9, 9]", "81", "[[1, 1, 2, 2]]")), NULL, "polygon_empty", 5 },
    { GT(ANN("3", "1", "1", "[1, 1, 9, 9]", "81", "[[1, 1, 9, 9, 9, 1, 1, 9]]")), NULL, "polygon_crosses_itself", 5 },
    { GT(ANN("3", "1", "1", "[1, 1, 9, 9]", "81", "[[1, 1, 9, 1, 9, 9, 1]]")), NULL, "polygon_odd", 5 },
    { GT(ANN("3", "1", "1", "[1, 1, 9, 9]", "81", "{\"size\": [80, 100], \"counts\": [5, 6]}")), NULL, "runs_wrong_sum", 5 },
    { GT(ANN("3", "1", "1", "[1, 1, 9, 9]", "81", "{\"size\": [80], \"counts\": [8000]}")), NULL, "runs_wrong", 5 },
    { GT(ANN("3", "1", "1", "[1, 1, 8, 8]", "64", "[[1, 1, 9, 9, 5, 5]]")), NULL, "polygon_flat", 5 },
    { GT(ANN("3", "1", "1", "[1, 1, 8, 8]", "64", "[[1, 1, 109, 1, 109, 9, 1, 9]]")), NULL, "mask_outside", 5 },
    { GT(ANN("3", "1", "1", "[1, 1, 40, 8]", "64", SQUARE)), NULL, "mask_box", 5 },
    { GT(ANN("3", "1", "1", "[1, 1, 9, 9]", "81", "{\"size\": [100, 80], \"counts\": [10, 20, 7970]}")), NULL, "mask_size", 5 },
    { GT(ANN("3", "1", "1", "[1, 1, 9, 9]", "81", "{\"size\": [80, 100], \"counts\": [8000]}")), NULL, "mask_empty", 5 },
    { GT(ANN("3", "1", "1", "[1, 1, 9, 9]", "81", "7")), NULL, "mask_type", 5 },
    { GT(",\n{\"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 1, 9, 9], \"area\": 81, \"iscrowd\": 0}"), NULL, "no_id", 5 },
    { GT(",\n{\"id\": 3, \"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 1, 9, 9], \"area\": 81}"), NULL, "annotation_iscrowd", 5 },
    { "{\"images\": [{\"id\": 1},\n{\"id\": 1}], " CATEGORIES ", \"annotations\": []}", NULL, "image_twice", 2 },
    { "{" IMAGES ", \"categories\": [{\"id\": 1, \"name\": \"a\"},\n{\"id\": 1, \"name\": \"b\"}], \"annotations\": []}", NULL, "category_twice", 2 },
    { "{" IMAGES ", \"categories\": [{\"id\": 1, \"name\": \"a\"},\n{\"id\": 2, \"name\": \"a\"}], \"annotations\": []}", NULL, "category_name_twice", 2 },
    { "{" IMAGES ", " CATEGORIES "}", NULL, "list_missing", 0 },
    { GT(""), "[{\"image_id\": 5, \"category_id\": 1, \"bbox\": [1, 1, 9, 9], \"score\": 0.5}]", "result_image_unknown", 1 },
    { GT(""), "[\n{\"image_id\": 1, \"category_id\": 8, \"bbox\": [1, 1, 9, 9], \"score\": 0.5}]", "result_category_unknown", 2 },
    { GT(""), "[\n{\"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 1, 9, 9], \"score\": 5}]", "score_range", 2 },
    { GT(""), "[\n{\"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 1, 9, 9], \"score\": NaN}]", "score_not_finite", 2 },
    { GT(""), "[\n{\"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 1, 9, 9]}]", "result_score", 2 },
    { GT(""), "[\n{\"image_id\": 1, \"category_id\": 1, \"score\": 1}]", "result_box", 2 },
    { GT(""), "[\n{\"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 1, 0, 9], \"score\": 1}]", "result_box_empty", 2 },
    { GT(""), "[\n{\"image_id\": 1, \"category_id\": 1, \"bbox\": [200, 1, 9, 9], \"score\": 1}]", "result_box_outside", 2 },
    { GT(""), "[\n" SEGM("\"size\": [80, 100], \"counts\": \"PPYo0\"") "]", "runs_wrong_sum", 2 },
    { GT(""), "[\n" SEGM("\"size\": [100, 80], \"counts\": \":d0Ri7\"") "]", "mask_size", 2 },
    { GT(""), "[\n" SEGM("\"size\": [80, 100], \"counts\": \"Pj7\"") "]", "mask_empty", 2 },
    { GT(""), "[\n" SEGM("\"size\": [80, 100], \"counts\": [10, 20, 7970]") "]", "mask_type", 2 },
    { GT(""), "[\n" SEGM("\"size\": [80, 100], \"counts\": \":d0Ri7\"") ",\n" SEGM("\"size\": [80, 100], \"counts\": \":d0Ri7\"") "]", "result_twice", 3 },
    { GT(""), "[]", "category_without_result", 0 },
    { GT(""), "[]", "no_results", 0 },
};

static int look(DfCheck *check, const char *text, const char *name, int (*read)(DfCheck *, DfJson *))
{
    DfJson *json;
    cr_assert_eq(df_json_open_text(&json, text, strlen(text), name), DF_OK);
    const int error = read(check, json);
    df_json_close(json);
    return error;
}

static char *findings(const char *gt, const char *dt)
{
    DfCheck *check;
    char *text = NULL;
    cr_assert_eq(df_check_new(&check), DF_OK);
    cr_assert_eq(look(check, gt, "gt", df_check_truth_json), DF_OK, "%s", df_error());
    if (dt)
        cr_assert_eq(look(check, dt, "dt", df_check_results_json), DF_OK, "%s", df_error());
    cr_assert_eq(df_check_json(check, &text), DF_OK);
    df_check_free(check);
    return text;
}

Test(check, finds_each_flaw_and_its_line)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char code[64], line[32];
        char *text = findings(cases[i].gt, cases[i].dt);
        snprintf(code, sizeof code, "\"code\": \"%s\"", cases[i].code);
        snprintf(line, sizeof line, "\"line\": %zu,", cases[i].line);
        const char *at = strstr(text, code);
        cr_expect(at != NULL, "case %zu: no %s in %s", i, cases[i].code, text);
        const char *end = at ? strchr(at, '}') : NULL;
        cr_expect(!at || !cases[i].line || (strstr(at, line) && strstr(at, line) < end), "case %zu (%s): not on line %zu: %s", i, cases[i].code, cases[i].line, text);
        df_free(text);
    }
}

Test(check, has_no_word_against_what_is_right)
{
    char *text = findings(GT(ANN("7", "2", "2", "[1, 1, 9, 9]", "81", SQUARE)),
                          "[{\"image_id\": 1, \"category_id\": 1, \"bbox\": [10, 10, 20, 20], \"score\": 1}, {\"image_id\": 2, \"category_id\": 2, \"bbox\": [1, 1, 9, 9], \"score\": 0}]");
    cr_expect(strstr(text, "\"errors\": 0, \"warnings\": 0, \"notes\": 0") != NULL, "%s", text);
    df_free(text);
}

/* Compressed runs of a mask. */
static int mask_text(char *out, size_t size, int x, int y, int width, int height)
{
    uint8_t pixels[80 * 100] = { 0 };
    DfMask mask;
    char *text;
    for (int i = y; i < y + height; i++)
        for (int j = x; j < x + width; j++)
            pixels[i * 100 + j] = 1;
    cr_assert_eq(df_mask_encode(&mask, pixels, 80, 100), DF_OK);
    cr_assert_eq(df_mask_to_text(&mask, &text), DF_OK);
    int n = snprintf(out, size, "\"segmentation\": {\"size\": [80, 100], \"counts\": \"");
    for (const char *c = text; *c; c++)
        n += snprintf(out + n, size - (size_t)n, *c == '\\' ? "\\\\" : "%c", *c);
    n += snprintf(out + n, size - (size_t)n, "\"}");
    df_free(text);
    df_mask_done(&mask);
    return n;
}

/* Many objects of alternating classes and results that count classes from 0, or give corners; boxes, or masks alone. */
static char *systematic(int shift, bool corners, bool masks)
{
    static char gt[8192], dt[8192];
    size_t g = (size_t)snprintf(gt, sizeof gt, "{" IMAGES ", " CATEGORIES ", \"annotations\": ["), d = (size_t)snprintf(dt, sizeof dt, "[");
    for (int i = 0; i < 24; i++) {
        const int x = 4 * i, y = 30;
        g += (size_t)snprintf(gt + g, sizeof gt - g, "%s{\"id\": %d, \"image_id\": 1, \"category_id\": %d, \"bbox\": [%d, %d, 4, 45], \"area\": 180, \"iscrowd\": 0}", i ? ", " : "", i + 1,
                              1 + i % 2, x, y);
        d += (size_t)snprintf(dt + d, sizeof dt - d, "%s\n{\"image_id\": 1, \"category_id\": %d, \"score\": 0.5, ", i ? ", " : "", 1 + i % 2 + shift);
        if (masks)
            d += (size_t)mask_text(dt + d, sizeof dt - d, x, y, 4, 45);
        else
            d += (size_t)snprintf(dt + d, sizeof dt - d, "\"bbox\": [%d, %d, %d, %d]", x, y, corners ? x + 4 : 4, corners ? y + 45 : 45);
        d += (size_t)snprintf(dt + d, sizeof dt - d, "}");
    }
    snprintf(gt + g, sizeof gt - g, "]}");
    snprintf(dt + d, sizeof dt - d, "]");
    return findings(gt, dt);
}

Test(check, sees_labels_from_zero_and_boxes_as_corners)
{
    char *text;
    for (int masks = 0; masks < 2; masks++) {
        text = systematic(-1, false, masks);
        cr_expect(strstr(text, "\"classes_shifted\", \"file\": \"dt\", \"line\": 2,") != NULL, "%s", text);
        cr_expect(strstr(text, "labels seem to count from 0") != NULL, "%s", text);
        df_free(text);
        text = systematic(1, false, masks);
        cr_expect(strstr(text, "labels seem to count from 1") != NULL, "%s", text);
        df_free(text);
    }
    text = systematic(0, true, false);
    cr_expect(strstr(text, "\"boxes_corners\", \"file\": \"dt\", \"line\": 2,") != NULL, "%s", text);
    df_free(text);
    text = systematic(0, false, true);
    cr_expect(!strstr(text, "classes_shifted") && !strstr(text, "mask_"), "%s", text);
    df_free(text);
    text = systematic(0, false, false);
    cr_expect(!strstr(text, "classes_shifted") && !strstr(text, "boxes_corners"), "%s", text);
    df_free(text);
}
