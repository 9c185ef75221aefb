/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/report/test_slices.c -- scores of parts of the data against pycocotools (tests/scripts/make_slices.py), and
 * likely errors of the labels.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

static DfCoco *gt;
static DfCocoResults *dt;
static DfCocoEval *eval;
static DfExplain *why;

static void open_files(const char *truth, const char *results)
{
    const DfCocoParams params = df_coco_params();
    cr_assert_eq(df_coco_open(&gt, truth), DF_OK, "%s", df_error());
    cr_assert_eq(df_coco_results_new(&dt, gt), DF_OK);
    cr_assert_eq(df_coco_results_read(dt, results), DF_OK, "%s", df_error());
    cr_assert_eq(df_coco_evaluate(&eval, dt, &params, NULL), DF_OK, "%s", df_error());
    cr_assert_eq(df_explain_new(&why, dt, eval, 0.3), DF_OK, "%s", df_error());
}

static void open_case(void)
{
    open_files(DF_TEST_DATA "/eval/explain.gt.json", DF_TEST_DATA "/eval/explain.dt.json");
}

static void close_case(void)
{
    df_explain_free(why);
    df_coco_eval_free(eval);
    df_coco_results_free(dt);
    df_coco_free(gt);
}

static const char *const keys[] = { "camera.id", "camera.lens.focal", "night", "tags" };
enum { KEYS = 4 };

static int slice(const DfSlicing *slicing, DfPool *pool)
{
    DfJson *json;
    cr_assert_eq(df_json_open(&json, DF_TEST_DATA "/eval/slices.gt.json"), DF_OK, "%s", df_error());
    const int error = df_explain_slice(why, slicing, json, pool);
    df_json_close(json);
    return error;
}

static void check_line(char *line, size_t i)
{
    const char *part[6];
    size_t n = 0;
    for (char *at = line; n < 6; at = strchr(at, '\t') + 1) {
        part[n++] = at;
        if (!strchr(at, '\t'))
            break;
    }
    for (char *at = line; *at; at++)
        *at = *at == '\t' || *at == '\n' ? 0 : *at;
    cr_assert_eq(n, 6);
    const DfSlice s = df_explain_slice_at(why, i);
    cr_expect(strcmp(s.key, part[0]) == 0 && strcmp(s.name, part[1]) == 0, "%s %s, want %s %s", s.key, s.name, part[0], part[1]);
    if (atoi(part[2]) >= 0)
        cr_expect_eq(s.images, (size_t)atoi(part[2]), "%s %s", s.key, s.name);
    const double got[] = { s.ap.value, s.ap50.value, s.ar.value };
    for (int k = 0; k < 3; k++)
        cr_expect(fabs(got[k] - strtod(part[3 + k], NULL)) <= 1e-12, "%s %s: %.17g, want %s", s.key, s.name, got[k], part[3 + k]);
}

Test(slices, score_as_pycocotools_does, .init = open_case, .fini = close_case)
{
    DfSlicing slicing = df_slicing();
    char line[512];
    size_t n = 0;
    slicing.keys = keys;
    slicing.n_keys = KEYS;
    slicing.replicates = 0;
    cr_assert_eq(slice(&slicing, NULL), DF_OK, "%s", df_error());
    FILE *f = fopen(DF_TEST_DATA "/eval/slices.expected.txt", "r");
    cr_assert(f != NULL);
    for (; fgets(line, sizeof line, f); n++) {
        cr_assert_lt(n, df_explain_slices(why));
        check_line(line, n);
        cr_expect(isnan(df_explain_slice_at(why, n).ap.low));
    }
    fclose(f);
    cr_expect_eq(n, df_explain_slices(why));
}

Test(slices, are_the_same_for_any_number_of_threads, .init = open_case, .fini = close_case)
{
    DfSlicing slicing = df_slicing();
    DfPool *pool;
    DfSlice one[64];
    size_t n;
    slicing.keys = keys;
    slicing.n_keys = KEYS;
    slicing.replicates = 50;
    cr_assert_eq(slice(&slicing, NULL), DF_OK, "%s", df_error());
    cr_assert_leq(n = df_explain_slices(why), 64);
    for (size_t i = 0; i < n; i++)
        one[i] = df_explain_slice_at(why, i);
    cr_assert_eq(df_pool_new(&pool, 3), DF_OK);
    cr_assert_eq(slice(&slicing, pool), DF_OK, "%s", df_error());
    for (size_t i = 0; i < n; i++) {
        const DfSlice s = df_explain_slice_at(why, i);
        cr_expect(s.ap.low == one[i].ap.low && s.ap.high == one[i].ap.high && s.ap.low <= s.ap.high, "%zu", i);
        cr_expect(isnan(s.chance) == isnan(one[i].chance) && (isnan(s.chance) || s.chance == one[i].chance), "%zu", i);
        cr_expect(isnan(s.chance) || (s.chance_low <= s.chance && s.chance <= s.chance_high), "%zu", i);
    }
    cr_expect(isnan(df_explain_slice_at(why, 0).chance), "all images are no part of them");
    df_pool_free(pool);
}

