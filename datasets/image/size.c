/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/size.c -- how large a picture is, from the first bytes of its file: no pixel is decoded.
 */
#include <string.h>
#include <unistd.h>

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

enum { LONGEST_EXIF = 1 << 16 }; /* as in a JPEG; orientation stands among the first bytes */

static int exif_at(int fd, uint64_t at, size_t n)
{
    uint8_t *tiff = df_malloc(n);
    const int orientation = tiff && df_file_read_at(fd, tiff, n, at) ? df_exif_orientation(tiff, n) : 1;
    df_free(tiff);
    return orientation;
}

static bool png_size(Found *out, int fd)
{
    enum { SIGNATURE = 8, HEAD = 8, CHECKSUM = 4 };
    uint8_t chunk[HEAD + 8]; /* its length, its name, its first bytes */
    bool found = false;
    for (uint64_t at = SIGNATURE; df_file_read_at(fd, chunk, HEAD, at);) {
        const size_t length = u32(chunk);
        if (memcmp(chunk + 4, "IHDR", 4) == 0 && length >= 8 && df_file_read_at(fd, chunk, sizeof chunk, at)) {
            found = u32(chunk + HEAD) <= DF_IMAGE_MAX_SIDE && u32(chunk + HEAD + 4) <= DF_IMAGE_MAX_SIDE;
            out->width = (int)u32(chunk + HEAD);
            out->height = (int)u32(chunk + HEAD + 4);
        }
        if (!found || memcmp(chunk + 4, "IEND", 4) == 0)
            break;
        if (memcmp(chunk + 4, "eXIf", 4) == 0)
            out->orientation = exif_at(fd, at + HEAD, length < LONGEST_EXIF ? length : LONGEST_EXIF);
        at += HEAD + (uint64_t)length + CHECKSUM;
    }
    return found;
}

/* ---- JPEG: markers, each with the length of what follows -------------------------------------------------------- */

/* SOF0..SOF15, without DHT, JPG and DAC, which are numbered among them. */
static bool is_frame(int marker)
{
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

static bool jpeg_size(Found *out, int fd)
{
    bool seen_exif = false;
    uint8_t b[10]; /* a marker, its length, its first bytes */
    for (uint64_t at = 2; df_file_read_at(fd, b, 4, at);) {
        if (b[0] != 0xff)
            return false;
        if (b[1] == 0xff) { /* a filling byte */
            at++;
            continue;
        }
        const size_t length = u16(b + 2);
        if (length < 2)
            return false;
        const bool more = length >= 8 && df_file_read_at(fd, b, sizeof b, at);
        if (more && b[1] == 0xe1 && !seen_exif && memcmp(b + 4, "Exif\0\0", 6) == 0) {
            out->orientation = exif_at(fd, at + 10, length - 8);
            seen_exif = true;
        }
        if (more && is_frame(b[1])) {
            out->height = (int)u16(b + 5);
            out->width = (int)u16(b + 7);
            return true;
        }
        at += 2 + length;
    }
    return false;
}

/* ---- either ----------------------------------------------------------------------------------------------------- */

static bool size_of(Found *out, int fd)
{
    uint8_t head[8];
    if (!df_file_read_at(fd, head, sizeof head, 0))
        return false;
    if (memcmp(head, "\x89PNG\r\n\x1a\n", 8) == 0)
        return png_size(out, fd);
    return memcmp(head, "\xff\xd8\xff", 3) == 0 && jpeg_size(out, fd);
}

int df_image_read_size(const char *path, int *height, int *width)
{
    Found found = { .orientation = 1 };
    int fd;
    *height = *width = 0;
    int error = df_file_descriptor(&fd, path);
    if (error < 0)
        return error;
    if (!size_of(&found, fd) || found.height < 1 || found.width < 1)
        error = df_fail(DF_EFORMAT, "%s: not a JPEG or PNG file, or one without a size", path);
    close(fd);
    if (error < 0)
        return error;
    const bool on_its_side = found.orientation >= 5; /* EXIF 5 to 8 turn by a quarter */
    *height = on_its_side ? found.width : found.height;
    *width = on_its_side ? found.height : found.width;
    return DF_OK;
}
