/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/eval/test_imagenet.c -- top-k with ties, real labels and class accuracy against
 * numpy (tests/scripts/make_imagenet_cases.py).
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "eval/eval.h"

enum { MOST = 1024 };

typedef struct {
    int n, classes;
    double logits[MOST], labels[MOST], order[MOST], class_top1[64], class_top5[64], totals[4], mean;
    char real[8192];
} Case;

static void numbers(DfJson *j, double *out)
{
    DfJsonValue v;
    for (int i = 0; df_json_next(j, &v) == DF_JSON_NUMBER; i++)
        out[i] = v.number;
}

/* The lists as text again, for the reader of real labels. */
static void lists(DfJson *j, char *out, size_t size)
{
    DfJsonValue v;
    size_t n = (size_t)snprintf(out, size, "[");
    for (int i = 0; df_json_next(j, &v) == DF_JSON_ARRAY; i++) {
        n += (size_t)snprintf(out + n, size - n, i ? ",[" : "[");
        for (int k = 0; df_json_next(j, &v) == DF_JSON_NUMBER; k++)
            n += (size_t)snprintf(out + n, size - n, k ? ",%g" : "%g", v.number);
        n += (size_t)snprintf(out + n, size - n, "]");
    }
    snprintf(out + n, size - n, "]");
}

static void read_case(DfJson *j, Case *c)
{
    DfJsonValue v;
    while (df_json_next(j, &v) == DF_JSON_KEY) {
        char key[32];
        snprintf(key, sizeof key, "%s", v.text);
        df_json_next(j, &v);
        double *const to = !strcmp(key, "logits") ? c->logits : !strcmp(key, "labels") ? c->labels : !strcmp(key, "order") ? c->order : !strcmp(key, "class_top1") ? c->class_top1
                         : !strcmp(key, "class_top5") ? c->class_top5 : !strcmp(key, "totals") ? c->totals : NULL;
        if (to)
            numbers(j, to);
        else if (strcmp(key, "real") == 0)
            lists(j, c->real, sizeof c->real);
        else if (strcmp(key, "n") == 0)
            c->n = (int)v.integer;
        else if (strcmp(key, "classes") == 0)
            c->classes = (int)v.integer;
        else
            c->mean = v.number;
    }
}

static void check_case(const Case *c)
{
    DfTopk *acc;
    DfRealLabels real;
    DfJson *j;
    const int top = c->classes < DF_TOP ? c->classes : DF_TOP;
    cr_assert_eq(df_json_open_text(&j, c->real, strlen(c->real), "real"), DF_OK);
    cr_assert_eq(df_real_labels_read(&real, j, c->classes), DF_OK, "%s", df_error());
    df_json_close(j);
    cr_assert_eq(real.n, (size_t)c->n);
    cr_assert_eq(df_topk_new(&acc, c->classes), DF_OK);
    for (int i = 0; i < c->n; i++) {
        float scores[64];
        int32_t best[DF_TOP];
        for (int k = 0; k < c->classes; k++)
            scores[k] = (float)c->logits[i * c->classes + k];
        df_topk_rank(scores, c->classes, best);
        for (int k = 0; k < top; k++)
            cr_expect_eq(best[k], (int32_t)c->order[i * top + k], "image %d, place %d", i, k);
        cr_assert_eq(df_topk_add(acc, best, (int32_t)c->labels[i]), DF_OK);
        cr_assert_eq(df_topk_add_real(acc, best, real.labels + real.start[i], real.start[i + 1] - real.start[i]), DF_OK);
    }
    const DfTopkResult r = df_topk_result(acc);
    cr_expect(r.top1 == (uint64_t)c->totals[0] && r.top5 == (uint64_t)c->totals[1] && r.real_images == (uint64_t)c->totals[2] && r.real_top1 == (uint64_t)c->totals[3]);
    for (int k = 0; k < c->classes; k++)
        cr_expect(r.class_top1[k] == (uint64_t)c->class_top1[k] && r.class_top5[k] == (uint64_t)c->class_top5[k], "class %d", k);
    cr_expect(fabs(r.mean_class_acc - c->mean) < 1e-14);
    df_topk_free(acc);
    df_real_labels_free(&real);
}

Test(imagenet, ranks_and_counts_as_numpy)
{
    static Case c;
    DfJson *j;
    DfJsonValue v;
    int n = 0;
    cr_assert_eq(df_json_open(&j, DF_TEST_DATA "/eval/imagenet_cases.json"), DF_OK, "%s", df_error());
    df_json_next(j, &v);
    for (; df_json_next(j, &v) == DF_JSON_OBJECT; n++) {
        memset(&c, 0, sizeof c);
        read_case(j, &c);
        check_case(&c);
    }
    df_json_close(j);
    cr_expect_eq(n, 4);
}

Test(imagenet, nan_is_never_best)
{
    const float scores[] = { NAN, -3, NAN, -5 };
    int32_t best[DF_TOP];
    df_topk_rank(scores, 4, best);
    cr_expect(best[0] == 1 && best[1] == 3 && best[2] == 0 && best[3] == 2 && best[4] == -1);
}

Test(imagenet, refuses_labels_that_are_no_class)
{
    DfTopk *acc;
    const int32_t best[DF_TOP] = { 0, 1, -1, -1, -1 };
    DfRealLabels real;
    DfJson *j;
    cr_assert_eq(df_topk_new(&acc, 2), DF_OK);
    cr_expect_eq(df_topk_add(acc, best, 2), DF_EVALUE);
    cr_expect_eq(df_topk_add(acc, best, -1), DF_EVALUE);
    df_topk_free(acc);
    static const char *const wrong[] = { "[[2]]", "{}", "[3]", "[[\"x\"]]", "[[1]", "[[0.5]]" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_assert_eq(df_json_open_text(&j, wrong[i], strlen(wrong[i]), "real"), DF_OK);
        cr_expect_lt(df_real_labels_read(&real, j, 2), 0, "%s", wrong[i]);
        df_json_close(j);
    }
}
