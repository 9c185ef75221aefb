/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/png_map.h -- private to datasets/image/: label maps in ordinary PNG files, read without libpng.
 */
#ifndef DF_DATASETS_IMAGE_PNG_MAP_H
#define DF_DATASETS_IMAGE_PNG_MAP_H

#include "datasets/image/image.h"

/* Of 8 bits but for the second: grey or palette; grey of 16 bits, high byte first; grey; colours in the order R G B. */
typedef enum { DF_PNG_LABELS, DF_PNG_WIDE, DF_PNG_GREY, DF_PNG_COLOURS } DfPngMap;

/* A PNG of that kind that is not interlaced, into the memory of the image if there is enough.
 * False, with the image as it was or of no meaning, for anything else and for files that are
 * damaged: libpng reads them, or says what is wrong. */
bool df_png_map(DfImage *image, DfPngMap kind, const uint8_t *bytes, size_t size, size_t max_pixels);

#endif
