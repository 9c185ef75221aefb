/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/draw/ink.h -- filled rectangles and letters on a picture; for the drawing files of datasets/ alone.
 * Pictures are BGR.
 */
#ifndef DF_DATASETS_DRAW_INK_H
#define DF_DATASETS_DRAW_INK_H

#include "datasets/draw/colour.h"
#include "datasets/draw/draw.h"

typedef struct {
    int x1, y1, x2, y2; /* x2 and y2 are outside */
} DfRect;

typedef struct {
    float size;  /* height of capitals, in pixels        */
    int line;    /* width of a frame                     */
    int margin;  /* around the letters of a tag          */
} DfPen;
DfPen df_pen_for(const DfImage *image); /* grows with the picture */
void df_pen_resize(DfPen *, float size); /* other letters, and the margin with them; at least 7 pixels */

/* The whole number by which a picture must be enlarged so that its longer side has at least `side` pixels. */
static inline int df_times_to(const DfImage *image, int side)
{
    const int longer = image->height > image->width ? image->height : image->width;
    return longer < side ? (side + longer - 1) / longer : 1;
}

static inline uint8_t *df_pixel_at(const DfImage *image, int x, int y)
{
    return image->pixels + ((size_t)y * (size_t)image->width + (size_t)x) * 3;
}

/* Mixes a colour into a pixel: cover 0 leaves it as it was, 1 makes it bgr. */
void df_blend(uint8_t *pixel, const uint8_t bgr[3], float cover);

/* The same for the part of a rectangle that lies in the picture. */
void df_fill(DfImage *image, DfRect r, const uint8_t bgr[3], float cover);

/* Adds white rows below. */
int df_extend_down(DfImage *image, int rows);

/* The better ink on a ground of that colour: 0 for black, 255 for white. */
uint8_t df_ink_on(const uint8_t bgr[3]);

/* letters.c: text is UTF-8; of what is not in Latin-1 an empty box is drawn. */
float df_text_width(const DfPen *pen, const char *text);
int df_text_height(const DfPen *pen); /* of capitals, and of half a tail */
void df_write_text(DfImage *image, const DfPen *pen, float left, int top, const char *text, uint8_t ink);

/* mask.c: draws the mask of a box on a picture that is `times` as large as the mask. `pixels` is room for as many
 * bytes as the picture has pixels. */
void df_draw_mask(DfImage *image, const DfDrawnBox *box, int times, uint8_t *pixels);

#endif
