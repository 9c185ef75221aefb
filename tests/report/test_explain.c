/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/report/test_explain.c -- TIDE's errors and costs, confusion, calibration and thresholds against a Python
 * program written from the papers (tests/scripts/make_explain_cases.py), whose TIDE part agrees with the authors'
 * toolbox to the last digits; those of masks against the toolbox itself (make_explain_masks.py).
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/report.h"

static DfCoco *gt;
static DfCocoResults *dt;
static DfCocoEval *eval;
static DfExplain *why;

static const char *name; /* of the case */

static void open_named(const char *wanted, DfCocoType type)
{
    DfCocoParams params = df_coco_params();
    char path[512];
    params.type = type;
    name = wanted;
    snprintf(path, sizeof path, DF_TEST_DATA "/eval/%s.gt.json", name);
    cr_assert_eq(df_coco_open_with(&gt, path, &(DfCocoReading){ .masks = type == DF_COCO_MASKS, .across_classes = true }), DF_OK, "%s", df_error());
    cr_assert_eq(df_coco_results_new(&dt, gt), DF_OK);
    snprintf(path, sizeof path, DF_TEST_DATA "/eval/%s.dt.json", name);
    cr_assert_eq(df_coco_results_read(dt, path), DF_OK, "%s", df_error());
    cr_assert_eq(df_coco_evaluate(&eval, dt, &params, NULL), DF_OK, "%s", df_error());
    cr_assert_eq(df_explain_new(&why, dt, eval, 0.3), DF_OK, "%s", df_error());
}

static void open_case(void)
{
    open_named("explain", DF_COCO_BOXES);
}

static void open_masks(void)
{
    open_named("explain_masks", DF_COCO_MASKS);
}

static void close_case(void)
{
    df_explain_free(why);
    df_coco_eval_free(eval);
    df_coco_results_free(dt);
    df_coco_free(gt);
}

static size_t expected(const char *wanted, double *out)
{
    DfJson *j;
    DfJsonValue v;
    size_t n = 0;
    char path[512];
    snprintf(path, sizeof path, DF_TEST_DATA "/eval/%s.expected.json", name);
    cr_assert_eq(df_json_open(&j, path), DF_OK, "%s", df_error());
    df_json_next(j, &v);
    while (df_json_next(j, &v) == DF_JSON_KEY) {
        const bool it = strcmp(v.text, wanted) == 0;
        const DfJsonEvent event = df_json_next(j, &v);
        if (event == DF_JSON_NUMBER && it)
            out[n++] = v.number;
        while (event == DF_JSON_ARRAY && df_json_next(j, &v) == DF_JSON_NUMBER)
            if (it)
                out[n++] = v.number;
    }
    df_json_close(j);
    cr_assert_gt(n, 0, "%s", wanted);
    return n;
}

static void near(const char *what, double got, double want)
{
    cr_expect(fabs(got - want) <= 1e-12, "%s: %.17g, want %.17g", what, got, want);
}

static void check_tide(const DfTide *t)
{
    double want[64];
    expected("ap50", want);
    near("AP50", t->ap50, want[0]);
    expected("false_positives", want);
    near("false positives", t->false_positives, want[0]);
    expected("false_negatives", want);
    near("false negatives", t->false_negatives, want[0]);
    cr_assert_eq(expected("cost", want), (size_t)DF_TIDE_KINDS);
    for (int i = 0; i < DF_TIDE_KINDS; i++)
        near(df_tide_name((DfTideKind)i), t->cost[i], want[i]);
    expected("count", want);
    for (int i = 0; i < DF_TIDE_KINDS; i++)
        cr_expect_eq(t->count[i], (size_t)want[i], "%s", df_tide_name((DfTideKind)i));
}

Test(explain, errors_cost_what_the_paper_says, .init = open_case, .fini = close_case)
{
    check_tide(&df_explain_numbers(why)->tide);
}

Test(explain, errors_of_masks_cost_what_the_toolbox_says, .init = open_masks, .fini = close_case)
{
    check_tide(&df_explain_numbers(why)->tide);
}

Test(explain, counts_are_those_of_plain_loops, .init = open_case, .fini = close_case)
{
    const DfExplainNumbers *n = df_explain_numbers(why);
    double want[64];
    cr_assert_eq(expected("confusion", want), (n->n_classes + 1) * (n->n_classes + 1));
    for (size_t i = 0; i < (n->n_classes + 1) * (n->n_classes + 1); i++)
        cr_expect_eq(n->confusion[i], (uint64_t)want[i], "cell %zu: %g, want %g", i, (double)n->confusion[i], want[i]);
    expected("ece", want);
    near("ECE", n->ece, want[0]);
    expected("bins", want);
    for (int b = 0; b < DF_CALIBRATION_BINS; b++) {
        cr_expect_eq(n->bins[b].n, (size_t)want[3 * b]);
        near("sum of scores", n->bins[b].score, want[3 * b + 1]);
        cr_expect_eq(n->bins[b].right, (size_t)want[3 * b + 2]);
    }
    cr_assert_eq(expected("counts", want), 5 * n->n_classes);
    for (size_t k = 0; k < n->n_classes; k++) {
        const DfExplainClass *c = &n->classes[k];
        cr_expect(c->true_positives == (size_t)want[5 * k] && c->false_positives == (size_t)want[5 * k + 1] && c->false_negatives == (size_t)want[5 * k + 2]);
        near("best F1", c->best_f1, want[5 * k + 3]);
        near("its score", c->best_f1_score, want[5 * k + 4]);
    }
}

Test(explain, json_is_json, .init = open_case, .fini = close_case)
{
    char *text;
    DfJson *j;
    DfJsonValue v;
    DfJsonEvent event;
    cr_assert_eq(df_explain_json(why, &text), DF_OK);
    cr_assert_eq(df_json_open_text(&j, text, strlen(text), "explain"), DF_OK);
    while ((event = df_json_next(j, &v)) > DF_JSON_END)
        continue;
    cr_expect_eq(event, DF_JSON_END, "%s", df_error());
    df_json_close(j);
    df_free(text);
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (; (text = strstr(text, what)); text++)
        n++;
    return n;
}

/* Masks of the results are read once more; without that, wrong detections are boxes. */
Test(explain, masks_are_drawn, .init = open_masks, .fini = close_case)
{
    char path[512], *html;
    DfJson *j;
    size_t boxes = 0;
    snprintf(path, sizeof path, DF_TEST_DATA "/eval/%s.dt.json", name);
    for (int read = 0; read < 2; read++) {
        if (read) { /* a shard without detections, and one with all */
            cr_assert_eq(df_json_open_text(&j, "[]", 2, "empty"), DF_OK);
            cr_assert_eq(df_explain_masks(why, j), DF_OK, "%s", df_error());
            df_json_close(j);
            cr_assert_eq(df_json_open(&j, path), DF_OK);
            cr_assert_eq(df_explain_masks(why, j), DF_OK, "%s", df_error());
            df_json_close(j);
        }
        cr_assert_eq(df_report_explain(why, name, &html), DF_OK);
        cr_expect_gt(count(html, "<path class=g d=\"M") + count(html, "<path class=m d=\"M"), 0);
        if (!read)
            boxes = count(html, "<rect class=b x");
        else
            cr_expect_eq(count(html, "<path class=b d=\"M"), boxes);
        cr_expect_eq(count(html, read ? "<rect class=b x" : "<path class=b"), 0);
        df_free(html);
    }
    cr_expect_gt(boxes, 0);
}
