/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/image_file.c -- files of pictures: their format told by the first bytes, read upright, written.
 */
#include "datasets/image/image_file.h"

#include <string.h>

#include "datasets/image/codec.h"

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
    return df_fail(DF_EFORMAT, size ? "neither JPEG nor PNG: want one of them" : "the file is empty: want a picture");
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
    if (error == DF_OK && (error = df_exif_make_upright(out, orientation)) < 0)
        df_image_free(out);
    return error < 0 ? df_fail_in(error, "%s: ", name) : DF_OK;
}

int df_image_read(DfImage *out, const char *path)
{
    DfFile file;
    *out = (DfImage){ 0 };
    int error = df_file_open(&file, path, DF_IMAGE_MAX_FILE);
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
    int error = df_file_open(&file, path, DF_IMAGE_MAX_FILE);
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
