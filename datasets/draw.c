/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/draw.c -- boxes and labels on a picture.
 *
 * A box is a coloured frame with a thin dark edge on both sides, so that it stands out on any ground; its label is a filled
 * tag above the upper left corner (inside, where there is no room above) with black or white letters, whichever reads better.
 * Letters are the dots of font.c, enlarged with linear interpolation and a steep threshold, which rounds their corners.
 */
#include "datasets/draw.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    int x1, y1, x2, y2; /* x2 and y2 are outside */
} Rect;

typedef struct {
    float dot;   /* side of a dot of the font, in pixels */
    int line;    /* width of a frame                     */
    int margin;  /* around the letters of a tag          */
} Pen;

static Pen pen_for(const DfImage *image)
{
    const float side = sqrtf((float)image->width * (float)image->height);
    const float dot = fminf(fmaxf(side / 330.0f, 1.25f), 24.0f);
    return (Pen){ dot, (int)lrintf(fmaxf(1.0f, side / 270.0f)), (int)lrintf(dot * 1.5f) };
}

/* ---- colours --------------------------------------------------------------------------------------------------- */

static uint8_t channel(double hue, double saturation, double value)
{
    const double k = fmod(hue * 6.0, 6.0), dip = fmax(0.0, fmin(fmin(k, 4.0 - k), 1.0));
    return (uint8_t)lrint(255.0 * value * (1.0 - saturation * dip));
}

void df_label_colour(int label, uint8_t bgr[3])
{
    const unsigned i = (unsigned)label;
    const double hue = fmod((double)i * 0.6180339887 + 0.02, 1.0); /* the golden section keeps neighbours far apart */
    const double saturation = i / 3 % 2 ? 0.62 : 0.88, value = i / 2 % 2 ? 0.86 : 1.0;
    bgr[2] = channel(hue + 5.0 / 6.0, saturation, value);
    bgr[1] = channel(hue + 3.0 / 6.0, saturation, value);
    bgr[0] = channel(hue + 1.0 / 6.0, saturation, value);
}

/* Rec. 601 luma decides between black and white letters. */
static uint8_t ink_on(const uint8_t bgr[3])
{
    return 0.114 * bgr[0] + 0.587 * bgr[1] + 0.299 * bgr[2] > 140.0 ? 0 : 255;
}

/* ---- shapes ---------------------------------------------------------------------------------------------------- */

static void blend(uint8_t *pixel, const uint8_t bgr[3], float cover)
{
    for (int c = 0; c < 3; c++)
        pixel[c] = (uint8_t)lrintf((float)pixel[c] + cover * (float)(bgr[c] - pixel[c]));
}

