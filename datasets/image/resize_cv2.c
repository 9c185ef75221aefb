/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/resize_cv2.c -- OpenCV's 8-bit INTER_LINEAR, bit for bit (modules/imgproc/src/resize.cpp).
 *
 * Along each axis output pixel i is at position f of the input, and is read from the two pixels around it, with
 * weights of 11 bits:
 *     f  = (i + 0.5) * in / out - 0.5,   at = floor(f)
 *     a1 = round((f - at) * 2048),       a0 = round((1 - (f - at)) * 2048)
 * First lines are resized, then two resized lines are blended:
 *     line = (p[at] * a0 + p[at + 1] * a1) >> 4                       8 + 11 - 4 = 15 bits
 *     out  = ((line0 * b0 >> 16) + (line1 * b1 >> 16) + 2) >> 2       15 + 11 - 16 = 10 bits, rounded to 8
 * Shifting each product before the sum loses bits, but allows 16-bit vectors; the plain formula gives other pixels.
 *
 * Each input line is resized once: the two latest are kept. The blend runs over int16_t without branches, so that the
 * compiler uses multiply-high instructions.
 */
#include <math.h>
#include <string.h>

#include "datasets/image/resize.h"

enum { ONE = 2048 }; /* the weight 1 */

/* Where an output pixel reads: in[at] * a0 + in[at + step] * a1. */
typedef struct {
    int at, step;
    int16_t a0, a1;
} Tap;

/* OpenCV counts in double, rounds the position to float, and takes the fraction there. */
static void position(int i, int in, int out, int *whole, float *fraction)
{
    const double scale = 1.0 / ((double)out / in);
    const float f = (float)((i + 0.5) * scale - 0.5);
    *whole = (int)floorf(f);
    *fraction = f - (float)*whole;
}

static Tap tap(int at, int step, float fraction)
{
    return (Tap){ at, step, (int16_t)lrintf((1.0f - fraction) * ONE), (int16_t)lrintf(fraction * ONE) };
}

/* Beyond the first and last pixel a column is that pixel with weight 1: nothing is read outside the line. */
static Tap column_tap(int i, int in, int out, int channels)
{
    int at;
    float fraction;
    position(i, in, out, &at, &fraction);
    if (at < 0)
        return tap(0, 0, 0.0f);
    if (at >= in - 1)
        return tap((in - 1) * channels, 0, 0.0f);
    return tap(at * channels, channels, fraction);
}

/* Beyond the first and last row that row is read twice and keeps both weights, which rounds otherwise than weight 1. */
static Tap row_tap(int i, int in, int out)
{
    int at;
    float fraction;
    position(i, in, out, &at, &fraction);
    const int first = df_clamp_int(at, 0, in - 1);
    const int second = df_clamp_int(at + 1, 0, in - 1);
    return tap(first, second - first, fraction);
}

static void stretch_line(int16_t *restrict out, const uint8_t *restrict in, const Tap *taps, int width, int channels)
{
    if (channels == 3) { /* the common case, free of the inner loop */
        for (int x = 0; x < width; x++, out += 3) {
            const Tap t = taps[x];
            const uint8_t *a = in + t.at;
            const uint8_t *b = a + t.step;
            out[0] = (int16_t)((a[0] * t.a0 + b[0] * t.a1) >> 4);
            out[1] = (int16_t)((a[1] * t.a0 + b[1] * t.a1) >> 4);
            out[2] = (int16_t)((a[2] * t.a0 + b[2] * t.a1) >> 4);
        }
        return;
    }
    for (int x = 0; x < width; x++)
        for (int c = 0; c < channels; c++) {
            const uint8_t *a = in + taps[x].at + c;
            *out++ = (int16_t)((a[0] * taps[x].a0 + a[taps[x].step] * taps[x].a1) >> 4);
        }
}

static void blend_lines(uint8_t *restrict out, const int16_t *restrict a, const int16_t *restrict b, Tap t, size_t n)
{
    const int16_t a0 = t.a0;
    const int16_t a1 = t.a1;
    for (size_t i = 0; i < n; i++) {
        const int16_t upper = (int16_t)((a[i] * a0) >> 16);
        const int16_t lower = (int16_t)((b[i] * a1) >> 16);
        out[i] = (uint8_t)((int16_t)(upper + lower + 2) >> 2);
    }
}

typedef struct {
    const DfImage *in;
    const Tap *columns;
    int width;
    int16_t *line[2]; /* stretched input rows, */
    int row[2];       /* and which ones        */
} Lines;

/* An input row, stretched; it may take the place of another, but not of the row `keep`. */
static const int16_t *line_of(Lines *l, int row, int keep)
{
    for (int i = 0; i < 2; i++)
        if (l->row[i] == row)
            return l->line[i];
    const int slot = l->row[0] == keep ? 1 : 0;
    const size_t stride = (size_t)l->in->width * (size_t)l->in->channels;
    stretch_line(l->line[slot], l->in->pixels + (size_t)row * stride, l->columns, l->width, l->in->channels);
    l->row[slot] = row;
    return l->line[slot];
}

static int bilinear(DfImage *out, const DfImage *in)
{
    const size_t n = (size_t)out->width * (size_t)out->channels;
    Tap *columns = df_malloc((size_t)out->width * sizeof *columns);
    int16_t *lines = df_malloc(2 * n * sizeof *lines);
    const bool ready = columns && lines;
    if (ready) {
        for (int x = 0; x < out->width; x++)
            columns[x] = column_tap(x, in->width, out->width, in->channels);
        Lines l = { in, columns, out->width, { lines, lines + n }, { -1, -1 } };
        for (int y = 0; y < out->height; y++) {
            const Tap t = row_tap(y, in->height, out->height);
            const int16_t *a = line_of(&l, t.at, t.at + t.step);
            const int16_t *b = line_of(&l, t.at + t.step, t.at);
            blend_lines(out->pixels + (size_t)y * n, a, b, t, n);
        }
    }
    df_free(columns);
    df_free(lines);
    return ready ? DF_OK : df_fail_memory("the lines of a resize");
}

/* An exact halving is the mean of four pixels: OpenCV switches to INTER_AREA for it. */
static void halve(DfImage *out, const DfImage *in)
{
    const int channels = in->channels;
    const size_t stride = (size_t)in->width * (size_t)channels;
    uint8_t *to = out->pixels;
    for (int y = 0; y < out->height; y++) {
        const uint8_t *a = in->pixels + 2 * (size_t)y * stride;
        const uint8_t *b = a + stride;
        for (int x = 0; x < out->width; x++, a += channels, b += channels)
            for (int c = 0; c < channels; c++, a++, b++)
                *to++ = (uint8_t)((a[0] + a[channels] + b[0] + b[channels] + 2) >> 2);
    }
}

int df_resize_cv2(DfImage *out, const DfImage *in, int height, int width)
{
    int error = df_image_new(out, height, width, in->channels);
    if (error < 0)
        return error;
    if (height == in->height && width == in->width)
        memcpy(out->pixels, in->pixels, df_image_bytes(in));
    else if (height * 2 == in->height && width * 2 == in->width)
        halve(out, in);
    else if ((error = bilinear(out, in)) < 0)
        df_image_free(out);
    return error;
}
