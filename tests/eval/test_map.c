/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/eval/test_map.c -- mean average precision equals that of mmdet's eval_map() to the last bit of its float32.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "eval/eval.h"

enum { CLASSES = 9 };

typedef struct {
    int eleven, wide;
    double iou, mean, ap[CLASSES];
} Expected;

static bool read_line(FILE *file, Expected *e)
{
    if (fscanf(file, "%d %d %lf %lf", &e->eleven, &e->wide, &e->iou, &e->mean) != 4)
        return false;
    for (int k = 0; k < CLASSES; k++)
        cr_assert_eq(fscanf(file, "%lf", &e->ap[k]), 1);
    return true;
}

static DfCocoScoring scoring(void)
{
    static const char *const results[] = { DF_TEST_DATA "/eval/map.dt.json" };
    return (DfCocoScoring){ .truth = DF_TEST_DATA "/eval/map.gt.json", .results = results, .n_results = 1 };
}

Test(map, equals_mmdet)
{
    FILE *file = fopen(DF_TEST_DATA "/eval/map.expected.txt", "r");
    const DfCocoScoring of = scoring();
    Expected e;
    int lines = 0;
    cr_assert_not_null(file);
    for (; read_line(file, &e); lines++) {
        const DfMapParams params = { .n_ious = 1, .iou = { e.iou }, .eleven_points = e.eleven, .wide = e.wide };
        DfMapScores scores;
        cr_assert_eq(df_map_score(&scores, &of, &params, NULL), DF_OK, "%s", df_error());
        cr_expect_eq(scores.n_classes, CLASSES);
        cr_expect_eq(scores.mean, e.mean, "line %d: %.17g, want %.17g", lines, scores.mean, e.mean);
        for (int k = 0; k < CLASSES; k++)
            cr_expect_eq(scores.classes[k].ap[0], e.ap[k], "line %d, class %d: %.17g, want %.17g", lines, k,
                         scores.classes[k].ap[0], e.ap[k]);
        df_map_scores_done(&scores);
    }
    cr_expect_eq(lines, 16);
    fclose(file);
}

Test(map, several_thresholds_are_a_mean)
{
    const DfMapParams params = { .n_ious = 2, .iou = { 0.5, 0.75 }, .wide = true };
    const DfCocoScoring of = scoring();
    DfMapScores scores;
    char *json;
    cr_assert_eq(df_map_score(&scores, &of, &params, NULL), DF_OK, "%s", df_error());
    cr_expect_eq(scores.mean, (scores.ap[0] + scores.ap[1]) / 2);
    cr_assert_eq(df_map_json(&scores, "\"more\": 1", &json), DF_OK);
    cr_expect_not_null(strstr(json, "\"AP75\": "));
    cr_expect_not_null(strstr(json, "\"rule\": \"area\""));
    cr_expect_not_null(strstr(json, "\"more\": 1}"));
    df_free(json);
    df_map_scores_done(&scores);
}
