/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/image_file.c -- picture files: detects the format by the first bytes, reads pictures upright, writes
 * them.
 */
#include "datasets/image/image_file.h"

#include <stdatomic.h>
#include <string.h>
#include <strings.h>

#include "datasets/image/codec.h"
#include "datasets/image/png_map.h"

/* ---- the formats ------------------------------------------------------------------------------------------------- */

static bool is_jpeg(const uint8_t *bytes, size_t size)
{
    return size >= 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0;
}

static bool is_png(const uint8_t *bytes, size_t size)
{
    return size >= 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0;
}

static bool is_bmp(const uint8_t *bytes, size_t size)
{
    return size >= 2 && memcmp(bytes, "BM", 2) == 0;
}

static bool is_tiff(const uint8_t *bytes, size_t size) /* 42, or 43 with offsets of 64 bits; in either order of bytes */
{
    return size >= 4 && (memcmp(bytes, "II*\0", 4) == 0 || memcmp(bytes, "MM\0*", 4) == 0 ||
                         memcmp(bytes, "II+\0", 4) == 0 || memcmp(bytes, "MM\0+", 4) == 0);
}

static bool is_webp(const uint8_t *bytes, size_t size)
{
    return size >= 12 && memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0;
}

typedef struct {
    bool (*tell)(const uint8_t *bytes, size_t size);
    int (*decode)(DfImage *, int *orientation, const uint8_t *, size_t, size_t max_pixels);
    int (*decode_pillow)(DfImage *, int *orientation, const uint8_t *, size_t, size_t max_pixels); /* NULL: the same */
    /* NULL: loses or has no labels */
    int (*decode_labels)(DfImage *, size_t *cut, const uint8_t *, size_t, size_t max_pixels);
    int (*encode)(const DfImage *, int quality, DfWriter *);
    const char *endings; /* of file names, in either case */
} Format;

static const Format formats[] = {
    { is_jpeg, df_jpeg_decode, df_jpeg_decode_pillow, NULL,                  df_jpeg_encode, ".jpg .jpeg .jpe .jfif" },
    { is_png,  df_png_decode,  df_png_decode_pillow,  df_png_decode_labels,  df_png_encode,  ".png"                  },
    { is_bmp,  df_bmp_decode,  NULL,                  df_bmp_decode_labels,  df_bmp_encode,  ".bmp .dib"             },
    { is_tiff, df_tiff_decode, df_tiff_decode_pillow, df_tiff_decode_labels, df_tiff_encode, ".tif .tiff"            },
    { is_webp, df_webp_decode, NULL,                  NULL,                  df_webp_encode, ".webp"                 },
};
enum { FORMATS = sizeof formats / sizeof *formats };

static const Format *format_of(const uint8_t *bytes, size_t size)
{
    for (int i = 0; i < FORMATS; i++)
        if (formats[i].tell(bytes, size))
            return &formats[i];
    return NULL;
}

static const Format *format_named(const char *path)
{
    const char *dot = strrchr(path, '.');
    const size_t length = dot ? strlen(dot) : 0;
    for (int i = 0; dot && i < FORMATS; i++)
        for (const char *ending = formats[i].endings; *ending; ending += strspn(ending, " ")) {
            const size_t n = strcspn(ending, " ");
            if (n == length && strncasecmp(dot, ending, n) == 0)
                return &formats[i];
            ending += n;
        }
    return NULL;
}

bool df_image_is_named(const char *path)
{
    return format_named(path) != NULL;
}

static int unknown_format(size_t size)
{
    if (size == 0)
        return df_fail(DF_EFORMAT, "the file is empty: want a picture");
    return df_fail(DF_EFORMAT, "not a picture of a known format: want " DF_IMAGE_FORMATS);
}

/* ---- in ---------------------------------------------------------------------------------------------------------- */

static int decode_as(DfImage *out, const uint8_t *bytes, size_t size, size_t max_pixels, DfImageReading reading)
{
    int orientation = 1, error;
    *out = (DfImage){ 0 };
    const Format *format = format_of(bytes, size);
    if (format && format->decode_pillow && reading != DF_READ_CV2)
        error = format->decode_pillow(out, &orientation, bytes, size, max_pixels);
    else
        error = format ? format->decode(out, &orientation, bytes, size, max_pixels) : unknown_format(size);
    if (reading == DF_READ_PILLOW_AS_STORED)
        orientation = 1;
    if (error == DF_OK && (error = df_exif_make_upright(out, orientation)) < 0)
        df_image_free(out);
    return error;
}

static int decode(DfImage *out, const uint8_t *bytes, size_t size, size_t max_pixels, const char *name,
                  DfImageReading reading)
{
    const int error = decode_as(out, bytes, size, max_pixels, reading);
    return error < 0 ? df_fail_in(error, "%s: ", name) : DF_OK;
}

