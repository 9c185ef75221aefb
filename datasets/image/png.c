/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/png.c -- reads and writes PNG through libpng, with the conversions that OpenCV requests.
 *
 * libpng's errors longjmp out of our callback, which stores the message; warnings are ignored. libpng allocates
 * through core/memory.h.
 */
#include <png.h>
#include <setjmp.h>
#include <string.h>

#include "datasets/image/codec.h"
#include "datasets/image/png_map.h"

enum {
    MOST_CHUNK = 8 << 20, /* bytes of memory for any one chunk beside the pixels */
    DEFLATE_MOST = 1032   /* bytes that one byte of deflate can give             */
};

typedef struct {
    png_structp png;
    png_infop info;
    jmp_buf escape;
    char text[160];
    DfImage image;
    uint8_t **rows;
    const uint8_t *bytes; /* what is left of the file */
    size_t size, max_pixels;
    DfWriter *file;
    int refused; /* code of a failure that is not libpng's, its sentence set */
} Codec;

static _Noreturn void on_error(png_structp png, png_const_charp message)
{
    Codec *c = png_get_error_ptr(png);
    strncpy(c->text, message, sizeof c->text - 1);
    longjmp(c->escape, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png, (void)message;
}

static png_voidp allocate(png_structp png, png_alloc_size_t size)
{
    Codec *c = png_get_mem_ptr(png);
    void *block = df_malloc(size);
    if (!block)
        c->refused = df_fail_memory("a PNG");
    return block;
}

static void release(png_structp png, png_voidp block)
{
    (void)png;
    df_free(block);
}

static void take(png_structp png, png_bytep out, size_t size)
{
    Codec *c = png_get_io_ptr(png);
    if (size > c->size)
        png_error(png, "the file ends early");
    memcpy(out, c->bytes, size);
    c->bytes += size;
    c->size -= size;
}

static void give(png_structp png, png_bytep bytes, size_t size)
{
    const Codec *c = png_get_io_ptr(png);
    df_write(c->file, bytes, size);
}

static void give_flush(png_structp png)
{
    (void)png;
}

static int row_table(Codec *c)
{
    const size_t stride = (size_t)c->image.width * (size_t)c->image.channels;
    if (!(c->rows = df_malloc((size_t)c->image.height * sizeof *c->rows)))
        return df_fail_memory("the lines of a picture");
    for (size_t y = 0; y < (size_t)c->image.height; y++)
        c->rows[y] = c->image.pixels + y * stride;
    return DF_OK;
}

/* Any PNG to 8-bit BGR: 16 bits lose the low byte, alpha is dropped unused, grey is spread over three channels. */
static int want_bgr(Codec *c)
{
    const int color = png_get_color_type(c->png, c->info);
    const int depth = png_get_bit_depth(c->png, c->info);
    if (depth == 16)
        png_set_strip_16(c->png);
    png_set_strip_alpha(c->png);
    if (color == PNG_COLOR_TYPE_PALETTE)
        png_set_palette_to_rgb(c->png);
    if (color & PNG_COLOR_MASK_COLOR) {
        png_set_bgr(c->png);
    } else {
        if (depth < 8)
            png_set_expand_gray_1_2_4_to_8(c->png);
        png_set_gray_to_rgb(c->png);
    }
    return 3;
}

/* As Pillow: grey of 16 bits stays so at first. */
static int want_pillow(Codec *c)
{
    const bool wide = png_get_bit_depth(c->png, c->info) == 16 &&
                      png_get_color_type(c->png, c->info) == PNG_COLOR_TYPE_GRAY;
    return wide ? 2 : want_bgr(c);
}

/* Grey of 16 bits, high byte first, to BGR: what is above 255 is white. */
static int narrow(DfImage *image)
{
    DfImage wide = *image;
    const int error = df_image_new(image, wide.height, wide.width, 3);
    const size_t pixels = (size_t)wide.height * (size_t)wide.width;
    for (size_t i = 0; error == DF_OK && i < pixels; i++)
        memset(image->pixels + 3 * i, wide.pixels[2 * i] ? 255 : wide.pixels[2 * i + 1], 3);
    df_image_free(&wide);
    return error;
}

/* Labels: the numbers as Pillow has them. Palette indices and grey of 1, 8 and 16 bits are as stored; grey of 2 and
 * 4 bits is spread to 0..255. */
static int want_labels(Codec *c)
{
    const int color = png_get_color_type(c->png, c->info);
    const int depth = png_get_bit_depth(c->png, c->info);
    if (color != PNG_COLOR_TYPE_PALETTE && color != PNG_COLOR_TYPE_GRAY)
        return df_fail(DF_EFORMAT, "a PNG of colour type %d with %d bits: want labels, one channel", color, depth);
    if (color == PNG_COLOR_TYPE_GRAY && (depth == 2 || depth == 4))
        png_set_expand_gray_1_2_4_to_8(c->png);
    png_set_packing(c->png);
    return depth == 16 ? 2 : 1;
}

/* Labels of 16 bits, high byte first, to the low bytes, as mmseg's astype(uint8) takes them. */
static void keep_low_bytes(DfImage *image, size_t *cut)
{
    image->channels = 1;
    const size_t pixels = df_image_bytes(image);
    for (size_t i = 0; i < pixels; i++) {
        *cut += image->pixels[2 * i] != 0;
        image->pixels[i] = image->pixels[2 * i + 1];
    }
}

/* Values in colours: R + 256 G + 65536 B. */
static int want_colours(Codec *c)
{
    const int color = png_get_color_type(c->png, c->info);
    if (color != PNG_COLOR_TYPE_RGB && color != PNG_COLOR_TYPE_RGB_ALPHA)
        return df_fail(DF_EFORMAT, "a PNG of %s: want values in colours, R + 256 G + 65536 B",
                       color == PNG_COLOR_TYPE_PALETTE ? "a palette" : "grey");
    png_set_strip_16(c->png);
    png_set_strip_alpha(c->png);
    return 3;
}

static int orientation_of(const Codec *c, png_infop after)
{
    png_bytep exif = NULL;
    png_uint_32 size = 0;
    if (png_get_eXIf_1(c->png, c->info, &size, &exif) || png_get_eXIf_1(c->png, after, &size, &exif))
        return df_exif_orientation(exif, size);
    return 1;
}

/* Chunks that are no part of the pixels as OpenCV gives them are passed over, unread: a few bytes of a compressed one
 * can stand for gigabytes. Only the orientation (eXIf) and what tells transparent colours (tRNS) are kept. */
static void skip_chunks(png_structp png)
{
    static const png_byte skipped[] = "acTL\0bKGD\0cHRM\0cICP\0cLLI\0fcTL\0fdAT\0gAMA\0hIST\0iCCP\0iTXt\0mDCV\0oFFs\0"
                                      "pCAL\0pHYs\0sBIT\0sCAL\0sPLT\0sRGB\0sTER\0tEXt\0tIME\0zTXt";
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, skipped, sizeof skipped / 5);
    png_set_chunk_malloc_max(png, MOST_CHUNK);
}

