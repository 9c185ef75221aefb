/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/eval/test_image_scores.c -- scores of single images: written and read back; a bootstrap from them is that of
 * counting the drawn images again; files that are wrong.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "eval/eval.h"

enum { IMAGES = 9, PIXELS = 200, CLASSES = 5, REPLICATES = 60 };

static uint8_t label[IMAGES][PIXELS], pred[2][IMAGES][PIXELS];
static const DfMiouParams params = { .classes = CLASSES, .ignore_index = 255, .beta = 1 };
static char path[64];

static void draw_maps(void)
{
    DfRandom random = df_random(5, 1);
    for (int i = 0; i < IMAGES; i++)
        for (int k = 0; k < PIXELS; k++) {
            const double u = df_uniform(&random);
            label[i][k] = (uint8_t)(u < 0.05 ? 255 : (int)(u * 20 + i) % (CLASSES - (i % 2)));
            for (int r = 0; r < 2; r++)
                pred[r][i][k] = (uint8_t)(df_uniform(&random) < 0.5 + 0.2 * r && label[i][k] != 255 ? label[i][k] : (int)(df_uniform(&random) * CLASSES));
        }
    snprintf(path, sizeof path, "image_scores.%d.json", (int)getpid());
}

static DfMiouResult result_of(int r, const uint16_t *weight)
{
    DfMiou *acc;
    DfMiouResult result;
    cr_assert_eq(df_miou_new(&acc, 0), DF_OK);
    for (int i = 0; i < IMAGES; i++)
        for (int w = 0; w < weight[i]; w++)
            df_miou_add(acc, pred[r][i], label[i], PIXELS);
    cr_assert_eq(df_miou_result(&result, acc, &params), DF_OK);
    df_miou_free(acc);
    return result;
}

