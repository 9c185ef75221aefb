/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/codec.h -- what image.c asks of jpeg.c, png.c and exif.c; not for other folders.
 */
#ifndef DF_DATASETS_IMAGE_CODEC_H
#define DF_DATASETS_IMAGE_CODEC_H

#include "datasets/image/image.h"

/* Decoders leave `*out` zeroed on failure, and give the EXIF orientation 1..8 (1 where there is none). Messages are without
 * the file's name, which image.c puts in front. */
int df_jpeg_decode(DfImage *out, int *orientation, const uint8_t *bytes, size_t size, size_t max_pixels);
int df_png_decode(DfImage *out, int *orientation, const uint8_t *bytes, size_t size, size_t max_pixels);
int df_png_decode_labels(DfImage *, const uint8_t *bytes, size_t size, size_t max_pixels); /* into the memory of the image, if it is enough */

int df_jpeg_encode(const DfImage *image, int quality, DfWriter *file);
int df_png_encode(const DfImage *image, DfWriter *file);

/* The orientation in a TIFF block (what follows "Exif\0\0" in a JPEG, the content of a PNG's eXIf chunk): 1..8, else 1. */
int df_exif_orientation(const uint8_t *tiff, size_t size);

/* DF_EVALUE if height x width is empty or over the limits. */
int df_image_check_size(uint64_t height, uint64_t width, size_t max_pixels);

#endif