/* Deflate makes at most 1032 bytes of one: a short file that promises more lines than that has too few. */
static bool can_hold(const Codec *c, uint64_t bytes)
{
    return bytes / DEFLATE_MOST <= c->size;
}

/* False if libpng failed; other failures set `refused`. */
static bool read_image(Codec *c, int (*want)(Codec *), png_infop after, int *orientation)
{
    if (setjmp(c->escape))
        return false;
    png_set_read_fn(c->png, c, take);
    png_set_user_limits(c->png, DF_IMAGE_MAX_SIDE, DF_IMAGE_MAX_SIDE);
    skip_chunks(c->png);
    png_read_info(c->png, c->info);
    const png_uint_32 height = png_get_image_height(c->png, c->info);
    const png_uint_32 width = png_get_image_width(c->png, c->info);
    if ((c->refused = df_image_check_size(height, width, c->max_pixels)) < 0)
        return true;
    if (!can_hold(c, (uint64_t)png_get_rowbytes(c->png, c->info) * height))
        png_error(c->png, "the file ends early");
    const int channels = want(c);
    if ((c->refused = channels) < 0)
        return true;
    png_set_interlace_handling(c->png);
    png_read_update_info(c->png, c->info);
    if (png_get_rowbytes(c->png, c->info) != (size_t)width * (size_t)channels)
        png_error(c->png, "a combination of colour type and transparency that cannot be");
    if ((c->refused = df_image_renew(&c->image, (int)height, (int)width, channels)) < 0 ||
        (c->refused = row_table(c)) < 0)
        return true;
    png_read_image(c->png, c->rows);
    png_read_end(c->png, after);
    *orientation = orientation_of(c, after);
    return true;
}

