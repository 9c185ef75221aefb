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
#define CROWD(id) "{\"id\": " #id ", \"image_id\": 1, \"category_id\": 1, \"bbox\": [10, 10, 20, 20], \"area\": 400, \"iscrowd\": 1}"
#define OF_AREA(id, area) "{\"id\": " #id ", \"image_id\": 1, \"category_id\": 1, \"bbox\": [10, 10, 20, 20], \"area\": " #area ", \"iscrowd\": 0}"
#define PERSON(id, points, n) "{\"id\": " #id ", \"image_id\": 1, \"category_id\": 1, \"bbox\": [10, 10, 20, 20], \"area\": 400, \"iscrowd\": 0, \"num_keypoints\": " #n ", \"keypoints\": " points "}"
#define PERSONS(two) "{" IMAGES ",\n" CATEGORIES ", \"annotations\": [\n" PERSON(1, "[10, 10, 2, 20, 20, 1]", 2) ",\n" two "]}"
#define LVIS(image, category, annotation) \
    "{\"images\": [{\"id\": 1, \"width\": 100, \"height\": 80, \"coco_url\": \"a.jpg\"" image "}],\n\"categories\": [{\"id\": 1, \"name\": \"cat\"" category "}],\n\"annotations\": [\n" \
    "{\"id\": 1, \"image_id\": 1, \"category_id\": 1, \"bbox\": [10, 10, 20, 20], \"area\": 400" annotation "}]}"
#define LISTS ", \"neg_category_ids\": [], \"not_exhaustive_category_ids\": []"
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
    { "{\"images\": [{\"id\": 7}],\n" IMAGES ", " CATEGORIES ", \"annotations\": []}", NULL, "list_twice", 2 },
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
    { GT(""), "[\n" SEGM("\"size\": [80, 100], \"counts\": \"Pj7\"") "]", "result_mask_empty", 2 },
    { GT(""), "[\n" SEGM("\"size\": [80, 100], \"counts\": [10, 20, 7970]") "]", "mask_type", 2 },
    { GT(""), "[\n" SEGM("\"size\": [80, 100], \"counts\": \":d0Ri7\"") ",\n" SEGM("\"size\": [80, 100], \"counts\": \":d0Ri7\"") "]", "result_twice", 3 },
    { GT(""), "[]", "category_undetected", 0 },
    { GT(""), "[]", "no_results", 0 },
    { GT(",\n{\"id\": 3, \"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 1, 9, 9], \"area\": 81, \"iscrowd\": 0, \"segmentation\": null}"), NULL, "segmentation_missing", 5 },
    { PERSONS(PERSON(2, "[10, 10, 2]", 1)), NULL, "keypoints_number", 4 },
    { PERSONS(PERSON(2, "[10, 10, 20, 20]", 2)), NULL, "keypoints_number", 4 },
    { PERSONS(PERSON(2, "[10, 10, 2, 20, 20, 0]", 2)), NULL, "keypoints_disagree", 4 },
    { PERSONS(PERSON(2, "[10, 10, 2, 20, 20, 0.7]", 2)), NULL, "keypoints_visibility", 4 },
    { PERSONS(CROWD(2) ",\n" GOOD), NULL, "keypoints_missing", 5 },
    { "{" IMAGES ",\n" CATEGORIES ", \"annotations\": [\n" PERSON(1, "[10, 10, 0, 20, 20, 0]", 0) "]}", NULL, "keypoints_invisible", 0 },
    { PERSONS(PERSON(2, "[10, 10, 2, 20, 20, 0]", 1)), "[\n{\"image_id\": 1, \"category_id\": 1, \"score\": 1, \"keypoints\": [1, 2, 1]}]", "keypoints_number", 2 },
    { GT(""), "[\n{\"image_id\": 1, \"category_id\": 1, \"score\": 1, \"obb\": [20, 20, 20, 20, 90]}]", "angle_degrees", 2 },
    { LVIS(", \"neg_category_ids\": []", ", \"frequency\": \"r\"", ""), NULL, "image_without_lists", 1 },
    { LVIS(", \"neg_category_ids\": [7], \"not_exhaustive_category_ids\": []", ", \"frequency\": \"r\"", ""), NULL, "list_category_unknown", 1 },
    { LVIS(", \"neg_category_ids\": [1], \"not_exhaustive_category_ids\": []", ", \"frequency\": \"r\"", ""), NULL, "category_absent", 4 },
    { LVIS(LISTS, "", ""), NULL, "category_without_frequency", 2 },
    { "{" IMAGES ",\n" CATEGORIES ", \"annotations\": [\n" CROWD(1) ",\n" CROWD(2) "]}", NULL, "all_crowds", 3 },
    { "{" IMAGES ",\n" CATEGORIES ", \"annotations\": [\n" OF_AREA(1, 1) ",\n" OF_AREA(2, 1) ",\n" OF_AREA(3, 1) "]}", NULL, "areas_wrong", 3 },
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
    cr_assert_eq(df_check_conclude(check), DF_OK, "%s", df_error());
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

