/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/models/test_segment_cost.c -- parameters and multiply-adds of ready segmentors at 512 x 2048 against the
 * published tables, which were counted in two ways.
 *
 * Swin's table counts everything, padded tokens included. DAT's (Xia et al., CVPR 2022) counts the layers and one of
 * the two products of deformable attention; products inside windows, padding and the other product are not in it.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#include "models/models.h"

typedef struct {
    const char *config;
    double parameters, macs; /* millions; thousand millions */
    bool all;                /* counted as for Swin         */
} Row;

static const Row rows[] = {
    { "upernet/upernet_swin_tiny_512_160k_ade20k", 60, 945, true },
    { "upernet/upernet_dat_tiny_512_160k_ade20k", 60, 957, false },
    { "semantic_fpn/semantic_fpn_dat_tiny_512_80k_ade20k", 32, 198, false },
};

/* Scores of every token for every sample: three blocks of 32 x 128 tokens and 384 channels, one of 16 x 64 and 768. */
static double one_product(void)
{
    return 3 * 4096.0 * 4096 * 384 + 1024.0 * 1024 * 768;
}

static double count_macs(const DfModel *model, bool all)
{
    DfCtx *c;
    const DfProfileRow *profile;
    cr_assert_eq(df_ctx_new(&c, NULL), DF_OK);
    c->dry = true;
    df_profile(c, true);
    df_model_forward(model, c, df_new(c, DF_SHAPE(1, 512, 2048, 3)));
    cr_assert_eq(df_ctx_error(c), DF_OK, "%s", df_error());
    cr_assert_gt(df_profile_rows(c, &profile), 0);
    const double *macs = profile[0].macs, layers = macs[DF_MACS_LAYER];
    const double counted = all ? layers + macs[DF_MACS_ATTENTION] + macs[DF_MACS_PADDING] : layers + one_product();
    df_ctx_free(c);
    return counted;
}

Test(segment_cost, as_published)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[512];
        DfConfig *config;
        DfModel *model;
        snprintf(path, sizeof path, DF_ROOT "/configs/%s.py", rows[i].config);
        cr_assert_eq(df_config_read(&config, path, NULL, 0), DF_OK, "%s", df_error());
        cr_assert_eq(df_model_new(&model, df_config_root(config)), DF_OK, "%s", df_error());
        const double parameters = (double)nn_model_elements(df_model_weights(model), "") / 1e6, macs = count_macs(model, rows[i].all) / 1e9;
        cr_expect_lt(fabs(parameters - rows[i].parameters), 0.5, "%s: %.3f M parameters", path, parameters);
        cr_expect_lt(fabs(macs - rows[i].macs), 0.7, "%s: %.3f G multiply-adds", path, macs);
        df_model_free(model);
        df_config_free(config);
    }
}
