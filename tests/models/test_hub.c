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

#include "models/models.h"
#include "tests/support/golden.h"

#define CASES DF_TEST_DATA "/hub"

typedef struct {
    const char *name;
    DfConfig *config;
    DfModel *model;
    DfCheckpoint *input, *expected;
    int heard;
} Case;

static void open_case(Case *k, const char *name)
{
    char path[1024];
    *k = (Case){ .name = name };
    snprintf(path, sizeof path, CASES "/%s", name);
    cr_assert_eq(df_model_config_read(&k->config, path, NULL, 0), DF_OK, "%s", df_error());
    cr_assert_eq(df_model_new(&k->model, df_config_root(k->config)), DF_OK, "%s: %s", name, df_error());
    cr_assert_eq(df_model_load(k->model, path, NULL), DF_OK, "%s", df_error());
    k->input = golden_open(CASES "/%s/input.safetensors", name);
    k->expected = golden_open(CASES "/%s/expected.safetensors", name);
    cr_assert(k->input && k->expected, "%s lacks a file", name);
}

static void close_case(Case *k)
{
    df_model_free(k->model);
    df_config_free(k->config);
    golden_close(k->input);
    golden_close(k->expected);
}

/* Scores of a classifier, or of a segmentor for every pixel of the prepared picture. */
static void hear(void *user, const char *name, const DfTensor *x)
{
    Case *k = user;
    if (strcmp(name, "logits") != 0 && strcmp(name, "input_logits") != 0)
        return;
    const DfArray *wanted = golden_get(k->expected, "logits");
    const DfArray ours = wanted->ndim == 4 ? golden_channels_last(wanted) : *wanted;
    const double e = max_abs_over_max(x->data, &ours);
    cr_assert_eq((size_t)df_array_count(wanted), df_size(x), "%s", k->name);
    cr_expect_leq(e, 2e-5, "%s: %s is %.2g off", k->name, name, e);
    k->heard++;
}

static void run(Case *k)
{
    DfCtx *c;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    df_listen(c, hear, false, k);
    const DfArray image = golden_channels_last(golden_get(k->input, "image"));
    DfTensor *x = golden_tensor(c, &image);
    if (df_model_is_segmentor(k->model)) {
        const DfImageMeta meta = { .ori_h = df_dim(x, 1), .ori_w = df_dim(x, 2) };
        uint16_t *labels = df_malloc(df_size(x) * sizeof *labels);
        cr_assert_eq(df_model_segment(k->model, c, &x, &meta, 1, labels), DF_OK, "%s", df_error());
        df_free(labels);
    } else {
        df_model_forward(k->model, c, x);
        cr_assert_eq(df_ctx_error(c), DF_OK, "%s: %s", k->name, df_error());
    }
    cr_expect_eq(k->heard, 1, "%s: heard %d times", k->name, k->heard);
    df_ctx_free(c);
}

static void check_names(const Case *k)
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
        Case k;
        if (entry->d_name[0] == '.')
            continue;
        open_case(&k, entry->d_name);
        run(&k);
        check_names(&k);
        close_case(&k);
        n++;
    }
    closedir(folder);
    cr_expect_geq(n, 12, "%d cases", n);
}