Test(check, knows_lvis_and_keypoints)
{
    char *text = findings(LVIS(LISTS, ", \"frequency\": \"c\"", ""), "[{\"image_id\": 1, \"category_id\": 1, \"bbox\": [10, 10, 20, 20], \"score\": 1}]");
    cr_expect(strstr(text, "\"errors\": 0, \"warnings\": 0, \"notes\": 0") != NULL, "%s", text);
    df_free(text);
    text = findings(PERSONS(PERSON(2, "[60, 10, 2, 70, 20, 1]", 2)), "[{\"image_id\": 1, \"category_id\": 1, \"score\": 1, \"keypoints\": [10, 10, 1, 20, 21, 1]}]");
    cr_expect(strstr(text, "\"errors\": 0, \"warnings\": 0") && strstr(text, "\"n\": 1, \"on_object\": 1, \"on_class\": 1"), "%s", text);
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

/* ---- what people do wrong --------------------------------------------------------------------------------------- */

enum { PICTURES = 12, EACH = 4, CLASSES = 5 };

typedef struct {
    double box[4];
    int image, category, score;
} Thing;

/* Objects of five classes, whose ids have gaps, in pictures of three sizes. */
static void invent(Thing things[PICTURES * EACH])
{
    DfRandom r = df_random(18, 0);
    for (int i = 0; i < PICTURES * EACH; i++) {
        Thing *t = &things[i];
        t->image = i / EACH;
        t->category = (int)(df_random_bits(&r) % CLASSES);
        t->score = 50 + (int)(df_random_bits(&r) % 50);
        t->box[2] = 20 + 60 * df_uniform(&r);
        t->box[3] = 20 + 60 * df_uniform(&r);
        t->box[0] = (100 + 100 * (t->image % 3)) * (double)(i % EACH % 2);
        t->box[1] = 100 * (double)(i % EACH / 2);
    }
}

static const int ids[CLASSES] = { 3, 5, 7, 8, 20 };
static double width_of(int image) { return 200 + 100 * (image % 3); }
static double height_of(int image) { return 400 - 100 * (image % 3); }

static char *truth_of(const Thing *things)
{
    DfTextbuf t = { 0 };
    char *text;
    df_textbuf_add(&t, "{\"images\": [");
    for (int i = 0; i < PICTURES; i++)
        df_textbuf_add(&t, "%s{\"id\": %d, \"width\": %g, \"height\": %g, \"file_name\": \"p/%d.jpg\"}", i ? ", " : "", 100 + 10 * i, width_of(i), height_of(i), i);
    df_textbuf_add(&t, "], \"categories\": [");
    for (int k = 0; k < CLASSES; k++)
        df_textbuf_add(&t, "%s{\"id\": %d, \"name\": \"%c\"}", k ? ", " : "", ids[k], "eadcb"[k]);
    df_textbuf_add(&t, "], \"annotations\": [");
    for (int i = 0; i < PICTURES * EACH; i++) {
        const Thing *a = &things[i];
        df_textbuf_add(&t, "%s{\"id\": %d, \"image_id\": %d, \"category_id\": %d, \"iscrowd\": 0, \"area\": %g, \"bbox\": [%g, %g, %g, %g]}", i ? ", " : "", i + 1,
                       100 + 10 * a->image, ids[a->category], a->box[2] * a->box[3], a->box[0], a->box[1], a->box[2], a->box[3]);
    }
    df_textbuf_add(&t, "]}");
    cr_assert_eq(df_textbuf_take(&t, &text), DF_OK);
    return text;
}

/* The detections of right boxes, as somebody writes them down who does it wrong. */
typedef struct {
    const char *code, *words;                             /* NULL: nothing is wrong */
    void (*box)(double box[4], double width, double height);
    int (*image)(int image);
    int (*category)(int category);
} Mistake;

static char *results_of(const Thing *things, const Mistake *m)
{
    DfTextbuf t = { 0 };
    char *text;
    for (int i = 0; i < PICTURES * EACH; i++) {
        const Thing *a = &things[i];
        const int by = i % 3 - 1; /* pixels that the detector is off */
        double box[4] = { a->box[0] + by, a->box[1] - by, a->box[2] + 2 * by, a->box[3] - by };
        if (m->box)
            m->box(box, width_of(a->image), height_of(a->image));
        df_textbuf_add(&t, "%s{\"image_id\": %d, \"category_id\": %d, \"score\": 0.%d, \"bbox\": [%g, %g, %g, %g]}", i ? ", " : "[", m->image ? m->image(a->image) : 100 + 10 * a->image,
                       m->category ? m->category(a->category) : ids[a->category], a->score, box[0], box[1], box[2], box[3]);
    }
    df_textbuf_add(&t, "]");
    cr_assert_eq(df_textbuf_take(&t, &text), DF_OK);
    return text;
}

static void as_centre(double b[4], double w, double h) { (void)w; (void)h; b[0] += b[2] / 2; b[1] += b[3] / 2; }
static void as_corners(double b[4], double w, double h) { (void)w; (void)h; b[2] += b[0]; b[3] += b[1]; }
static void as_relative(double b[4], double w, double h) { b[0] /= w; b[1] /= h; b[2] /= w; b[3] /= h; }
static void as_yolo(double b[4], double w, double h) { as_centre(b, w, h); as_relative(b, w, h); }
static void as_exchanged(double b[4], double w, double h)
{
    const double was[4] = { b[0], b[1], b[2], b[3] };
    (void)w;
    (void)h;
    for (int i = 0; i < 4; i++)
        b[i] = was[i ^ 1];
}
static void as_input(double b[4], double w, double h) { as_relative(b, w / 640, h / 640); }
static void as_padded(double b[4], double w, double h)
{
    const double longer = w > h ? w : h, scale = 640 / longer;
    for (int i = 0; i < 4; i++)
        b[i] = b[i] * scale + (i < 2 ? (640 - (i ? h : w) * scale) / 2 : 0);
}
static int from_zero(int k) { return ids[k] - 1; }
static int as_place(int k) { return k; }
static int as_place_from_1(int k) { return k + 1; }
static int shuffled(int k) { static const int other[CLASSES] = { 20, 3, 8, 5, 7 }; return other[k]; }
static int image_place(int image) { return image; }

Test(check, names_what_people_do_wrong)
{
    static const Mistake mistakes[] = {
        { NULL, NULL, NULL, NULL, NULL },
        { "boxes_centre", "centre x, centre y, width, height", as_centre, NULL, NULL },
        { "boxes_corners", "corners x1 y1 x2 y2", as_corners, NULL, NULL },
        { "boxes_exchanged", "y x height width", as_exchanged, NULL, NULL },
        { "boxes_relative", "x y width height relative to the size of the image", as_relative, NULL, NULL },
        { "boxes_relative", "centre x, centre y, width, height relative", as_yolo, NULL, NULL },
        { "boxes_resized", "a network input of 640 x 640, to which the image is stretched", as_input, NULL, NULL },
        { "boxes_resized", "a network input of 640 x 640, in whose middle the image stands", as_padded, NULL, NULL },
        { "classes_shifted", "labels seem to count from 0", NULL, NULL, from_zero },
        { "classes_shifted", "as places among the sorted category ids, counted from 0", NULL, NULL, as_place },
        { "classes_shifted", "as places among the sorted category ids, counted from 1", NULL, NULL, as_place_from_1 },
        { "classes_shuffled", "categories were in another order", NULL, NULL, shuffled },
        { "images_shifted", "counted from 0", NULL, image_place, NULL },
    };
    Thing things[PICTURES * EACH];
    invent(things);
    char *gt = truth_of(things);
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        const Mistake *m = &mistakes[i];
        char *dt = results_of(things, m), *text = findings(gt, dt), code[64];
        snprintf(code, sizeof code, "\"code\": \"%s\"", m->code ? m->code : "");
        cr_expect(strstr(text, m->code ? "\"errors\": 1, \"warnings\": 0" : "\"errors\": 0, \"warnings\": 0"), "%zu: %s", i, text);
        cr_expect(!m->code || (strstr(text, code) && strstr(text, m->words)), "%zu: want %s, %s in %s", i, m->code, m->words, text);
        df_free(dt);
        df_free(text);
    }
    df_free(gt);
}

