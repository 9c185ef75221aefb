/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/webp.c -- reads and writes WebP through libwebp: lossy, lossless, the first picture of an animation.
 * As in OpenCV, alpha is dropped instead of blended, and EXIF's orientation is reported.
 *
 * A file is "RIFF", its length, "WEBP", and chunks: a name, a length, so many bytes, and a padding byte after an odd
 * length.
 */
#include "datasets/image/codec.h"

#include <string.h>

#ifdef DEFORMER_WEBP
#include <webp/decode.h>
#include <webp/encode.h>

enum {
    RIFF_HEADER = 12,
    CHUNK_HEADER = 8,
    FRAME_HEADER = 16,  /* of an animation: place, size, how long, flags */
    HAS_EXIF = 8,       /* a flag of the chunk VP8X                      */
    WEBP_MOST_SIDE = 16383
};

typedef struct {
    const uint8_t *bytes;
    size_t size;
} Part;

static uint32_t u24(const uint8_t *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16;
}

static size_t u32(const uint8_t *b)
{
    return u24(b) | (size_t)b[3] << 24;
}

/* The first chunk of that name; empty if there is none that is whole. */
static Part find_chunk(Part file, const char *name)
{
    for (size_t at = RIFF_HEADER; at < file.size && file.size - at >= CHUNK_HEADER;) {
        const Part chunk = { file.bytes + at + CHUNK_HEADER, u32(file.bytes + at + 4) };
        if (chunk.size > file.size - at - CHUNK_HEADER)
            break;
        if (memcmp(file.bytes + at, name, 4) == 0)
            return chunk;
        at += CHUNK_HEADER + chunk.size + (chunk.size & 1);
    }
    return (Part){ 0 };
}

static int orientation_of(Part file)
{
    const Part features = find_chunk(file, "VP8X");
    if (features.size < 1 || !(features.bytes[0] & HAS_EXIF))
        return 1;
    const Part exif = find_chunk(file, "EXIF");
    return exif.size ? df_exif_orientation(exif.bytes, exif.size) : 1;
}

static int damaged(void)
{
    return df_fail(DF_EFORMAT, "damaged or truncated WebP");
}

/* One coded picture to the place (x, y) of a larger one. */
static int decode_at(const DfImage *image, Part coded, size_t x, size_t y)
{
    WebPBitstreamFeatures f;
    if (WebPGetFeatures(coded.bytes, coded.size, &f) != VP8_STATUS_OK)
        return damaged();
    const size_t height = (size_t)image->height;
    const size_t width = (size_t)image->width;
    if ((size_t)f.height > height || y > height - (size_t)f.height || (size_t)f.width > width ||
        x > width - (size_t)f.width)
        return df_fail(DF_EFORMAT, "damaged WebP: a picture of %d x %d pixels does not fit into %d x %d", f.height,
                       f.width, image->height, image->width);
    const size_t stride = width * 3;
    uint8_t *out = image->pixels + y * stride + x * 3;
    const size_t room = df_image_bytes(image) - (size_t)(out - image->pixels);
    return WebPDecodeBGRInto(coded.bytes, coded.size, out, room, (int)stride) ? DF_OK : damaged();
}

/* The first picture of an animation covers a part of the canvas; the rest is black. */
static int decode_first(const DfImage *image, Part file)
{
    const Part frame = find_chunk(file, "ANMF");
    const bool whole = file.size >= RIFF_HEADER && u32(file.bytes + 4) <= file.size - CHUNK_HEADER;
    if (frame.size <= FRAME_HEADER || !whole)
        return damaged();
    memset(image->pixels, 0, df_image_bytes(image));
    const Part coded = { frame.bytes + FRAME_HEADER, frame.size - FRAME_HEADER };
    return decode_at(image, coded, 2 * (size_t)u24(frame.bytes), 2 * (size_t)u24(frame.bytes + 3));
}

int df_webp_decode(DfImage *out, int *orientation, const uint8_t *bytes, size_t size, size_t max_pixels)
{
    const Part file = { bytes, size };
    WebPBitstreamFeatures f;
    *out = (DfImage){ 0 };
    if (WebPGetFeatures(bytes, size, &f) != VP8_STATUS_OK)
        return damaged();
    int error = df_image_check_size((uint64_t)f.height, (uint64_t)f.width, max_pixels);
    if (error == DF_OK)
        error = df_image_new(out, f.height, f.width, 3);
    if (error == DF_OK)
        error = f.has_animation ? decode_first(out, file) : decode_at(out, file, 0, 0);
    if (error < 0)
        df_image_free(out);
    else
        *orientation = orientation_of(file);
    return error;
}

/* ---- out --------------------------------------------------------------------------------------------------------- */

static int encode_bgr(const DfImage *image, int quality, DfWriter *file)
{
    uint8_t *coded = NULL;
    const size_t size =
        WebPEncodeBGR(image->pixels, image->width, image->height, image->width * 3, (float)quality, &coded);
    if (size)
        df_write(file, coded, size);
    WebPFree(coded);
    return size ? DF_OK : df_fail_memory("a WebP"); /* nothing else is left to fail */
}

int df_webp_encode(const DfImage *image, int quality, DfWriter *file)
{
    if (image->height > WEBP_MOST_SIDE || image->width > WEBP_MOST_SIDE)
        return df_fail(DF_EVALUE, "%d x %d pixels are more than a WebP can hold: want at most %d a side", image->height,
                       image->width, WEBP_MOST_SIDE);
    if (image->channels == 3)
        return encode_bgr(image, quality, file);
    DfImage bgr;
    int error = df_image_new(&bgr, image->height, image->width, 3);
    for (size_t i = 0; error == DF_OK && i < df_image_bytes(&bgr); i++)
        bgr.pixels[i] = image->pixels[i / 3];
    if (error == DF_OK)
        error = encode_bgr(&bgr, quality, file);
    df_image_free(&bgr);
    return error;
}

#else

static int not_built_in(void)
{
    return df_fail(DF_EFORMAT, "a WebP picture, but this program was built without libwebp");
}

int df_webp_decode(DfImage *out, int *orientation, const uint8_t *bytes, size_t size, size_t max_pixels)
{
    (void)orientation, (void)bytes, (void)size, (void)max_pixels;
    *out = (DfImage){ 0 };
    return not_built_in();
}

int df_webp_encode(const DfImage *image, int quality, DfWriter *file)
{
    (void)image, (void)quality, (void)file;
    return not_built_in();
}

#endif
