/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/necks/test_fpn.c -- every option of the FPN against float64 PyTorch (tests/scripts/make_fpn.py).
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "necks/necks.h"
#include "tests/support/golden.h"

static const char *const cases[] = { "none", "end_level", "on_input", "on_lateral", "on_output", "true", "true_on_output", "bn", "gn_lateral",
                                     "bilinear", "bilinear_align", "scale_factor" };

static DfTensor *map_of(DfCtx *c, const DfCheckpoint *file, const char *name)
{
    const DfArray map = golden_channels_last(golden_get(file, name));
    return golden_tensor(c, &map);
}

static double distance(DfCtx *c, DfTensor *x, const DfArray *expected)
{
    DfTensor *y = df_permute(c, x, DF_SHAPE(0, 3, 1, 2));
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    cr_assert_eq((int64_t)df_size(y), df_array_count(expected));
    return max_abs_over_max(y->data, expected);
}

static void check(const char *name)
{
    DfCheckpoint *file = golden_open(DF_TEST_DATA "/necks/fpn_%s.safetensors", name);
    cr_assert_not_null(file);
    DfConfig *config;
    const char *json = df_checkpoint_metadata(file, "config");
    cr_assert_eq(df_config_parse(&config, json, strlen(json), name, false), DF_OK, "%s", df_error());

    const DfNeck *fpn = df_neck_find("FPN");
    NnModel *model;
    cr_assert_eq(nn_model_new(&model), DF_OK);
    void *self = nn_alloc(nn_root(model), 1, fpn->size);
    cr_assert(nn_configure(nn_root(model), df_config_root(config), fpn->opts, self, "FPN"));
    fpn->init(nn_root(model), self);
    NnReport report;
    cr_assert_eq(nn_model_init(model, 1), DF_OK, "%s", df_error());
    cr_assert_eq(nn_model_load(model, file, NULL, &report), DF_OK, "%s: %s", name, df_error());
    nn_report_free(&report);

    DfCtx *c;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    DfMaps in = { .n = 4 }, out;
    for (int i = 0; i < in.n; i++) {
        char key[16];
        snprintf(key, sizeof key, "input.%d", i);
        in.map[i] = map_of(c, file, key);
    }
    fpn->forward(c, self, &in, &out);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s: %s", name, df_error());
    cr_assert_eq(out.n, (int)df_node_int(df_node_get(df_config_root(config), "num_outs"), 0));
    for (int i = 0; i < out.n; i++) {
        char key[16];
        snprintf(key, sizeof key, "output.%d", i);
        const double d = distance(c, out.map[i], golden_get(file, key));
        cr_expect_lt(d, 5e-6, "%s %s: %g", name, key, d);
    }
    df_ctx_free(c);
    nn_model_free(model);
    df_config_free(config);
    golden_close(file);
}

Test(fpn, equals_pytorch_for_every_option)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(cases[i]);
}

static void refuses(const char *json, const char *word)
{
    DfConfig *config;
    cr_assert_eq(df_config_parse(&config, json, strlen(json), "config", false), DF_OK, "%s", df_error());
    const DfNeck *fpn = df_neck_find("FPN");
    NnModel *model;
    cr_assert_eq(nn_model_new(&model), DF_OK);
    void *self = nn_alloc(nn_root(model), 1, fpn->size);
    if (nn_configure(nn_root(model), df_config_root(config), fpn->opts, self, "FPN"))
        fpn->init(nn_root(model), self);
    cr_expect_lt(nn_model_error(model), 0, "%s", json);
    cr_expect_not_null(strstr(df_error(), word), "%s", df_error());
    nn_model_free(model);
    df_config_free(config);
}

Test(fpn, refuses_what_mmdet_asserts_against)
{
    refuses("{\"type\": \"FPN\", \"in_channels\": [3, 4], \"out_channels\": 4, \"num_outs\": 1}", "num_outs");
    refuses("{\"type\": \"FPN\", \"in_channels\": [3, 4], \"out_channels\": 4, \"num_outs\": 3, \"end_level\": 2}", "num_outs");
    refuses("{\"type\": \"FPN\", \"in_channels\": [3, 4], \"out_channels\": 4, \"num_outs\": 2, \"start_level\": 2}", "start_level");
    refuses("{\"type\": \"FPN\", \"in_channels\": [3, 4], \"out_channels\": 4, \"num_outs\": 2, \"add_extra_convs\": \"on_top\"}", "add_extra_convs");
    refuses("{\"type\": \"FPN\", \"in_channels\": [3, 4], \"num_outs\": 2}", "out_channels");
}
