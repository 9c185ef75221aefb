/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/draw/ink.c -- the pen of a picture, filled rectangles.
 */
#include "datasets/draw/ink.h"

#include <math.h>
#include <string.h>

DfPen df_pen_for(const DfImage *image)
{
    const float side = sqrtf((float)image->width * (float)image->height);
    DfPen pen = { .line = (int)lrintf(fmaxf(1.0f, side / 270.0f)) };
    df_pen_resize(&pen, fminf(fmaxf(side / 47.0f, 10.0f), 168.0f));
    return pen;
}

void df_pen_resize(DfPen *pen, float size)
{
    pen->size = fmaxf(size, 7.0f);
    pen->margin = (int)lrintf(0.3f * pen->size);
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
