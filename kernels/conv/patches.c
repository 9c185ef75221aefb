/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/patches.c -- gathers patches of a map into rows of a matrix (im2col), and describes the taps of a
 * convolution as runs.
 */
#include "kernels/conv/patches.h"

#include <string.h>

#include "kernels/cut.h"

enum { LINE = 32, FEW = 4 * LINE }; /* bytes */

static void fill(char *out, int byte, size_t bytes)
{
    if (bytes)
        memset(out, byte, bytes);
}

/* Copies `bytes`; of few bytes always FEW if `room` allows, since a copy of constant length is faster. The next copy
 * overwrites the surplus. */
static inline void copy(char *to, const char *from, size_t bytes, size_t room)
{
    if (bytes <= FEW && room >= FEW)
        memcpy(to, from, FEW);
    else
        memcpy(to, from, bytes);
}

/* The offset of pixel (y, x) of an image, which may lie outside it. */
static ptrdiff_t pixel(const DfPatches *p, int y, int x)
{
    return (((ptrdiff_t)y * p->W + x) * (ptrdiff_t)p->C + (ptrdiff_t)p->c0) * (ptrdiff_t)p->number;
}

/* Bytes f0..f1-1 of a run. Part of it may lie outside the map, left or right of it. `room`: bytes that may be
 * written. */
static void gather_run(const DfPatches *p, const char *image, int y, int x, int length, size_t f0, size_t f1, char *out,
                       size_t room)
{
    const size_t tap = p->channels * p->number;
    const int first = df_clamp_int(-x, 0, length);
    const int end = df_clamp_int(p->W - x, first, length);
    const bool outside = y < 0 || y >= p->H;
    const size_t in0 = outside ? f1 : df_clamp_size((size_t)first * tap, f0, f1);
    const size_t in1 = outside ? f1 : df_clamp_size((size_t)end * tap, in0, f1);
    fill(out, p->outside, in0 - f0);
    if (in1 > in0) {
        const char *from = image + pixel(p, y, x) + in0;
        const size_t before = (size_t)(from - (const char *)p->x);
        const size_t left = p->bytes > before ? p->bytes - before : 0;
        copy(out + in0 - f0, from, in1 - in0, df_smaller(left, room - (in0 - f0)));
    }
    fill(out + in1 - f0, p->outside, f1 - in1);
}

/* The runs of one row, bytes k0..k1-1 of it, to a row of `ld`. */
static void gather_runs(const DfPatches *p, const char *image, int y, int x, size_t k0, size_t k1, char *out, size_t ld)
{
    for (size_t i = 0, begin = 0, end; i < p->n_runs && begin < k1; i++, begin = end) {
        const DfRun *run = &p->runs[i];
        end = begin + (size_t)run->length * p->channels * p->number;
        if (end <= k0)
            continue;
        const size_t f0 = begin < k0 ? k0 - begin : 0;
        const size_t f1 = df_smaller(end, k1) - begin;
        const size_t at = begin + f0 - k0;
        gather_run(p, image, y + run->dy, x + run->dx, run->length, f0, f1, out + at, ld - at);
    }
}

/* ---- short runs, as those of a first layer ----------------------------------------------------------------------- */

/* Copies `copied` bytes of each run, of which n belong to it; the next run overwrites the rest. */
static inline void copy_runs(size_t copied, size_t n, size_t runs, const char *from, size_t step, char *out)
{
    for (size_t i = 0; i < runs; i++)
        memcpy(out + i * n, from + i * step, copied);
}

/* Whether all taps around pixel (y, x) of the map lie within it. It may return false if it cannot tell. */
static bool inside(const DfPatches *p, int y, int x)
{
    const DfRun *first = p->runs;
    const DfRun *last = first + p->n_runs - 1;
    const int left = x + first->dx;
    return p->column && y + first->dy >= 0 && y + last->dy < p->H && left >= 0 && left + first->length <= p->W;
}

/* Copies a whole row of runs that lie inside; returns false if there is no room for the surplus bytes. */
static bool gather_short_runs(const DfPatches *p, const char *image, int y, int x, char *out, size_t room)
{
    const size_t n = (size_t)p->runs->length * p->channels * p->number;
    const size_t copied = df_ceil_div(n, LINE) * LINE;
    if (n > FEW || p->k * p->number - n + copied > room || !inside(p, y, x))
        return false;
    const size_t rows = p->n_runs > 1 ? (size_t)(p->runs[1].dy - p->runs[0].dy) : 0;
    const size_t step = rows * (size_t)p->W * p->C * p->number;
    const char *from = image + pixel(p, y + p->runs->dy, x + p->runs->dx);
    if ((size_t)(from - (const char *)p->x) + (p->n_runs - 1) * step + copied > p->bytes)
        return false;
    switch (copied) {
    case LINE: copy_runs(LINE, n, p->n_runs, from, step, out); break;
    case 2 * LINE: copy_runs(2 * LINE, n, p->n_runs, from, step, out); break;
    case 3 * LINE: copy_runs(3 * LINE, n, p->n_runs, from, step, out); break;
    default: copy_runs(FEW, n, p->n_runs, from, step, out); break;
    }
    return true;
}

void df_patches_gather_block(const DfPatches *p, size_t row, size_t rows, size_t k0, size_t k1, void *out, size_t ld)
{
    const size_t per_image = (size_t)p->jH * (size_t)p->jW;
    const size_t image = (size_t)p->H * (size_t)p->W * p->C * p->number;
    const size_t row_bytes = ld * p->number;
    const bool whole = k0 == 0 && k1 == p->k;
    char *to = out;
    for (size_t r = row; r < row + rows; r++, to += row_bytes) {
        const int y = (int)(r % per_image / (size_t)p->jW) * p->step_y;
        const int x = (int)(r % (size_t)p->jW) * p->step_x;
        const char *from = (const char *)p->x + r / per_image * image;
        if (!whole || !gather_short_runs(p, from, y, x, to, row_bytes))
            gather_runs(p, from, y, x, k0 * p->number, k1 * p->number, to, row_bytes);
    }
}

void df_patches_gather(const DfPatches *p, size_t row, size_t rows, void *out)
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

DfPatches df_conv_patches(const DfConvShape *s, const void *x, size_t number, const DfRun *runs, size_t n_runs)
{
    const size_t channels = (size_t)(s->I / s->groups);
    return (DfPatches){
        .x = x, .number = number, .bytes = (size_t)s->N * (size_t)s->H * (size_t)s->W * (size_t)s->I * number,
        .H = s->H, .W = s->W, .jH = s->oH, .jW = s->oW, .step_y = s->stride[0], .step_x = s->stride[1],
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
