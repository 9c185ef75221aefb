/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/eval/test_miou.c -- semantic segmentation against mmseg's formulas in numpy and Boundary
 * IoU against cv2.erode, both frozen by tests/scripts/make_miou_cases.py; and against outputs of
 * mmseg itself where the shared data is present.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "datasets/datasets.h"
#include "eval/eval.h"

enum { FILES = 64 };

typedef struct {
    DfMiouParams params;
    char gt[FILES][64], pred[FILES][64];
    int n;
    double all_acc, mean_iou, mean_acc, iou[256], acc[256];
    uint64_t intersect[256], uni[256], label[256], pred_area[256];
} Case;

static void read_numbers(DfJson *j, double *d, uint64_t *u)
{
    DfJsonValue v;
    DfJsonEvent e;
    cr_assert_eq(df_json_next(j, &v), DF_JSON_ARRAY);
    for (int i = 0; (e = df_json_next(j, &v)) != DF_JSON_CLOSE; i++) {
        if (d)
            d[i] = e == DF_JSON_NULL ? (double)NAN : v.number;
        if (u)
            u[i] = (uint64_t)v.number;
    }
}

static void read_object(Case *c, DfJson *j)
{
    DfJsonValue v;
    while (df_json_next(j, &v) == DF_JSON_KEY) {
        char key[32];
        snprintf(key, sizeof key, "%s", v.text);
        if (strcmp(key, "params") == 0 || strcmp(key, "expected") == 0) {
            df_json_next(j, &v);
            read_object(c, j);
        } else if (strcmp(key, "pairs") == 0) {
            df_json_next(j, &v);
            for (; df_json_next(j, &v) == DF_JSON_ARRAY; c->n++) {
                df_json_next(j, &v);
                snprintf(c->gt[c->n], 64, "%s", v.text);
                df_json_next(j, &v);
                snprintf(c->pred[c->n], 64, "%s", v.text);
                df_json_next(j, &v);
            }
        } else if (strcmp(key, "IoU") == 0 || strcmp(key, "Acc") == 0) {
            read_numbers(j, strcmp(key, "IoU") == 0 ? c->iou : c->acc, NULL);
        } else if (strcmp(key, "intersect") == 0 || strcmp(key, "union") == 0 || strcmp(key, "label") == 0 || strcmp(key, "pred") == 0) {
            read_numbers(j, NULL, key[0] == 'i' ? c->intersect : key[0] == 'u' ? c->uni : key[0] == 'l' ? c->label : c->pred_area);
        } else if (strcmp(key, "aAcc") == 0 || strcmp(key, "mIoU") == 0 || strcmp(key, "mAcc") == 0) {
            df_json_next(j, &v);
            *(key[0] == 'a' ? &c->all_acc : key[1] == 'I' ? &c->mean_iou : &c->mean_acc) = v.number;
        } else if (strcmp(key, "num_classes") == 0 || strcmp(key, "ignore_index") == 0) {
            df_json_next(j, &v);
            *(key[0] == 'n' ? &c->params.classes : &c->params.ignore_index) = (int)v.integer;
        } else if (strcmp(key, "reduce_zero_label") == 0) {
            c->params.reduce_zero_label = df_json_next(j, &v) == DF_JSON_TRUE;
        } else {
            df_json_skip(j);
        }
    }
}

