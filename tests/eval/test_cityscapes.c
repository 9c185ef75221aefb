/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/eval/test_cityscapes.c -- the AP of instances equals that of cityscapesscripts
 * (tests/scripts/make_cityscapes.py), whoever counted which picture.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/datasets.h"
#include "eval/eval.h"

#define FOLDER DF_TEST_DATA "/eval/cityscapes/"

static uint16_t *read_truth(DfCityscapes *c, const char *name)
{
    char path[512];
    DfImage image = { 0 };
    snprintf(path, sizeof path, FOLDER "%.150s", name);
    cr_assert_eq(df_image_read_numbers_again(&image, path), DF_OK, "%s", df_error());
    const size_t pixels = (size_t)image.height * (size_t)image.width;
    uint16_t *ids = malloc(pixels * sizeof *ids);
    cr_assert_not_null(ids);
    for (size_t i = 0; i < pixels; i++)
        ids[i] = (uint16_t)(image.pixels[2 * i] << 8 | image.pixels[2 * i + 1]);
    cr_assert_eq(df_cityscapes_truth(c, ids, pixels), DF_OK, "%s", df_error());
    df_image_free(&image);
    return ids;
}

static void read_found(DfCityscapes *c, const char *name)
{
    char path[512], mask[160];
    int label;
    double score;
    DfImage image = { 0 };
    snprintf(path, sizeof path, FOLDER "%.150s", name);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    while (fscanf(file, "%159s %d %lf", mask, &label, &score) == 3) {
        snprintf(path, sizeof path, FOLDER "pred/%s", mask);
        cr_assert_eq(df_image_read_grey_again(&image, path), DF_OK, "%s", df_error());
        cr_assert_eq(df_cityscapes_found(c, image.pixels, label, score), DF_OK, "%s", df_error());
    }
    df_image_free(&image);
    fclose(file);
}

static void expect(FILE *file, const char *name, double ap, double ap50)
{
    char met[32];
    double want[2];
    cr_assert_eq(fscanf(file, "%31s %lf %lf", met, &want[0], &want[1]), 3);
    cr_expect_str_eq(met, name);
    cr_expect(isnan(ap) ? isnan(want[0]) : fabs(ap - want[0]) <= 1e-12, "%s: %.17g, want %.17g", name, ap, want[0]);
    cr_expect(isnan(ap50) ? isnan(want[1]) : fabs(ap50 - want[1]) <= 1e-12, "%s: %.17g, want %.17g", name, ap50, want[1]);
}

/* Every second picture by another one who counts. */
static DfCityscapesResult score(int counters)
{
    char truth[160], found[160];
    DfCityscapes *c[2];
    DfCityscapesResult r;
    FILE *list = fopen(FOLDER "list.txt", "r");
    cr_assert_not_null(list);
    for (int i = 0; i < counters; i++)
        cr_assert_eq(df_cityscapes_new(&c[i]), DF_OK);
    for (int n = 0; fscanf(list, "%159s %159s", truth, found) == 2; n++) {
        uint16_t *ids = read_truth(c[n % counters], truth);
        read_found(c[n % counters], found);
        free(ids);
    }
    for (int i = 1; i < counters; i++)
        cr_assert_eq(df_cityscapes_merge(c[0], c[i]), DF_OK);
    cr_assert_eq(df_cityscapes_result(&r, c[0]), DF_OK, "%s", df_error());
    for (int i = 0; i < counters; i++)
        df_cityscapes_free(c[i]);
    fclose(list);
    return r;
}

Test(cityscapes, equals_its_own_scripts)
{
    FILE *file = fopen(FOLDER "expected.txt", "r");
    cr_assert_not_null(file);
    const DfCityscapesResult r = score(1);
    const DfCityscapesResult of_two = score(2);
    for (int k = 0; k < DF_CITYSCAPES_CLASSES; k++)
        expect(file, df_cityscapes_class(k), r.class_ap[k], r.class_ap50[k]);
    expect(file, "all", r.ap, r.ap50);
    cr_expect(r.ap == of_two.ap && r.ap50 == of_two.ap50, "%g and %g", r.ap, of_two.ap);
    fclose(file);
}

Test(cityscapes, what_is_no_label_is_refused)
{
    static uint16_t ids[200];
    static uint8_t mask[200];
    DfCityscapes *c;
    DfCityscapesResult r;
    cr_assert_eq(df_cityscapes_new(&c), DF_OK);
    ids[0] = 34;
    cr_expect_eq(df_cityscapes_truth(c, ids, 200), DF_EVALUE);
    cr_expect_str_eq(df_error(), "a value of 34: want labels of Cityscapes, 0 to 33, or label * 1000 + number");
    for (int i = 0; i < 200; i++)
        ids[i] = i < 120 ? 26001 : 0;
    cr_assert_eq(df_cityscapes_truth(c, ids, 200), DF_OK, "%s", df_error());
    cr_expect_eq(df_cityscapes_found(c, mask, 34, 0.5), DF_EVALUE);
    cr_assert_eq(df_cityscapes_result(&r, c), DF_OK);
    cr_expect(r.ap == 0 && r.truths[2] == 1 && isnan(r.class_ap[0]), "an object that nobody found: %g", r.ap);
    for (int i = 0; i < 200; i++)
        mask[i] = 1;
    cr_assert_eq(df_cityscapes_found(c, mask, 26, 0.5), DF_OK);
    cr_assert_eq(df_cityscapes_result(&r, c), DF_OK);
    cr_expect(r.of[2][0] == 1 && r.of[2][1] == 1 && r.of[2][2] == 0, "an IoU of exactly 0.6 is not above it: %g", r.of[2][2]);
    df_cityscapes_free(c);
    cr_expect_eq(df_memory().now, 0);
}
