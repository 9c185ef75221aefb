/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/tiff.c -- TIFF in, through libtiff's interface for pictures, the one that OpenCV asks: strips and
 * tiles, palettes, 1 to 16 bits, CMYK, YCbCr, every compression that libtiff has. Of several pages the first.
 */
#include "datasets/image/codec.h"

#include <string.h>

#ifdef DEFORMER_TIFF
#include <stdarg.h>
#include <stdio.h>
#include <tiffio.h>

/* what libtiff may take at once: so many bytes, or as the pixels want */
enum { LEAST_MEMORY = 1 << 24, BYTES_A_PIXEL = 8 };

typedef struct {
    const uint8_t *bytes;
    uint64_t size, at;
    char text[512]; /* the first sentence of libtiff */
    TIFF *tiff;
    uint32_t height, width;
    uint16_t bits, samples, form, photometric;
    size_t cut; /* labels that are not 0..255 */
} Reader;

/* ---- libtiff's view of the file --------------------------------------------------------------------------------- */

static tmsize_t take(thandle_t user, void *out, tmsize_t n)
{
    Reader *r = user;
    if (n <= 0 || r->at >= r->size)
        return 0;
    const uint64_t left = r->size - r->at;
    const size_t taken = (uint64_t)n < left ? (size_t)n : (size_t)left;
    memcpy(out, r->bytes + r->at, taken);
    r->at += taken;
    return (tmsize_t)taken;
}

static tmsize_t refuse(thandle_t user, void *bytes, tmsize_t n)
{
    (void)user, (void)bytes, (void)n;
    return 0;
}

static toff_t go_to(thandle_t user, toff_t offset, int from)
{
    Reader *r = user;
    if (from == SEEK_CUR)
        offset += r->at;
    else if (from == SEEK_END)
        offset += r->size;
    r->at = offset;
    return offset;
}

static int stay_open(thandle_t user)
{
    (void)user;
    return 0;
}

static toff_t size_of(thandle_t user)
{
    const Reader *r = user;
    return r->size;
}

/* libtiff only reads what it maps. Without a map it refuses tiles whose bytes are no multiple of 1024. */
static int map(thandle_t user, void **bytes, toff_t *size)
{
    const Reader *r = user;
    memcpy(bytes, &r->bytes, sizeof *bytes);
    *size = r->size;
    return 1;
}

static void unmap(thandle_t user, void *bytes, toff_t size)
{
    (void)user, (void)bytes, (void)size;
}

static int on_error(TIFF *tiff, void *user, const char *module, const char *format, va_list args)
{
    Reader *r = user;
    (void)tiff, (void)module;
    if (!r->text[0])
        vsnprintf(r->text, sizeof r->text, format, args);
    return 1;
}

static int on_warning(TIFF *tiff, void *user, const char *module, const char *format, va_list args)
{
    (void)tiff, (void)user, (void)module, (void)format, (void)args;
    return 1;
}

static int damaged(const Reader *r)
{
    return df_fail(DF_EFORMAT, "damaged or truncated TIFF: %s",
                   r->text[0] ? r->text : "its first directory cannot be read");
}

static int open_tiff(Reader *r, size_t max_pixels)
{
    const size_t pixels = max_pixels ? max_pixels : DF_IMAGE_MAX_PIXELS;
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options)
        return df_fail_memory("a TIFF");
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, r);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, r);
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, (tmsize_t)(LEAST_MEMORY + BYTES_A_PIXEL * pixels));
    r->tiff = TIFFClientOpenExt("", "r", r, take, refuse, go_to, stay_open, size_of, map, unmap, options);
    TIFFOpenOptionsFree(options);
    return r->tiff ? DF_OK : damaged(r);
}

/* ---- the header -------------------------------------------------------------------------------------------------- */

static int check_samples(const Reader *r)
{
    if (r->form == SAMPLEFORMAT_IEEEFP || r->form == SAMPLEFORMAT_COMPLEXIEEEFP)
        return df_fail(DF_EFORMAT,
                       "a TIFF of floating-point numbers of %d bits: want whole numbers of 1, 2, 4, 8 or 16 bits",
                       r->bits);
    const bool known = r->bits == 1 || r->bits == 2 || r->bits == 4 || r->bits == 8 || r->bits == 16;
    return known ? DF_OK : df_fail(DF_EFORMAT, "a TIFF of %d bits: want 1, 2, 4, 8 or 16", r->bits);
}

