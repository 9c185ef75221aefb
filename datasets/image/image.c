/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/image.c -- pictures in memory: allocating, freeing, mirroring.
 */
#include "datasets/image/image.h"

#include <inttypes.h>

#include "datasets/image/codec.h"
#include "datasets/image/grid.h"

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

int df_image_renew(DfImage *image, int height, int width, int channels)
{
    if (df_image_bytes(image) < (size_t)height * (size_t)width * (size_t)channels) {
        df_image_free(image);
        return df_image_new(image, height, width, channels);
    }
    *image = (DfImage){ height, width, channels, image->pixels };
    return DF_OK;
}

void df_image_free(DfImage *image)
{
    if (!image)
        return;
    df_free(image->pixels);
    *image = (DfImage){ 0 };
}

void df_image_flip(DfImage *image, bool horizontal, bool vertical)
{
    DfGrid grid = df_grid_of_image(image);
    df_grid_flip(&grid, horizontal, vertical);
}
