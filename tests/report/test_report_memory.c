/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/report/test_report_memory.c -- explaining, comparing and checking with every allocation
 * failing in turn: DF_ENOMEM, and nothing left.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "report/report.h"

static DfCoco *gt;
static DfCocoResults *dt;
static DfCocoEval *eval;

static void open_case(void)
{
    DfCocoParams params = df_coco_params();
    cr_assert_eq(df_coco_open(&gt, DF_TEST_DATA "/eval/explain.gt.json"), DF_OK, "%s", df_error());
    cr_assert_eq(df_coco_results_new(&dt, gt), DF_OK);
    cr_assert_eq(df_coco_results_read(dt, DF_TEST_DATA "/eval/explain.dt.json"), DF_OK, "%s", df_error());
    cr_assert_eq(df_coco_evaluate(&eval, dt, &params, NULL), DF_OK, "%s", df_error());
}

static void close_case(void)
{
    df_coco_eval_free(eval);
    df_coco_results_free(dt);
    df_coco_free(gt);
}

static int slice(DfExplain *why)
{
    static const char *const keys[] = { "camera.lens.focal", "tags" };
    const DfSlicing slicing = { .keys = keys, .n_keys = 2, .replicates = 3, .confidence = 0.9 };
    DfJson *json;
    int error = df_json_open(&json, DF_TEST_DATA "/eval/slices.gt.json");
    if (error < 0)
        return error;
    error = df_explain_slice(why, &slicing, json, NULL);
    df_json_close(json);
    return error;
}

static int explain(void)
{
    DfExplain *why;
    DfJson *json;
    char *html = NULL, *text = NULL;
    int error = df_explain_new(&why, dt, eval, 0.3);
    if (error < 0)
        return error;
    if ((error = df_json_open(&json, DF_TEST_DATA "/eval/explain.gt.json")) == DF_OK) {
        error = df_explain_pictures(why, json);
        df_json_close(json);
    }
    if (error == DF_OK)
        error = df_explain_suspect(why);
    if (error == DF_OK)
        error = slice(why);
    if (error == DF_OK)
        error = df_report_explain(why, "a <title> & \"more\"", &html);
    if (error == DF_OK)
        error = df_explain_json(why, &text);
    if (error == DF_OK) {
        cr_expect(strstr(html, "star &amp; &lt;moon&gt;") && strstr(html, "a &lt;title&gt; &amp;") && strstr(html, "000100.jpg"));
        cr_expect(!strstr(html, "<script") && !strstr(html, "http:") && !strstr(html, "https:") && !strstr(html, "nan") && !strstr(html, "<moon") && !strstr(html, "<sun>"));
        cr_expect(strlen(html) > 20000 && strstr(html, "</html>"));
    }
    df_free(html);
    df_free(text);
    df_explain_free(why);
    return error;
}

static int compare_page(const DfCompare *c, size_t n)
{
    DfExplain *why[2] = { NULL, NULL };
    char *html = NULL;
    int error = df_explain_new(&why[0], dt, eval, 0.3);
    if (error == DF_OK)
        error = df_explain_new(&why[1], dt, eval, 0.3);
    if (error == DF_OK)
        error = df_report_compare(&(DfComparePage){ .title = "<a>", .compare = c, .n = n, .explained = why }, &html);
    if (error == DF_OK)
        cr_expect(strstr(html, "&lt;a&gt;") && strstr(html, "</html>") && !strstr(html, "<script") && !strstr(html, "nan") && !strstr(html, "<moon"));
    df_free(html);
    df_explain_free(why[0]);
    df_explain_free(why[1]);
    return error;
}

static int compare(void)
{
    DfCompare *c;
    char *text = NULL;
    DfCompareParams params = df_compare_params();
    params.replicates = 3;
    int error = df_compare_new(&c, (const DfCocoResults *const[]){ dt, dt }, (const char *const[]){ "a", "b" }, 2, &params, NULL);
    if (error < 0)
        return error;
    error = df_compare_text(c, true, &text);
    df_free(text);
    text = NULL;
    if (error == DF_OK)
        error = df_compare_markdown(c, true, &text);
    df_free(text);
    if (error == DF_OK)
        error = compare_page(c, 2);
    df_compare_free(c);
    return error;
}

static int check(void)
{
    DfCheck *c;
    char *text = NULL;
    int error = df_check_new(&c);
    if (error < 0)
        return error;
    error = df_check_truth(c, DF_TEST_DATA "/eval/explain.gt.json");
    if (error == DF_OK)
        error = df_check_results(c, DF_TEST_DATA "/eval/explain.dt.json");
    if (error == DF_OK)
        error = df_check_conclude(c);
    if (error == DF_OK)
        error = df_check_text(c, &text);
    df_free(text);
    df_check_free(c);
    return error;
}

