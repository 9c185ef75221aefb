/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/bmp.c -- reads BMP: every depth, palettes, run lengths, lines in either order; the pixels are those
 * of OpenCV.
 *
 * A file has 14 bytes (the magic "BM"; the offset of the pixels at 10), a header that begins with its own length (12
 * in OS/2, 40 in Windows, 52 to 124 later), a palette, and lines padded to words of 4 bytes. All numbers are
 * little-endian.
 */
#include <inttypes.h>
#include <string.h>

#include "datasets/image/codec.h"

enum {
    FILE_HEADER = 14,
    HEADER_OS2 = 12,
    HEADER_LEAST = 36,   /* up to the number of colours      */
    HEADER_MASKS = 56,   /* of this length: holds the masks of four channels */
    COLOURS = 256,
    FREELY = 1 << 24,    /* pixels of run lengths that a file of any size may have; of more, ... */
    RUN_MOST = 1032      /* ... so many of each of its bytes                                     */
};

enum { RGB = 0, RLE8 = 1, RLE4 = 2, BITFIELDS = 3 }; /* how pixels are stored */

typedef struct {
    const uint8_t *bytes;
    size_t size, max_pixels;
    size_t pixels;                /* where they begin                              */
    size_t header;                /* its length                                    */
    uint32_t height, width;
    bool top_down;
    unsigned bits;                /* of a pixel                                    */
    uint32_t compression;         /* RGB, RLE8, RLE4 or BITFIELDS                  */
    uint8_t palette[COLOURS][3];  /* B G R                                         */
    uint32_t mask[3];             /* of B, G and R in a word; of no use if one is 0 */
} Bmp;

static uint32_t u16(const uint8_t *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8;
}

static uint32_t u32(const uint8_t *b)
{
    return u16(b) | u16(b + 2) << 16;
}

static int ends_early(void)
{
    return df_fail(DF_EFORMAT, "truncated BMP: the file ends early");
}

/* ---- the header ------------------------------------------------------------------------------------------------ */

static int read_palette(Bmp *b, size_t at, uint32_t colours, unsigned stride)
{
    if (colours > COLOURS)
        return df_fail(DF_EFORMAT, "a BMP with a palette of %" PRIu32 " colours: want at most %d", colours, COLOURS);
    if (at > b->size || b->size - at < (size_t)colours * stride)
        return ends_early();
    for (uint32_t i = 0; i < colours; i++)
        memcpy(b->palette[i], b->bytes + at + i * stride, 3);
    return DF_OK;
}

static bool is_known(const Bmp *b)
{
    switch (b->compression) {
    case RGB:
        return b->bits == 1 || b->bits == 4 || b->bits == 8 || b->bits == 16 || b->bits == 24 || b->bits == 32;
    case RLE8:
        return b->bits == 8;
    case RLE4:
        return b->bits == 4;
    case BITFIELDS:
        return b->bits == 16 || b->bits == 32;
    }
    return false;
}

/* Words of 16 bits have masks behind the header, those of 32 within a header that is long enough: elsewhere OpenCV does
 * not look. */
static int read_masks(Bmp *b)
{
    const bool behind = b->bits == 16;
    const size_t at = behind ? FILE_HEADER + b->header : FILE_HEADER + 40;
    if (!behind && b->header < HEADER_MASKS)
        return DF_OK;
    if (b->size < 12 || at > b->size - 12)
        return ends_early();
    for (size_t c = 0; c < 3; c++)
        b->mask[2 - c] = u32(b->bytes + at + 4 * c);
    return DF_OK;
}

static void five_bits_each(Bmp *b)
{
    b->mask[0] = 0x001f;
    b->mask[1] = 0x03e0;
    b->mask[2] = 0x7c00;
}

