/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/draw/ink.c -- filled rectangles and letters.
 */
#include "datasets/draw/ink.h"

#include <math.h>
#include <string.h>

DfPen df_pen_for(const DfImage *image)
{
    const float side = sqrtf((float)image->width * (float)image->height);
    const float dot = fminf(fmaxf(side / 330.0f, 1.25f), 24.0f);
    return (DfPen){ dot, (int)lrintf(fmaxf(1.0f, side / 270.0f)), (int)lrintf(dot * 1.5f) };
}

/* Rec. 601 luma decides between black and white letters. */
uint8_t df_ink_on(const uint8_t bgr[3])
{
    return 0.114 * bgr[0] + 0.587 * bgr[1] + 0.299 * bgr[2] > 140.0 ? 0 : 255;
}

void df_blend(uint8_t *pixel, const uint8_t bgr[3], float cover)
{
    for (int c = 0; c < 3; c++)
        pixel[c] = (uint8_t)lrintf((float)pixel[c] + cover * (float)(bgr[c] - pixel[c]));
}

void df_fill(DfImage *image, DfRect r, const uint8_t bgr[3], float cover)
{
    const int x1 = df_clamp_int(r.x1, 0, image->width);
    const int x2 = df_clamp_int(r.x2, 0, image->width);
    const int y1 = df_clamp_int(r.y1, 0, image->height);
    const int y2 = df_clamp_int(r.y2, 0, image->height);
    for (int y = y1; y < y2; y++) {
        uint8_t *pixel = df_pixel_at(image, x1, y);
        for (int x = x1; x < x2; x++, pixel += 3)
            df_blend(pixel, bgr, cover);
    }
}

int df_extend_down(DfImage *image, int rows)
{
    DfImage larger;
    const int error = df_image_new(&larger, image->height + rows, image->width, image->channels);
    if (error < 0)
        return error;
    const size_t before = df_image_bytes(image);
    memcpy(larger.pixels, image->pixels, before);
    memset(larger.pixels + before, 255, df_image_bytes(&larger) - before);
    df_image_free(image);
    *image = larger;
    return DF_OK;
}

/* ---- letters --------------------------------------------------------------------------------------------------- */

static float dot_at(const uint8_t glyph[DF_FONT_ROWS], int row, int column)
{
    if (row < 0 || row >= DF_FONT_ROWS || column < 0 || column >= DF_FONT_COLUMNS)
        return 0.0f;
    return (float)(glyph[row] >> (DF_FONT_COLUMNS - 1 - column) & 1);
}

/* How much of a pixel at (x, y), in dots, is ink: the glyph's dots interpolated linearly, and then a steep ramp in
 * place of a threshold, which rounds the corners of the dots and keeps edges soft. */
static float ink_at(const uint8_t glyph[DF_FONT_ROWS], float x, float y, float dot)
{
    const float fx = floorf(x - 0.5f);
    const float fy = floorf(y - 0.5f);
    const float ax = x - 0.5f - fx;
    const float ay = y - 0.5f - fy;
    const int column = (int)fx;
    const int row = (int)fy;
    const float top = dot_at(glyph, row, column) * (1.0f - ax) + dot_at(glyph, row, column + 1) * ax;
    const float bottom = dot_at(glyph, row + 1, column) * (1.0f - ax) + dot_at(glyph, row + 1, column + 1) * ax;
    const float level = top * (1.0f - ay) + bottom * ay;
    return fminf(fmaxf((level - 0.46f) * fmaxf(dot, 1.6f) + 0.5f, 0.0f), 1.0f);
}

static float advance(const DfPen *pen)
{
    return (float)(DF_FONT_COLUMNS + 1) * pen->dot;
}

static void write_glyph(DfImage *image, const DfPen *pen, float left, int top, unsigned char letter, uint8_t ink)
{
    const uint8_t *glyph = df_font[(letter < ' ' || letter > '~' ? '?' : letter) - ' '];
    const uint8_t colour[3] = { ink, ink, ink };
    const int height = (int)ceilf(DF_FONT_ROWS * pen->dot);
    const int x1 = df_clamp_int((int)floorf(left - pen->dot), 0, image->width);
    const int x2 = df_clamp_int((int)ceilf(left + advance(pen)), 0, image->width);
    const int y1 = df_clamp_int(top, 0, image->height);
    const int y2 = df_clamp_int(top + height, 0, image->height);
    for (int y = y1; y < y2; y++)
        for (int x = x1; x < x2; x++) {
            const float glyph_x = ((float)x + 0.5f - left) / pen->dot;
            const float glyph_y = ((float)(y - top) + 0.5f) / pen->dot;
            const float cover = ink_at(glyph, glyph_x, glyph_y, pen->dot);
            if (cover > 0.0f)
                df_blend(df_pixel_at(image, x, y), colour, cover);
        }
}

float df_text_width(const DfPen *pen, int length)
{
    return advance(pen) * (float)length - pen->dot;
}

int df_text_height(const DfPen *pen)
{
    return (int)ceilf(8.0f * pen->dot);
}

void df_write_text(DfImage *image, const DfPen *pen, float left, int top, const char *text, int length, uint8_t ink)
{
    for (int i = 0; i < length; i++)
        write_glyph(image, pen, left + (float)i * advance(pen), top, (unsigned char)text[i], ink);
}
