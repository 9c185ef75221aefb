/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/image_file.h -- files of pictures in and out, with the pixels OpenCV would give.
 *
 * Reading follows cv2.imread(IMREAD_COLOR): libjpeg-turbo with its defaults (accurate integer DCT, fancy upsampling),
 * EXIF orientation applied, grey in three equal channels, CMYK turned into BGR by OpenCV's formula, PNG of every kind
 * (palette, 1 to 16 bits, interlaced) with 16 bits cut to 8 and alpha dropped, BMP of every depth and its run
 * lengths. TIFF (whole numbers of 1 to 16 bits, in whatever order and compression libtiff knows; of several pages the
 * first) and WebP (of an animation the first picture) are read where the library was built with libtiff and libwebp.
 * Where OpenCV returns a half-filled picture for a truncated or damaged file, we return an error. Tiles of a mirrored
 * TIFF are mirrored together, not each by itself.
 */
#ifndef DF_DATASETS_IMAGE_IMAGE_FILE_H
#define DF_DATASETS_IMAGE_IMAGE_FILE_H

#include "datasets/image/image.h"

DF_BEGIN_DECLS

#define DF_IMAGE_FORMATS "JPEG, PNG, BMP, TIFF or WebP" /* for sentences */

/* Limits beside those of image.h. A JPEG has at most 500 scans; of more than 4 million pixels fewer, as many as are
 * 2^31 pixels together, or 64. Of a PNG's chunks those that mean nothing to the pixels are passed over, and no other
 * takes more than 8 MiB; a PNG or BMP too short for its lines is refused before memory is taken for them. libtiff
 * takes at most 8 bytes a pixel at once, and 16 MiB. */
#define DF_IMAGE_MAX_FILE ((size_t)1 << 30) /* bytes of a file that is read */

/* Reads a file of a picture, its format told by its first bytes, as BGR. Errors name the file. */
DF_API int df_image_read(DfImage *out, const char *path);

/* Whose pixels: those of OpenCV; those of Pillow's convert("RGB"), which differ for CMYK (Pillow's formula), for
 * grey of 16 bits (values above 255 are white) and for TIFF with alpha (which is dropped) or grey of 32 bits and floats
 * (cut at 255), but not for TIFF in CIELab; or Pillow's without a look at the orientation, which it undoes in TIFF all the same. */
typedef enum { DF_READ_CV2, DF_READ_PILLOW, DF_READ_PILLOW_AS_STORED } DfImageReading;
DF_API int df_image_read_as(DfImage *out, const char *path, DfImageReading);

/* The same from memory; `name` is for messages. At most `max_pixels` pixels (0: DF_IMAGE_MAX_PIXELS). */
DF_API int df_image_decode(DfImage *out, const uint8_t *bytes, size_t size, size_t max_pixels, const char *name);

/* How large such a picture is, upright, without decoding it. Errors name the file. */
DF_API int df_image_read_size(const char *path, int *height, int *width);

/* Is it called like a picture: .jpg .jpeg .jpe .jfif .png .bmp .dib .tif .tiff .webp, in letters of either case? */
DF_API bool df_image_is_named(const char *path);

/* Reads a label map in PNG, BMP or TIFF as one channel, with the numbers that mmseg has, which reads with Pillow
 * and takes astype(uint8): palette indices as they are, two values as 0 and 1, grey of 2 and 4 bits spread to
 * 0..255, of 8 bits as it is, of 16 and 32 bits (TIFF: floats too) the last 8. That numbers were cut is logged,
 * once. Colour is refused. The second takes an image that was made before, or a zeroed one, and uses its memory
 * again if there is enough. On failure it is freed. */
DF_API int df_image_read_labels(DfImage *out, const char *path);
DF_API int df_image_read_labels_again(DfImage *, const char *path);

/* Reads a PNG whose values stand in its colours, R + 256 G + 65536 B, as panoptic maps have them;
 * grey and palettes are refused. Its bytes stand in this order, R G B. Takes an image that was made
 * before, or a zeroed one. On failure it is freed. */
DF_API int df_image_read_colours_again(DfImage *, const char *path);

/* Reads a PNG of grey or a palette as two channels, its numbers of 16 bits, the high byte first: maps of instances. */
DF_API int df_image_read_numbers_again(DfImage *, const char *path);

/* Reads any picture as one channel of grey, as Pillow's convert("L") makes it, not turned upright. */
DF_API int df_image_read_grey_again(DfImage *, const char *path);

/* Writes BGR or one channel in the format that the ending of the path names; TIFF and BMP are not compressed. `quality`
 * 1..100 is for JPEG and WebP. */
DF_API int df_image_write(const DfImage *image, const char *path, int quality);

DF_END_DECLS

#endif
