/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/image.h -- pictures in memory: 8-bit B G R, or label maps.
 * image_file.h reads and writes files.
 */
#ifndef DF_DATASETS_IMAGE_IMAGE_H
#define DF_DATASETS_IMAGE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "core/core.h"

DF_BEGIN_DECLS

/* Pixels row by row without gaps, channels innermost: B G R, or one channel (labels). Owned by whoever made the
 * image. */
typedef struct {
    int height, width, channels;
    uint8_t *pixels;
} DfImage;

enum {
    DF_IMAGE_MAX_SIDE = 65500,       /* of a picture that is read or made     */
    DF_IMAGE_MAX_PIXELS = 1 << 30    /* height * width, as OpenCV             */
};

/* DF_EVALUE (DF_EFORMAT if empty) for a picture of no pixels or beyond the limits; max_pixels 0:
 * DF_IMAGE_MAX_PIXELS. */
DF_API int df_image_check_size(uint64_t height, uint64_t width, size_t max_pixels);

/* An image of undefined content; 1 to 4 channels. Larger than the limits above is DF_EVALUE. */
DF_API int df_image_new(DfImage *out, int height, int width, int channels);
DF_API void df_image_free(DfImage *); /* and zeroes it; a zeroed image is fine */

static inline size_t df_image_bytes(const DfImage *image)
{
    return (size_t)image->height * (size_t)image->width * (size_t)image->channels;
}

/* Mirrors in place: left-right, top-bottom or both. */
DF_API void df_image_flip(DfImage *image, bool horizontal, bool vertical);

DF_END_DECLS

#endif