Test(slices, an_unknown_key_is_said, .init = open_case, .fini = close_case)
{
    static const char *const unknown[] = { "camera", "weather" };
    DfSlicing slicing = df_slicing();
    slicing.n_keys = 1;
    for (size_t i = 0; i < 2; i++) {
        slicing.keys = unknown + i;
        cr_expect_eq(slice(&slicing, NULL), DF_EVALUE, "%s", unknown[i]);
        cr_expect(strstr(df_error(), unknown[i]) && strstr(df_error(), "file_name"), "%s", df_error());
        cr_expect_eq(df_explain_slices(why), 0);
    }
}

Test(slices, of_many_texts_the_rest_is_one, .init = open_case, .fini = close_case)
{
    static const char *const names[] = { "name" };
    const DfSlicing slicing = { .keys = names, .n_keys = 1, .confidence = 0.9 };
    DfTextbuf t = { 0 };
    char *text;
    DfJson *json;
    df_textbuf_add(&t, "{\"images\": [");
    for (int i = 0; i < 40; i++) /* two have the name z */
        df_textbuf_add(&t, "%s{\"id\": %d, \"name\": \"%c%c\"}", i ? ", " : "", 100 + 3 * i, i < 38 ? 'a' + i % 19 : 'z', i < 19 ? 'x' : 'y');
    df_textbuf_add(&t, "]}");
    cr_assert_eq(df_textbuf_take(&t, &text), DF_OK);
    cr_assert_eq(df_json_open_text(&json, text, strlen(text), "text"), DF_OK);
    cr_assert_eq(df_explain_slice(why, &slicing, json, NULL), DF_OK, "%s", df_error());
    size_t n = 0, images = 0;
    for (size_t i = 0; i < df_explain_slices(why); i++) {
        const DfSlice s = df_explain_slice_at(why, i);
        if (strcmp(s.key, "name") != 0)
            continue;
        n++;
        images += s.images;
        cr_expect(strcmp(s.name, "zy") != 0 || s.images == 2);
        cr_expect(strcmp(s.name, "16 other values") != 0 || s.images == 16);
    }
    cr_expect_eq(n, 24);
    cr_expect_eq(images, 40);
    df_json_close(json);
    df_free(text);
}

/* ---- likely errors of the labels --------------------------------------------------------------------------------- */

static const char truth_text[] =
    "{\"images\": [{\"id\": 1, \"width\": 200, \"height\": 200}], \"categories\": [{\"id\": 1, \"name\": \"cat\"}, {\"id\": 2, \"name\": \"dog\"}],"
    "\"annotations\": [{\"id\": 1, \"image_id\": 1, \"category_id\": 1, \"bbox\": [10, 10, 40, 40], \"area\": 1600, \"iscrowd\": 0},"
    "{\"id\": 2, \"image_id\": 1, \"category_id\": 1, \"bbox\": [11, 10, 40, 40], \"area\": 1600, \"iscrowd\": 0},"
    "{\"id\": 3, \"image_id\": 1, \"category_id\": 1, \"bbox\": [100, 100, 50, 50], \"area\": 2500, \"iscrowd\": 0},"
    "{\"id\": 4, \"image_id\": 1, \"category_id\": 2, \"bbox\": [10, 10, 40, 40], \"area\": 1600, \"iscrowd\": 1}]}";
static const char results_text[] =
    "[{\"image_id\": 1, \"category_id\": 2, \"bbox\": [101, 100, 50, 50], \"score\": 0.9},"
    "{\"image_id\": 1, \"category_id\": 1, \"bbox\": [100, 10, 30, 30], \"score\": 0.8},"
    "{\"image_id\": 1, \"category_id\": 2, \"bbox\": [101, 10, 30, 30], \"score\": 0.7},"
    "{\"image_id\": 1, \"category_id\": 1, \"bbox\": [160, 10, 30, 30], \"score\": 0.2},"
    "{\"image_id\": 1, \"category_id\": 1, \"bbox\": [10, 10, 40, 40], \"score\": 0.6}]";

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    cr_assert(f != NULL);
    fputs(text, f);
    fclose(f);
}

Test(suspects, are_found, .fini = close_case)
{
    char *html;
    write_text("suspects.gt.json", truth_text);
    write_text("suspects.dt.json", results_text);
    open_files("suspects.gt.json", "suspects.dt.json");
    remove("suspects.gt.json");
    remove("suspects.dt.json");
    cr_assert_eq(df_explain_suspect(why), DF_OK, "%s", df_error());
    cr_assert_eq(df_explain_suspects(why), 3);
    const DfSuspect unlabelled = df_explain_suspect_at(why, 0), class = df_explain_suspect_at(why, 1), twins = df_explain_suspect_at(why, 2);
    cr_expect(unlabelled.kind == DF_SUSPECT_UNLABELLED && unlabelled.score == 0.8 && unlabelled.object == DF_NO_CASE);
    cr_expect(class.kind == DF_SUSPECT_CLASS && class.object == 2 && class.score == 0.9);
    cr_expect(twins.kind == DF_SUSPECT_TWINS && twins.object == 0 && twins.other == 1 && twins.detection == DF_NO_CASE);
    cr_expect(fabs(twins.iou - 39.0 / 41) < 1e-12);
    cr_assert_eq(df_report_explain(why, "page", &html), DF_OK, "%s", df_error());
    cr_expect(strstr(html, "Perhaps not labelled") && strstr(html, "Perhaps listed twice"));
    df_free(html);
}
