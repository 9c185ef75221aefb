/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/eval/test_devkit.c -- scores from the files of the devkits equal those of voc_eval() and of DOTA_devkit.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "eval/eval.h"

#define FOLDER DF_TEST_DATA "/eval/devkit/"

static const double ious[] = { 0.5, 0.75 };

static DfDevkit *read(DfDevkitForm form)
{
    static const char *const classes[] = { "cat", "dog", "sofa", "train" };
    DfDevkit *d;
    cr_assert_eq(df_devkit_new(&d, form), DF_OK);
    for (int i = 0; i < 10; i++) {
        char name[16];
        char path[4096];
        snprintf(name, sizeof name, "%06d", i);
        snprintf(path, sizeof path, form == DF_DEVKIT_VOC ? FOLDER "voc/labels/%s.xml" : FOLDER "dota/labels/%s.txt", name);
        cr_assert_eq(df_devkit_read_labels(d, name, path), DF_OK, "%s", df_error());
    }
    for (int k = 0; k < 4; k++) {
        char path[4096];
        snprintf(path, sizeof path,
                 form == DF_DEVKIT_VOC ? FOLDER "voc/results/comp4_det_val_%s.txt" : FOLDER "dota/results/Task1_%s.txt",
                 classes[k]);
        cr_assert_eq(df_devkit_read_results(d, classes[k], path), DF_OK, "%s", df_error());
    }
    return d;
}

static const DfDevkitClass *find(const DfDevkitScores *s, const char *name)
{
    size_t k = 0;
    while (k + 1 < s->n_classes && strcmp(s->classes[k].name, name) != 0)
        k++;
    return &s->classes[k];
}

static void expect_near(double got, double want)
{
    cr_expect((isnan(got) && isnan(want)) || fabs(got - want) <= 1e-12, "%.17g, want %.17g", got, want);
}

static void equals(DfDevkitForm form, const char *expected)
{
    DfDevkitScores s;
    DfDevkit *d = read(form);
    FILE *file = fopen(expected, "r");
    char name[16];
    double iou, eleven, area, recall;
    int lines = 0;
    cr_assert_not_null(file);
    cr_assert_eq(df_devkit_score(&s, d, 2, ious, NULL), DF_OK, "%s", df_error());
    cr_assert_eq(s.n_classes, 4);
    for (; fscanf(file, "%15s %lf %lf %lf %lf", name, &iou, &eleven, &area, &recall) == 5; lines++) {
        const DfDevkitClass *c = find(&s, name);
        const size_t t = iou == 0.75;
        expect_near(c->ap[DF_DEVKIT_07][t], eleven);
        expect_near(c->ap[DF_DEVKIT_12][t], area);
        expect_near(c->recall[t], recall);
    }
    cr_expect_eq(lines, 8);
    fclose(file);
    df_devkit_scores_done(&s);
    df_devkit_free(d);
}

Test(devkit, voc_equals_voc_eval)
{
    equals(DF_DEVKIT_VOC, FOLDER "voc/expected.txt");
}

Test(devkit, dota_equals_dota_devkit)
{
    equals(DF_DEVKIT_DOTA, FOLDER "dota/expected.txt");
}

Test(devkit, any_number_of_threads_gives_the_same)
{
    DfPool *pool;
    DfDevkitScores one, three;
    DfDevkit *d = read(DF_DEVKIT_DOTA);
    cr_assert_eq(df_pool_new(&pool, 3), DF_OK);
    cr_assert_eq(df_devkit_score(&one, d, 2, ious, NULL), DF_OK);
    cr_assert_eq(df_devkit_score(&three, d, 2, ious, pool), DF_OK);
    cr_expect_eq(memcmp(one.average, three.average, sizeof one.average), 0);
    df_devkit_scores_done(&one);
    df_devkit_scores_done(&three);
    df_devkit_free(d);
    df_pool_free(pool);
}

Test(devkit, tables_and_json_say_which_class_is_left_out)
{
    DfDevkitScores s;
    DfDevkit *d = read(DF_DEVKIT_VOC);
    char *text;
    cr_assert_eq(df_devkit_score(&s, d, 2, ious, NULL), DF_OK);
    cr_assert_eq(df_devkit_table(&s, true, &text), DF_OK);
    cr_expect_not_null(strstr(text, "class sofa has no object that counts: the means are without it\n"), "%s", text);
    df_free(text);
    cr_assert_eq(df_devkit_json(&s, &text), DF_OK);
    cr_expect_not_null(strstr(text, "\"voc07\": {\"AP\": 0.5"), "%s", text);
    cr_expect_not_null(strstr(text, "\"voc12\": {\"0.5\": null, \"0.75\": null}}"), "%s", text);
    cr_expect_not_null(strstr(text, "\"notes\": [\"class sofa has no object"), "%s", text);
    df_free(text);
    df_devkit_scores_done(&s);
    df_devkit_free(d);
}

Test(devkit, pictures_are_named_once_and_results_name_them)
{
    DfDevkit *d = read(DF_DEVKIT_VOC);
    cr_expect_eq(df_devkit_read_labels(d, "000003", FOLDER "voc/labels/000003.xml"), DF_EVALUE);
    cr_expect_not_null(strstr(df_error(), "picture '000003' has labels already"), "%s", df_error());
    df_devkit_free(d);
    cr_assert_eq(df_devkit_new(&d, DF_DEVKIT_VOC), DF_OK);
    cr_expect_eq(df_devkit_read_results(d, "cat", FOLDER "voc/results/comp4_det_val_cat.txt"), DF_EVALUE);
    cr_expect_not_null(strstr(df_error(), "line 1: no labels of a picture '0000"), "%s", df_error());
    df_devkit_free(d);
}
