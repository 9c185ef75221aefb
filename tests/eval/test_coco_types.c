/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/eval/test_coco_types.c -- keypoints, CrowdPose, boundaries and oriented boxes: scores equal those of
 * pycocotools, crowdposetools, boundary_iou, and of pycocotools with Shapely's IoU (tests/scripts/make_coco_types.py).
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "eval/eval.h"

static DfCocoScores score(const char *name, DfScoreKind kind, const DfCocoParams *params)
{
    static char truth[256], results[256];
    const char *const list[] = { results };
    DfCocoScores scores;
    snprintf(truth, sizeof truth, "%s/eval/%s.gt.json", DF_TEST_DATA, name);
    snprintf(results, sizeof results, "%s/eval/%s.dt.json", DF_TEST_DATA, name);
    const DfCocoScoring of = { .truth = truth, .results = list, .n_results = 1, .kind = { kind }, .n_kinds = 1, .params = params };
    cr_assert_eq(df_coco_score(&scores, &of, NULL), DF_OK, "%s", df_error());
    return scores;
}

static void check(const char *name, DfScoreKind kind, size_t n)
{
    char path[256];
    snprintf(path, sizeof path, "%s/eval/%s.want.txt", DF_TEST_DATA, name);
    FILE *file = fopen(path, "r");
    DfCocoScores scores = score(name, kind, NULL);
    cr_assert_not_null(file);
    cr_expect_eq(scores.eval[0]->n_stats, n);
    for (size_t i = 0; i < n; i++) {
        double wanted;
        cr_assert_eq(fscanf(file, "%lf", &wanted), 1);
        cr_expect_eq(scores.eval[0]->stats[i], wanted, "%s %zu: %.17g, want %.17g", name, i, scores.eval[0]->stats[i], wanted);
    }
    fclose(file);
    df_coco_scores_done(&scores);
}

Test(coco_types, keypoints_equal_pycocotools)
{
    check("keypoints", DF_SCORE_KEYPOINTS, 10);
}

Test(coco_types, crowdpose_is_known_by_its_fields)
{
    check("crowdpose", DF_SCORE_KEYPOINTS, 11);
}

Test(coco_types, boundaries_equal_boundary_iou_api)
{
    check("boundary", DF_SCORE_BOUNDARIES, 12);
}

Test(coco_types, oriented_boxes_equal_shapely)
{
    check("obb", DF_SCORE_ORIENTED, 12);
}

/* Masks and their boundaries come from one reading, and each is what it is alone. */
Test(coco_types, several_types_of_one_reading)
{
    static const char *const results[] = { DF_TEST_DATA "/eval/boundary.dt.json" };
    const DfCocoScoring of = { .truth = DF_TEST_DATA "/eval/boundary.gt.json", .results = results, .n_results = 1,
                               .kind = { DF_SCORE_MASKS, DF_SCORE_BOUNDARIES, DF_SCORE_BOXES }, .n_kinds = 3 };
    DfCocoScores all;
    cr_assert_eq(df_coco_score(&all, &of, NULL), DF_OK, "%s", df_error());
    for (int i = 0; i < 3; i++) {
        DfCocoScores one = score("boundary", of.kind[i], NULL);
        cr_expect_eq(memcmp(one.eval[0]->stats, all.eval[i]->stats, sizeof one.eval[0]->stats), 0, "%d", i);
        df_coco_scores_done(&one);
    }
    cr_expect_gt(all.eval[0]->stats[0], all.eval[1]->stats[0]); /* a boundary is harder to meet */
    df_coco_scores_done(&all);
}

