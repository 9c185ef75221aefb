/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/models/test_detr_cost.c -- parameters and multiply-adds of the ready DETR configs against the
 * tables of the papers. Those are means over the first 100 images of COCO val2017, resized to (800, 1333)
 * (issue 110 of the official repository); an image of the mean size has 800 x 1120 pixels. What is trained
 * is counted, as the official programs print it.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#include "models/models.h"

typedef struct {
    const char *config;
    double parameters, macs; /* millions; thousand millions */
} Row;

static const Row rows[] = {
    { "detr/detr_r50", 41, 86 }, { "detr/detr_r50_dc5", 41, 187 }, { "detr/detr_r101", 60, 152 }, { "detr/detr_r101_dc5", 60, 253 },
    { "deformable_detr/deformable_detr_r50", 40, 173 }, { "deformable_detr/deformable_detr_r50_single_scale", 34, 78 },
    { "deformable_detr/deformable_detr_r50_single_scale_dc5", 34, 128 },
};

/* One dry pass: the same arithmetic on shapes alone. */
static double count_macs(const DfModel *model)
{
    DfCtx *c;
    const DfProfileRow *profile;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    c->dry = true;
    df_profile(c, true);
    df_model_forward(model, c, df_new(c, DF_SHAPE(1, 800, 1120, 3)));
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    cr_assert_gt(df_profile_rows(c, &profile), 0);
    const double macs = profile[0].macs[DF_MACS_LAYER] + profile[0].macs[DF_MACS_ATTENTION];
    df_ctx_free(c);
    return macs;
}

static size_t count_trained(const NnModel *weights)
{
    size_t n = 0;
    for (int i = 0; i < nn_model_count(weights); i++) {
        const NnParam *param = nn_model_at(weights, i);
        n += param->buffer || param->frozen ? 0 : df_count(param->shape);
    }
    return n;
}

static size_t check(const Row *row)
{
    char path[512];
    DfConfig *config;
    DfModel *model;
    snprintf(path, sizeof path, DF_ROOT "/configs/%s.py", row->config);
    cr_assert_eq(df_config_read(&config, path, NULL, 0), DF_OK, "%s", df_error());
    cr_assert_eq(df_model_new(&model, df_config_root(config)), DF_OK, "%s", df_error());
    const size_t trained = count_trained(df_model_weights(model));
    const double parameters = (double)trained / 1e6, macs = count_macs(model) / 1e9;
    cr_expect_eq(round(parameters), row->parameters, "%s: %.3f M parameters, want %.0f", row->config, parameters, row->parameters);
    cr_expect_lt(fabs(macs / row->macs - 1), 0.025, "%s: %.1f G multiply-adds, want %.0f", row->config, macs, row->macs);
    df_model_free(model);
    df_config_free(config);
    return trained;
}

Test(detr_cost, as_in_the_papers)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check(&rows[i]);
    cr_expect_eq(check(&rows[0]), 41302368); /* as the official program prints them */
    cr_expect_eq(check(&rows[2]), 60242272);
}
