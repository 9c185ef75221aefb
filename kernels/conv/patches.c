/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/patches.c -- patches of a map as rows of a matrix.
 */
#include "kernels/conv/patches.h"

#include <string.h>

static size_t put_zeros(float *out, size_t n)
{
    memset(out, 0, n * sizeof *out);
    return n;
}

/* Part of a run may lie outside the map, left or right of it. Returns the floats written. */
static size_t gather_run(const DfPatches *p, const float *image, int y, int x, int length, float *out)
{
    const int first = x < 0 ? -x : 0;
    const int end = p->W - x < length ? p->W - x : length;
    if (y < 0 || y >= p->H || first >= end)
        return put_zeros(out, (size_t)length * p->channels);
    size_t n = put_zeros(out, (size_t)first * p->channels);
    const size_t inside = (size_t)(end - first) * p->channels;
    memcpy(out + n, image + ((size_t)y * (size_t)p->W + (size_t)(x + first)) * p->C + p->c0, inside * sizeof *out);
    n += inside;
    return n + put_zeros(out + n, (size_t)(length - end) * p->channels);
}

void df_patches_gather(const DfPatches *p, size_t row, size_t rows, float *out)
{
    const size_t per_image = (size_t)p->jH * (size_t)p->jW;
    for (size_t r = row; r < row + rows; r++) {
        const int y = (int)(r % per_image / (size_t)p->jW) * p->step_y;
        const int x = (int)(r % (size_t)p->jW) * p->step_x;
        const float *image = p->x + r / per_image * (size_t)p->H * (size_t)p->W * p->C;
        for (size_t i = 0; i < p->n_runs; i++)
            out += gather_run(p, image, y + p->runs[i].dy, x + p->runs[i].dx, p->runs[i].length, out);
    }
}

size_t df_patches_rows(size_t k)
{
    enum { PATCH_BYTES = 192 << 10, LEAST_ROWS = 12, MOST_ROWS = 96 };
    const size_t fitting = PATCH_BYTES / sizeof(float) / (k ? k : 1);
    return df_clamp_size(fitting / 6 * 6, LEAST_ROWS, MOST_ROWS); /* whole tiles of 6 rows */
}

DfRun *df_conv_runs_new(const DfConvShape *s)
{
    return df_malloc((size_t)s->kh * (size_t)s->kw * sizeof(DfRun));
}

size_t df_conv_runs(const DfConvShape *s, size_t longest, DfRun *runs)
{
    const bool joined = s->dilation[1] == 1 && s->groups == 1 && (size_t)s->kw * (size_t)s->I <= longest;
    const int length = joined ? s->kw : 1;
    size_t n = 0;
    for (int ky = 0; ky < s->kh; ky++)
        for (int kx = 0; kx < s->kw; kx += length)
            runs[n++] = (DfRun){ ky * s->dilation[0] - s->padding[0], kx * s->dilation[1] - s->padding[1], length };
    return n;
}

DfPatches df_conv_patches(const DfConvShape *s, const float *x, const DfRun *runs, size_t n_runs)
{
    const size_t channels = (size_t)(s->I / s->groups);
    return (DfPatches){
        .x = x, .H = s->H, .W = s->W, .jH = s->oH, .jW = s->oW, .step_y = s->stride[0], .step_x = s->stride[1],
        .C = (size_t)s->I, .channels = channels, .k = (size_t)s->kh * (size_t)s->kw * channels, .runs = runs,
        .n_runs = n_runs,
    };
}

size_t df_conv_outputs(const DfConvShape *s)
{
    return (size_t)s->N * (size_t)s->oH * (size_t)s->oW;
}

bool df_conv_is_product(const DfConvShape *s)
{
    const bool one_tap = s->kh == 1 && s->kw == 1;
    const bool in_place = s->stride[0] == 1 && s->stride[1] == 1 && s->padding[0] == 0 && s->padding[1] == 0;
    return one_tap && in_place && s->groups == 1;
}