static int clamp(int v, int lo, int hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

static void fill(DfImage *image, Rect r, const uint8_t bgr[3], float cover)
{
    const int x1 = clamp(r.x1, 0, image->width), x2 = clamp(r.x2, 0, image->width);
    const int y1 = clamp(r.y1, 0, image->height), y2 = clamp(r.y2, 0, image->height);
    for (int y = y1; y < y2; y++) {
        uint8_t *pixel = image->pixels + ((size_t)y * (size_t)image->width + (size_t)x1) * 3;
        for (int x = x1; x < x2; x++, pixel += 3)
            blend(pixel, bgr, cover);
    }
}

/* The band of `width` pixels just inside r. */
static void frame(DfImage *image, Rect r, int width, const uint8_t bgr[3], float cover)
{
    fill(image, (Rect){ r.x1, r.y1, r.x2, r.y1 + width }, bgr, cover);
    fill(image, (Rect){ r.x1, r.y2 - width, r.x2, r.y2 }, bgr, cover);
    fill(image, (Rect){ r.x1, r.y1 + width, r.x1 + width, r.y2 - width }, bgr, cover);
    fill(image, (Rect){ r.x2 - width, r.y1 + width, r.x2, r.y2 - width }, bgr, cover);
}

static Rect grown(Rect r, int by)
{
    return (Rect){ r.x1 - by, r.y1 - by, r.x2 + by, r.y2 + by };
}

/* ---- letters --------------------------------------------------------------------------------------------------- */

static float dot_at(const uint8_t glyph[DF_FONT_ROWS], int row, int column)
{
    if (row < 0 || row >= DF_FONT_ROWS || column < 0 || column >= DF_FONT_COLUMNS)
        return 0.0f;
    return (float)(glyph[row] >> (DF_FONT_COLUMNS - 1 - column) & 1);
}

/* How much of a pixel at (x, y), in dots, is ink. */
static float ink_at(const uint8_t glyph[DF_FONT_ROWS], float x, float y, float dot)
{
    const float fx = floorf(x - 0.5f), fy = floorf(y - 0.5f), ax = x - 0.5f - fx, ay = y - 0.5f - fy;
    const int column = (int)fx, row = (int)fy;
    const float top = dot_at(glyph, row, column) * (1.0f - ax) + dot_at(glyph, row, column + 1) * ax;
    const float bottom = dot_at(glyph, row + 1, column) * (1.0f - ax) + dot_at(glyph, row + 1, column + 1) * ax;
    const float level = top * (1.0f - ay) + bottom * ay;
    return fminf(fmaxf((level - 0.46f) * fmaxf(dot, 1.6f) + 0.5f, 0.0f), 1.0f);
}

static float advance(const Pen *pen)
{
    return (float)(DF_FONT_COLUMNS + 1) * pen->dot;
}

static void write_glyph(DfImage *image, const Pen *pen, float left, int top, unsigned char letter, uint8_t ink)
{
    const uint8_t *glyph = df_font[(letter < ' ' || letter > '~' ? '?' : letter) - ' '];
    const uint8_t colour[3] = { ink, ink, ink };
    const int height = (int)ceilf(DF_FONT_ROWS * pen->dot);
    const int x1 = clamp((int)floorf(left - pen->dot), 0, image->width), x2 = clamp((int)ceilf(left + advance(pen)), 0, image->width);
    for (int y = clamp(top, 0, image->height); y < clamp(top + height, 0, image->height); y++)
        for (int x = x1; x < x2; x++) {
            const float cover = ink_at(glyph, ((float)x + 0.5f - left) / pen->dot, ((float)(y - top) + 0.5f) / pen->dot, pen->dot);
            if (cover > 0.0f)
                blend(image->pixels + ((size_t)y * (size_t)image->width + (size_t)x) * 3, colour, cover);
        }
}

/* A tag for the box r. It is moved so as to lie within the picture. */
static void draw_tag(DfImage *image, const Pen *pen, Rect r, const char *text, size_t length, const uint8_t colour[3])
{
    const int width = (int)ceilf(advance(pen) * (float)length - pen->dot) + 2 * pen->margin;
    const int height = (int)ceilf(8.0f * pen->dot) + 2 * pen->margin; /* capitals, and most of a tail */
    const int y = r.y1 - height >= 0 ? r.y1 - height : clamp(r.y1, 0, image->height - height > 0 ? image->height - height : 0);
    const int x = clamp(r.x1, 0, image->width - width > 0 ? image->width - width : 0);
    fill(image, (Rect){ x, y, x + width, y + height }, colour, 1.0f);
    for (size_t i = 0; i < length; i++)
        write_glyph(image, pen, (float)(x + pen->margin) + (float)i * advance(pen), y + pen->margin, (unsigned char)text[i], ink_on(colour));
}

/* ---- detections ------------------------------------------------------------------------------------------------ */

static int pixel_of(float v, int size)
{
    return isnan(v) ? 0 : (int)lrintf(fminf(fmaxf(v, 0.0f), (float)size));
}

static Rect rect_of(const DfImage *image, const float box[4])
{
    Rect r = { pixel_of(box[0], image->width), pixel_of(box[1], image->height), pixel_of(box[2], image->width), pixel_of(box[3], image->height) };
    r.x2 = r.x2 <= r.x1 ? r.x1 + 1 : r.x2;
    r.y2 = r.y2 <= r.y1 ? r.y1 + 1 : r.y2;
    return r;
}

static void draw_box(DfImage *image, const Pen *pen, const DfDrawnBox *box)
{
    static const uint8_t dark[3] = { 0, 0, 0 };
    const Rect r = rect_of(image, box->box);
    const int thin = pen->line >= 4 ? pen->line / 3 : 1;
    uint8_t colour[3];
    df_label_colour(box->label, colour);
    frame(image, grown(r, thin), thin, dark, 0.45f);
    frame(image, grown(r, -pen->line), thin, dark, 0.45f);
    frame(image, r, pen->line, colour, 1.0f);
}

static void label_box(DfImage *image, const Pen *pen, const DfDrawnBox *box, const char *const *classes, int n_classes)
{
    char text[96];
    uint8_t colour[3];
    const int percent = (int)lrintf(fminf(fmaxf(box->score, 0.0f), 1.0f) * 100.0f);
    const int length = box->label >= 0 && box->label < n_classes ? snprintf(text, sizeof text, "%s %d%%", classes[box->label], percent)
                                                                 : snprintf(text, sizeof text, "%d: %d%%", box->label, percent);
    df_label_colour(box->label, colour);
    draw_tag(image, pen, rect_of(image, box->box), text, length < (int)sizeof text ? (size_t)length : sizeof text - 1, colour);
}

static int by_score(const void *a, const void *b)
{
    const float x = ((const DfDrawnBox *)a)->score, y = ((const DfDrawnBox *)b)->score;
    return (x > y) - (x < y);
}

int df_draw_boxes(DfImage *image, const DfDrawnBox *boxes, int n, const char *const *classes, int n_classes)
{
    if (image->channels != 3)
        return df_fail(DF_EVALUE, "drawing on a picture of %d channels: want 3", image->channels);
    DfDrawnBox *sorted = df_malloc((size_t)(n > 0 ? n : 0) * sizeof *sorted);
    if (!sorted)
        return df_fail_memory("boxes to draw");
    for (int i = 0; i < n; i++)
        sorted[i] = boxes[i];
    qsort(sorted, (size_t)(n > 0 ? n : 0), sizeof *sorted, by_score);
    const Pen pen = pen_for(image);
    for (int i = 0; i < n; i++)
        draw_box(image, &pen, &sorted[i]);
    for (int i = 0; i < n; i++)
        label_box(image, &pen, &sorted[i], classes, n_classes);
    df_free(sorted);
    return DF_OK;
}
