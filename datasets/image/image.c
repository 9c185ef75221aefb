/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/image.c -- pictures as memory: made, freed, mirrored.
 */
#include "datasets/image/image.h"

#include <inttypes.h>

int df_image_check_size(uint64_t height, uint64_t width, size_t max_pixels)
{
    const uint64_t limit = max_pixels ? max_pixels : DF_IMAGE_MAX_PIXELS;
    if (!height || !width)
        return df_fail(DF_EFORMAT, "the picture is empty (%" PRIu64 " x %" PRIu64 " pixels)", height, width);
    if (height > DF_IMAGE_MAX_SIDE || width > DF_IMAGE_MAX_SIDE || height * width > limit)
        return df_fail(DF_EVALUE,
                       "the picture has %" PRIu64 " x %" PRIu64 " pixels: want at most %" PRIu64
                       " pixels and %d a side",
                       
                       height, width, limit, DF_IMAGE_MAX_SIDE);
    return DF_OK;
}

int df_image_new(DfImage *out, int height, int width, int channels)
{
    *out = (DfImage){ 0 };
    if (height < 1 || width < 1 || channels < 1 || channels > 4)
        return df_fail(DF_EVALUE,
                       "a picture of %d x %d pixels with %d channels: want at least one pixel and 1 to 4 channels",
            height, width, channels);
    const int error = df_image_check_size((uint64_t)height, (uint64_t)width, 0);
    if (error < 0)
        return error;
    DfImage image = { height, width, channels, NULL };
    if (!(image.pixels = df_malloc(df_image_bytes(&image))))
        return df_fail_memory("a picture");
    *out = image;
    return DF_OK;
}

void df_image_free(DfImage *image)
{
    if (!image)
        return;
    df_free(image->pixels);
    *image = (DfImage){ 0 };
}

static void swap_rows(uint8_t *a, uint8_t *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint8_t kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

static void reverse_row(uint8_t *row, int width, int channels)
{
    uint8_t *a = row;
    uint8_t *b = row + (size_t)(width - 1) * (size_t)channels;
    for (; a < b; a += channels, b -= channels)
        swap_rows(a, b, (size_t)channels);
}

void df_image_flip(DfImage *image, bool horizontal, bool vertical)
{
    const size_t stride = (size_t)image->width * (size_t)image->channels;
    uint8_t *top = image->pixels;
    uint8_t *bottom = image->pixels + (size_t)(image->height - 1) * stride;
    for (uint8_t *row = top; horizontal && row <= bottom; row += stride)
        reverse_row(row, image->width, image->channels);
    for (; vertical && top < bottom; top += stride, bottom -= stride)
        swap_rows(top, bottom, stride);
}
