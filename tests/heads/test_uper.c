/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/heads/test_uper.c -- UPerHead on maps around the height of its strips, with a norm that belongs to
 * a pixel and one that belongs to the whole map, against float64 PyTorch
 * (tests/data/heads/uper_*.safetensors, made by tests/scripts/make_uper.py).
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "heads/heads.h"
#include "tests/support/golden.h"

enum { LEVELS = 4 };

typedef struct {
    DfConfig *config;
    NnModel *model;
    const DfPixelHead *record;
    void *self;
} Head;

static Head build(const char *norm)
{
    Head h = { .record = df_pixel_head_find("UPerHead") };
    char text[512];
    const char *cfg = strcmp(norm, "gn") == 0 ? "dict(type='GN', num_groups=2)" : "dict(type='SyncBN')";
    snprintf(text, sizeof text, "head = dict(in_channels=[4, 4, 4, 4], in_index=[0, 1, 2, 3], pool_scales=(1, 2, 3, 6), channels=4, "
                                "num_classes=3, align_corners=False, norm_cfg=%s, conv_cfg=%s)\n",
             cfg, strcmp(norm, "ws") == 0 ? "dict(type='ConvWS')" : "None");
    cr_assert_eq(df_config_parse(&h.config, text, strlen(text), "uper.py", true), DF_OK, "%s", df_error());
    cr_assert_eq(nn_model_new(&h.model), DF_OK);
    const NnScope root = nn_root(h.model);
    h.self = nn_alloc(root, 1, h.record->size);
    if (nn_configure(root, df_node_get(df_config_root(h.config), "head"), h.record->opts, h.self, "UPerHead"))
        h.record->init(root, h.self);
    cr_assert_eq(nn_model_error(h.model), DF_OK, "%s", df_error());
    cr_assert_eq(nn_model_init(h.model, 0), DF_OK, "%s", df_error());
    return h;
}


static double error_of(const Head *h, const DfCheckpoint *file, int rows, const char *rung)
{
    DfCtx *c;
    DfMaps in = { .n = LEVELS };
    char name[32];
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    c->k = df_kernels_named(rung);
    for (int i = 0; i < LEVELS; i++) {
        snprintf(name, sizeof name, "map%d_%d", i, rows);
        const DfArray map = golden_channels_last(golden_get(file, name));
        in.map[i] = golden_tensor(c, &map);
    }
    const DfTensor *scores = h->record->forward(c, h->self, &in);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    snprintf(name, sizeof name, "scores_%d", rows);
    const DfArray expected = golden_channels_last(golden_get(file, name));
    const double error = max_abs_over_max(scores->data, &expected);
    df_ctx_free(c);
    return error;
}

static void check(const char *norm)
{
    static const int heights[] = { 63, 64, 65, 131 };
    Head h = build(norm);
    NnReport report;
    DfCheckpoint *file = golden_open(DF_TEST_DATA "/heads/uper_%s.safetensors", norm);
    cr_assert_eq(nn_model_load(h.model, file, NULL, &report), DF_OK, "%s", df_error());
    nn_report_free(&report);
    for (int r = 0; df_kernels_rung(r); r++)
        for (int i = 0; i < 4; i++) {
            const double error = error_of(&h, file, heights[i], df_kernels_rung(r));
            cr_expect_leq(error, 1e-5, "%s, %d rows, %s: %g", norm, heights[i], df_kernels_rung(r), error);
        }
    golden_close(file);
    nn_model_free(h.model);
    df_config_free(h.config);
}

Test(uper, batch_norm_on_any_height)
{
    check("bn");
}

Test(uper, group_norm_on_any_height)
{
    check("gn");
}

Test(uper, standardised_weights_on_any_height)
{
    check("ws");
}
