/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/eval/test_compare.c -- comparing results: the numbers are pycocotools', a bootstrap sample is an evaluation of
 * a data set with its images repeated, and intervals do not depend on threads.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "eval/eval.h"
#include "eval/compare/outcomes.h"

typedef struct {
    DfCoco *gt;
    DfCocoResults *dt;
} Pair;

static Pair open_pair(const char *gt, const char *dt, bool masks)
{
    Pair p;
    char path[512];
    snprintf(path, sizeof path, DF_TEST_DATA "/eval/%s.json", gt);
    cr_assert_eq(df_coco_open_with(&p.gt, path, &(DfCocoReading){ .masks = masks }), DF_OK, "%s", df_error());
    cr_assert_eq(df_coco_results_new(&p.dt, p.gt), DF_OK);
    snprintf(path, sizeof path, DF_TEST_DATA "/eval/%s.json", dt);
    cr_assert_eq(df_coco_results_read(p.dt, path), DF_OK, "%s", df_error());
    return p;
}

static void close_pair(Pair *p)
{
    df_coco_results_free(p->dt);
    df_coco_free(p->gt);
}

static void read_stats(const char *name, double *out)
{
    DfJson *j;
    DfJsonValue v;
    char path[512];
    snprintf(path, sizeof path, DF_TEST_DATA "/eval/%s.expected.json", name);
    cr_assert_eq(df_json_open(&j, path), DF_OK, "%s", df_error());
    df_json_next(j, &v);
    while (df_json_next(j, &v) == DF_JSON_KEY) {
        if (strcmp(v.text, "stats") != 0) {
            df_json_skip(j);
            continue;
        }
        df_json_next(j, &v);
        for (int i = 0; df_json_next(j, &v) == DF_JSON_NUMBER; i++)
            out[i] = v.number;
    }
    df_json_close(j);
}

Test(compare, values_are_those_of_pycocotools)
{
    static const char *const names[] = { "crowd", "score_ties", "crowd_masks", "rle_mix" };
    enum { METRICS = 7 };
    static const int places[METRICS] = { 0, 1, 2, 3, 4, 5, 8 };
    DfCompareParams params = df_compare_params();
    params.replicates = 0;
    for (size_t i = 0; i < 4; i++) {
        char gt[64], dt[64];
        double stats[12] = { 0 };
        DfCompare *compare;
        snprintf(gt, sizeof gt, "%s.gt", names[i]);
        snprintf(dt, sizeof dt, "%s.dt", names[i]);
        params.masks = i >= 2;
        Pair p = open_pair(gt, dt, params.masks);
        read_stats(names[i], stats);
        cr_assert_eq(df_compare_new(&compare, (const DfCocoResults *const[]){ p.dt }, names, 1, &params, NULL), DF_OK, "%s", df_error());
        for (size_t m = 0; m < METRICS; m++)
            cr_expect(fabs(df_compare_metric(compare, 0, m).value - stats[places[m]]) < 1e-12, "%s, metric %zu: %.17g, want %.17g", names[i], m,
                      df_compare_metric(compare, 0, m).value, stats[places[m]]);
        df_compare_free(compare);
        close_pair(&p);
    }
}

static size_t read_weights(uint16_t *weight)
{
    DfJson *j;
    DfJsonValue v;
    size_t n = 0;
    cr_assert_eq(df_json_open(&j, DF_TEST_DATA "/eval/compare.weights.json"), DF_OK, "%s", df_error());
    df_json_next(j, &v);
    while (df_json_next(j, &v) == DF_JSON_NUMBER)
        weight[n++] = (uint16_t)v.integer;
    df_json_close(j);
    return n;
}

Test(compare, a_sample_is_a_data_set_with_its_images_repeated)
{
    uint16_t weight[256];
    Pair base = open_pair("explain.gt", "explain.dt", false), repeated = open_pair("compare.gt", "compare.dt", false);
    DfCocoEval *eval;
    CocoView *view;
    Outcomes outcomes;
    const DfCocoParams params = df_coco_params();
    cr_assert_eq(df_coco_evaluate(&eval, repeated.dt, &params, NULL), DF_OK, "%s", df_error());
    cr_assert_eq(df_coco_view(&view, base.dt, false), DF_OK);
    cr_assert_eq(df_outcomes_of(&outcomes, view), DF_OK);
    cr_assert_eq(read_weights(weight), view->n_images);
    double *room = df_malloc(df_outcomes_room(&outcomes) * sizeof *room);
    for (size_t k = 0; k < outcomes.n_classes; k++) {
        ClassScore s[OUTCOME_AREAS];
        df_outcomes_score(&outcomes, k, weight, room, s);
        for (size_t a = 0; a < OUTCOME_AREAS; a++) {
            double ap, ap50;
            cr_assert(df_coco_ap(eval, k, -1, a, 2, &ap) == DF_OK && df_coco_ap(eval, k, 0.5, a, 2, &ap50) == DF_OK);
            cr_expect(fabs(s[a].ap - ap) < 1e-12 && fabs(s[a].ap50 - ap50) < 1e-12, "class %zu, area %zu: %.17g, want %.17g", k, a, s[a].ap, ap);
        }
    }
    df_free(room);
    df_outcomes_done(&outcomes);
    df_coco_view_free(view);
    df_coco_eval_free(eval);
    close_pair(&base);
    close_pair(&repeated);
}

Test(compare, intervals_are_the_same_bits_for_any_number_of_threads)
{
    Pair p = open_pair("explain.gt", "explain.dt", false);
    DfCocoResults *none;
    DfCompare *compare[2];
    DfPool *pool;
    char *text[2];
    DfCompareParams params = df_compare_params();
    params.replicates = 100;
    cr_assert_eq(df_pool_new(&pool, 3), DF_OK);
    cr_assert_eq(df_coco_results_new(&none, p.gt), DF_OK);
    for (int i = 0; i < 2; i++) {
        const DfCocoResults *const results[] = { p.dt, p.dt, none };
        static const char *const names[] = { "one", "the same", "none" };
        cr_assert_eq(df_compare_new(&compare[i], results, names, 3, &params, i ? pool : NULL), DF_OK, "%s", df_error());
        cr_assert_eq(df_compare_json(compare[i], &text[i]), DF_OK);
    }
    cr_expect_str_eq(text[0], text[1]);
    const DfCompared first = df_compare_metric(compare[0], 0, 0), same = df_compare_metric(compare[0], 1, 0), worse = df_compare_metric(compare[0], 2, 0);
    cr_expect(first.low < first.value && first.value < first.high);
    cr_expect(same.difference == 0 && same.diff_low == 0 && same.diff_high == 0 && !same.significant);
    cr_expect(worse.value == 0 && worse.diff_high < 0 && worse.significant);
    for (int i = 0; i < 2; i++) {
        df_compare_free(compare[i]);
        df_free(text[i]);
    }
    df_coco_results_free(none);
    df_pool_free(pool);
    close_pair(&p);
}
