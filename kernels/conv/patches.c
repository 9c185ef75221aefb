/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/patches.c -- patches of a map as rows of a matrix.
 */
#include "kernels/conv/patches.h"

#include <string.h>

#include "kernels/cut.h"

enum { FEW = 32 };

static void put_zeros(float *out, size_t n)
{
    if (n)
        memset(out, 0, n * sizeof *out);
}

/* Copies n floats, or `room` for more of them, which the next copy overwrites: a few, always the same number of them,
 * are faster than exactly those wanted. */
static inline void copy(float *to, const float *from, size_t n, size_t room)
{
    if (n <= FEW && room >= FEW)
        memcpy(to, from, FEW * sizeof *to);
    else
        memcpy(to, from, n * sizeof *to);
}

/* Floats f0..f1-1 of a run. Part of it may lie outside the map, left or right of it. `room`: floats that may be
 * written. */
static void gather_run(const DfPatches *p, const float *image, int y, int x, int length, size_t f0, size_t f1,
                       float *out, size_t room)
{
    const int first = df_clamp_int(-x, 0, length);
    const int end = df_clamp_int(p->W - x, first, length);
    const bool outside = y < 0 || y >= p->H;
    const size_t in0 = outside ? f1 : df_clamp_size((size_t)first * p->channels, f0, f1);
    const size_t in1 = outside ? f1 : df_clamp_size((size_t)end * p->channels, in0, f1);
    put_zeros(out, in0 - f0);
    if (in1 > in0) {
        const float *from = image + ((ptrdiff_t)y * p->W + x) * (ptrdiff_t)p->C + (ptrdiff_t)(p->c0 + in0);
        const size_t before = (size_t)(from - p->x);
        const size_t left = p->floats > before ? p->floats - before : 0;
        copy(out + in0 - f0, from, in1 - in0, df_smaller(left, room - (in0 - f0)));
    }
    put_zeros(out + in1 - f0, f1 - in1);
}

/* The runs of one row, columns k0..k1-1 of it. */
static void gather_runs(const DfPatches *p, const float *image, int y, int x, size_t k0, size_t k1, float *out,
                        size_t ld)
{
    for (size_t i = 0, begin = 0, end; i < p->n_runs && begin < k1; i++, begin = end) {
        const DfRun *run = &p->runs[i];
        end = begin + (size_t)run->length * p->channels;
        if (end <= k0)
            continue;
        const size_t f0 = begin < k0 ? k0 - begin : 0;
        const size_t f1 = df_smaller(end, k1) - begin;
        const size_t at = begin + f0 - k0;
        gather_run(p, image, y + run->dy, x + run->dx, run->length, f0, f1, out + at, ld - at);
    }
}

/* Short runs, as those of a first layer: `copied` floats each, n of them its own; the next run overwrites the rest. */
static inline void copy_runs(size_t copied, size_t n, size_t runs, const float *from, size_t step, float *out)
{
    for (size_t i = 0; i < runs; i++)
        memcpy(out + i * n, from + i * step, copied * sizeof *out);
}

/* A whole row of short runs that lie inside, if there is room for what is copied too much. */
static bool gather_short_runs(const DfPatches *p, const float *image, int y, int x, float *out, size_t room)
{
    const size_t n = (size_t)p->runs->length * p->channels;
    const size_t step = df_patches_run_step(p);
    if (n > FEW || p->k + FEW > room || !df_patches_inside(p, y, x))
        return false;
    const float *from = image + df_patches_first(p, y, x);
    if ((size_t)(from - p->x) + (p->n_runs - 1) * step + FEW > p->floats)
        return false;
    if (n <= 24)
        copy_runs(24, n, p->n_runs, from, step, out);
    else
        copy_runs(FEW, n, p->n_runs, from, step, out);
    return true;
}

void df_patches_gather_block(const DfPatches *p, size_t row, size_t rows, size_t k0, size_t k1, float *out, size_t ld)
{
    const size_t per_image = (size_t)p->jH * (size_t)p->jW;
    const bool whole = k0 == 0 && k1 == p->k;
    for (size_t r = row; r < row + rows; r++, out += ld) {
        const int y = (int)(r % per_image / (size_t)p->jW) * p->step_y;
        const int x = (int)(r % (size_t)p->jW) * p->step_x;
        const float *image = p->x + r / per_image * (size_t)p->H * (size_t)p->W * p->C;
        if (!whole || !gather_short_runs(p, image, y, x, out, ld))
            gather_runs(p, image, y, x, k0, k1, out, ld);
    }
}

void df_patches_gather(const DfPatches *p, size_t row, size_t rows, float *out)
{
    df_patches_gather_block(p, row, rows, 0, p->k, out, p->k);
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

static bool is_column(const DfRun *runs, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (runs[i].dx != runs[0].dx || runs[i].length != runs[0].length)
            return false;
    return n > 0;
}

DfPatches df_conv_patches(const DfConvShape *s, const float *x, const DfRun *runs, size_t n_runs)
{
    const size_t channels = (size_t)(s->I / s->groups);
    return (DfPatches){
        .x = x, .floats = (size_t)s->N * (size_t)s->H * (size_t)s->W * (size_t)s->I, .H = s->H, .W = s->W,
        .jH = s->oH, .jW = s->oW, .step_y = s->stride[0], .step_x = s->stride[1],
        .C = (size_t)s->I, .channels = channels, .k = (size_t)s->kh * (size_t)s->kw * channels, .runs = runs,
        .n_runs = n_runs, .column = is_column(runs, n_runs),
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
