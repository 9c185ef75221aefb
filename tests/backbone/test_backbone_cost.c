/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/backbone/test_backbone_cost.c -- parameters and multiply-adds of the ready classification configs at 224 x 224 against the
 * tables of the papers, which round to one decimal.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#include "backbone/backbone.h"

typedef struct {
    const char *config;
    double parameters, macs; /* millions; thousand millions, 0: not reported */
} Row;

static const Row rows[] = {
    { "swin_tiny", 28.3, 4.5 },    { "swin_small", 49.6, 8.7 },   { "swin_base", 87.8, 15.4 },
    { "dat_tiny", 29, 4.6 },       { "dat_small", 50, 9.0 },      { "dat_base", 88, 15.8 },
    { "dat_pp_tiny", 24, 4.3 },    { "dat_pp_small", 53, 9.4 },   { "dat_pp_base", 93, 16.6 },
    { "pvt_tiny", 13.2, 1.9 },     { "pvt_small", 24.5, 3.8 },    { "pvt_medium", 44.2, 6.7 },   { "pvt_large", 61.4, 9.8 },
    { "pvt_v2_b0", 3.7, 0.6 },     { "pvt_v2_b1", 14.0, 2.1 },    { "pvt_v2_b2", 25.4, 4.0 },    { "pvt_v2_b2_li", 22.6, 3.9 },
    { "pvt_v2_b3", 45.2, 6.9 },    { "pvt_v2_b4", 62.6, 10.1 },   { "pvt_v2_b5", 82.0, 11.8 },
    { "focal_tiny", 28.9, 4.9 },   { "focal_small", 51.1, 9.4 },  { "focal_base", 89.8, 16.4 },
    { "resnet18", 11.7, 1.8 },     { "resnet34", 21.8, 3.7 },     { "resnet50", 25.6, 4.1 },     { "resnet101", 44.5, 7.8 },
    { "resnet152", 60.2, 11.5 },
};

/* One dry pass: the same arithmetic on shapes alone. */
static double count_macs(const DfBackbone *backbone, const void *self)
{
    DfCtx *c;
    DfMaps maps;
    const DfProfileRow *profile;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    c->dry = true;
    df_profile(c, true);
    backbone->forward(c, self, df_new(c, DF_SHAPE(1, 224, 224, 3)), &maps);
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    cr_assert_gt(df_profile_rows(c, &profile), 0);
    const double macs = profile[0].macs[DF_MACS_LAYER] + profile[0].macs[DF_MACS_ATTENTION];
    df_ctx_free(c);
    return macs;
}

static void check(const Row *row)
{
    char path[512];
    DfConfig *config;
    NnModel *weights;
    snprintf(path, sizeof path, DF_ROOT "/configs/classification/%s_224.py", row->config);
    cr_assert_eq(df_config_read(&config, path, NULL, 0), DF_OK, "%s", df_error());
    const DfNode *dict = df_node_get(df_config_root(config), "backbone");
    const DfBackbone *backbone = df_backbone_find(df_node_text(df_node_get(dict, "type"), ""));
    cr_assert_not_null(backbone, "%s", df_error());
    cr_assert_eq(nn_model_new(&weights), DF_OK);
    void *self = nn_alloc(nn_root(weights), 1, backbone->size);
    if (nn_configure(nn_root(weights), dict, backbone->opts, self, backbone->name))
        backbone->init(nn_root(weights), self);
    cr_assert_eq(nn_model_error(weights), DF_OK, "%s: %s", row->config, df_error());
    const double parameters = (double)nn_model_elements(weights, "") / 1e6, macs = count_macs(backbone, self) / 1e9;
    const double rounding = row->parameters == floor(row->parameters) ? 0.75 : 0.051; /* DAT-T has 28.3 M, in the paper 29 */
    cr_expect_lt(fabs(parameters - row->parameters), rounding, "%s: %.3f M parameters, want %.1f", row->config, parameters, row->parameters);
    cr_expect_lt(fabs(macs - row->macs), 0.1, "%s: %.3f G multiply-adds, want %.1f", row->config, macs, row->macs);
    nn_model_free(weights);
    df_config_free(config);
}

Test(backbone_cost, as_in_the_papers)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check(&rows[i]);
}