static int read_header(Reader *r, size_t max_pixels)
{
    if (!TIFFGetField(r->tiff, TIFFTAG_IMAGEWIDTH, &r->width) ||
        !TIFFGetField(r->tiff, TIFFTAG_IMAGELENGTH, &r->height))
        return df_fail(DF_EFORMAT, "a TIFF without a width or a height");
    r->form = SAMPLEFORMAT_UINT;
    TIFFGetFieldDefaulted(r->tiff, TIFFTAG_BITSPERSAMPLE, &r->bits);
    TIFFGetFieldDefaulted(r->tiff, TIFFTAG_SAMPLESPERPIXEL, &r->samples);
    TIFFGetFieldDefaulted(r->tiff, TIFFTAG_SAMPLEFORMAT, &r->form);
    int error = df_image_check_size(r->height, r->width, max_pixels);
    if (error == DF_OK && !TIFFGetField(r->tiff, TIFFTAG_PHOTOMETRIC, &r->photometric))
        error = df_fail(DF_EFORMAT, "a TIFF that does not say what its numbers mean (no PhotometricInterpretation)");
    return error;
}

/* How many lines a strip has, or a row of tiles. */
static uint32_t lines_at_once(const Reader *r)
{
    uint32_t lines = 0;
    if (TIFFIsTiled(r->tiff))
        TIFFGetField(r->tiff, TIFFTAG_TILELENGTH, &lines);
    else
        TIFFGetFieldDefaulted(r->tiff, TIFFTAG_ROWSPERSTRIP, &lines);
    return lines == 0 || lines > r->height ? r->height : lines;
}

/* ---- as a picture ------------------------------------------------------------------------------------------------ */

static void bgr_from_raster(uint8_t *out, const uint32_t *raster, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++, out += 3) {
        out[0] = (uint8_t)TIFFGetB(raster[i]);
        out[1] = (uint8_t)TIFFGetG(raster[i]);
        out[2] = (uint8_t)TIFFGetR(raster[i]);
    }
}

static int read_bands(const Reader *r, TIFFRGBAImage *view, const DfImage *image)
{
    const uint32_t lines = lines_at_once(r);
    uint32_t *raster = df_malloc((size_t)r->width * lines * sizeof *raster);
    if (!raster)
        return df_fail_memory("some lines of a picture");
    int error = DF_OK;
    for (uint32_t y = 0; error == DF_OK && y < r->height; y += lines) {
        const uint32_t n = lines < r->height - y ? lines : r->height - y;
        view->row_offset = (int)y;
        if (TIFFRGBAImageGet(view, raster, r->width, n))
            bgr_from_raster(image->pixels + (size_t)y * r->width * 3, raster, (size_t)n * r->width);
        else
            error = damaged(r);
    }
    df_free(raster);
    return error;
}

/* Lines are read as they are stored; who called turns the picture upright. */
static int read_picture(Reader *r, DfImage *out)
{
    TIFFRGBAImage view;
    char text[1024] = "";
    if (!TIFFRGBAImageOK(r->tiff, text) || !TIFFRGBAImageBegin(&view, r->tiff, 1, text))
        return df_fail(DF_EFORMAT, "a TIFF that cannot be read as a picture: %s", text);
    view.orientation = view.req_orientation = ORIENTATION_TOPLEFT;
    int error = df_image_new(out, (int)r->height, (int)r->width, 3);
    if (error == DF_OK)
        error = read_bands(r, &view, out);
    TIFFRGBAImageEnd(&view);
    return error;
}

static int orientation_of(const Reader *r)
{
    uint16_t held = ORIENTATION_TOPLEFT;
    TIFFGetFieldDefaulted(r->tiff, TIFFTAG_ORIENTATION, &held);
    return held >= 1 && held <= 8 ? held : 1;
}

int df_tiff_decode(DfImage *out, int *orientation, const uint8_t *bytes, size_t size, size_t max_pixels)
{
    Reader r = { .bytes = bytes, .size = size };
    *out = (DfImage){ 0 };
    int error = open_tiff(&r, max_pixels);
    if (error < 0)
        return error;
    error = read_header(&r, max_pixels);
    if (error == DF_OK)
        error = check_samples(&r);
    if (error == DF_OK)
        error = read_picture(&r, out);
    *orientation = orientation_of(&r);
    TIFFClose(r.tiff);
    if (error < 0)
        df_image_free(out);
    return error;
}

/* ---- as labels --------------------------------------------------------------------------------------------------- */

/* A strip or a tile: numbers packed into bytes, lines beginning at a byte. */
typedef struct {
    uint8_t *bytes;
    tmsize_t size;
    size_t stride;
    uint32_t height, width;
} Block;

