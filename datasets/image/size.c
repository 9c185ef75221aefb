/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/size.c -- how large a picture is, from the first bytes of its file: no pixel is decoded.
 */
#include <string.h>

#include "datasets/image/codec.h"
#include "datasets/image/image_file.h"

typedef struct {
    int height, width;
    int orientation; /* EXIF's, 1..8 */
} Found;

static uint32_t u16(const uint8_t *b)
{
    return (uint32_t)b[0] << 8 | b[1];
}

static uint32_t u32(const uint8_t *b)
{
    return u16(b) << 16 | u16(b + 2);
}

/* ---- PNG: chunks of a length, a name, that many bytes and a checksum -------------------------------------------- */

static bool png_size(Found *out, const DfFile *file)
{
    enum { SIGNATURE = 8, HEAD = 8, CHECKSUM = 4 };
    bool found = false;
    for (size_t at = SIGNATURE; file->size - at >= HEAD + CHECKSUM;) {
        const uint8_t *chunk = file->data + at;
        const size_t length = u32(chunk);
        if (length > file->size - at - HEAD - CHECKSUM)
            break;
        if (memcmp(chunk + 4, "IHDR", 4) == 0 && length >= 8) {
            found = u32(chunk + HEAD) <= DF_IMAGE_MAX_SIDE && u32(chunk + HEAD + 4) <= DF_IMAGE_MAX_SIDE;
            out->width = (int)u32(chunk + HEAD);
            out->height = (int)u32(chunk + HEAD + 4);
        }
        if (memcmp(chunk + 4, "eXIf", 4) == 0)
            out->orientation = df_exif_orientation(chunk + HEAD, length);
        at += HEAD + length + CHECKSUM;
        if (!found)
            break;
    }
    return found;
}

/* ---- JPEG: markers, each with the length of what follows -------------------------------------------------------- */

/* SOF0..SOF15, without DHT, JPG and DAC, which are numbered among them. */
static bool is_frame(int marker)
{
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

static bool jpeg_size(Found *out, const DfFile *file)
{
    bool seen_exif = false;
    for (size_t at = 2; file->size - at >= 4;) {
        const uint8_t *b = file->data + at;
        if (b[0] != 0xff)
            return false;
        if (b[1] == 0xff) { /* a filling byte */
            at++;
            continue;
        }
        const size_t length = u16(b + 2);
        if (length < 2 || length > file->size - at - 2)
            return false;
        if (b[1] == 0xe1 && !seen_exif && length > 8 && memcmp(b + 4, "Exif\0\0", 6) == 0) {
            out->orientation = df_exif_orientation(b + 10, length - 8);
            seen_exif = true;
        }
        if (is_frame(b[1]) && length >= 7) {
            out->height = (int)u16(b + 5);
            out->width = (int)u16(b + 7);
            return true;
        }
        at += 2 + length;
    }
    return false;
}

/* ---- either ----------------------------------------------------------------------------------------------------- */

static bool size_of(Found *out, const DfFile *file)
{
    if (file->size >= 8 && memcmp(file->data, "\x89PNG\r\n\x1a\n", 8) == 0)
        return png_size(out, file);
    if (file->size >= 4 && memcmp(file->data, "\xff\xd8\xff", 3) == 0)
        return jpeg_size(out, file);
    return false;
}

int df_image_read_size(const char *path, int *height, int *width)
{
    DfFile file;
    Found found = { .orientation = 1 };
    *height = *width = 0;
    int error = df_file_open(&file, path);
    if (error < 0)
        return error;
    if (!size_of(&found, &file) || found.height < 1 || found.width < 1)
        error = df_fail(DF_EFORMAT, "%s: not a JPEG or PNG file, or one without a size", path);
    df_file_close(&file);
    if (error < 0)
        return error;
    const bool on_its_side = found.orientation >= 5; /* EXIF 5 to 8 turn by a quarter */
    *height = on_its_side ? found.width : found.height;
    *width = on_its_side ? found.height : found.width;
    return DF_OK;
}