/* Two files, one of which repeats pictures of the other: these count once, and nothing is missing. */
Test(check, judges_several_files_as_one)
{
    static const Mistake none = { 0 };
    Thing things[PICTURES * EACH];
    invent(things);
    char *gt = truth_of(things), *dt = results_of(things, &none), *text;
    const char *half = strstr(dt, "\"image_id\": 160");
    cr_assert_not_null(half);
    char *first = df_malloc(strlen(dt) + 2);
    cr_assert_not_null(first);
    snprintf(first, strlen(dt), "%.*s]", (int)(half - dt) - 3, dt);
    DfCheck *check;
    cr_assert_eq(df_check_new(&check), DF_OK);
    cr_assert_eq(look(check, gt, "gt", df_check_truth_json), DF_OK, "%s", df_error());
    cr_assert_eq(look(check, first, "a", df_check_results_json), DF_OK, "%s", df_error());
    cr_assert_eq(look(check, dt, "b", df_check_results_json), DF_OK, "%s", df_error());
    cr_assert_eq(df_check_conclude(check), DF_OK, "%s", df_error());
    cr_assert_eq(df_check_text(check, &text), DF_OK);
    cr_expect(strstr(text, "48 of 48 detections lie on an object of their class (IoU 0.5)\n") == text, "%s", text);
    cr_expect(strstr(text, "6 images have detections in more than one of the 2 files") && strstr(text, "0 errors, 1 warnings, 0 notes"), "%s", text);
    df_check_free(check);
    df_free(first);
    df_free(text);
    df_free(gt);
    df_free(dt);
}