static int check_masks_of_16(const Bmp *b)
{
    const bool five_five_five = b->mask[0] == 0x1f && b->mask[1] == 0x3e0 && b->mask[2] == 0x7c00;
    const bool five_six_five = b->mask[0] == 0x1f && b->mask[1] == 0x7e0 && b->mask[2] == 0xf800;
    if (five_five_five || five_six_five)
        return DF_OK;
    return df_fail(DF_EFORMAT, "a BMP of 16 bits with masks %" PRIx32 " %" PRIx32 " %" PRIx32
                   " for R, G, B: want 7c00 3e0 1f or f800 7e0 1f", b->mask[2], b->mask[1], b->mask[0]);
}

static int read_windows_header(Bmp *b)
{
    const uint8_t *h = b->bytes + FILE_HEADER;
    const int32_t height = (int32_t)u32(h + 8);
    b->width = u32(h + 4);
    b->top_down = height < 0;
    b->height = height < 0 ? 0 - (uint32_t)height : (uint32_t)height;
    b->bits = u16(h + 14);
    b->compression = u32(h + 16);
    if (!is_known(b))
        return df_fail(DF_EFORMAT, "a BMP of %u bits and compression %" PRIu32
                       ": want 1, 4, 8, 16, 24 or 32 bits, plain or of run lengths", b->bits, b->compression);
    if (b->bits <= 8) {
        const uint32_t used = u32(h + 32);
        return read_palette(b, FILE_HEADER + b->header, used ? used : 1u << b->bits, 4);
    }
    if (b->compression == BITFIELDS) {
        const int error = read_masks(b);
        return error == DF_OK && b->bits == 16 ? check_masks_of_16(b) : error;
    }
    if (b->bits == 16)
        five_bits_each(b);
    return DF_OK;
}

static int read_os2_header(Bmp *b)
{
    const uint8_t *h = b->bytes + FILE_HEADER;
    b->width = u16(h + 4);
    b->height = u16(h + 6);
    b->bits = u16(h + 10);
    if (!is_known(b) || b->bits == 16)
        return df_fail(DF_EFORMAT, "a BMP of OS/2 of %u bits: want 1, 4, 8, 24 or 32", b->bits);
    return b->bits <= 8 ? read_palette(b, FILE_HEADER + HEADER_OS2, 1u << b->bits, 3) : DF_OK;
}

static size_t line_bytes(const Bmp *b)
{
    return ((size_t)b->width * b->bits + 31) / 32 * 4;
}

static bool is_run_length(const Bmp *b)
{
    return b->compression == RLE8 || b->compression == RLE4;
}

/* Before memory is taken for them: are there so many pixels in a file of this size? */
static bool can_hold(const Bmp *b)
{
    const size_t rest = b->size - b->pixels;
    const uint64_t pixels = (uint64_t)b->height * b->width;
    if (is_run_length(b))
        return pixels <= FREELY || pixels / RUN_MOST <= rest;
    return (uint64_t)line_bytes(b) * b->height <= rest;
}

