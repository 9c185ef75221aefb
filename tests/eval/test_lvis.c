/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/eval/test_lvis.c -- scores by LVIS's rules equal those of lvis-api to the last bit.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "eval/eval.h"

static DfCocoScoring scoring(const char *truth)
{
    static const char *const results[] = { DF_TEST_DATA "/eval/lvis.dt.json" };
    return (DfCocoScoring){ .truth = truth, .results = results, .n_results = 1, .kind = { DF_SCORE_BOXES }, .n_kinds = 1,
                            .federated = true };
}

static void equals(const DfCocoEval *e, const char *path)
{
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    for (int i = 0; i < DF_LVIS_STATS; i++) {
        char name[16];
        double wanted;
        cr_assert_eq(fscanf(file, "%15s %lf", name, &wanted), 2);
        cr_expect_eq(e->lvis[i], wanted, "%s: %.17g, want %.17g", name, e->lvis[i], wanted);
    }
    fclose(file);
}

Test(lvis, boundaries_equal_lvis_api_with_boundary_iou)
{
    DfCocoScoring of = scoring(DF_TEST_DATA "/eval/lvis.gt.json");
    DfCocoScores scores;
    of.kind[0] = DF_SCORE_BOUNDARIES;
    cr_assert_eq(df_coco_score(&scores, &of, NULL), DF_OK, "%s", df_error());
    equals(scores.eval[0], DF_TEST_DATA "/eval/lvis.boundary.txt");
    df_coco_scores_done(&scores);
}

Test(lvis, equals_lvis_api)
{
    const DfCocoScoring of = scoring(DF_TEST_DATA "/eval/lvis.gt.json");
    DfCocoScores scores;
    cr_assert_eq(df_coco_score(&scores, &of, NULL), DF_OK, "%s", df_error());
    equals(scores.eval[0], DF_TEST_DATA "/eval/lvis.expected.txt");
    char *text;
    cr_assert_eq(df_coco_eval_json(scores.eval[0], &text), DF_OK);
    cr_expect_not_null(strstr(text, "\"APr\": "));
    cr_expect_not_null(strstr(text, "\"AR@300\": "));
    df_free(text);
    cr_assert_eq(df_coco_eval_table(scores.eval[0], &text), DF_OK);
    cr_expect_not_null(strstr(text, " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=300 catIds=  r] = "));
    df_free(text);
    df_coco_scores_done(&scores);
}

Test(lvis, limits_of_an_image_and_of_a_class_equal_lvis_api)
{
    DfCocoScoring of = scoring(DF_TEST_DATA "/eval/lvis.gt.json");
    FILE *file = fopen(DF_TEST_DATA "/eval/lvis.limits.txt", "r");
    int of_image, lines = 0;
    size_t of_class;
    cr_assert_not_null(file);
    for (; fscanf(file, "%d %zu", &of_image, &of_class) == 2; lines++) {
        DfCocoParams params = df_lvis_params();
        DfCocoScores scores;
        params.max_dets = &of_image;
        params.best_of_class = of_class;
        of.params = &params;
        cr_assert_eq(df_coco_score(&scores, &of, NULL), DF_OK, "%s", df_error());
        for (int i = 0; i < DF_LVIS_STATS; i++) {
            double wanted;
            cr_assert_eq(fscanf(file, "%lf", &wanted), 1);
            cr_expect_eq(scores.eval[0]->lvis[i], wanted, "line %d: %.17g, want %.17g", lines, scores.eval[0]->lvis[i],
                         wanted);
        }
        df_coco_scores_done(&scores);
    }
    cr_expect_eq(lines, 3);
    fclose(file);
}

Test(lvis, coco_annotations_are_refused)
{
    const DfCocoScoring of = scoring(DF_TEST_DATA "/eval/crowd.gt.json");
    DfCocoScores scores;
    cr_assert_eq(df_coco_score(&scores, &of, NULL), DF_EFORMAT);
    cr_expect_not_null(strstr(df_error(), "has no neg_category_ids: want LVIS's annotations"), "%s", df_error());
}
