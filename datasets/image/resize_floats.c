/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/resize_floats.c -- OpenCV's INTER_LINEAR for pictures of floats and doubles: positions as in
 * resize_cv2.c, all in double. Results of doubles have OpenCV's bits; floats differ in the last bit.
 */
#include <math.h>

#include "datasets/image/resize.h"

/* Where an output pixel reads: in[at] * a0 + in[at + step] * a1. */
typedef struct {
    int at, step;
    double a0, a1;
} Tap;

/* Columns beyond the first and last pixel are that pixel; rows there are read twice and keep both weights. */
static Tap tap(int i, int in, int out, bool row)
{
    const double f = (i + 0.5) * ((double)in / out) - 0.5;
    const int at = (int)floor(f);
    const double fraction = f - at;
    const int first = df_clamp_int(at, 0, in - 1);
    const int second = df_clamp_int(at + 1, 0, in - 1);
    if (!row && (at < 0 || at >= in - 1))
        return (Tap){ first, 0, 1, 0 };
    return (Tap){ first, second - first, 1 - fraction, fraction };
}

typedef struct {
    const DfGrid *in;
    const Tap *columns;
    int width;
    double *line[2]; /* stretched input rows, */
    int row[2];      /* and which ones        */
} Lines;

static bool are_doubles(const DfGrid *grid)
{
    return grid->cell == 3 * sizeof(double);
}

static void stretch_floats(double *restrict out, const float *restrict in, const Tap *taps, int width)
{
    for (int x = 0; x < width; x++)
        for (int c = 0; c < 3; c++) {
            const float *a = in + 3 * taps[x].at + c;
            *out++ = (double)a[0] * taps[x].a0 + (double)a[3 * taps[x].step] * taps[x].a1;
        }
}

static void stretch_doubles(double *restrict out, const double *restrict in, const Tap *taps, int width)
{
    for (int x = 0; x < width; x++)
        for (int c = 0; c < 3; c++) {
            const double *a = in + 3 * taps[x].at + c;
            *out++ = a[0] * taps[x].a0 + a[3 * taps[x].step] * taps[x].a1;
        }
}

/* An input row, stretched; it may take the place of another, but not of the row `keep`. */
static const double *line_of(Lines *l, int row, int keep)
{
    for (int i = 0; i < 2; i++)
        if (l->row[i] == row)
            return l->line[i];
    const int slot = l->row[0] == keep ? 1 : 0;
    const void *from = l->in->at + (size_t)row * (size_t)l->in->width * l->in->cell;
    if (are_doubles(l->in))
        stretch_doubles(l->line[slot], from, l->columns, l->width);
    else
        stretch_floats(l->line[slot], from, l->columns, l->width);
    l->row[slot] = row;
    return l->line[slot];
}

static void blend(DfGrid *out, int y, const double *a, const double *b, Tap t)
{
    const size_t n = (size_t)out->width * 3;
    void *row = out->at + (size_t)y * (size_t)out->width * out->cell;
    float *floats = row;
    double *doubles = row;
    for (size_t i = 0; i < n; i++) {
        const double v = a[i] * t.a0 + b[i] * t.a1;
        if (are_doubles(out))
            doubles[i] = v;
        else
            floats[i] = (float)v;
    }
}

static int bilinear(DfGrid *out, const DfGrid *in)
{
    const size_t n = (size_t)out->width * 3;
    Tap *columns = df_malloc((size_t)out->width * sizeof *columns);
    double *lines = df_malloc(2 * n * sizeof *lines);
    const bool ready = columns && lines;
    for (int x = 0; ready && x < out->width; x++)
        columns[x] = tap(x, in->width, out->width, false);
    Lines l = { in, columns, out->width, { lines, lines ? lines + n : NULL }, { -1, -1 } };
    for (int y = 0; ready && y < out->height; y++) {
        const Tap t = tap(y, in->height, out->height, true);
        const double *a = line_of(&l, t.at, t.at + t.step);
        const double *b = line_of(&l, t.at + t.step, t.at);
        blend(out, y, a, b, t);
    }
    df_free(columns);
    df_free(lines);
    return ready ? DF_OK : df_fail_memory("the lines of a resize");
}

/* An exact halving is the mean of four pixels, as that of bytes. It is what the weights 1/2 give, too. */
int df_resize_cv2_floats(DfGrid *out, const DfGrid *in, int height, int width)
{
    return df_grid_resize(out, in, height, width, bilinear);
}