/* Through a file, in an order that is not that of the names. */
static DfImageScores *scores_of(int r)
{
    static const char *const names[CLASSES] = { "a", "b \"quoted\"", "c", "d", "e" };
    DfImageScores *made, *read;
    char name[16];
    cr_assert_eq(df_image_scores_new(&made, DF_IMAGES_MIOU, CLASSES, names), DF_OK);
    for (int i = IMAGES; i-- > 0;) {
        uint16_t only[IMAGES] = { 0 };
        only[i] = 1;
        const DfMiouResult result = result_of(r, only);
        snprintf(name, sizeof name, "image %d", i);
        cr_assert_eq(df_image_scores_add_areas(made, name, &result), DF_OK);
    }
    cr_assert_eq(df_image_scores_write(made, path), DF_OK, "%s", df_error());
    cr_assert_eq(df_image_scores_read(&read, path), DF_OK, "%s", df_error());
    df_image_scores_free(made);
    remove(path);
    return read;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* What numpy.percentile says. */
static double percentile(double *v, double part)
{
    qsort(v, REPLICATES, sizeof *v, by_size);
    const double at = part * (REPLICATES - 1);
    const int below = (int)at;
    return below + 1 < REPLICATES ? v[below] + (at - below) * (v[below + 1] - v[below]) : v[below];
}

static void near(double got, double want)
{
    cr_expect(fabs(got - want) < 1e-12, "%.17g, want %.17g", got, want);
}

Test(image_scores, intervals_are_those_of_counting_again, .init = draw_maps)
{
    double miou[2][REPLICATES], difference[REPLICATES];
    uint16_t all[IMAGES];
    DfCompare *c;
    const DfCompareMetric *metrics;
    const DfCompareParams how = { .replicates = REPLICATES, .seed = 7, .confidence = 0.9 };
    DfImageScores *scores[2] = { scores_of(0), scores_of(1) };
    cr_assert_eq(df_compare_images(&c, (const DfImageScores *const *)scores, (const char *const[]){ "one", "two" }, 2, &how, NULL), DF_OK, "%s", df_error());
    cr_assert_eq(df_compare_metrics(c, &metrics), 3);
    cr_expect_str_eq(metrics[0].key, "miou");
    cr_expect_eq(df_compare_image_count(c), IMAGES);
    cr_expect_eq(df_compare_classes(c), CLASSES);
    for (int n = 0; n < REPLICATES; n++) {
        DfRandom random = df_random(how.seed, (uint64_t)n + 1);
        uint16_t weight[IMAGES] = { 0 };
        for (int i = 0; i < IMAGES; i++)
            weight[(int)(df_uniform(&random) * IMAGES)]++;
        for (int r = 0; r < 2; r++)
            miou[r][n] = result_of(r, weight).mean_iou;
        difference[n] = miou[1][n] - miou[0][n];
    }
    for (int i = 0; i < IMAGES; i++)
        all[i] = 1;
    for (size_t r = 0; r < 2; r++) {
        const DfMiouResult want = result_of((int)r, all);
        const DfCompared got = df_compare_metric(c, r, 0);
        near(got.value, want.mean_iou);
        near(got.low, percentile(miou[r], 0.05));
        near(got.high, percentile(miou[r], 0.95));
        near(df_compare_metric(c, r, 1).value, want.mean_acc);
        near(df_compare_metric(c, r, 2).value, want.all_acc);
        for (size_t k = 0; k < CLASSES; k++)
            near(df_compare_class(c, r, k).value, want.iou[k]);
    }
    near(df_compare_metric(c, 1, 0).diff_low, percentile(difference, 0.05));
    near(df_compare_metric(c, 1, 0).diff_high, percentile(difference, 0.95));
    cr_expect(df_compare_metric(c, 1, 0).significant);
    df_compare_free(c);
    for (int r = 0; r < 2; r++)
        df_image_scores_free(scores[r]);
}

static int read_text(DfImageScores **out, const char *text)
{
    DfJson *json;
    cr_assert_eq(df_json_open_text(&json, text, strlen(text), "scores"), DF_OK);
    const int error = df_image_scores_read_json(out, json);
    df_json_close(json);
    return error;
}

Test(image_scores, accuracies_are_shares_of_images)
{
    static const char text[] = "{\"type\": \"topk\", \"num_classes\": 3, \"classes\": null, \"images\": [{\"name\": \"x\", \"label\": 2, \"top1\": true, \"top5\": true},"
                               "{\"name\": \"y\", \"label\": 2, \"top1\": false, \"top5\": true}, {\"name\": \"a\", \"label\": 0, \"top1\": false, \"top5\": false}]}";
    const DfCompareParams how = { .replicates = 10, .confidence = 0.95 };
    DfImageScores *scores;
    DfCompare *c;
    cr_assert_eq(read_text(&scores, text), DF_OK, "%s", df_error());
    cr_assert_eq(df_compare_images(&c, (const DfImageScores *const[]){ scores }, (const char *const[]){ "one" }, 1, &how, NULL), DF_OK);
    near(df_compare_metric(c, 0, 0).value, 1.0 / 3);
    near(df_compare_metric(c, 0, 1).value, 2.0 / 3);
    near(df_compare_metric(c, 0, 2).value, 0.25);
    near(df_compare_class(c, 0, 1).value, -1);
    df_compare_free(c);
    df_image_scores_free(scores);
}

#define IMAGES_OF(type, images) "{\"type\": \"" type "\", \"num_classes\": 2, \"classes\": null, \"images\": [" images "]}"

Test(image_scores, wrong_files_are_refused)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        { "[]", "want scores of images" },
        { "{\"type\": \"map\"}", "want \"type\": \"miou\" or \"topk\"" },
        { "{\"num_classes\": 2}", "in this order" },
        { "{\"type\": \"miou\", \"num_classes\": 0, \"classes\": null}", "at least one class" },
        { "{\"type\": \"miou\", \"num_classes\": 2, \"classes\": [\"a\"]}", "num_classes names" },
        { IMAGES_OF("miou", ""), "no image in it" },
        { IMAGES_OF("miou", "{\"name\": \"a\", \"areas\": []}"), "no image has areas" },
        { IMAGES_OF("miou", "{\"name\": \"a\"}"), "image 1: want a name and areas" },
        { IMAGES_OF("miou", "{\"areas\": []}"), "image 1: want a name and areas" },
        { IMAGES_OF("miou", "{\"name\": \"a\", \"areas\": [[2, 0, 0, 0]]}"), "a class below num_classes" },
        { IMAGES_OF("miou", "{\"name\": \"a\", \"areas\": [[1, 5, 4, 9]]}"), "an intersection larger than the areas" },
        { IMAGES_OF("miou", "{\"name\": \"a\", \"areas\": [[1, 1, 4]]}"), "in whole pixels" },
        { IMAGES_OF("miou", "{\"name\": \"a\", \"areas\": [[1, 1, 4, 5, 6]]}"), "areas of four numbers" },
        { IMAGES_OF("miou", "{\"name\": \"a\", \"areas\": []}, {\"name\": \"a\", \"areas\": []}"), "the image a is listed twice" },
        { IMAGES_OF("topk", "{\"name\": \"a\", \"label\": 1, \"top1\": 1}"), "top1: true or false" },
        { IMAGES_OF("topk", "{\"name\": \"a\", \"areas\": []}"), "want a name and label, top1 and top5" },
        { IMAGES_OF("miou", "{\"name\": \"a\", \"areas\": []}") " 1", "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        DfImageScores *scores = NULL;
        cr_expect_lt(read_text(&scores, cases[i].text), 0, "case %zu", i);
        cr_expect(strstr(df_error(), cases[i].says) != NULL, "case %zu: %s", i, df_error());
        cr_expect(scores == NULL);
    }
}

Test(image_scores, other_images_are_not_compared)
{
    static const char *const texts[] = { IMAGES_OF("miou", "{\"name\": \"a\", \"areas\": [[1, 1, 4, 5]]}"),
                                         IMAGES_OF("miou", "{\"name\": \"b\", \"areas\": [[1, 1, 4, 5]]}"),
                                         IMAGES_OF("topk", "{\"name\": \"a\", \"label\": 0, \"top1\": true, \"top5\": true}") };
    static const char *const says[] = { NULL, "one is about the image a, where other has b", "different metrics" };
    const DfCompareParams how = { .replicates = 0, .confidence = 0.95 };
    DfImageScores *first, *other;
    cr_assert_eq(read_text(&first, texts[0]), DF_OK);
    for (int i = 1; i < 3; i++) {
        DfCompare *c;
        cr_assert_eq(read_text(&other, texts[i]), DF_OK);
        cr_expect_lt(df_compare_images(&c, (const DfImageScores *const[]){ first, other }, (const char *const[]){ "one", "other" }, 2, &how, NULL), 0);
        cr_expect(strstr(df_error(), says[i]) != NULL, "%s", df_error());
        df_image_scores_free(other);
    }
    df_image_scores_free(first);
}
