/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/eval/test_coco_reference.c -- COCO evaluation of boxes and masks against pycocotools 2.0.11: the twelve numbers,
 * the AP of each class, the printed table, and the SHA-256 of all precision, recall and score values
 * (tests/data/eval, made by tests/scripts/make_coco_cases.py).
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "eval/eval.h"
#include "tests/support/sha256.h"

Test(coco_reference, the_hash_is_sha256)
{
    cr_expect_str_eq(sha256("abc", 3), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

typedef struct {
    double stats[12], per_class[128];
    size_t n_classes;
    char table[4096], precision[65], recall[65], scores[65];
} Expected;

static void read_expected(Expected *e, const char *path)
{
    DfJson *j;
    DfJsonValue v;
    memset(e, 0, sizeof *e);
    cr_assert_eq(df_json_open(&j, path), DF_OK, "%s", df_error());
    df_json_next(j, &v);
    while (df_json_next(j, &v) == DF_JSON_KEY) {
        char key[32];
        snprintf(key, sizeof key, "%s", v.text);
        if (df_json_next(j, &v) == DF_JSON_TEXT) {
            char *to = strcmp(key, "table") == 0 ? e->table : strstr(key, "precision") ? e->precision : strstr(key, "recall") ? e->recall : e->scores;
            memcpy(to, v.text, v.length + 1);
            continue;
        }
        for (size_t n = 0; df_json_next(j, &v) == DF_JSON_NUMBER; n++) {
            if (strcmp(key, "stats") == 0) {
                e->stats[n] = v.number;
            } else {
                e->per_class[n] = v.number;
                e->n_classes = n + 1;
            }
        }
    }
    df_json_close(j);
}

static void check_eval(const DfCocoEval *got, const Expected *want)
{
    const size_t columns = got->n_classes * got->n_areas * got->n_max_dets;
    for (int i = 0; i < 12; i++)
        cr_expect_eq(got->stats[i], want->stats[i], "stats[%d] = %.17g, want %.17g", i, got->stats[i], want->stats[i]);
    for (int i = 0; i < 3; i++) {
        static const DfCocoArray which[] = { DF_COCO_PRECISION, DF_COCO_RECALL, DF_COCO_SCORES };
        const char *const hashes[] = { want->precision, want->recall, want->scores };
        double *array;
        cr_assert_eq(df_coco_eval_array(got, which[i], &array), got->scores ? DF_OK : DF_EVALUE);
        if (!array)
            continue;
        cr_expect_str_eq(sha256(array, got->n_ious * (i == 1 ? 1 : got->n_recalls) * columns * sizeof(double)), hashes[i]);
        df_free(array);
    }
    cr_assert_eq(got->n_classes, want->n_classes);
    for (size_t k = 0; k < want->n_classes; k++) {
        double ap;
        cr_assert_eq(df_coco_ap(got, k, -1, 0, got->n_max_dets - 1, &ap), DF_OK);
        cr_expect_float_eq(ap, want->per_class[k], 1e-15); /* made with the older numpy's order of adding */
    }
    char *table;
    cr_assert_eq(df_coco_eval_table(got, &table), DF_OK);
    cr_expect_eq(strncmp(table, want->table, strlen(want->table)), 0, "%s\nwant, and more in its form:\n%s", table, want->table);
    df_free(table);
}

static void check_case(const char *name, const DfCocoParams *params)
{
    char path[512];
    DfCoco *gt;
    DfCocoResults *dt;
    Expected want;
    snprintf(path, sizeof path, "%s/eval/%s.expected.json", DF_TEST_DATA, name);
    read_expected(&want, path);
    for (int threads = 1; threads <= 3; threads++) {
        DfPool *pool;
        DfCocoEval *eval;
        cr_assert_eq(df_pool_new(&pool, threads), DF_OK);
        const DfCocoReading reading = { .pool = pool, .masks = params->type == DF_COCO_MASKS, .across_classes = !params->use_categories };
        snprintf(path, sizeof path, "%s/eval/%s.gt.json", DF_TEST_DATA, name);
        cr_assert_eq(df_coco_open_with(&gt, path, &reading), DF_OK, "%s", df_error());
        cr_assert_eq(df_coco_results_new(&dt, gt), DF_OK);
        snprintf(path, sizeof path, "%s/eval/%s.dt.json", DF_TEST_DATA, name);
        cr_assert_eq(df_coco_results_read(dt, path), DF_OK, "%s", df_error());
        DfCocoParams both_ways = *params;
        both_ways.arrays = threads != 2;
        cr_assert_eq(df_coco_evaluate(&eval, dt, &both_ways, pool), DF_OK, "%s", df_error());
        check_eval(eval, &want);
        df_coco_eval_free(eval);
        df_coco_results_free(dt);
        df_coco_free(gt);
        df_pool_free(pool);
    }
    cr_expect_eq(df_memory().now, 0);
}

Test(coco_reference, crowd)
{
    const DfCocoParams params = df_coco_params();
    check_case("crowd", &params);
}

Test(coco_reference, score_ties)
{
    const DfCocoParams params = df_coco_params();
    check_case("score_ties", &params);
}

Test(coco_reference, crowd_masks)
{
    DfCocoParams params = df_coco_params();
    params.type = DF_COCO_MASKS;
    check_case("crowd_masks", &params);
}

Test(coco_reference, masks_in_every_form)
{
    DfCocoParams params = df_coco_params();
    params.type = DF_COCO_MASKS;
    check_case("rle_mix", &params);
}

Test(coco_reference, custom_parameters)
{
    static const int max_dets[] = { 15, 3, 7 };
    static const double ious[] = { 0.3, 0.45, 0.5, 0.6, 0.75, 0.9 };
    static const DfAreaRange areas[] = { { "all", 0, 1e10 }, { "small", 0, 400 }, { "medium", 400, 2500.5 }, { "large", 2500.5, 1e10 } };
    DfCocoParams params = df_coco_params();
    params.max_dets = max_dets;
    params.ious = ious;
    params.n_ious = 6;
    params.areas = areas;
    check_case("custom_params", &params);
}
