/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/tiff_pillow.c -- TIFF with the pixels of Pillow's convert("RGB"). libtiff's own conversion, which
 * OpenCV takes, multiplies colours by their alpha and takes the high byte of grey of 16 bits; Pillow drops alpha, undoes
 * the multiplication of an associated one, and cuts grey at 255.
 */
#include "datasets/image/codec.h"

#ifdef DEFORMER_TIFF
#include <string.h>

#include "datasets/image/tiff.h"

/* Samples of all pixels, in 8 bits: grey, index, R G B A, or C M Y K. */
typedef struct {
    uint8_t *at;        /* [height, width, n] */
    uint16_t n;         /* kept of a pixel    */
    uint16_t in_line;   /* of a pixel in a line of the file: all, or 1 where each plane is by itself */
    uint16_t plane;     /* the one that is read, if each is by itself */
} Samples;

/* ---- one sample -------------------------------------------------------------------------------------------------- */

static uint8_t clip(double v)
{
    if (!(v > 0))
        return 0;
    return v >= 255 ? 255 : (uint8_t)v;
}

/* Grey and indices of 1, 2, 4 and 8 bits: grey is spread to 0..255, and inverted where 0 is white. */
static uint8_t few_bits(const DfTiff *r, const uint8_t *line, size_t i)
{
    const unsigned in_a_byte = 8u / r->bits;
    const unsigned most = (1u << r->bits) - 1;
    const unsigned shift = (in_a_byte - 1 - (unsigned)(i % in_a_byte)) * r->bits;
    const unsigned value = (unsigned)line[i / in_a_byte] >> shift & most;
    if (r->photometric == PHOTOMETRIC_MINISWHITE)
        return (uint8_t)((most - value) * 255 / most);
    return (uint8_t)(r->photometric == PHOTOMETRIC_MINISBLACK ? value * 255 / most : value);
}

/* Grey of 16 and 32 bits is cut at 0 and 255; of colours of 16 bits the high byte counts. */
static uint8_t many_bits(const DfTiff *r, const uint8_t *line, size_t i)
{
    const bool grey = r->photometric <= PHOTOMETRIC_MINISBLACK;
    const bool whole = r->form != SAMPLEFORMAT_IEEEFP;
    uint16_t narrow;
    int32_t wide;
    float real;
    if (r->bits == 16) {
        memcpy(&narrow, line + 2 * i, sizeof narrow);
        if (!grey)
            return (uint8_t)(narrow >> 8);
        return clip(r->form == SAMPLEFORMAT_INT ? (int16_t)narrow : narrow);
    }
    memcpy(&wide, line + 4 * i, sizeof wide);
    memcpy(&real, line + 4 * i, sizeof real);
    return clip(whole ? wide : (double)real);
}

static void place_block(DfTiff *r, const DfTiffBlock *b, void *user)
{
    const Samples *s = user;
    const uint16_t first = s->in_line == 1 ? s->plane : 0;
    const uint16_t kept = s->in_line == 1 ? 1 : s->n;
    for (uint32_t y = 0; y < b->height && y < r->height - b->y; y++) {
        uint8_t *out = s->at + ((size_t)(b->y + y) * r->width + b->x) * s->n + first;
        const uint8_t *const line = b->bytes + y * b->stride;
        for (uint32_t x = 0; x < b->width && x < r->width - b->x; x++, out += s->n)
            for (uint16_t k = 0; k < kept; k++) {
                const size_t i = (size_t)x * s->in_line + k;
                out[k] = r->bits <= 8 ? few_bits(r, line, i) : many_bits(r, line, i);
            }
    }
}

/* ---- colours ----------------------------------------------------------------------------------------------------- */

static void bgr_from_grey(uint8_t *out, const uint8_t *in, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++, out += 3)
        memset(out, in[i], 3);
}

static int bgr_from_palette(const DfTiff *r, uint8_t *out, const uint8_t *in, size_t pixels)
{
    uint16_t *red, *green, *blue;
    if (!TIFFGetField(r->tiff, TIFFTAG_COLORMAP, &red, &green, &blue))
        return df_fail(DF_EFORMAT, "a TIFF of palette colours without a palette");
    for (size_t i = 0; i < pixels; i++, out += 3) {
        out[0] = (uint8_t)(blue[in[i]] >> 8);
        out[1] = (uint8_t)(green[in[i]] >> 8);
        out[2] = (uint8_t)(red[in[i]] >> 8);
    }
    return DF_OK;
}

static void bgr_from_rgb(uint8_t *out, const uint8_t *in, size_t pixels, uint16_t n)
{
    for (size_t i = 0; i < pixels; i++, out += 3, in += n)
        for (int k = 0; k < 3; k++)
            out[k] = in[2 - k];
}

/* Colours that were multiplied by their alpha */
static void bgr_from_multiplied(uint8_t *out, const uint8_t *in, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++, out += 3, in += 4)
        for (int k = 0; k < 3; k++) {
            const unsigned v = in[3] ? in[2 - k] * 255u / in[3] : 0;
            out[k] = (uint8_t)(v > 255 ? 255 : v);
        }
}

