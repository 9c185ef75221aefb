/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/size.c -- the size of a picture from the first bytes of its file, without decoding pixels.
 */
#include <string.h>
#include <unistd.h>

#include "datasets/image/codec.h"
#include "datasets/image/image_file.h"

typedef struct {
    uint64_t height, width;
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
            found = true;
            out->width = u32(chunk + HEAD);
            out->height = u32(chunk + HEAD + 4);
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
            out->height = u16(b + 5);
            out->width = u16(b + 7);
            return true;
        }
        at += 2 + length;
    }
    return false;
}

/* ---- BMP and WebP: little-endian -------------------------------------------------------------------------------- */

static uint32_t little(const uint8_t *b, size_t n)
{
    uint32_t value = 0;
    for (size_t i = n; i-- > 0;)
        value = value << 8 | b[i];
    return value;
}

static bool bmp_size(Found *out, int fd)
{
    enum { HEADER_OS2 = 12 };
    uint8_t b[26];
    if (!df_file_read_at(fd, b, sizeof b, 0))
        return false;
    const bool os2 = little(b + 14, 4) == HEADER_OS2;
    const int64_t height = (int32_t)little(b + 22, 4);
    out->width = os2 ? little(b + 18, 2) : little(b + 18, 4);
    out->height = (uint64_t)(height < 0 ? -height : height); /* negative: the first line first */
    if (os2)
        out->height = little(b + 20, 2);
    return true;
}

/* Chunks of a name, a length, so many bytes, and one more after an odd number. The first is a picture, or says what
 * there is. */
static bool webp_exif(Found *out, int fd)
{
    enum { HEAD = 8, RIFF = 12 };
    uint8_t chunk[HEAD];
    for (uint64_t at = RIFF; df_file_read_at(fd, chunk, HEAD, at);) {
        const size_t length = little(chunk + 4, 4);
        if (memcmp(chunk, "EXIF", 4) == 0) {
            out->orientation = exif_at(fd, at + HEAD, length < LONGEST_EXIF ? length : LONGEST_EXIF);
            break;
        }
        at += HEAD + (uint64_t)length + (length & 1);
    }
    return true;
}

static bool webp_size(Found *out, int fd)
{
    enum { HAS_EXIF = 8 };
    uint8_t b[30];
    if (!df_file_read_at(fd, b, sizeof b, 0))
        return false;
    if (memcmp(b + 12, "VP8X", 4) == 0) {
        out->width = little(b + 24, 3) + 1;
        out->height = little(b + 27, 3) + 1;
        return b[20] & HAS_EXIF ? webp_exif(out, fd) : true;
    }
    if (memcmp(b + 12, "VP8L", 4) == 0) { /* a mark, and 14 bits for each side less one */
        const uint32_t sides = little(b + 21, 4);
        out->width = (sides & 0x3fff) + 1;
        out->height = (sides >> 14 & 0x3fff) + 1;
        return true;
    }
    out->width = little(b + 26, 2) & 0x3fff;
    out->height = little(b + 28, 2) & 0x3fff;
    return memcmp(b + 12, "VP8 ", 4) == 0;
}

/* ---- any of them ------------------------------------------------------------------------------------------------- */

static bool size_of(Found *out, int fd)
{
    uint8_t head[12];
    if (!df_file_read_at(fd, head, sizeof head, 0))
        return false;
    if (memcmp(head, "\x89PNG\r\n\x1a\n", 8) == 0)
        return png_size(out, fd);
    if (memcmp(head, "BM", 2) == 0)
        return bmp_size(out, fd);
    if (memcmp(head, "RIFF", 4) == 0 && memcmp(head + 8, "WEBP", 4) == 0)
        return webp_size(out, fd);
    if (memcmp(head, "II", 2) == 0 || memcmp(head, "MM", 2) == 0)
        return df_tiff_size(fd, &out->height, &out->width, &out->orientation);
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
    if (!size_of(&found, fd) || found.height < 1 || found.width < 1 || found.height > DF_IMAGE_MAX_SIDE ||
        found.width > DF_IMAGE_MAX_SIDE)
        error = df_fail(DF_EFORMAT, "%s: not a file in " DF_IMAGE_FORMATS ", or one without a size", path);
    close(fd);
    if (error < 0)
        return error;
    const bool on_its_side = found.orientation >= 5; /* EXIF 5 to 8 turn by a quarter */
    *height = (int)(on_its_side ? found.width : found.height);
    *width = (int)(on_its_side ? found.height : found.width);
    return DF_OK;
}
