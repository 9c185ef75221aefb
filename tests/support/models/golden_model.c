/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/support/models/golden_model.c -- a small network of the official code with its weights.
 */
#include "tests/support/models/golden_model.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void golden_model_open(GoldenModel *g, const char *format, ...)
{
    char config[1100], weights[1100];
    va_list args;
    *g = (GoldenModel){ 0 };
    va_start(args, format);
    vsnprintf(g->path, sizeof g->path, format, args);
    va_end(args);
    g->name = strrchr(g->path, '/') + 1;
    snprintf(config, sizeof config, "%s/config.json", g->path);
    snprintf(weights, sizeof weights, "%s/weights.pth", g->path);
    const bool ours = access(weights, F_OK) == 0; /* else the folder is config and weights */
    cr_assert_eq(df_model_config_read(&g->config, ours ? config : g->path, NULL, 0), DF_OK, "%s", df_error());
    cr_assert_eq(df_model_new(&g->model, df_config_root(g->config)), DF_OK, "%s: %s", g->path, df_error());
    cr_assert_eq(df_model_load(g->model, ours ? weights : g->path, NULL), DF_OK, "%s: %s", g->path, df_error());
    g->input = golden_open("%s/input.safetensors", g->path);
    g->expected = golden_open("%s/expected.safetensors", g->path);
    cr_assert(g->input && g->expected, "%s lacks a file", g->path);
}

void golden_model_close(GoldenModel *g)
{
    df_model_free(g->model);
    df_config_free(g->config);
    golden_close(g->input);
    golden_close(g->expected);
}

DfTensor *golden_model_image(DfCtx *c, const GoldenModel *g, const char *name)
{
    const DfArray image = golden_channels_last(golden_get(g->input, name));
    return golden_tensor(c, &image);
}
