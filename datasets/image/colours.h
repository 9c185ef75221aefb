/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/colours.h -- private to datasets/: a block of pixels with each channel in its own array, so that the
 * compiler vectorises loops over it. hsv.c uses it.
 */
#ifndef DF_DATASETS_IMAGE_COLOURS_H
#define DF_DATASETS_IMAGE_COLOURS_H

enum { DF_COLOURS = 32 }; /* pixels; OpenCV computes as many bytes at once */

typedef struct {
    float a[DF_COLOURS], b[DF_COLOURS], c[DF_COLOURS];
} DfColours;

/* The first n pixels of it, from and to rows of three floats a pixel. */
void df_colours_load(DfColours *, const float *pixels, int n);
void df_colours_store(float *pixels, const DfColours *, int n);

/* B G R to hue 0..360, saturation, value; n: how many pixels follow in their row, at least those of the block that
 * count. */
void df_colours_to_hsv(DfColours *, int n);
/* Back; hues -360..720. */
void df_colours_to_bgr(DfColours *);

#endif