static bool same(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static void check_golden(const char *folder)
{
    static Case c;
    char path[1024], other[1024];
    DfJson *j;
    DfJsonValue v;
    DfMiou *acc;
    static DfMiouResult r;
    c = (Case){ .params = df_miou_params() };
    snprintf(path, sizeof path, "%s/expected.json", folder);
    cr_assert_eq(df_json_open(&j, path), DF_OK, "%s", df_error());
    df_json_next(j, &v);
    read_object(&c, j);
    df_json_close(j);
    cr_assert_gt(c.n, 0);
    cr_assert_eq(df_miou_new(&acc, 0), DF_OK);
    for (int i = 0; i < c.n; i++) {
        DfImage label, pred;
        snprintf(path, sizeof path, "%s/%s", folder, c.gt[i]);
        snprintf(other, sizeof other, "%s/%s", folder, c.pred[i]);
        cr_assert_eq(df_image_read_labels(&label, path), DF_OK, "%s", df_error());
        cr_assert_eq(df_image_read_labels(&pred, other), DF_OK, "%s", df_error());
        cr_assert_eq(label.width * label.height, pred.width * pred.height);
        df_miou_add(acc, pred.pixels, label.pixels, df_image_bytes(&label));
        df_image_free(&label);
        df_image_free(&pred);
    }
    cr_assert_eq(df_miou_result(&r, acc, &c.params), DF_OK);
    cr_expect(r.all_acc == c.all_acc && r.mean_iou == c.mean_iou && r.mean_acc == c.mean_acc, "%s: %.17g %.17g %.17g", folder, r.all_acc, r.mean_iou, r.mean_acc);
    for (int k = 0; k < c.params.classes; k++) {
        cr_expect(same(r.iou[k], c.iou[k]) && same(r.acc[k], c.acc[k]), "%s: class %d: %.17g %.17g", folder, k, r.iou[k], r.acc[k]);
        cr_expect_eq(r.intersect[k], c.intersect[k]);
    }
    df_miou_free(acc);
}

Test(miou, is_mmseg_to_the_last_bit)
{
    static const char *const names[] = { "m01_basic", "m03_absent_classes", "m05_ignored", "m07_out_of_range", "m12_palette_png" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char folder[512];
        snprintf(folder, sizeof folder, DF_TEST_DATA "/eval/miou/%s", names[i]);
        check_golden(folder);
    }
}

/* ---- cases of our own --------------------------------------------------------------------------------------------- */

/* One case of miou_cases.json: maps as arrays of bytes. */
typedef struct {
    char name[64];
    DfMiouParams params;
    double ratio;
    size_t height, width, n;
    uint8_t gt[1 << 16], pred[1 << 16];
    double scores[8][256];   /* means in [7]: aAcc mIoU mAcc mDice mFscore mPrecision mRecall mBoundaryIoU */
} Frozen;
static const char *const arrays[] = { "IoU", "Acc", "Dice", "Fscore", "Precision", "Recall", "BoundaryIoU", "means" };

static void read_bytes(DfJson *j, uint8_t *out, size_t *n)
{
    DfJsonValue v;
    size_t i = 0;
    cr_assert_eq(df_json_next(j, &v), DF_JSON_ARRAY);
    for (; df_json_next(j, &v) == DF_JSON_NUMBER; i++)
        out[i] = (uint8_t)v.integer;
    *n = i;
}

static void read_frozen(DfJson *j, Frozen *f)
{
    DfJsonValue v;
    *f = (Frozen){ .params = df_miou_params() };
    while (df_json_next(j, &v) == DF_JSON_KEY) {
        char key[32];
        snprintf(key, sizeof key, "%s", v.text);
        int array = 0;
        while (array < 8 && strcmp(key, arrays[array]) != 0)
            array++;
        if (array < 8) {
            read_numbers(j, f->scores[array], NULL);
        } else if (strcmp(key, "gt") == 0 || strcmp(key, "pred") == 0) {
            read_bytes(j, key[0] == 'g' ? f->gt : f->pred, &f->n);
        } else {
            const DfJsonEvent e = df_json_next(j, &v);
            if (strcmp(key, "name") == 0)
                snprintf(f->name, sizeof f->name, "%s", v.text);
            else if (strcmp(key, "height") == 0)
                f->height = (size_t)v.integer;
            else if (strcmp(key, "width") == 0)
                f->width = (size_t)v.integer;
            else if (strcmp(key, "classes") == 0)
                f->params.classes = (int)v.integer;
            else if (strcmp(key, "ignore_index") == 0)
                f->params.ignore_index = (int)v.integer;
            else if (strcmp(key, "reduce_zero_label") == 0)
                f->params.reduce_zero_label = e == DF_JSON_TRUE;
            else if (strcmp(key, "open_last_bin") == 0)
                f->params.open_last_bin = e == DF_JSON_TRUE;
            else if (strcmp(key, "beta") == 0)
                f->params.beta = v.number;
            else if (strcmp(key, "ratio") == 0)
                f->ratio = v.number;
            else if (strcmp(key, "nan_to_num") == 0 && e == DF_JSON_NUMBER)
                f->params.nan_to_num = true, f->params.nan_value = v.number;
        }
    }
}

static void check_frozen(const Frozen *f)
{
    DfMiou *acc;
    static DfMiouResult r;
    cr_assert_eq(df_miou_new(&acc, f->ratio), DF_OK);
    const size_t image = f->height * f->width;
    for (size_t at = 0; at < f->n; at += image)
        cr_assert_eq(df_miou_add_image(acc, f->pred + at, f->gt + at, f->height, f->width), DF_OK);
    cr_assert_eq(df_miou_result(&r, acc, &f->params), DF_OK);
    const double *const got[] = { r.iou, r.acc, r.dice, r.fscore, r.precision, r.recall, r.boundary_iou };
    for (int a = 0; a < 7; a++)
        for (int k = 0; k < f->params.classes; k++)
            cr_expect(same(got[a][k], f->scores[a][k]), "%s: %s of class %d: %.17g, want %.17g", f->name, arrays[a], k, got[a][k], f->scores[a][k]);
    const double means[] = { r.all_acc, r.mean_iou, r.mean_acc, r.mean_dice, r.mean_fscore, r.mean_precision, r.mean_recall, r.mean_boundary_iou };
    for (int i = 0; i < 8; i++)
        cr_expect(same(means[i], f->scores[7][i]), "%s: mean %d: %.17g, want %.17g", f->name, i, means[i], f->scores[7][i]);
    df_miou_free(acc);
}

Test(miou, follows_the_formulas_of_mmseg_and_the_erosion_of_the_paper)
{
    static Frozen f;
    DfJson *j;
    DfJsonValue v;
    int n = 0;
    cr_assert_eq(df_json_open(&j, DF_TEST_DATA "/eval/miou_cases.json"), DF_OK, "%s", df_error());
    cr_assert_eq(df_json_next(j, &v), DF_JSON_ARRAY);
    for (; df_json_next(j, &v) == DF_JSON_OBJECT; n++) {
        read_frozen(j, &f);
        check_frozen(&f);
    }
    df_json_close(j);
    cr_expect_geq(n, 6);
}

/* ---- habits ------------------------------------------------------------------------------------------------------- */

Test(miou, parts_merge_to_the_whole)
{
    enum { N = 5000 };
    uint8_t pred[N], label[N];
    DfRandom random = df_random(7, 1);
    for (int i = 0; i < N; i++) {
        pred[i] = (uint8_t)(df_random_bits(&random) % 5);
        label[i] = (uint8_t)(df_random_bits(&random) % 6);
    }
    DfMiou *whole = NULL, *left = NULL, *right = NULL;
    static DfMiouResult a, b;
    const DfMiouParams params = { .classes = 5, .ignore_index = 255, .reduce_zero_label = true, .beta = 1 };
    cr_assert(df_miou_new(&whole, 0) == DF_OK && df_miou_new(&left, 0) == DF_OK && df_miou_new(&right, 0) == DF_OK);
    df_miou_add(whole, pred, label, N);
    df_miou_add(left, pred, label, 1234);
    df_miou_add(right, pred + 1234, label + 1234, N - 1234);
    df_miou_merge(left, right);
    cr_assert(df_miou_result(&a, whole, &params) == DF_OK && df_miou_result(&b, left, &params) == DF_OK);
    cr_expect_eq(memcmp(a.iou, b.iou, sizeof a.iou), 0);
    cr_expect_eq(a.mean_iou, b.mean_iou);
    cr_expect_eq(a.pixels, (uint64_t)N);
    df_miou_free(whole);
    df_miou_free(left);
    df_miou_free(right);
}

Test(miou, refuses_what_cannot_be)
{
    DfMiou *acc;
    static DfMiouResult r;
    DfMiouParams p = df_miou_params();
    cr_expect_eq(df_miou_new(&acc, -1), DF_EVALUE);
    cr_assert_eq(df_miou_new(&acc, 0), DF_OK);
    p.classes = 257;
    cr_expect_eq(df_miou_result(&r, acc, &p), DF_EVALUE);
    p.classes = 3;
    cr_expect_eq(df_miou_result(&r, acc, &p), DF_OK);
    cr_expect(isnan(r.mean_iou) && isnan(r.all_acc));
    df_miou_free(acc);
}
