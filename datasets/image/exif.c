/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/exif.c -- reads the orientation tag of EXIF, the only one that changes pixels.
 *
 * A TIFF block is a byte order ("II" or "MM"), the number 42, and the offset of a directory: a count and that many
 * entries of 12 bytes (tag, type, count, value). Only the first directory can contain the orientation.
 */
#include "datasets/image/codec.h"

/* ---- the tag --------------------------------------------------------------------------------------------------- */

enum { TAG_ORIENTATION = 0x0112, ENTRY = 12 };

typedef struct {
    const uint8_t *bytes;
    size_t size;
    bool big_endian;
} Tiff;

/* 0 past the end: no tag has that number and no directory that offset. */
static uint32_t u16(const Tiff *t, size_t at)
{
    if (at > t->size || t->size - at < 2)
        return 0;
    const uint32_t first = t->bytes[at];
    const uint32_t second = t->bytes[at + 1];
    return t->big_endian ? first << 8 | second : second << 8 | first;
}

static uint32_t u32(const Tiff *t, size_t at)
{
    return t->big_endian ? u16(t, at) << 16 | u16(t, at + 2) : u16(t, at + 2) << 16 | u16(t, at);
}

int df_exif_orientation(const uint8_t *tiff, size_t size)
{
    if (size < 8)
        return 1;
    const Tiff t = { tiff, size, tiff[0] != 'I' || tiff[1] != 'I' }; /* no other mark is an error to OpenCV */
    const size_t directory = u32(&t, 4);
    if (u16(&t, 2) != 42 || directory >= size)
        return 1;
    const uint32_t entries = u16(&t, directory);
    for (uint32_t i = 0; i < entries; i++) {
        const size_t entry = directory + 2 + (size_t)i * ENTRY;
        if (entry > size || size - entry < ENTRY)
            return 1;
        if (u16(&t, entry) == TAG_ORIENTATION) {
            const uint32_t value = u16(&t, entry + 8);
            return value >= 1 && value <= 8 ? (int)value : 1;
        }
    }
    return 1;
}

/* ---- the pixels ------------------------------------------------------------------------------------------------ */

static void copy_pixel(uint8_t *out, const uint8_t *in, int channels)
{
    for (int c = 0; c < channels; c++)
        out[c] = in[c];
}

static int transpose(DfImage *image)
{
    DfImage turned;
    const int error = df_image_new(&turned, image->width, image->height, image->channels);
    if (error < 0)
        return error;
    const size_t channels = (size_t)image->channels;
    const size_t stride = (size_t)image->width * channels;
    uint8_t *out = turned.pixels;
    for (int y = 0; y < turned.height; y++)
        for (int x = 0; x < turned.width; x++, out += channels)
            copy_pixel(out, image->pixels + (size_t)x * stride + (size_t)y * channels, image->channels);
    df_image_free(image);
    *image = turned;
    return DF_OK;
}

/* Orientations 2 to 4 are mirrored; 5 to 8 lie on their side: they are transposed, and then mirrored. */
int df_exif_make_upright(DfImage *image, int orientation)
{
    static const struct {
        bool transposed, mirror_x, mirror_y;
    } undo[9] = {
        [2] = { false, true,  false },
        [3] = { false, true,  true  }, /* upside down                */
        [4] = { false, false, true  },
        [5] = { true,  false, false },
        [6] = { true,  true,  false }, /* a quarter turn clockwise   */
        [7] = { true,  true,  true  },
        [8] = { true,  false, true  }, /* a quarter turn back       */
    };
    if (undo[orientation].transposed) {
        const int error = transpose(image);
        if (error < 0)
            return error;
    }
    df_image_flip(image, undo[orientation].mirror_x, undo[orientation].mirror_y);
    return DF_OK;
}
