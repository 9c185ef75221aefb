/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/jpeg.c -- reads and writes JPEG through libjpeg-turbo with its defaults, which OpenCV and Pillow use,
 * too.
 *
 * libjpeg reports an error by a callback that must not return: ours stores the message and longjmps to the caller.
 * Warnings that mean lost data are treated as errors; harmless ones (stray bytes between markers) are ignored. Nothing
 * is printed.
 */
#include <stdio.h> /* jpeglib.h wants it first */

#include <jpeglib.h> /* before jerror.h, which asks for its version */
#include <jerror.h>
#include <setjmp.h>
#include <string.h>

#include "datasets/image/codec.h"

#ifndef JCS_EXTENSIONS
#error "libjpeg-turbo is needed: another libjpeg decodes to other pixels"
#endif

/* A progressive file has about ten scans, each of which walks over the whole picture, and can be a few bytes: more than
 * this is an attack on our time. */
enum {
    LEAST_SCANS = 64, MOST_SCANS = 500, /* as the picture is large or small */
    SCANNED = INT32_MAX                 /* pixels times scans, beyond LEAST_SCANS */
};

typedef struct {
    struct jpeg_error_mgr base; /* first, so that a pointer to it is a pointer to the whole */
    jmp_buf escape;
    char text[JMSG_LENGTH_MAX];
} Errors;

typedef struct {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_progress_mgr progress;
    Errors errors;
    DfImage image;
    uint8_t *row; /* one line of CMYK */
    size_t max_pixels;
    bool pillow;
    int orientation;
    int refused; /* code of a failure that is not libjpeg's, its sentence set */
} Reader;

static _Noreturn void on_error(j_common_ptr jpeg)
{
    Errors *errors = (Errors *)(void *)jpeg->err;
    errors->base.format_message(jpeg, errors->text);
    longjmp(errors->escape, 1);
}

/* Have all scans begun that the picture needs? In a progressive one every coefficient is known to its last bit then, in
 * another one every component has had its scan. */
static bool all_scans_began(const struct jpeg_decompress_struct *jpeg)
{
    for (int c = 0; c < jpeg->num_components; c++) {
        if (!jpeg->comp_info[c].quant_table)
            return false;
        for (int k = 0; jpeg->progressive_mode && k < DCTSIZE2; k++)
            if (!jpeg->coef_bits || jpeg->coef_bits[c][k] != 0)
                return false;
    }
    return true;
}

/* level < 0 is a warning. A missing end-of-image marker is forgiven where only that is missing: if pixels of the last
 * scan were missing too, JWRN_HIT_MARKER tells. */
static void on_message(j_common_ptr jpeg, int level)
{
    if (level >= 0)
        return;
    switch (jpeg->err->msg_code) {
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_MUST_RESYNC:
    case JWRN_ARITH_BAD_CODE:
        on_error(jpeg);
    case JWRN_JPEG_EOF:
        if (jpeg->is_decompressor && jpeg_has_multiple_scans((j_decompress_ptr)jpeg) &&
            !all_scans_began((j_decompress_ptr)jpeg))
            on_error(jpeg);
        break;
    default:
        break;
    }
}

static void on_progress(j_common_ptr jpeg)
{
    Reader *r = (Reader *)(void *)jpeg;
    const uint64_t pixels = (uint64_t)r->jpeg.image_height * r->jpeg.image_width;
    const int most = df_clamp_int((int)(SCANNED / pixels), LEAST_SCANS, MOST_SCANS);
    if (r->jpeg.input_scan_number > most) {
        snprintf(r->errors.text, sizeof r->errors.text, "more than %d scans: want no more of %u x %u pixels",
                 most, r->jpeg.image_height, r->jpeg.image_width);
        longjmp(r->errors.escape, 1);
    }
}

