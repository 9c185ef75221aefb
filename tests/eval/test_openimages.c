/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/eval/test_openimages.c -- scores from tables of Open Images equal those of TensorFlow's object_detection.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "eval/eval.h"

#define FOLDER DF_TEST_DATA "/eval/openimages/"

enum { CLASSES = 8 };

static DfOpenImages *read(bool masks)
{
    DfOpenImages *o;
    cr_assert_eq(df_openimages_new(&o, masks), DF_OK);
    cr_assert_eq(df_openimages_read_hierarchy(o, FOLDER "hierarchy.json"), DF_OK, "%s", df_error());
    cr_assert_eq(df_openimages_read_boxes(o, FOLDER "boxes.csv"), DF_OK, "%s", df_error());
    if (masks)
        cr_assert_eq(df_openimages_read_segments(o, FOLDER "segments.csv"), DF_OK, "%s", df_error());
    cr_assert_eq(df_openimages_read_labels(o, FOLDER "labels.csv"), DF_OK, "%s", df_error());
    cr_assert_eq(df_openimages_read_predictions(o, masks ? FOLDER "masks.csv" : FOLDER "predictions.csv"), DF_OK, "%s",
                 df_error());
    return o;
}

static double next_number(FILE *file)
{
    double x;
    cr_assert_eq(fscanf(file, "%lf", &x), 1);
    return x;
}

static void expect_near(double got, double want)
{
    cr_expect((isnan(got) && isnan(want)) || fabs(got - want) <= 1e-12, "%.17g, want %.17g", got, want);
}

Test(openimages, equals_tensorflow)
{
    FILE *file = fopen(FOLDER "expected.txt", "r");
    int masks, challenge, lines = 0;
    cr_assert_not_null(file);
    for (; fscanf(file, "%d %d", &masks, &challenge) == 2; lines++) {
        DfOpenImagesParams params = df_openimages_params(challenge);
        DfOpenImagesScores s;
        DfOpenImages *o = read(masks);
        params.group_weight = next_number(file);
        cr_assert_eq(df_openimages_score(&s, o, &params, NULL), DF_OK, "%s", df_error());
        cr_assert_eq(s.n_classes, CLASSES);
        cr_expect_eq(s.unseen, 1);
        expect_near(s.mean, next_number(file));
        for (size_t k = 0; k < CLASSES; k++)
            expect_near(s.classes[k].ap, next_number(file));
        df_openimages_scores_done(&s);
        df_openimages_free(o);
    }
    cr_expect_eq(lines, 5);
    fclose(file);
}

Test(openimages, any_number_of_threads_gives_the_same)
{
    const DfOpenImagesParams params = df_openimages_params(true);
    DfOpenImagesScores one, three;
    DfPool *pool;
    DfOpenImages *o = read(true);
    cr_assert_eq(df_pool_new(&pool, 3), DF_OK);
    cr_assert_eq(df_openimages_score(&one, o, &params, NULL), DF_OK);
    cr_assert_eq(df_openimages_score(&three, o, &params, pool), DF_OK);
    cr_expect_eq(one.mean, three.mean);
    df_openimages_scores_done(&one);
    df_openimages_scores_done(&three);
    df_openimages_free(o);
    df_pool_free(pool);
}

Test(openimages, tables_and_json_say_what_is_left_out)
{
    const DfOpenImagesParams params = df_openimages_params(true);
    DfOpenImagesScores s;
    DfOpenImages *o = read(true);
    char *text;
    cr_assert_eq(df_openimages_score(&s, o, &params, NULL), DF_OK);
    cr_assert_eq(df_openimages_table(&s, true, &text), DF_OK);
    cr_expect_not_null(strstr(text, "(challenge of masks, groups count 1)"), "%s", text);
    cr_expect_not_null(strstr(text, "2 of 8 classes have no object that counts"), "%s", text);
    cr_expect_not_null(strstr(text, "1 predictions are of images of which nothing is known"), "%s", text);
    df_free(text);
    cr_assert_eq(df_openimages_json(&s, &text), DF_OK);
    cr_expect_not_null(strstr(text, "\"AP\": null"), "%s", text);
    cr_expect_not_null(strstr(text, "\"rows_after_expansion\": {\"boxes\": "), "%s", text);
    df_free(text);
    df_openimages_scores_done(&s);
    df_openimages_free(o);
}

Test(openimages, a_class_that_the_tree_does_not_have_is_an_error)
{
    DfOpenImages *o;
    cr_assert_eq(df_openimages_new(&o, false), DF_OK);
    cr_assert_eq(df_openimages_read_classes(o, FOLDER "hierarchy.json"), DF_OK, "%s", df_error());
    cr_expect_eq(df_openimages_read_boxes(o, FOLDER "boxes.csv"), DF_EVALUE);
    cr_expect_not_null(strstr(df_error(), "boxes.csv: line 2: class '/m/"), "%s", df_error());
    cr_expect_not_null(strstr(df_error(), "is not among the 2 classes"), "%s", df_error());
    cr_expect_eq(df_openimages_read_predictions(o, FOLDER "masks.csv"), DF_EFORMAT);
    cr_expect_not_null(strstr(df_error(), "has no column XMin: want a table of Open Images"), "%s", df_error());
    df_openimages_free(o);
}

/* A table that has an object twice is joined with its masks as pandas does it; many at one place are a mistake. */
Test(openimages, equal_boxes_and_masks_do_not_fill_the_memory)
{
    static const char mask[] = "eJwzNTIyMAYAAv8A/Q==";
    const DfOpenImagesParams params = df_openimages_params(true);
    DfOpenImagesScores s;
    DfOpenImages *o;
    char *folder = df_temporary_folder();
    char *boxes = df_path_join(folder, "boxes.csv");
    char *segments = df_path_join(folder, "segments.csv");
    DfTextbuf a = { 0 };
    DfTextbuf b = { 0 };
    df_textbuf_add(&a, "ImageID,LabelName,XMin,XMax,YMin,YMax,IsGroupOf\n");
    df_textbuf_add(&b, "ImageID,LabelName,ImageWidth,ImageHeight,XMin,XMax,YMin,YMax,IsGroupOf,Mask\n");
    for (int i = 0; i < 300; i++) {
        df_textbuf_add(&a, "i,c,0,1,0,1,0\n");
        df_textbuf_add(&b, "i,c,4,4,0,1,0,1,0,%s\n", mask);
    }
    cr_assert_eq(df_file_write_text(boxes, a.at), DF_OK);
    cr_assert_eq(df_file_write_text(segments, b.at), DF_OK);
    cr_assert_eq(df_openimages_new(&o, true), DF_OK);
    cr_assert_eq(df_openimages_read_boxes(o, boxes), DF_OK, "%s", df_error());
    cr_assert_eq(df_openimages_read_segments(o, segments), DF_OK, "%s", df_error());
    cr_expect_eq(df_openimages_score(&s, o, &params, NULL), DF_EVALUE);
    cr_expect_not_null(strstr(df_error(), "300 boxes and 300 masks of one class are at the same place"), "%s", df_error());
    df_openimages_free(o);
    df_remove_folder(folder, (const char *const[]){ "boxes.csv", "segments.csv", NULL });
    df_free(a.at);
    df_free(b.at);
    df_free(boxes);
    df_free(segments);
    df_free(folder);
}
