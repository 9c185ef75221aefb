/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/necks/test_fpn.c -- every option of the FPN against float64 PyTorch (tests/scripts/make_fpn.py).
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "necks/necks.h"
#include "tests/support/golden.h"

static const char *const cases[] = { "fpn_none", "fpn_end_level", "fpn_on_input", "fpn_on_lateral", "fpn_on_output", "fpn_true", "fpn_true_on_output", "fpn_bn", "fpn_gn_lateral",
                                     "fpn_bilinear", "fpn_bilinear_align", "fpn_scale_factor", "fpn_last_included", "fpn_last_is_all" };

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

static void check(const char *type, const char *name)
{
    DfCheckpoint *file = golden_open(DF_TEST_DATA "/necks/%s.safetensors", name);
    cr_assert_not_null(file);
    DfConfig *config;
    const char *json = df_checkpoint_metadata(file, "config");
    cr_assert_eq(df_config_parse(&config, json, strlen(json), name, false), DF_OK, "%s", df_error());

    const DfNeck *neck = df_neck_find(type);
    NnModel *model;
    cr_assert_eq(nn_model_new(&model), DF_OK);
    void *self = nn_alloc(nn_root(model), 1, neck->size);
    cr_assert(nn_configure(nn_root(model), df_config_root(config), neck->opts, self, type), "%s", df_error());
    neck->init(nn_root(model), self);
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
    neck->forward(c, self, &in, &out);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s: %s", name, df_error());
    cr_assert_eq(out.n, (int)df_node_int(df_node_get(df_config_root(config), "num_outs"), 4));
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
        check("FPN", cases[i]);
}

/* By mmdet's own modules. */
Test(channel_mapper, equals_mmdet)
{
    check("ChannelMapper", "mapper_plain");
    check("ChannelMapper", "mapper_gn");
    check("ChannelMapper", "mapper_bias");
    check("ChannelMapper", "mapper_even");
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

/* ---- forward passes that fail -------------------------------------------------------------------------------------------- */

typedef struct {
    NnModel *model;
    void *self;
    float pixels[2][4 * 6 * 3];
} Small;

static void build_small(Small *f, const char *more)
{
    char json[256];
    DfConfig *config;
    const DfNeck *fpn = df_neck_find("FPN");
    snprintf(json, sizeof json, "{\"type\": \"FPN\", \"in_channels\": [3, 3], \"out_channels\": 4, \"num_outs\": 4, %s}", more);
    cr_assert_eq(df_config_parse(&config, json, strlen(json), "config", false), DF_OK, "%s", df_error());
    cr_assert_eq(nn_model_new(&f->model), DF_OK);
    f->self = nn_alloc(nn_root(f->model), 1, fpn->size);
    if (nn_configure(nn_root(f->model), df_config_root(config), fpn->opts, f->self, "FPN"))
        fpn->init(nn_root(f->model), f->self);
    cr_assert_eq(nn_model_error(f->model), DF_OK, "%s", df_error());
    df_config_free(config);
}

/* One pass on maps of 4x6 and 2x3 of which allocation `fail` fails; or on the
 * nil tensors of a context that has failed before. */
static int pass(Small *f, size_t fail, bool poison, bool recording, size_t *calls)
{
    DfCtx *c;
    cr_assert_eq(nn_model_init(f->model, 1), DF_OK); /* forgets packed copies too */
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    c->recording = recording;
    DfMaps in = { .n = 2, .map = { df_borrow(c, DF_SHAPE(1, 4, 6, 3), f->pixels[0]), df_borrow(c, DF_SHAPE(1, 2, 3, 3), f->pixels[1]) } }, out;
    if (poison) {
        df_ctx_fail(c, DF_EVALUE, "failed before");
        in.map[0] = in.map[1] = &c->nil;
    }
    const DfMark before = df_enter(c, NULL, -1);
    const size_t start = df_memory().calls;
    df_memory_fail_at(fail, false);
    df_neck_find("FPN")->forward(c, f->self, &in, &out);
    df_memory_fail_at(0, false);
    *calls = df_memory().calls - start;
    cr_expect_eq(df_enter(c, NULL, -1).depth, before.depth, "a scope is still entered, allocation %zu", fail);
    df_leave(c, before, NULL);
    cr_expect(recording || c->live == 0, "%zu bytes live on, allocation %zu", c->live, fail);
    const int error = df_ctx_error(c);
    df_ctx_free(c);
    cr_assert_eq(nn_model_init(f->model, 1), DF_OK);
    return error;
}

static void fails_cleanly(const char *more, bool recording)
{
    Small f = { 0 };
    build_small(&f, more);
    cr_assert_eq(nn_model_init(f.model, 1), DF_OK);
    const size_t start = df_memory().now;
    size_t calls, failing;
    cr_expect_eq(pass(&f, 0, true, recording, &calls), DF_EVALUE);
    cr_expect_str_eq(df_error(), "failed before");
    cr_expect_eq(pass(&f, 0, false, recording, &calls), DF_OK, "%s", df_error());
    for (size_t n = 1; n <= calls; n++) {
        const int error = pass(&f, n, false, recording, &failing); /* what only makes it faster may be missing */
        cr_expect(error == DF_OK || error == DF_ENOMEM, "allocation %zu: %s", n, df_error());
        cr_expect_eq(df_memory().now, start, "allocation %zu: memory is kept", n);
    }
    nn_model_free(f.model);
}

Test(fpn, fails_cleanly)
{
    static const char *const options[] = {
        "\"add_extra_convs\": \"on_input\"",
        "\"add_extra_convs\": \"on_lateral\", \"relu_before_extra_convs\": true",
        "\"add_extra_convs\": \"on_output\", \"norm_cfg\": {\"type\": \"BN\"}",
        "\"upsample_cfg\": {\"mode\": \"bilinear\"}",
    };
    for (size_t i = 0; i < 2 * sizeof options / sizeof *options; i++)
        fails_cleanly(options[i / 2], i % 2);
}