int df_image_decode(DfImage *out, const uint8_t *bytes, size_t size, size_t max_pixels, const char *name)
{
    return decode(out, bytes, size, max_pixels, name, DF_READ_CV2);
}

int df_image_read(DfImage *out, const char *path)
{
    return df_image_read_as(out, path, DF_READ_CV2);
}

int df_image_read_as(DfImage *out, const char *path, DfImageReading reading)
{
    DfFile file;
    *out = (DfImage){ 0 };
    int error = df_file_open(&file, path, DF_IMAGE_MAX_FILE);
    if (error < 0)
        return error;
    error = decode(out, file.data, file.size, 0, path, reading);
    df_file_close(&file);
    return error;
}

int df_image_read_labels(DfImage *out, const char *path)
{
    *out = (DfImage){ 0 };
    return df_image_read_labels_again(out, path);
}

/* Once: what is wrong with one label map is so with thousands. */
static void tell_cut(const char *path, size_t cut)
{
    static atomic_flag told = ATOMIC_FLAG_INIT;
    if (cut && !atomic_flag_test_and_set(&told))
        df_log(DF_LOG_WARNING, "%s: %zu labels are not from 0 to 255: as in mmseg their last 8 bits count", path, cut);
}

static int decode_labels(DfImage *image, const uint8_t *bytes, size_t size, const char *path)
{
    size_t cut = 0;
    const Format *format = format_of(bytes, size);
    if (!format || !format->decode_labels)
        return df_fail(DF_EFORMAT, "not a PNG, BMP or TIFF file: want a label map, which these formats keep as it is");
    const int error = format->decode_labels(image, &cut, bytes, size, 0);
    tell_cut(path, cut);
    return error;
}

static int decode_colours(DfImage *image, const uint8_t *bytes, size_t size, const char *path)
{
    (void)path;
    if (!is_png(bytes, size))
        return df_fail(DF_EFORMAT, "not a PNG file: want a map of values in colours");
    return df_png_decode_colours(image, bytes, size, 0);
}

static int decode_numbers(DfImage *image, const uint8_t *bytes, size_t size, const char *path)
{
    (void)path;
    if (!is_png(bytes, size))
        return df_fail(DF_EFORMAT, "not a PNG file: want a map of numbers");
    return df_png_decode_numbers(image, bytes, size, 0);
}

/* ITU-R 601-2 in 16 bits, rounded. */
static void turn_grey(DfImage *image)
{
    image->channels = 1;
    for (size_t i = 0; i < df_image_bytes(image); i++) {
        const uint8_t *const bgr = image->pixels + 3 * i;
        image->pixels[i] = (uint8_t)((bgr[2] * 19595u + bgr[1] * 38470u + bgr[0] * 7471u + 0x8000u) >> 16);
    }
}

static int decode_grey(DfImage *image, const uint8_t *bytes, size_t size, const char *path)
{
    (void)path;
    if (is_png(bytes, size) && df_png_map(image, DF_PNG_GREY, bytes, size, 0))
        return DF_OK;
    df_image_free(image);
    const int error = decode_as(image, bytes, size, 0, DF_READ_PILLOW_AS_STORED);
    if (error == DF_OK)
        turn_grey(image);
    return error;
}

static int read_again(DfImage *image, const char *path,
                      int (*decode_map)(DfImage *, const uint8_t *, size_t, const char *path))
{
    DfFile file;
    int error = df_file_open(&file, path, DF_IMAGE_MAX_FILE);
    if (error == DF_OK) {
        error = decode_map(image, file.data, file.size, path);
        df_file_close(&file);
        error = error < 0 ? df_fail_in(error, "%s: ", path) : DF_OK;
    }
    if (error < 0)
        df_image_free(image);
    return error;
}

int df_image_read_labels_again(DfImage *image, const char *path)
{
    return read_again(image, path, decode_labels);
}

int df_image_read_colours_again(DfImage *image, const char *path)
{
    return read_again(image, path, decode_colours);
}

int df_image_read_numbers_again(DfImage *image, const char *path)
{
    return read_again(image, path, decode_numbers);
}

int df_image_read_grey_again(DfImage *image, const char *path)
{
    return read_again(image, path, decode_grey);
}

/* ---- out --------------------------------------------------------------------------------------------------------- */

int df_image_write(const DfImage *image, const char *path, int quality)
{
    const Format *format = format_named(path);
    if (!format)
        return df_fail(DF_EVALUE, "%s: want a name ending in .jpg, .png, .bmp, .tif or .webp", path);
    if (image->channels != 1 && image->channels != 3)
        return df_fail(DF_EVALUE, "%s: a picture of %d channels: want 1 or 3", path, image->channels);
    DfWriter *file;
    int error = df_writer_open(&file, path);
    if (error < 0)
        return error;
    error = format->encode(image, quality, file);
    if (error == DF_OK)
        return df_writer_commit(file);
    df_writer_drop(file);
    return df_fail_in(error, "%s: ", path);
}
