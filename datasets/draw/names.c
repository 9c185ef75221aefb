/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/draw/names.c -- draws the classes of a whole picture below it: a bar for each probability, and its name.
 */
#include <math.h>
#include <stdio.h>

#include "datasets/draw/ink.h"
#include "datasets/image/grid.h"

enum { READABLE = 320 }; /* pixels of the longer side, below which letters would not be read */

static int enlarge(DfImage *image)
{
    const int times = df_times_to(image, READABLE);
    const DfGrid cells = df_grid_of_image(image);
    DfGrid larger;
    if (times == 1)
        return DF_OK;
    const int error = df_grid_nearest(&larger, &cells, image->height * times, image->width * times, DF_NEAREST_PIL);
    if (error < 0)
        return error;
    df_image_free(image);
    *image = (DfImage){ larger.height, larger.width, (int)larger.cell, larger.at };
    return DF_OK;
}

static void text_of(char *text, size_t size, const DfNamed *named)
{
    df_snprintf(text, size, "%.1f%% %.100s", 100.0 * (double)named->score, named->name);
}

/* Letters that the longest text fits with. */
static void fit_pen(DfPen *pen, const DfImage *image, const DfNamed *named, int n)
{
    char text[128];
    float widest = 1;
    for (int i = 0; i < n; i++) {
        text_of(text, sizeof text, &named[i]);
        widest = fmaxf(widest, df_text_width(pen, text));
    }
    const float room = (float)(image->width - 4 * pen->margin);
    if (widest > room)
        df_pen_resize(pen, pen->size * fmaxf(room, 1) / widest);
}

static void draw_row(DfImage *image, const DfPen *pen, const DfNamed *named, int i, int top, int height)
{
    const int y = top + i * height;
    const float share = fminf(fmaxf(named->score, 0), 1);
    const DfRect bar = { 0, y + 1, (int)lrintf(share * (float)image->width), y + height - 1 };
    char text[128];
    uint8_t bgr[3];
    df_label_colour(i, bgr);
    df_fill(image, bar, bgr, 0.35f);
    text_of(text, sizeof text, named);
    df_write_text(image, pen, (float)(2 * pen->margin), y + pen->margin, text, 0);
}

int df_draw_names(DfImage *image, const DfNamed *named, int n)
{
    if (image->channels != 3)
        return df_fail(DF_EVALUE, "drawing on a picture of %d channels: want 3", image->channels);
    int error = enlarge(image);
    if (error < 0)
        return error;
    DfPen pen = df_pen_for(image);
    fit_pen(&pen, image, named, n);
    const int height = df_text_height(&pen) + 2 * pen.margin;
    const int top = image->height;
    error = df_extend_down(image, n * height);
    for (int i = 0; error == DF_OK && i < n; i++)
        draw_row(image, &pen, &named[i], i, top, height);
    return error;
}