static Block block_of(const Reader *r)
{
    Block b = { .height = lines_at_once(r), .width = r->width };
    if (TIFFIsTiled(r->tiff)) {
        TIFFGetField(r->tiff, TIFFTAG_TILEWIDTH, &b.width);
        TIFFGetField(r->tiff, TIFFTAG_TILELENGTH, &b.height);
        b.size = TIFFTileSize(r->tiff);
        b.stride = (size_t)TIFFTileRowSize(r->tiff);
    } else {
        b.size = TIFFStripSize(r->tiff);
        b.stride = (size_t)TIFFScanlineSize(r->tiff);
    }
    return b;
}

/* Whole numbers of 1 to 32 bits, or floats of 32. */
static int check_label_samples(const Reader *r)
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
static uint8_t few_bits(const Reader *r, const uint8_t *line, size_t x)
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
static uint8_t many_bits(Reader *r, const uint8_t *line, size_t x)
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

static void place_block(Reader *r, const DfImage *image, const Block *b, uint32_t y0, uint32_t x0)
{
    for (uint32_t y = 0; y < b->height && y < r->height - y0; y++) {
        uint8_t *out = image->pixels + (size_t)(y0 + y) * r->width + x0;
        const uint8_t *const line = b->bytes + y * b->stride;
        for (uint32_t x = 0; x < b->width && x < r->width - x0; x++)
            out[x] = r->bits <= 8 ? few_bits(r, line, x) : many_bits(r, line, x);
    }
}

static int read_blocks(Reader *r, const DfImage *image, const Block *b)
{
    uint32_t i = 0;
    for (uint32_t y = 0; y < r->height; y += b->height)
        for (uint32_t x = 0; x < r->width; x += b->width, i++) {
            const tmsize_t n = TIFFIsTiled(r->tiff) ? TIFFReadEncodedTile(r->tiff, i, b->bytes, b->size)
                                                    : TIFFReadEncodedStrip(r->tiff, i, b->bytes, b->size);
            if (n < 0)
                return damaged(r);
            place_block(r, image, b, y, x);
        }
    return DF_OK;
}

static bool holds_its_lines(const Reader *r, const Block *b)
{
    const size_t line = ((size_t)b->width * r->bits + 7) / 8; /* bytes */
    return b->size > 0 && b->height > 0 && b->width > 0 && b->stride >= line &&
           (size_t)b->size / b->stride >= (b->height < r->height ? b->height : r->height);
}

static int read_labels(Reader *r, DfImage *image, size_t max_pixels)
{
    int error = read_header(r, max_pixels);
    if (error < 0)
        return error;
    if ((error = check_label_samples(r)) < 0)
        return error;
    Block b = block_of(r);
    const uint64_t most = LEAST_MEMORY + BYTES_A_PIXEL * (uint64_t)r->height * r->width;
    if (!holds_its_lines(r, &b) || (uint64_t)b.size > most)
        return df_fail(DF_EFORMAT, "damaged TIFF: a tile or a strip has no good size");
    if (!(b.bytes = df_calloc(1, (size_t)b.size)))
        return df_fail_memory("some lines of labels");
    error = df_image_renew(image, (int)r->height, (int)r->width, 1);
    if (error == DF_OK)
        error = read_blocks(r, image, &b);
    df_free(b.bytes);
    return error == DF_OK ? df_exif_make_upright(image, orientation_of(r)) : error;
}

int df_tiff_decode_labels(DfImage *image, size_t *cut, const uint8_t *bytes, size_t size, size_t max_pixels)
{
    Reader r = { .bytes = bytes, .size = size };
    int error = open_tiff(&r, max_pixels);
    if (error == DF_OK) {
        error = read_labels(&r, image, max_pixels);
        TIFFClose(r.tiff);
    }
    *cut = r.cut;
    if (error < 0)
        df_image_free(image);
    return error;
}

#else

static int not_built_in(void)
{
    return df_fail(DF_EFORMAT, "a TIFF picture, but this program was built without libtiff (4.5 or later)");
}

int df_tiff_decode(DfImage *out, int *orientation, const uint8_t *bytes, size_t size, size_t max_pixels)
{
    (void)orientation, (void)bytes, (void)size, (void)max_pixels;
    *out = (DfImage){ 0 };
    return not_built_in();
}

int df_tiff_decode_labels(DfImage *image, size_t *cut, const uint8_t *bytes, size_t size, size_t max_pixels)
{
    *cut = 0;
    (void)bytes, (void)size, (void)max_pixels;
    df_image_free(image);
    return not_built_in();
}

#endif
