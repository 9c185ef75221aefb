/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/tiff_labels.c -- TIFF as a label map: one channel, its numbers as Pillow has them.
 */
#include <string.h>

#include "datasets/image/codec.h"

#ifdef DEFORMER_TIFF
#include "datasets/image/tiff.h"

/* Whole numbers of 1 to 32 bits, or floats of 32. */
static int check_label_samples(const DfTiff *r)
{
    const bool one = r->photometric <= PHOTOMETRIC_MINISBLACK || r->photometric == PHOTOMETRIC_PALETTE;
    const bool few = r->bits == 1 || r->bits == 2 || r->bits == 4 || r->bits == 8;
    const bool whole = r->form == SAMPLEFORMAT_UINT || r->form == SAMPLEFORMAT_INT || r->form == SAMPLEFORMAT_VOID;
    const bool many = r->bits == 32 || (whole && r->bits == 16);
    if (one && r->samples == 1 && ((few && whole) || (many && r->form <= SAMPLEFORMAT_VOID)))
        return DF_OK;
    return df_fail(DF_EFORMAT,
                   "a TIFF of %d channels of %d bits: want labels, one channel of 1, 2, 4, 8, 16 or 32 bits",
                   r->samples, r->bits);
}

/* Palette indices and two values are as they are; grey of 2 and 4 bits is spread to 0..255; all grey is inverted
 * where 0 is white: as Pillow has them. */
static uint8_t few_bits(const DfTiff *r, const uint8_t *line, size_t x)
{
    const unsigned in_a_byte = 8u / r->bits;
    const unsigned most = (1u << r->bits) - 1;
    const unsigned shift = (in_a_byte - 1 - (unsigned)x % in_a_byte) * r->bits;
    const unsigned value = (unsigned)line[x / in_a_byte] >> shift & most;
    if (r->photometric == PHOTOMETRIC_PALETTE)
        return (uint8_t)value;
    const unsigned grey = r->photometric == PHOTOMETRIC_MINISWHITE ? most - value : value;
    return (uint8_t)(r->bits == 1 ? grey : grey * 255 / most);
}

/* As numpy's astype(uint8): the low byte of a whole number, and of a float without its fraction. */
static uint8_t many_bits(DfTiff *r, const uint8_t *line, size_t x)
{
    uint16_t narrow;
    int32_t wide;
    float real;
    memcpy(&narrow, line + 2 * x, sizeof narrow);
    if (r->bits == 16) {
        r->cut += narrow > 255;
        return (uint8_t)narrow;
    }
    memcpy(&wide, line + 4 * x, sizeof wide);
    memcpy(&real, line + 4 * x, sizeof real);
    if (r->form == SAMPLEFORMAT_IEEEFP) {
        const bool known = real >= -2147483648.0f && real < 2147483648.0f;
        wide = known ? (int32_t)real : 0;
        r->cut += !known;
    }
    r->cut += wide < 0 || wide > 255;
    return (uint8_t)wide;
}

static void place_block(DfTiff *r, const DfTiffBlock *b, void *user)
{
    const DfImage *image = user;
    for (uint32_t y = 0; y < b->height && y < r->height - b->y; y++) {
        uint8_t *out = image->pixels + (size_t)(b->y + y) * r->width + b->x;
        const uint8_t *const line = b->bytes + y * b->stride;
        for (uint32_t x = 0; x < b->width && x < r->width - b->x; x++)
            out[x] = r->bits <= 8 ? few_bits(r, line, x) : many_bits(r, line, x);
    }
}

static int read_labels(DfTiff *r, DfImage *image, size_t max_pixels)
{
    int error = df_tiff_header(r, max_pixels);
    if (error == DF_OK)
        error = check_label_samples(r);
    if (error == DF_OK)
        error = df_image_renew(image, (int)r->height, (int)r->width, 1);
    if (error == DF_OK)
        error = df_tiff_blocks(r, 0, 1, place_block, image);
    return error == DF_OK ? df_exif_make_upright(image, df_tiff_orientation(r)) : error;
}

int df_tiff_decode_labels(DfImage *image, size_t *cut, const uint8_t *bytes, size_t size, size_t max_pixels)
{
    DfTiff r = { .bytes = bytes, .size = size };
    int error = df_tiff_open(&r, max_pixels);
    if (error == DF_OK) {
        error = read_labels(&r, image, max_pixels);
        TIFFClose(r.tiff);
    }
    *cut = r.cut;
    if (error < 0)
        df_image_free(image);
    return error;
}

#endif
