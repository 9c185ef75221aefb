/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/models/test_hub.c -- folders of classifiers and segmentors as transformers and timm write them, against those
 * libraries: config.json and its processor into a network, weights under their names, the scores of a picture.
 *
 * A case is such a folder, with input and expected .safetensors beside.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/models/golden_model.h"

#define CASES DF_TEST_DATA "/hub"

typedef struct {
    const GoldenModel *k;
    int heard;
} Ear;

/* Scores of a classifier, or of a segmentor for every pixel of the prepared picture. */
static void hear(void *user, const char *name, const DfTensor *x)
{
    Ear *ear = user;
    const GoldenModel *k = ear->k;
    if (strcmp(name, "logits") != 0 && strcmp(name, "input_logits") != 0)
        return;
    const DfArray *wanted = golden_get(k->expected, "logits");
    const DfArray ours = wanted->ndim == 4 ? golden_channels_last(wanted) : *wanted;
    const double e = max_abs_over_max(x->data, &ours);
    cr_assert_eq((size_t)df_array_count(wanted), df_size(x), "%s", k->name);
    cr_expect_leq(e, 2e-5, "%s: %s is %.2g off", k->name, name, e);
    ear->heard++;
}

static void run(const GoldenModel *k)
{
    Ear ear = { .k = k };
    DfCtx *c;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    df_listen(c, hear, false, &ear);
    DfTensor *x = golden_model_image(c, k, "image");
    if (df_model_is_segmentor(k->model)) {
        const DfImageMeta meta = { .ori_h = df_dim(x, 1), .ori_w = df_dim(x, 2) };
        uint16_t *labels = df_malloc(df_size(x) * sizeof *labels);
        cr_assert_eq(df_model_segment(k->model, c, &x, &meta, 1, labels), DF_OK, "%s", df_error());
        df_free(labels);
    } else {
        df_model_forward(k->model, c, x);
        cr_assert_eq(df_ctx_error(c), DF_OK, "%s: %s", k->name, df_error());
    }
    cr_expect_eq(ear.heard, 1, "%s: heard %d times", k->name, ear.heard);
    df_ctx_free(c);
}

static void check_names(const GoldenModel *k)
{
    const DfNode *names = df_node_at(df_config_root(k->config), "data.test.classes");
    if (!names) /* timm has none */
        return;
    cr_expect_eq(names->n, 5, "%s", k->name);
    cr_expect_str_eq(df_node_text(names->first->next, ""), "dog, n01", "%s", k->name);
}

Test(hub, scores)
{
    DIR *folder = opendir(CASES);
    int n = 0;
    cr_assert_not_null(folder);
    for (const struct dirent *entry; (entry = readdir(folder));) {
        GoldenModel k;
        if (entry->d_name[0] == '.')
            continue;
        golden_model_open(&k, CASES "/%s", entry->d_name);
        run(&k);
        check_names(&k);
        golden_model_close(&k);
        n++;
    }
    closedir(folder);
    cr_expect_geq(n, 12, "%d cases", n);
}