/* Other sigmas, their number, and those that cannot be. */
Test(coco_types, sigmas_are_of_the_points)
{
    static const double wide[17] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
    static const double wrong[17] = { 1, -1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
    DfCocoParams params = df_coco_keypoint_params();
    DfCocoScores scores = score("keypoints", DF_SCORE_KEYPOINTS, &params);
    const double ar = scores.eval[0]->stats[5];
    DfCocoEval *eval;
    params.sigmas = wide;
    params.n_sigmas = 17;
    cr_assert_eq(df_coco_evaluate(&eval, scores.results, &params, NULL), DF_OK, "%s", df_error());
    cr_expect_gt(eval->stats[5], ar);
    df_coco_eval_free(eval);
    params.n_sigmas = 5;
    cr_expect_eq(df_coco_evaluate(&eval, scores.results, &params, NULL), DF_EVALUE);
    cr_expect_not_null(strstr(df_error(), "17 keypoints, and there are sigmas for 5"), "%s", df_error());
    params.sigmas = wrong;
    cr_expect_eq(df_coco_evaluate(&eval, scores.results, &params, NULL), DF_EVALUE);
    params.type = DF_COCO_ORIENTED;
    cr_expect_eq(df_coco_evaluate(&eval, scores.results, &params, NULL), DF_EVALUE); /* not read */
    df_coco_scores_done(&scores);
}

/* Results without what is compared are not scored as if they were wrong. */
Test(coco_types, results_of_another_type_are_refused)
{
    static const char *const results[] = { DF_TEST_DATA "/eval/obb.dt.json" };
    const DfCocoReading all = { .masks = true, .oriented = true, .keypoints = true };
    DfCoco *gt;
    DfCocoResults *dt;
    DfCocoEval *eval;
    cr_assert_eq(df_coco_open_with(&gt, DF_TEST_DATA "/eval/obb.gt.json", &all), DF_OK, "%s", df_error());
    cr_assert_eq(df_coco_results_new(&dt, gt), DF_OK);
    cr_assert_eq(df_coco_results_read(dt, results[0]), DF_OK, "%s", df_error());
    for (int type = DF_COCO_BOXES; type <= DF_COCO_BOUNDARIES; type++) {
        DfCocoParams params = df_coco_params();
        params.type = (DfCocoType)type;
        const int error = df_coco_evaluate(&eval, dt, &params, NULL);
        cr_expect_eq(error == DF_OK, type == DF_COCO_ORIENTED, "%d", type);
        if (error == DF_OK)
            df_coco_eval_free(eval);
    }
    df_coco_results_free(dt);
    df_coco_free(gt);
}

/* Counts of TP, FP and FN add up to what there is. */
Test(coco_types, f1_counts_every_detection_and_object)
{
    DfCocoParams params = df_coco_params();
    params.f1 = true;
    DfCocoScores scores = score("obb", DF_SCORE_ORIENTED, &params);
    const DfCocoEval *e = scores.eval[0];
    const DfCocoCounts first = df_coco_counts(e, SIZE_MAX, 0);
    for (size_t t = 0; t < e->n_ious; t++) {
        const DfCocoCounts c = df_coco_counts(e, SIZE_MAX, t);
        cr_expect_eq(c.tp + c.fn, first.tp + first.fn);
        cr_expect_leq(c.tp, first.tp);
        cr_expect_leq(df_coco_f1(e, SIZE_MAX, e->ious[t]), df_coco_f1(e, SIZE_MAX, e->ious[0]) + 1e-12);
    }
    char *table;
    cr_assert_eq(df_coco_f1_table(e, true, &table), DF_OK);
    df_free(table);
    df_coco_scores_done(&scores);
}

/* Numbers of detections without 100: AP is at the largest, everywhere the same. */
Test(coco_types, any_numbers_of_detections)
{
    static const int numbers[] = { 3 };
    DfCocoParams params = df_coco_params();
    params.max_dets = numbers;
    params.n_max_dets = 1;
    DfCocoScores scores = score("obb", DF_SCORE_ORIENTED, &params);
    double ap;
    char *table, *json, row[128], member[64];
    cr_assert_eq(df_coco_precision(scores.eval[0], -1, 0, 0, &ap), DF_OK);
    cr_assert_eq(df_coco_eval_table(scores.eval[0], &table), DF_OK);
    cr_assert_eq(df_coco_eval_json(scores.eval[0], &json), DF_OK);
    cr_expect_eq(scores.eval[0]->stats[0], -1); /* wants 100 */
    snprintf(row, sizeof row, "area=   all | maxDets=  3 ] = %0.3f\n", ap);
    snprintf(member, sizeof member, "\"ap_at\": {\"3\": %.17g}", ap);
    cr_expect_gt(ap, 0);
    cr_expect_not_null(strstr(table, row), "%s", table);
    cr_expect_not_null(strstr(json, member), "%s", json);
    df_free(table);
    df_free(json);
    df_coco_scores_done(&scores);
}