static int miou_page(const DfMiouResult *r, const uint64_t *confusion)
{
    static const char *const names[] = { "a", "<b>", "c", "d" };
    DfImageScores *scores;
    char *html = NULL;
    int error = df_image_scores_new(&scores, DF_IMAGES_MIOU, 4, NULL);
    if (error < 0)
        return error;
    error = df_image_scores_add_areas(scores, "one & only", r);
    if (error == DF_OK)
        error = df_report_segmentation(&(DfSegmentationPage){ "a <title>", r, names, true, confusion, scores }, &html);
    if (error == DF_OK)
        cr_expect(strstr(html, "&lt;b&gt;") && strstr(html, "a &lt;title&gt;") && strstr(html, "</html>") && !strstr(html, "nan") && !strstr(html, "<script"));
    df_free(html);
    df_image_scores_free(scores);
    return error;
}

static int miou(void)
{
    static const uint8_t map[64] = { 1, 2, 3 };
    static DfMiouResult r;
    DfMiou *acc;
    char *text = NULL;
    uint64_t *confusion = NULL;
    const DfMiouParams params = { .classes = 4, .ignore_index = 255, .beta = 1 };
    int error = df_miou_new(&acc, 0.02);
    if (error < 0)
        return error;
    error = df_miou_add_image(acc, map, map, 8, 8);
    if (error == DF_OK)
        error = df_miou_result(&r, acc, &params);
    if (error == DF_OK)
        error = df_miou_confusion(&confusion, acc, &params);
    if (error == DF_OK)
        error = df_miou_json(&r, &params, NULL, &(DfMiouMore){ .confusion = confusion }, &text);
    if (error == DF_OK)
        error = miou_page(&r, confusion);
    df_free(text);
    df_free(confusion);
    df_miou_free(acc);
    return error;
}

static int scores(void)
{
    static const char text[] = "{\"type\": \"miou\", \"num_classes\": 2, \"classes\": [\"a\", \"b\"], \"images\": [{\"name\": \"x\", \"areas\": [[1, 2, 3, 4]]}]}";
    const DfCompareParams params = { .replicates = 3, .confidence = 0.9 };
    DfImageScores *s;
    DfCompare *c;
    DfJson *json;
    char *out = NULL;
    int error = df_json_open_text(&json, text, sizeof text - 1, "scores");
    if (error < 0)
        return error;
    error = df_image_scores_read_json(&s, json);
    df_json_close(json);
    if (error < 0)
        return error;
    error = df_compare_images(&c, (const DfImageScores *const[]){ s, s }, (const char *const[]){ "a", "b" }, 2, &params, NULL);
    if (error == DF_OK) {
        error = df_compare_json(c, &out);
        df_free(out);
        out = NULL;
        if (error == DF_OK)
            error = df_report_compare(&(DfComparePage){ .title = "t", .compare = c, .n = 2,
                                                        .images = (const DfImageScores *const[]){ s, s } }, &out);
        df_compare_free(c);
    }
    df_free(out);
    df_image_scores_free(s);
    return error;
}

static int chart(void)
{
    static const DfChartPoint points[] = { { "a", "f", 1, 2, 1, 3 }, { "b", "f", 2, 3, 1, 4 } };
    char *svg = NULL;
    const int error = df_chart_svg(&(DfChart){ "t", "s", "x", "y", false, points, 2 }, &svg);
    df_free(svg);
    return error;
}

static void fail_each(int (*run)(void), const char *what)
{
    const size_t before = df_memory().now;
    cr_assert_eq(run(), DF_OK, "%s: %s", what, df_error());
    for (size_t n = 1;; n++) {
        df_memory_fail_at(n, false);
        const int error = run();
        df_memory_fail_at(0, false);
        cr_expect_eq(df_memory().now, before, "%s: allocation %zu leaks", what, n);
        if (error == DF_OK)
            break;
        cr_assert_eq(error, DF_ENOMEM, "%s: allocation %zu: %d %s", what, n, error, df_error());
    }
}

Test(eval_memory, every_failure_is_met, .init = open_case, .fini = close_case)
{
    fail_each(explain, "explain");
    fail_each(compare, "compare");
    fail_each(check, "check");
    fail_each(miou, "miou");
    fail_each(scores, "scores of images");
    fail_each(chart, "chart");
}