static int read_header(Bmp *b)
{
    if (b->size < FILE_HEADER + HEADER_OS2)
        return ends_early();
    b->pixels = u32(b->bytes + 10);
    b->header = u32(b->bytes + FILE_HEADER);
    const bool os2 = b->header == HEADER_OS2;
    if (!os2 && b->header < HEADER_LEAST)
        return df_fail(DF_EFORMAT, "a BMP with a header of %zu bytes: want 12, or 40 and more", b->header);
    if (b->header > b->size - FILE_HEADER || b->pixels > b->size)
        return ends_early();
    int error = os2 ? read_os2_header(b) : read_windows_header(b);
    if (error == DF_OK)
        error = df_image_check_size(b->height, b->width, b->max_pixels);
    return error == DF_OK && !can_hold(b) ? ends_early() : error;
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

static uint8_t *line_at(const Bmp *b, const DfImage *image, uint32_t y)
{
    const size_t from_top = b->top_down ? y : b->height - 1 - y;
    return image->pixels + from_top * b->width * (size_t)image->channels;
}

static unsigned index_at(const uint8_t *line, unsigned bits, size_t x)
{
    const unsigned in_a_byte = 8 / bits;
    const unsigned shift = (in_a_byte - 1 - (unsigned)x % in_a_byte) * bits;
    return (unsigned)line[x / in_a_byte] >> shift & ((1u << bits) - 1);
}

/* One pixel of an indexed picture: its number, or its colour. */
static void put(const Bmp *b, const DfImage *image, uint8_t *pixel, unsigned index)
{
    if (image->channels == 1)
        pixel[0] = (uint8_t)index;
    else
        memcpy(pixel, b->palette[index], 3);
}

static void read_indices(const Bmp *b, const DfImage *image, uint8_t *out, const uint8_t *line)
{
    for (size_t x = 0; x < b->width; x++, out += image->channels)
        put(b, image, out, index_at(line, b->bits, x));
}

/* Of a word of 16 bits, a channel stands in the high bits of its byte, above zeros; of 32 it is spread to 0..255,
 * with OpenCV's rounding. */
static uint8_t channel(uint32_t word, uint32_t mask, unsigned bits)
{
    uint32_t value = word & mask;
    uint32_t most = mask;
    for (; !(most & 1); most >>= 1)
        value >>= 1;
    if (bits == 16)
        return (uint8_t)(value * (most == 63 ? 4 : 8));
    const float scale = 255.0f / (float)most;
    return (uint8_t)((float)value * scale);
}

static void read_words(const Bmp *b, uint8_t *out, const uint8_t *line)
{
    const size_t bytes = b->bits / 8;
    const bool masked = b->mask[0] && b->mask[1] && b->mask[2];
    for (size_t x = 0; x < b->width; x++, out += 3, line += bytes) {
        const uint32_t word = bytes == 2 ? u16(line) : u32(line);
        for (size_t c = 0; c < 3; c++)
            out[c] = masked ? channel(word, b->mask[c], b->bits) : line[c];
    }
}

static void read_lines(const Bmp *b, const DfImage *image)
{
    const uint8_t *line = b->bytes + b->pixels;
    for (uint32_t y = 0; y < b->height; y++, line += line_bytes(b)) {
        uint8_t *out = line_at(b, image, y);
        if (b->bits <= 8)
            read_indices(b, image, out, line);
        else if (b->bits == 24)
            memcpy(out, line, (size_t)b->width * 3);
        else
            read_words(b, out, line);
    }
}

/* ---- run lengths ------------------------------------------------------------------------------------------------- */

/* A pair of bytes: n > 0 pixels of the second byte; or 0 and an order: 0 the line ends, 1 the picture ends, 2 go on
 * elsewhere, n > 2: so many pixels follow as they are. What no order reaches has the first colour. */
typedef struct {
    const Bmp *b;
    const DfImage *image;
    const uint8_t *at, *end;
    uint32_t x, y;
    bool line_is_new;     /* a run filled the line before: an end of line behind it ends nothing more */
} Runs;

static void put_run(Runs *r, unsigned n, const uint8_t *codes, bool repeated)
{
    const unsigned bits = r->b->bits;
    const size_t channels = (size_t)r->image->channels;
    uint8_t *pixel = line_at(r->b, r->image, r->y) + r->x * channels;
    for (unsigned i = 0; i < n; i++, pixel += channels)
        put(r->b, r->image, pixel, index_at(codes, bits, repeated ? i % (8 / bits) : i));
    r->x += n;
}

static void next_line(Runs *r)
{
    r->x = 0;
    r->y++;
}

/* Passes over pixels, line after line. */
static void pass_over(Runs *r, uint64_t n)
{
    const uint64_t to = (uint64_t)r->y * r->b->width + r->x + n;
    r->y = (uint32_t)(to / r->b->width);
    r->x = (uint32_t)(to % r->b->width);
}

static int too_long(const Runs *r)
{
    return df_fail(DF_EFORMAT, "damaged BMP: a run goes beyond the end of line %" PRIu32, r->y);
}

static int repeat(Runs *r, unsigned n, const uint8_t *code)
{
    if (n > r->b->width - r->x)
        return too_long(r);
    put_run(r, n, code, true);
    r->line_is_new = r->b->compression == RLE8 && r->x == r->b->width;
    if (r->line_is_new) /* a full line of 4 bits waits for its order */
        next_line(r);
    return DF_OK;
}

static int copy(Runs *r, unsigned n)
{
    const size_t bytes = ((size_t)n * r->b->bits + 15) / 16 * 2;
    if (n > r->b->width - r->x)
        return too_long(r);
    if ((size_t)(r->end - r->at) < bytes)
        return ends_early();
    put_run(r, n, r->at, false);
    r->at += bytes;
    r->line_is_new = false;
    return DF_OK;
}

/* Of 4 bits OpenCV goes on in the same line, whatever the second number says. */
static int go_elsewhere(Runs *r)
{
    if (r->end - r->at < 2)
        return ends_early();
    const uint64_t right = r->at[0];
    const uint64_t lines = r->b->compression == RLE8 ? r->at[1] : 0;
    r->at += 2;
    pass_over(r, right + lines * r->b->width);
    r->line_is_new = false;
    return DF_OK;
}

static int end_line(Runs *r)
{
    if (!r->line_is_new)
        next_line(r);
    r->line_is_new = false;
    return DF_OK;
}

static int obey(Runs *r)
{
    if (r->end - r->at < 2)
        return ends_early();
    const uint8_t *code = r->at;
    r->at += 2;
    if (code[0] > 0)
        return repeat(r, code[0], code + 1);
    if (code[1] > 2)
        return copy(r, code[1]);
    if (code[1] == 2)
        return go_elsewhere(r);
    if (code[1] == 0)
        return end_line(r);
    r->y = r->b->height; /* the picture ends */
    return DF_OK;
}

static int read_runs(const Bmp *b, const DfImage *image)
{
    Runs r = { b, image, b->bytes + b->pixels, b->bytes + b->size, 0, 0, false };
    for (size_t i = 0; i < (size_t)b->height * b->width; i++)
        put(b, image, image->pixels + i * (size_t)image->channels, 0);
    int error = DF_OK;
    while (error == DF_OK && r.y < b->height)
        error = obey(&r);
    return error;
}

/* ---- in ---------------------------------------------------------------------------------------------------------- */

static int read_pixels(const Bmp *b, DfImage *image, int channels)
{
    const int error = df_image_renew(image, (int)b->height, (int)b->width, channels);
    if (error < 0)
        return error;
    if (is_run_length(b))
        return read_runs(b, image);
    read_lines(b, image);
    return DF_OK;
}

int df_bmp_decode(DfImage *out, int *orientation, const uint8_t *bytes, size_t size, size_t max_pixels)
{
    Bmp b = { .bytes = bytes, .size = size, .max_pixels = max_pixels };
    *out = (DfImage){ 0 };
    *orientation = 1;
    int error = read_header(&b);
    if (error == DF_OK)
        error = read_pixels(&b, out, 3);
    if (error < 0)
        df_image_free(out);
    return error;
}

int df_bmp_decode_labels(DfImage *image, size_t *cut, const uint8_t *bytes, size_t size, size_t max_pixels)
{
    *cut = 0;
    Bmp b = { .bytes = bytes, .size = size, .max_pixels = max_pixels };
    int error = read_header(&b);
    if (error == DF_OK && b.bits > 8)
        error = df_fail(DF_EFORMAT, "a BMP of %u bits: want labels, one channel of at most 8 bits", b.bits);
    if (error == DF_OK)
        error = read_pixels(&b, image, 1);
    if (error < 0)
        df_image_free(image);
    return error;
}
