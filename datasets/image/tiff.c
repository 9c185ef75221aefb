/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/tiff.c -- reads TIFF through libtiff's RGBA interface, as OpenCV does: strips and tiles, palettes, 1
 * to 16 bits, CMYK, YCbCr, every compression that libtiff has. Of several pages the first.
 */
#include "datasets/image/codec.h"

#include <string.h>

#ifdef DEFORMER_TIFF
#include <stdarg.h>
#include <stdio.h>

#include "datasets/image/tiff.h"

/* what libtiff may take at once: so many bytes, or as the pixels want */
enum { LEAST_MEMORY = 1 << 24, BYTES_A_PIXEL = 8 };

/* ---- libtiff's view of the file --------------------------------------------------------------------------------- */

static tmsize_t take(thandle_t user, void *out, tmsize_t n)
{
    DfTiff *r = user;
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
    DfTiff *r = user;
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
    const DfTiff *r = user;
    return r->size;
}

/* libtiff only reads what it maps. Without a map it refuses tiles whose bytes are no multiple of 1024. */
static int map(thandle_t user, void **bytes, toff_t *size)
{
    const DfTiff *r = user;
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
    DfTiff *r = user;
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

int df_tiff_damaged(const DfTiff *r)
{
    return df_fail(DF_EFORMAT, "damaged or truncated TIFF: %s",
                   r->text[0] ? r->text : "its first directory cannot be read");
}

int df_tiff_open(DfTiff *r, size_t max_pixels)
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
    return r->tiff ? DF_OK : df_tiff_damaged(r);
}

/* ---- the header -------------------------------------------------------------------------------------------------- */

int df_tiff_check_samples(const DfTiff *r)
{
    if (r->form == SAMPLEFORMAT_IEEEFP || r->form == SAMPLEFORMAT_COMPLEXIEEEFP)
        return df_fail(DF_EFORMAT,
                       "a TIFF of floating-point numbers of %d bits: want whole numbers of 1, 2, 4, 8 or 16 bits",
                       r->bits);
    const bool known = r->bits == 1 || r->bits == 2 || r->bits == 4 || r->bits == 8 || r->bits == 16;
    return known ? DF_OK : df_fail(DF_EFORMAT, "a TIFF of %d bits: want 1, 2, 4, 8 or 16", r->bits);
}

int df_tiff_header(DfTiff *r, size_t max_pixels)
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

uint32_t df_tiff_lines(const DfTiff *r)
{
    uint32_t lines = 0;
    if (TIFFIsTiled(r->tiff))
        TIFFGetField(r->tiff, TIFFTAG_TILELENGTH, &lines);
    else
        TIFFGetFieldDefaulted(r->tiff, TIFFTAG_ROWSPERSTRIP, &lines);
    return lines == 0 || lines > r->height ? r->height : lines;
}

/* ---- strips and tiles -------------------------------------------------------------------------------------------- */

static DfTiffBlock block_of(const DfTiff *r)
{
    DfTiffBlock b = { .height = df_tiff_lines(r), .width = r->width };
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

static bool holds_its_lines(const DfTiff *r, const DfTiffBlock *b, uint16_t samples)
{
    const size_t line = ((size_t)b->width * r->bits * samples + 7) / 8; /* bytes */
    return b->size > 0 && b->height > 0 && b->width > 0 && b->stride >= line &&
           (size_t)b->size / b->stride >= (b->height < r->height ? b->height : r->height);
}

int df_tiff_blocks(DfTiff *r, uint32_t plane, uint16_t samples, void (*place)(DfTiff *, const DfTiffBlock *, void *user),
                   void *user)
{
    DfTiffBlock b = block_of(r);
    const uint64_t most = LEAST_MEMORY + BYTES_A_PIXEL * (uint64_t)r->height * r->width;
    if (!holds_its_lines(r, &b, samples) || (uint64_t)b.size > most)
        return df_fail(DF_EFORMAT, "damaged TIFF: a tile or a strip has no good size");
    if (!(b.bytes = df_calloc(1, (size_t)b.size)))
        return df_fail_memory("some lines of a TIFF");
    const bool tiled = TIFFIsTiled(r->tiff);
    uint32_t i = plane * ((r->height - 1) / b.height + 1) * ((r->width - 1) / b.width + 1);
    int error = DF_OK;
    for (b.y = 0; error == DF_OK && b.y < r->height; b.y += b.height)
        for (b.x = 0; error == DF_OK && b.x < r->width; b.x += b.width, i++) {
            const tmsize_t n = tiled ? TIFFReadEncodedTile(r->tiff, i, b.bytes, b.size)
                                     : TIFFReadEncodedStrip(r->tiff, i, b.bytes, b.size);
            if (n < 0)
                error = df_tiff_damaged(r);
            else
                place(r, &b, user);
        }
    df_free(b.bytes);
    return error;
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

static int read_bands(const DfTiff *r, TIFFRGBAImage *view, const DfImage *image)
{
    const uint32_t lines = df_tiff_lines(r);
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
            error = df_tiff_damaged(r);
    }
    df_free(raster);
    return error;
}

int df_tiff_picture(DfTiff *r, DfImage *out)
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

int df_tiff_orientation(const DfTiff *r)
{
    uint16_t held = ORIENTATION_TOPLEFT;
    TIFFGetFieldDefaulted(r->tiff, TIFFTAG_ORIENTATION, &held);
    return held >= 1 && held <= 8 ? held : 1;
}

int df_tiff_decode(DfImage *out, int *orientation, const uint8_t *bytes, size_t size, size_t max_pixels)
{
    DfTiff r = { .bytes = bytes, .size = size };
    *out = (DfImage){ 0 };
    int error = df_tiff_open(&r, max_pixels);
    if (error < 0)
        return error;
    error = df_tiff_header(&r, max_pixels);
    if (error == DF_OK)
        error = df_tiff_check_samples(&r);
    if (error == DF_OK)
        error = df_tiff_picture(&r, out);
    *orientation = df_tiff_orientation(&r);
    TIFFClose(r.tiff);
    if (error < 0)
        df_image_free(out);
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

int df_tiff_decode_pillow(DfImage *out, int *orientation, const uint8_t *bytes, size_t size, size_t max_pixels)
{
    return df_tiff_decode(out, orientation, bytes, size, max_pixels);
}

int df_tiff_decode_labels(DfImage *image, size_t *cut, const uint8_t *bytes, size_t size, size_t max_pixels)
{
    *cut = 0;
    (void)bytes, (void)size, (void)max_pixels;
    df_image_free(image);
    return not_built_in();
}

#endif
