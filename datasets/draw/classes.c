/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/draw/classes.c -- draws a class map over its picture, and a legend below it.
 *
 * Every class is tinted in its colour; a dark line separates classes, since palettes contain colours that are hard to
 * tell apart. The legend lists the classes of the picture, the largest first, each with its colour, name and share.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/draw/ink.h"

typedef struct {
    int label;
    size_t pixels;
    char text[64];
} Entry;

static const uint8_t black[3] = { 0, 0, 0 };

static void colour_of(const DfClasses *classes, int label, uint8_t bgr[3])
{
    if (label >= classes->n) {
        df_label_colour(label, bgr);
        return;
    }
    for (int i = 0; i < 3; i++)
        bgr[i] = classes->colour[label][2 - i];
}

/* ---- the picture ----------------------------------------------------------------------------------------------- */

/* Does another class begin within d pixels to the right or below? */
static bool at_border(const uint16_t *labels, int width, int height, int x, int y, int d)
{
    const size_t W = (size_t)width;
    const uint16_t *here = labels + (size_t)y * W + (size_t)x;
    if (x + d < width && here[d] != *here)
        return true;
    return y + d < height && here[(size_t)d * W] != *here;
}

static void cover(DfImage *image, const uint16_t *labels, const DfClasses *classes, float opacity)
{
    const int half = df_pen_for(image).line / 2;
    const int line = half > 1 ? half : 1;
    uint8_t *pixel = image->pixels;
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++, pixel += 3) {
            uint8_t bgr[3];
            colour_of(classes, labels[(size_t)y * (size_t)image->width + (size_t)x], bgr);
            df_blend(pixel, bgr, opacity);
            if (at_border(labels, image->width, image->height, x, y, line))
                df_blend(pixel, black, 0.6f);
        }
}

/* ---- the legend ------------------------------------------------------------------------------------------------ */

static int by_pixels(const void *a, const void *b)
{
    const Entry *x = a;
    const Entry *y = b;
    if (x->pixels != y->pixels)
        return x->pixels < y->pixels ? 1 : -1;
    return x->label - y->label;
}

static void name_entry(Entry *e, const DfClasses *classes, size_t total)
{
    char number[16];
    const double share = 100.0 * (double)e->pixels / (double)total;
    df_snprintf(number, sizeof number, "class %d", e->label);
    const char *name = e->label < classes->n ? classes->name[e->label] : number;
    if (share < 0.1)
        df_snprintf(e->text, sizeof e->text, "%.48s <0.1%%", name);
    else
        df_snprintf(e->text, sizeof e->text, "%.48s %.*f%%", name, share < 9.95 ? 1 : 0, share);
}

/* The classes of the map, the largest first. NULL after df_fail(). */
static Entry *count(const uint16_t *labels, size_t total, const DfClasses *classes, int *n)
{
    size_t *pixels = df_calloc(1 << 16, sizeof *pixels);
    *n = 0;
    for (size_t i = 0; pixels && i < total; i++)
        *n += pixels[labels[i]]++ == 0;
    Entry *entries = pixels ? df_calloc((size_t)*n + 1, sizeof *entries) : NULL;
    for (int label = 0, k = 0; entries && label < 1 << 16; label++)
        if (pixels[label]) {
            entries[k] = (Entry){ .label = label, .pixels = pixels[label] };
            name_entry(&entries[k++], classes, total);
        }
    df_free(pixels);
    if (!entries)
        df_fail_memory("a legend");
    else
        qsort(entries, (size_t)*n, sizeof *entries, by_pixels);
    return entries;
}

typedef struct {
    DfPen pen;
    int rows, columns, cell_width, cell_height, swatch;
} Layout;

static float widest(const DfPen *pen, const Entry *entries, int n)
{
    float width = 1;
    for (int i = 0; i < n; i++)
        width = fmaxf(width, df_text_width(pen, entries[i].text));
    return width;
}

/* As many columns as fit; a picture too narrow for one gets smaller letters. */
static Layout lay_out(const DfImage *image, const Entry *entries, int n)
{
    Layout l = { .pen = df_pen_for(image) };
    const float room = (float)image->width;
    const float wanted = widest(&l.pen, entries, n) + 4 * l.pen.size;
    if (wanted > room)
        df_pen_resize(&l.pen, l.pen.size * room / wanted);
    l.swatch = df_text_height(&l.pen) + l.pen.margin;
    l.cell_width = (int)ceilf(widest(&l.pen, entries, n)) + l.swatch + 5 * l.pen.margin;
    l.cell_height = df_text_height(&l.pen) + 3 * l.pen.margin;
    l.columns = df_clamp_int(image->width / l.cell_width, 1, n);
    l.rows = (n + l.columns - 1) / l.columns;
    return l;
}

/* Entries run down the columns. */
static void draw_entry(DfImage *image, const Layout *l, const DfClasses *classes, const Entry *e, int i, int top)
{
    const int m = l->pen.margin;
    const int x = i / l->rows * l->cell_width + m;
    const int y = top + i % l->rows * l->cell_height + m;
    const DfRect swatch = { x + m, y, x + m + l->swatch, y + l->swatch };
    const int edge = l->pen.line > 3 ? l->pen.line / 3 : 1;
    uint8_t bgr[3];
    colour_of(classes, e->label, bgr);
    df_fill(image, swatch, black, 1.0f);
    df_fill(image, (DfRect){ swatch.x1 + edge, swatch.y1 + edge, swatch.x2 - edge, swatch.y2 - edge }, bgr, 1.0f);
    df_write_text(image, &l->pen, (float)(swatch.x2 + 2 * m), y + m / 2, e->text, 0);
}

static int add_legend(DfImage *image, const Entry *entries, int n, const DfClasses *classes)
{
    const Layout l = lay_out(image, entries, n);
    const int top = image->height;
    const int error = df_extend_down(image, l.rows * l.cell_height + l.pen.margin);
    for (int i = 0; error == DF_OK && i < n; i++)
        draw_entry(image, &l, classes, &entries[i], i, top);
    return error;
}

int df_draw_classes(DfImage *image, const uint16_t *labels, const DfClasses *classes, float opacity)
{
    if (image->channels != 3)
        return df_fail(DF_EVALUE, "drawing on a picture of %d channels: want 3", image->channels);
    int n;
    Entry *entries = count(labels, (size_t)image->height * (size_t)image->width, classes, &n);
    if (!entries)
        return DF_ENOMEM;
    cover(image, labels, classes, opacity);
    const int error = add_legend(image, entries, n, classes);
    df_free(entries);
    return error;
}
