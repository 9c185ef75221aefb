/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/codec.h -- private to datasets/image/: the functions of one file format that image_file.c and size.c
 * call.
 */
#ifndef DF_DATASETS_IMAGE_CODEC_H
#define DF_DATASETS_IMAGE_CODEC_H

#include "datasets/image/image.h"

/* Decoders leave `*out` zeroed on failure, and give the EXIF orientation 1..8 (1 where there is none). Messages
 * are without the file's name, which image_file.c puts in front. */
int df_jpeg_decode(DfImage *out, int *orientation, const uint8_t *bytes, size_t size, size_t max_pixels);
int df_png_decode(DfImage *out, int *orientation, const uint8_t *bytes, size_t size, size_t max_pixels);
int df_bmp_decode(DfImage *out, int *orientation, const uint8_t *bytes, size_t size, size_t max_pixels);
int df_tiff_decode(DfImage *out, int *orientation, const uint8_t *bytes, size_t size, size_t max_pixels);
int df_webp_decode(DfImage *out, int *orientation, const uint8_t *bytes, size_t size, size_t max_pixels);

/* The same with the pixels of Pillow, where it differs from OpenCV. */
int df_jpeg_decode_pillow(DfImage *out, int *orientation, const uint8_t *bytes, size_t size, size_t max_pixels);
int df_png_decode_pillow(DfImage *out, int *orientation, const uint8_t *bytes, size_t size, size_t max_pixels);
int df_tiff_decode_pillow(DfImage *out, int *orientation, const uint8_t *bytes, size_t size, size_t max_pixels);

/* Label maps: one channel, the numbers as Pillow has them, then cut to 8 bits; `cut`: how many lost something by that.
 * Use the memory of the image again, if there is enough. */
int df_png_decode_labels(DfImage *, size_t *cut, const uint8_t *bytes, size_t size, size_t max_pixels);
int df_bmp_decode_labels(DfImage *, size_t *cut, const uint8_t *bytes, size_t size, size_t max_pixels);
int df_tiff_decode_labels(DfImage *, size_t *cut, const uint8_t *bytes, size_t size, size_t max_pixels);

/* A map of values in colours, in the order R G B: panoptic. The memory is used again, too. */
int df_png_decode_colours(DfImage *, const uint8_t *bytes, size_t size, size_t max_pixels);
/* The same of numbers, two bytes each, the high one first. */
int df_png_decode_numbers(DfImage *, const uint8_t *bytes, size_t size, size_t max_pixels);

/* `quality` 1..100 is for JPEG and WebP. */
int df_jpeg_encode(const DfImage *image, int quality, DfWriter *file);
int df_png_encode(const DfImage *image, int quality, DfWriter *file);
int df_bmp_encode(const DfImage *image, int quality, DfWriter *file);
int df_tiff_encode(const DfImage *image, int quality, DfWriter *file);
int df_webp_encode(const DfImage *image, int quality, DfWriter *file);

/* An image of that size, in its own memory if there is enough of it; its pixels mean nothing. Freed on failure. */
int df_image_renew(DfImage *image, int height, int width, int channels);

/* The same of a TIFF file, from its first directory; false if there is none, or it says no size. */
bool df_tiff_size(int fd, uint64_t *height, uint64_t *width, int *orientation);

/* The orientation in a TIFF block (what follows "Exif\0\0" in a JPEG, the content of a PNG's eXIf chunk): 1..8,
 * else 1. */
int df_exif_orientation(const uint8_t *tiff, size_t size);

/* Turns and mirrors a picture so that it looks as it was seen: undoes one of EXIF's eight ways of holding a camera. */
int df_exif_make_upright(DfImage *, int orientation);

#endif
