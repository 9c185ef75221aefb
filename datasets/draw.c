/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/draw.c -- boxes and labels on a picture.
 *
 * A box is a coloured frame with a thin dark edge on both sides, so that it stands out on any ground; its label is a filled
 * tag at the upper left corner, or elsewhere at the box where tags would cover each other, with black or white letters.
 * Letters are the dots of font.c, enlarged with linear interpolation and a steep threshold, which rounds their corners.
 */
#include "datasets/draw.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* The text of a box on its coloured ground. */
typedef struct {
    Rect at;
    char text[96];
    int length;
    uint8_t colour[3];
} Tag;

static void draw_tag(DfImage *image, const Pen *pen, const Tag *tag)
{
    fill(image, tag->at, tag->colour, 1.0f);
    for (int i = 0; i < tag->length; i++)
        write_glyph(image, pen, (float)(tag->at.x1 + pen->margin) + (float)i * advance(pen), tag->at.y1 + pen->margin,
            (unsigned char)tag->text[i], ink_on(tag->colour));
}

static bool overlap(Rect a, Rect b)
{
    return a.x1 < b.x2 && b.x1 < a.x2 && a.y1 < b.y2 && b.y1 < a.y2;
}

static bool is_free(Rect r, const Tag *placed, int n)
{
    for (int i = 0; i < n; i++)
        if (overlap(r, placed[i].at))
            return false;
    return true;
}

static Rect moved_inside(Rect r, const DfImage *image)
{
    const int right = r.x2 - image->width, x = right > 0 ? right : 0, bottom = r.y2 - image->height, y = bottom > 0 ? bottom : 0;
    const int left = clamp(r.x1 - x, 0, image->width), top = clamp(r.y1 - y, 0, image->height);
    return (Rect){ left, top, left + r.x2 - r.x1, top + r.y2 - r.y1 };
}

/* Above the box, inside at its top, below it, inside at its bottom: the first place clear of the n tags placed before; where
 * there is none, above. */
static Rect place_tag(const DfImage *image, const Pen *pen, Rect box, int length, const Tag *placed, int n)
{
    const int width = (int)ceilf(advance(pen) * (float)length - pen->dot) + 2 * pen->margin;
    const int height = (int)ceilf(8.0f * pen->dot) + 2 * pen->margin; /* capitals, and most of a tail */
    const int tops[4] = { box.y1 - height >= 0 ? box.y1 - height : box.y1, box.y1, box.y2, box.y2 - height };
    for (int i = 0; i < 4; i++) {
        const Rect r = moved_inside((Rect){ box.x1, tops[i], box.x1 + width, tops[i] + height }, image);
        if (is_free(r, placed, n))
            return r;
    }
    return moved_inside((Rect){ box.x1, tops[0], box.x1 + width, tops[0] + height }, image);
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

static void write_tag(Tag *tag, const DfDrawnBox *box, const char *const *classes, int n_classes)
{
    const int percent = (int)lrintf(fminf(fmaxf(box->score, 0.0f), 1.0f) * 100.0f), size = (int)sizeof tag->text;
    const int length = box->label >= 0 && box->label < n_classes
        ? snprintf(tag->text, sizeof tag->text, "%s %d%%", classes[box->label], percent)
        : snprintf(tag->text, sizeof tag->text, "%d: %d%%", box->label, percent);
    tag->length = length < size ? length : size - 1;
    df_label_colour(box->label, tag->colour);
}

static int by_score(const void *a, const void *b)
{
    const float x = ((const DfDrawnBox *)a)->score, y = ((const DfDrawnBox *)b)->score;
    return (x < y) - (x > y);
}

int df_draw_boxes(DfImage *image, const DfDrawnBox *boxes, int n, const char *const *classes, int n_classes)
{
    if (image->channels != 3)
        return df_fail(DF_EVALUE, "drawing on a picture of %d channels: want 3", image->channels);
    const size_t count = n > 0 ? (size_t)n : 0;
    DfDrawnBox *sorted = df_malloc(count * sizeof *sorted);
    Tag *tags = df_malloc(count * sizeof *tags);
    const bool ready = sorted && tags;
    if (ready && count) {
        const Pen pen = pen_for(image);
        memcpy(sorted, boxes, count * sizeof *sorted);
        qsort(sorted, count, sizeof *sorted, by_score);
        for (int i = n - 1; i >= 0; i--)
            draw_box(image, &pen, &sorted[i]);
        for (int i = 0; i < n; i++) {
            write_tag(&tags[i], &sorted[i], classes, n_classes);
            tags[i].at = place_tag(image, &pen, rect_of(image, sorted[i].box), tags[i].length, tags, i);
        }
        for (int i = n - 1; i >= 0; i--)
            draw_tag(image, &pen, &tags[i]);
    }
    df_free(sorted);
    df_free(tags);
    return ready ? DF_OK : df_fail_memory("boxes to draw");
}
