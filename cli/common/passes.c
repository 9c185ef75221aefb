/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/passes.c -- passes through a network on random pictures.
 */
#include "cli/common/noise.h"
#include "cli/common/passes.h"

#include <stdlib.h>

int cli_dry_pass(CliSession *s, int batch, int H, int W)
{
    s->c->dry = true;
    df_profile(s->c, true);
    df_model_forward(s->model, s->c, df_new(s->c, DF_SHAPE(batch, H, W, df_model_channels(s->model))));
    return df_ctx_error(s->c);
}

double cli_multiply_adds(const DfProfileRow *row)
{
    return row->macs[DF_MACS_LAYER] + row->macs[DF_MACS_ATTENTION] + row->macs[DF_MACS_PADDING];
}

static int detect(CliSession *s, DfTensor *image)
{
    const int n = df_dim(image, 0);
    const int H = df_dim(image, 1);
    const int W = df_dim(image, 2);
    DfImageMeta metas[CLI_BATCH] = { { 0 } };
    DfDetections found[CLI_BATCH];
    for (int i = 0; i < n; i++)
        metas[i] = (DfImageMeta){ H, W, H, W, H, W, { 1, 1, 1, 1 }, false, false };
    const int error = df_model_detect(s->model, s->c, image, metas, n, true, found);
    for (int i = 0; error == DF_OK && i < n; i++)
        df_detections_free(&found[i]);
    return error;
}

int cli_pass(CliSession *s, DfTensor *image, bool decoded)
{
    if (decoded)
        return detect(s, image);
    df_model_forward(s->model, s->c, image);
    return df_ctx_error(s->c);
}

static int time_pass(CliSession *s, int batch, int H, int W, bool decoded, double *seconds)
{
    df_reset(s->c);
    DfTensor *image = cli_noise_pictures(s, batch, H, W);
    const double start = cli_now();
    const int error = cli_pass(s, image, decoded);
    *seconds = cli_now() - start;
    return error;
}

int cli_time_network(CliSession *s, int batch, int H, int W, double *seconds)
{
    return time_pass(s, batch, H, W, false, seconds);
}

int cli_time_detector(CliSession *s, int batch, int H, int W, double *seconds)
{
    return time_pass(s, batch, H, W, true, seconds);
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double cli_median(double *v, int n)
{
    if (n == 0)
        return 0;
    qsort(v, (size_t)n, sizeof *v, by_size);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}