static int decode(Codec *c, int (*want)(Codec *), DfImage *out, int *orientation)
{
    *out = (DfImage){ 0 };
    c->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, c, on_error, on_warning, c, allocate, release);
    c->info = c->png ? png_create_info_struct(c->png) : NULL;
    png_infop after = c->info ? png_create_info_struct(c->png) : NULL;
    if (!after)
        c->refused = df_fail_memory("a PNG decoder");
    else if (!read_image(c, want, after, orientation) && c->refused == DF_OK)
        c->refused = df_fail(DF_EFORMAT, "damaged or truncated PNG: %s", c->text);
    if (c->png)
        png_destroy_read_struct(&c->png, &c->info, &after);
    df_free(c->rows);
    if (c->refused < 0) {
        df_image_free(&c->image);
        return c->refused;
    }
    *out = c->image;
    return DF_OK;
}

int df_png_decode(DfImage *out, int *orientation, const uint8_t *bytes, size_t size, size_t max_pixels)
{
    Codec c = { .bytes = bytes, .size = size, .max_pixels = max_pixels };
    return decode(&c, want_bgr, out, orientation);
}

int df_png_decode_pillow(DfImage *out, int *orientation, const uint8_t *bytes, size_t size, size_t max_pixels)
{
    Codec c = { .bytes = bytes, .size = size, .max_pixels = max_pixels };
    const int error = decode(&c, want_pillow, out, orientation);
    return error == DF_OK && out->channels == 2 ? narrow(out) : error;
}

int df_png_decode_labels(DfImage *out, size_t *cut, const uint8_t *bytes, size_t size, size_t max_pixels)
{
    Codec c = { .bytes = bytes, .size = size, .max_pixels = max_pixels };
    int orientation = 1; /* label maps are not turned */
    *cut = 0;
    if (df_png_map(out, DF_PNG_LABELS, bytes, size, max_pixels))
        return DF_OK;
    c.image = *out;
    const int error = decode(&c, want_labels, out, &orientation);
    if (error == DF_OK && out->channels == 2)
        keep_low_bytes(out, cut);
    return error;
}

int df_png_decode_colours(DfImage *out, const uint8_t *bytes, size_t size, size_t max_pixels)
{
    Codec c = { .bytes = bytes, .size = size, .max_pixels = max_pixels };
    int orientation = 1; /* maps are not turned */
    if (df_png_map(out, DF_PNG_COLOURS, bytes, size, max_pixels))
        return DF_OK;
    c.image = *out;
    return decode(&c, want_colours, out, &orientation);
}

/* Numbers of up to 8 bits, as two bytes each. */
static int widen(DfImage *image)
{
    DfImage small = *image;
    const int error = df_image_new(image, small.height, small.width, 2);
    for (size_t i = 0; error == DF_OK && i < df_image_bytes(&small); i++) {
        image->pixels[2 * i] = 0;
        image->pixels[2 * i + 1] = small.pixels[i];
    }
    df_image_free(&small);
    return error;
}

int df_png_decode_numbers(DfImage *out, const uint8_t *bytes, size_t size, size_t max_pixels)
{
    Codec c = { .bytes = bytes, .size = size, .max_pixels = max_pixels };
    int orientation = 1; /* maps are not turned */
    if (df_png_map(out, DF_PNG_WIDE, bytes, size, max_pixels))
        return DF_OK;
    c.image = *out;
    const int error = decode(&c, want_labels, out, &orientation);
    return error == DF_OK && out->channels == 1 ? widen(out) : error;
}

static bool write_image(Codec *c)
{
    if (setjmp(c->escape))
        return false;
    const DfImage *image = &c->image;
    png_set_write_fn(c->png, c, give, give_flush);
    png_set_compression_level(c->png, 4); /* a third of the time of the default level, a few percent larger */
    const int color = image->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB;
    png_set_IHDR(c->png, c->info, (png_uint_32)image->width, (png_uint_32)image->height, 8, color, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(c->png, c->info);
    if (image->channels == 3)
        png_set_bgr(c->png);
    png_write_image(c->png, c->rows);
    png_write_end(c->png, NULL);
    return true;
}

int df_png_encode(const DfImage *image, int quality, DfWriter *file)
{
    (void)quality;
    Codec c = { .image = *image, .file = file };
    int error = row_table(&c);
    if (error < 0)
        return error;
    c.png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, &c, on_error, on_warning, &c, allocate, release);
    c.info = c.png ? png_create_info_struct(c.png) : NULL;
    if (!c.info)
        error = df_fail_memory("a PNG encoder");
    else if (!write_image(&c))
        error = c.refused < 0 ? c.refused : df_fail(DF_EVALUE, "cannot be written as PNG: %s", c.text);
    if (c.png)
        png_destroy_write_struct(&c.png, &c.info);
    df_free(c.rows);
    return error;
}