/* libjpeg has its own memory: where that ends, nothing is wrong with the picture. */
static int failure_of(const Errors *errors, int code, const char *what)
{
    if (errors->base.msg_code == JERR_OUT_OF_MEMORY)
        return df_fail_memory("a JPEG");
    const int message = errors->base.msg_code;
    if (message == JERR_BAD_PRECISION || message == JERR_SOF_UNSUPPORTED || message == JERR_CONVERSION_NOTIMPL)
        return df_fail(code, "a kind of JPEG that is not read (%s): want 8 bits, sequential or progressive",
                       errors->text);
    return df_fail(code, "%s: %s", what, errors->text);
}

static void catch_errors(Errors *errors)
{
    jpeg_std_error(&errors->base);
    errors->base.error_exit = on_error;
    errors->base.emit_message = on_message;
}

/* EXIF data is an APP1 marker with "Exif", two zeros and a TIFF block. Like OpenCV we take the first APP1 for it,
 * whatever its first six bytes are. */
static int orientation_of(const struct jpeg_decompress_struct *jpeg)
{
    const jpeg_saved_marker_ptr app1 = jpeg->marker_list; /* the only kind that is saved */
    return app1 && app1->data_length > 6 ? df_exif_orientation(app1->data + 6, app1->data_length - 6) : 1;
}

/* OpenCV's conversion of CMYK, integer for integer. Adobe stores CMYK inverted, 255 for no ink: a channel is k -
 * (255 - c) k / 256. */
static void bgr_from_cmyk(uint8_t *restrict bgr, const uint8_t *restrict cmyk, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++, bgr += 3, cmyk += 4) {
        const int k = cmyk[3];
        for (int c = 0; c < 3; c++)
            bgr[2 - c] = (uint8_t)(k - ((255 - cmyk[c]) * k >> 8));
    }
}

/* Pillow's: k - (255 - c) k / 255, rounded. */
static void bgr_from_cmyk_as_pillow(uint8_t *restrict bgr, const uint8_t *restrict cmyk, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++, bgr += 3, cmyk += 4) {
        const int k = cmyk[3];
        for (int c = 0; c < 3; c++) {
            const int product = (255 - cmyk[c]) * k + 128;
            bgr[2 - c] = (uint8_t)(k - (((product >> 8) + product) >> 8));
        }
    }
}

static void read_rows(Reader *r)
{
    const size_t width = (size_t)r->image.width;
    const bool cmyk = r->jpeg.out_color_space == JCS_CMYK;
    while (r->jpeg.output_scanline < r->jpeg.output_height) {
        uint8_t *out = r->image.pixels + r->jpeg.output_scanline * width * 3;
        uint8_t *line = cmyk ? r->row : out;
        jpeg_read_scanlines(&r->jpeg, &line, 1);
        if (cmyk && r->pillow)
            bgr_from_cmyk_as_pillow(out, line, width);
        else if (cmyk)
            bgr_from_cmyk(out, line, width);
    }
}

/* Fails by longjmp, or by returning with `refused` set. */
static void read_image(Reader *r, const uint8_t *bytes, size_t size)
{
    struct jpeg_decompress_struct *jpeg = &r->jpeg;
    jpeg_mem_src(jpeg, bytes, (unsigned long)size);
    jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(jpeg, TRUE);
    if ((r->refused = df_image_check_size(jpeg->image_height, jpeg->image_width, r->max_pixels)) < 0)
        return;
    const bool cmyk = jpeg->num_components == 4;
    jpeg->out_color_space = cmyk ? JCS_CMYK : JCS_EXT_BGR;
    if ((r->refused = df_image_new(&r->image, (int)jpeg->image_height, (int)jpeg->image_width, 3)) < 0)
        return;
    if (cmyk && !(r->row = df_malloc((size_t)jpeg->image_width * 4))) {
        r->refused = df_fail_memory("a line of a picture");
        return;
    }
    r->orientation = orientation_of(jpeg);
    jpeg_start_decompress(jpeg);
    read_rows(r);
}

static bool read_safely(Reader *r, const uint8_t *bytes, size_t size)
{
    if (setjmp(r->errors.escape))
        return false;
    jpeg_create_decompress(&r->jpeg);
    r->progress.progress_monitor = on_progress;
    r->jpeg.progress = &r->progress;
    read_image(r, bytes, size);
    return true;
}

