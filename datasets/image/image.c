/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/image.c -- pictures as memory: made, read, turned upright, mirrored, written.
 */
#include "datasets/image/image.h"

#include <string.h>

#include "datasets/image/codec.h"

int df_image_check_size(uint64_t height, uint64_t width, size_t max_pixels)
{
    const uint64_t limit = max_pixels ? max_pixels : DF_IMAGE_MAX_PIXELS;
    if (!height || !width)
        return df_fail(DF_EFORMAT, "the picture is empty (%llu x %llu pixels)", (unsigned long long)height, (unsigned long long)width);
    if (height > DF_IMAGE_MAX_SIDE || width > DF_IMAGE_MAX_SIDE || height * width > limit)
        return df_fail(DF_EVALUE, "the picture has %llu x %llu pixels: want at most %llu pixels and %d a side",
            (unsigned long long)height, (unsigned long long)width, (unsigned long long)limit, DF_IMAGE_MAX_SIDE);
    return DF_OK;
}

int df_image_new(DfImage *out, int height, int width, int channels)
{
    *out = (DfImage){ 0 };
    if (height < 1 || width < 1 || channels < 1 || channels > 4)
        return df_fail(DF_EVALUE, "a picture of %d x %d pixels with %d channels: want at least one pixel and 1 to 4 channels",
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

/* ---- orientation ----------------------------------------------------------------------------------------------- */

static void copy_pixel(uint8_t *out, const uint8_t *in, int channels)
{
    for (int c = 0; c < channels; c++)
        out[c] = in[c];
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
    uint8_t *a = row, *b = row + (size_t)(width - 1) * (size_t)channels;
    for (; a < b; a += channels, b -= channels)
        swap_rows(a, b, (size_t)channels);
}

void df_image_flip(DfImage *image, bool horizontal, bool vertical)
{
    const size_t stride = (size_t)image->width * (size_t)image->channels;
    uint8_t *top = image->pixels, *bottom = image->pixels + (size_t)(image->height - 1) * stride;
    for (uint8_t *row = top; horizontal && row <= bottom; row += stride)
        reverse_row(row, image->width, image->channels);
    for (; vertical && top < bottom; top += stride, bottom -= stride)
        swap_rows(top, bottom, stride);
}

static int transpose(DfImage *image)
{
    DfImage turned;
    const int error = df_image_new(&turned, image->width, image->height, image->channels);
    if (error < 0)
        return error;
    const size_t channels = (size_t)image->channels, stride = (size_t)image->width * channels;
    uint8_t *out = turned.pixels;
    for (int y = 0; y < turned.height; y++)
        for (int x = 0; x < turned.width; x++, out += channels)
            copy_pixel(out, image->pixels + (size_t)x * stride + (size_t)y * channels, image->channels);
    df_image_free(image);
    *image = turned;
    return DF_OK;
}

/* EXIF's eight ways of holding a camera, undone. 5 to 8 stand on their side. */
static int make_upright(DfImage *image, int orientation)
{
    static const bool mirror_x[9] = { [2] = true, [3] = true, [6] = true, [7] = true };
    static const bool mirror_y[9] = { [3] = true, [4] = true, [7] = true, [8] = true };
    if (orientation >= 5) {
        const int error = transpose(image);
        if (error < 0)
            return error;
    }
    df_image_flip(image, mirror_x[orientation], mirror_y[orientation]);
    return DF_OK;
}

/* ---- files ----------------------------------------------------------------------------------------------------- */

static bool is_jpeg(const uint8_t *bytes, size_t size)
{
    return size >= 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0;
}

static bool is_png(const uint8_t *bytes, size_t size)
{
    return size >= 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0;
}

static int unknown_format(size_t size)
{
    return size ? df_fail(DF_EFORMAT, "neither JPEG nor PNG: want one of them") : df_fail(DF_EFORMAT, "the file is empty: want a picture");
}

int df_image_decode(DfImage *out, const uint8_t *bytes, size_t size, size_t max_pixels, const char *name)
{
    int orientation = 1, error;
    *out = (DfImage){ 0 };
    if (is_jpeg(bytes, size))
        error = df_jpeg_decode(out, &orientation, bytes, size, max_pixels);
    else if (is_png(bytes, size))
        error = df_png_decode(out, &orientation, bytes, size, max_pixels);
    else
        error = unknown_format(size);
    if (error == DF_OK && (error = make_upright(out, orientation)) < 0)
        df_image_free(out);
    return error < 0 ? df_fail_in(error, "%s: ", name) : DF_OK;
}

int df_image_read(DfImage *out, const char *path)
{
    DfFile file;
    *out = (DfImage){ 0 };
    int error = df_file_open(&file, path);
    if (error < 0)
        return error;
    error = df_image_decode(out, file.data, file.size, 0, path);
    df_file_close(&file);
    return error;
}

int df_image_read_labels(DfImage *out, const char *path)
{
    *out = (DfImage){ 0 };
    return df_image_read_labels_again(out, path);
}

int df_image_read_labels_again(DfImage *image, const char *path)
{
    DfFile file;
    int error = df_file_open(&file, path);
    if (error == DF_OK) {
        error = is_png(file.data, file.size) ? df_png_decode_labels(image, file.data, file.size, 0)
                                             : df_fail(DF_EFORMAT, "not a PNG file: want a label map in PNG");
        df_file_close(&file);
        error = error < 0 ? df_fail_in(error, "%s: ", path) : DF_OK;
    }
    if (error < 0)
        df_image_free(image);
    return error;
}

int df_image_write(const DfImage *image, const char *path, int quality)
{
    const bool jpeg = df_ends_with(path, ".jpg") || df_ends_with(path, ".jpeg");
    if (!jpeg && !df_ends_with(path, ".png"))
        return df_fail(DF_EVALUE, "%s: want a name ending in .jpg, .jpeg or .png", path);
    if (image->channels != 1 && image->channels != 3)
        return df_fail(DF_EVALUE, "%s: a picture of %d channels: want 1 or 3", path, image->channels);
    DfWriter *file;
    int error = df_writer_open(&file, path);
    if (error < 0)
        return error;
    error = jpeg ? df_jpeg_encode(image, quality, file) : df_png_encode(image, file);
    if (error == DF_OK)
        return df_writer_commit(file);
    df_writer_drop(file);
    return df_fail_in(error, "%s: ", path);
}
