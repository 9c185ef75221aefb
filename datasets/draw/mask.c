/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/draw/mask.c -- draws the mask of an instance: its pixels tinted in the colour of its label, with a solid
 * outline, and a dark line around it, so that instances of one label can be told apart.
 */
#include <string.h>

#include "datasets/draw/ink.h"

/* One pixel of the mask in an enlarged picture; `r` grows with it. */
static void set_square(const DfImage *image, int x, int y, int times, uint8_t *pixels, DfRect *r)
{
    for (int row = 0; row < times; row++)
        memset(pixels + (size_t)(y + row) * (size_t)image->width + (size_t)x, 1, (size_t)times);
    r->x1 = x < r->x1 ? x : r->x1;
    r->x2 = x + times > r->x2 ? x + times : r->x2;
    r->y1 = y < r->y1 ? y : r->y1;
    r->y2 = y + times > r->y2 ? y + times : r->y2;
}

/* Pixels of the picture, one byte each, row by row; and what part of it is not 0. */
static DfRect decode(const DfImage *image, const uint32_t *runs, size_t n, int times, uint8_t *pixels)
{
    const size_t H = (size_t)(image->height / times);
    const size_t W = (size_t)(image->width / times);
    DfRect r = { image->width, image->height, 0, 0 };
    size_t at = 0;
    for (size_t i = 0; i < n && at < H * W; i++) {
        const size_t end = runs[i] < H * W - at ? at + runs[i] : H * W;
        for (; i % 2 && at < end; at++)
            set_square(image, (int)(at / H) * times, (int)(at % H) * times, times, pixels, &r);
        at = end;
    }
    return r;
}

static bool inside(const DfImage *image, const uint8_t *pixels, int x, int y)
{
    if (x < 0 || y < 0 || x >= image->width || y >= image->height)
        return false;
    return pixels[(size_t)y * (size_t)image->width + (size_t)x];
}

/* Is one of the four pixels at this distance on the other side? */
static bool at_edge(const DfImage *image, const uint8_t *pixels, int x, int y, int distance, bool here)
{
    return inside(image, pixels, x - distance, y) != here || inside(image, pixels, x + distance, y) != here ||
           inside(image, pixels, x, y - distance) != here || inside(image, pixels, x, y + distance) != here;
}

static void paint(DfImage *image, const uint8_t *pixels, DfRect r, const uint8_t bgr[3], int line, int thin)
{
    static const uint8_t dark[3] = { 0, 0, 0 };
    const int x1 = df_clamp_int(r.x1 - thin, 0, image->width);
    const int x2 = df_clamp_int(r.x2 + thin, 0, image->width);
    const int y1 = df_clamp_int(r.y1 - thin, 0, image->height);
    const int y2 = df_clamp_int(r.y2 + thin, 0, image->height);
    for (int y = y1; y < y2; y++)
        for (int x = x1; x < x2; x++) {
            if (inside(image, pixels, x, y))
                df_blend(df_pixel_at(image, x, y), bgr, at_edge(image, pixels, x, y, line, true) ? 0.95f : 0.4f);
            else if (at_edge(image, pixels, x, y, thin, false))
                df_blend(df_pixel_at(image, x, y), dark, 0.45f);
        }
}

void df_draw_mask(DfImage *image, const DfDrawnBox *box, int times, uint8_t *pixels)
{
    const int line = df_pen_for(image).line;
    const int thin = line >= 4 ? line / 3 : 1;
    uint8_t colour[3];
    memset(pixels, 0, (size_t)image->height * (size_t)image->width);
    const DfRect r = decode(image, box->runs, box->n_runs, times, pixels);
    df_label_colour(box->label, colour);
    if (r.x1 < r.x2)
        paint(image, pixels, r, colour, line, thin);
}