static int decode(DfImage *out, int *orientation, const uint8_t *bytes, size_t size, size_t max_pixels, bool pillow)
{
    Reader r = { .max_pixels = max_pixels, .pillow = pillow, .orientation = 1 };
    *out = (DfImage){ 0 };
    catch_errors(&r.errors);
    r.jpeg.err = &r.errors.base;
    if (!read_safely(&r, bytes, size))
        r.refused = failure_of(&r.errors, DF_EFORMAT, "damaged or truncated JPEG");
    jpeg_destroy_decompress(&r.jpeg);
    df_free(r.row);
    if (r.refused < 0) {
        df_image_free(&r.image);
        return r.refused;
    }
    *orientation = r.orientation;
    *out = r.image;
    return DF_OK;
}

int df_jpeg_decode(DfImage *out, int *orientation, const uint8_t *bytes, size_t size, size_t max_pixels)
{
    return decode(out, orientation, bytes, size, max_pixels, false);
}

int df_jpeg_decode_pillow(DfImage *out, int *orientation, const uint8_t *bytes, size_t size, size_t max_pixels)
{
    return decode(out, orientation, bytes, size, max_pixels, true);
}

/* ---- out ------------------------------------------------------------------------------------------------------- */

/* libjpeg hands over a full buffer at a time; DfWriter keeps write errors until the end. */
typedef struct {
    struct jpeg_compress_struct jpeg;
    struct jpeg_destination_mgr sink;
    Errors errors;
    DfWriter *file;
    uint8_t buffer[16384];
} Writer;

static void sink_rewind(Writer *w)
{
    w->sink.next_output_byte = w->buffer;
    w->sink.free_in_buffer = sizeof w->buffer;
}

static void sink_open(j_compress_ptr jpeg)
{
    sink_rewind((Writer *)(void *)jpeg);
}

static boolean sink_flush(j_compress_ptr jpeg)
{
    Writer *w = (Writer *)(void *)jpeg;
    df_write(w->file, w->buffer, sizeof w->buffer);
    sink_rewind(w);
    return TRUE;
}

static void sink_close(j_compress_ptr jpeg)
{
    Writer *w = (Writer *)(void *)jpeg;
    df_write(w->file, w->buffer, sizeof w->buffer - w->sink.free_in_buffer);
}

static bool write_safely(Writer *w, const DfImage *image, int quality)
{
    if (setjmp(w->errors.escape))
        return false;
    jpeg_create_compress(&w->jpeg);
    struct jpeg_compress_struct *jpeg = &w->jpeg;
    w->sink = (struct jpeg_destination_mgr){
        .init_destination = sink_open, .empty_output_buffer = sink_flush, .term_destination = sink_close };
    jpeg->dest = &w->sink;
    jpeg->image_width = (JDIMENSION)image->width;
    jpeg->image_height = (JDIMENSION)image->height;
    jpeg->input_components = image->channels;
    jpeg->in_color_space = image->channels == 1 ? JCS_GRAYSCALE : JCS_EXT_BGR;
    jpeg_set_defaults(jpeg);
    jpeg_set_quality(jpeg, quality, TRUE);
    jpeg_start_compress(jpeg, TRUE);
    const size_t stride = (size_t)image->width * (size_t)image->channels;
    while (jpeg->next_scanline < jpeg->image_height) {
        uint8_t *line = image->pixels + jpeg->next_scanline * stride;
        jpeg_write_scanlines(jpeg, &line, 1);
    }
    jpeg_finish_compress(jpeg);
    return true;
}

int df_jpeg_encode(const DfImage *image, int quality, DfWriter *file)
{
    Writer w = { .file = file };
    catch_errors(&w.errors);
    w.jpeg.err = &w.errors.base;
    const bool written = write_safely(&w, image, quality);
    jpeg_destroy_compress(&w.jpeg);
    return written ? DF_OK : failure_of(&w.errors, DF_EVALUE, "cannot be written as JPEG");
}