/* ---- label maps -------------------------------------------------------------------------------------------------- */

enum { SIDE = 64 };

/* Squares of C classes; the prediction is off by two pixels. `value` says what stands for a class. */
static void draw_maps(uint8_t label[SIDE * SIDE], uint8_t pred[SIDE * SIDE], int classes, uint8_t (*of_label)(int), uint8_t (*of_pred)(int))
{
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            label[y * SIDE + x] = of_label((x / 16 + y / 16) % classes);
            pred[y * SIDE + x] = of_pred(((x + 2) / 16 + y / 16) % classes);
        }
}

static char *map_findings(int classes, const DfMiouParams *params, uint8_t (*of_label)(int), uint8_t (*of_pred)(int))
{
    static const char *const names[] = { "ground", "coin", "stone", "wood" };
    uint8_t label[SIDE * SIDE], pred[SIDE * SIDE];
    DfCheck *check;
    char *text;
    draw_maps(label, pred, classes, of_label, of_pred);
    cr_assert_eq(df_check_new(&check), DF_OK);
    cr_assert_eq(df_check_pair(check, &(DfCheckPair){ "gt/a.png", "pr/a.png", label, pred, SIDE, SIDE, SIDE, SIDE }), DF_OK);
    cr_assert_eq(df_check_maps(check, "gt", params, names), DF_OK, "%s", df_error());
    cr_assert_eq(df_check_text(check, &text), DF_OK);
    df_check_free(check);
    return text;
}

static uint8_t value_class(int k) { return (uint8_t)k; }
static uint8_t value_from_1(int k) { return (uint8_t)(k + 1); }
static uint8_t value_white(int k) { return k ? 255 : 0; }
static uint8_t value_grey(int k) { return (uint8_t)(85 * k); }
static uint8_t value_other(int k) { return (uint8_t)((k + 2) % 4); }
static uint8_t value_zero(int k) { (void)k; return 0; }

Test(check, looks_through_label_maps)
{
    static const struct {
        int classes;
        bool reduce;
        uint8_t (*of_label)(int), (*of_pred)(int);
        const char *words; /* NULL: nothing is wrong */
    } maps[] = {
        { 4, false, value_class, value_class, NULL },
        { 4, true, value_from_1, value_class, NULL },
        { 2, false, value_class, value_class, NULL },
        { 2, false, value_white, value_class, "50% of pixels are ignored; no pixel of class 1 coin: the labels seem to hold grey levels" },
        { 2, false, value_white, value_white, "labels and predictions seem to hold grey levels" },
        { 4, false, value_grey, value_class, "the labels seem to hold grey levels" },
        { 4, false, value_class, value_from_1, "if 1 were subtracted from the predictions" },
        { 4, true, value_class, value_class, "with --no-reduce-zero-label" },
        { 4, false, value_class, value_other, "if the classes of the predictions were in another order" },
        { 4, false, value_class, value_zero, "all predictions have the value 0" },
    };
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
        DfMiouParams params = df_miou_params();
        params.classes = maps[i].classes;
        params.reduce_zero_label = maps[i].reduce;
        char *text = map_findings(maps[i].classes, &params, maps[i].of_label, maps[i].of_pred);
        cr_expect(maps[i].words ? strstr(text, maps[i].words) != NULL : strstr(text, "0 errors, 0 warnings, 0 notes") != NULL, "%zu: want %s in %s", i, maps[i].words, text);
        cr_expect(strstr(text, maps[i].words ? "1 errors" : "3584 of 4096 pixels have the class of their label\n") || i == 9, "%zu: %s", i, text);
        df_free(text);
    }
}
