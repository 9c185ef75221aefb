/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/png_map.h -- maps in PNG files of the usual kind, without libpng; private to this room.
 */
#ifndef DF_DATASETS_IMAGE_PNG_MAP_H
#define DF_DATASETS_IMAGE_PNG_MAP_H

#include "datasets/image/image.h"

/* A PNG of 8 bits, not interlaced, of grey or a palette (channels = 1) or of colours (3, in the order R G B), into the memory
 * of the image if there is enough. False, with the image as it was or of no meaning, for anything else and for files that are
 * damaged: libpng reads them, or says what is wrong. */
bool df_png_map(DfImage *image, int channels, const uint8_t *bytes, size_t size, size_t max_pixels);

#endif