/* a * b / 255, rounded */
static unsigned multiplied(unsigned a, unsigned b)
{
    const unsigned v = a * b + 128;
    return ((v >> 8) + v) >> 8;
}

static void bgr_from_cmyk(uint8_t *out, const uint8_t *in, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++, out += 3, in += 4) {
        const unsigned light = 255u - in[3];
        for (int k = 0; k < 3; k++)
            out[k] = (uint8_t)(light - multiplied(in[2 - k], light));
    }
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

static bool is_associated(const DfTiff *r)
{
    uint16_t n = 0;
    uint16_t *kinds = NULL;
    return TIFFGetField(r->tiff, TIFFTAG_EXTRASAMPLES, &n, &kinds) && n > 0 && kinds[0] == EXTRASAMPLE_ASSOCALPHA;
}

/* How many samples of a pixel matter; 0: these colours are read through libtiff's conversion (YCbCr, LAB, ..). */
static uint16_t kept_samples(const DfTiff *r)
{
    const bool whole = r->form == SAMPLEFORMAT_UINT || r->form == SAMPLEFORMAT_VOID;
    const bool few = r->bits == 1 || r->bits == 2 || r->bits == 4 || r->bits == 8;
    const bool bytes = whole && (r->bits == 8 || r->bits == 16);
    switch (r->photometric) {
    case PHOTOMETRIC_MINISWHITE:
    case PHOTOMETRIC_MINISBLACK:
        return (few && (whole || r->form == SAMPLEFORMAT_INT)) || (r->bits == 16 && r->form <= SAMPLEFORMAT_INT) ||
               (r->bits == 32 && r->form <= SAMPLEFORMAT_IEEEFP);
    case PHOTOMETRIC_PALETTE:
        return few && whole;
    case PHOTOMETRIC_RGB:
        return bytes && r->samples >= 3 ? (r->samples >= 4 && is_associated(r) ? 4 : 3) : 0;
    case PHOTOMETRIC_SEPARATED:
        return bytes && r->samples >= 4 ? 4 : 0;
    default:
        return 0;
    }
}

static int read_samples(DfTiff *r, Samples *s)
{
    uint16_t order = PLANARCONFIG_CONTIG;
    TIFFGetFieldDefaulted(r->tiff, TIFFTAG_PLANARCONFIG, &order);
    const bool apart = order == PLANARCONFIG_SEPARATE && r->samples > 1;
    int error = DF_OK;
    s->in_line = apart ? 1 : r->samples;
    for (s->plane = 0; error == DF_OK && s->plane < (apart ? s->n : 1); s->plane++)
        error = df_tiff_blocks(r, s->plane, s->in_line, place_block, s);
    return error;
}

static int convert(const DfTiff *r, DfImage *out, const Samples *s)
{
    const size_t pixels = (size_t)r->height * r->width;
    if (r->photometric == PHOTOMETRIC_PALETTE)
        return bgr_from_palette(r, out->pixels, s->at, pixels);
    if (r->photometric == PHOTOMETRIC_SEPARATED)
        bgr_from_cmyk(out->pixels, s->at, pixels);
    else if (s->n == 4)
        bgr_from_multiplied(out->pixels, s->at, pixels);
    else if (s->n == 3)
        bgr_from_rgb(out->pixels, s->at, pixels, s->n);
    else
        bgr_from_grey(out->pixels, s->at, pixels);
    return DF_OK;
}

static int read_picture(DfTiff *r, DfImage *out)
{
    Samples s = { .n = kept_samples(r) };
    if (!s.n)
        return df_tiff_picture(r, out);
    s.at = df_malloc((size_t)r->height * r->width * s.n);
    int error = s.at ? read_samples(r, &s) : df_fail_memory("a picture");
    if (error == DF_OK)
        error = df_image_new(out, (int)r->height, (int)r->width, 3);
    if (error == DF_OK)
        error = convert(r, out, &s);
    df_free(s.at);
    return error;
}

/* Pillow turns every TIFF upright when it is loaded, and tells nobody. */
int df_tiff_decode_pillow(DfImage *out, int *orientation, const uint8_t *bytes, size_t size, size_t max_pixels)
{
    DfTiff r = { .bytes = bytes, .size = size };
    *out = (DfImage){ 0 };
    *orientation = 1;
    int error = df_tiff_open(&r, max_pixels);
    if (error < 0)
        return error;
    error = df_tiff_header(&r, max_pixels);
    if (error == DF_OK && !kept_samples(&r))
        error = df_tiff_check_samples(&r);
    if (error == DF_OK)
        error = read_picture(&r, out);
    if (error == DF_OK)
        error = df_exif_make_upright(out, df_tiff_orientation(&r));
    TIFFClose(r.tiff);
    if (error < 0)
        df_image_free(out);
    return error;
}

#endif
