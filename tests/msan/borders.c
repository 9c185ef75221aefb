/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/msan/borders.c -- for builds with MemorySanitizer, which sees only what its own code writes: what
 * libpng, libjpeg, zlib and libdeflate have written is declared written. The linker puts each __wrap_NAME in
 * place of NAME (--wrap; CMakeLists.txt has the names).
 *
 * Blocks of the C library's malloc() count as written (poison_in_malloc=0), because these libraries and cJSON fill many
 * of them; blocks of our own df_malloc() do not.
 */
#include <stdio.h> /* jpeglib.h wants it first */

#include <jpeglib.h>
#if DEFORMER_DEFLATE
#include <libdeflate.h>
#endif
#include <png.h>
#include <sanitizer/msan_interface.h>
#include <zlib.h>

#include "core/memory.h"

/* ---- our own blocks ---------------------------------------------------------------------------------------------- */

void *__real_df_malloc(size_t size);
void *__wrap_df_malloc(size_t size);
void *__real_df_malloc_filled(size_t size);
void *__wrap_df_malloc_filled(size_t size);

void *__wrap_df_malloc(size_t size)
{
    void *block = __real_df_malloc(size);
    if (block)
        __msan_poison(block, size);
    return block;
}

void *__wrap_df_malloc_filled(size_t size)
{
    void *block = __real_df_malloc_filled(size);
    if (block)
        __msan_poison(block, size);
    return block;
}

/* ---- zlib -------------------------------------------------------------------------------------------------------- */

int __real_inflate(z_streamp z, int flush);
int __wrap_inflate(z_streamp z, int flush);

int __wrap_inflate(z_streamp z, int flush)
{
    Bytef *out = z->next_out;
    const int status = __real_inflate(z, flush);
    __msan_unpoison(z, sizeof *z);
    __msan_unpoison(out, (size_t)(z->next_out - out));
    return status;
}

int __real_uncompress(Bytef *out, uLongf *given, const Bytef *in, uLong n);
int __wrap_uncompress(Bytef *out, uLongf *given, const Bytef *in, uLong n);

int __wrap_uncompress(Bytef *out, uLongf *given, const Bytef *in, uLong n)
{
    const int status = __real_uncompress(out, given, in, n);
    __msan_unpoison(given, sizeof *given);
    __msan_unpoison(out, *given);
    return status;
}

/* ---- libdeflate -------------------------------------------------------------------------------------------------- */

#if DEFORMER_DEFLATE
enum libdeflate_result __real_libdeflate_zlib_decompress(struct libdeflate_decompressor *decompressor, const void *in, size_t n, void *out,
                                                         size_t room, size_t *given);
enum libdeflate_result __wrap_libdeflate_zlib_decompress(struct libdeflate_decompressor *decompressor, const void *in, size_t n, void *out,
                                                         size_t room, size_t *given);

/* Only for streams whose size is known (given: NULL). */
enum libdeflate_result __wrap_libdeflate_zlib_decompress(struct libdeflate_decompressor *decompressor, const void *in, size_t n, void *out,
                                                         size_t room, size_t *given)
{
    const enum libdeflate_result result = __real_libdeflate_zlib_decompress(decompressor, in, n, out, room, given);
    if (result == LIBDEFLATE_SUCCESS)
        __msan_unpoison(out, room);
    return result;
}
#endif

/* ---- libpng ------------------------------------------------------------------------------------------------------ */

png_structp __real_png_create_read_struct_2(png_const_charp version, png_voidp error, png_error_ptr on_error, png_error_ptr on_warning,
                                            png_voidp memory, png_malloc_ptr allocate, png_free_ptr release);
png_structp __wrap_png_create_read_struct_2(png_const_charp version, png_voidp error, png_error_ptr on_error, png_error_ptr on_warning,
                                            png_voidp memory, png_malloc_ptr allocate, png_free_ptr release);
png_structp __real_png_create_write_struct_2(png_const_charp version, png_voidp error, png_error_ptr on_error, png_error_ptr on_warning,
                                             png_voidp memory, png_malloc_ptr allocate, png_free_ptr release);
png_structp __wrap_png_create_write_struct_2(png_const_charp version, png_voidp error, png_error_ptr on_error, png_error_ptr on_warning,
                                             png_voidp memory, png_malloc_ptr allocate, png_free_ptr release);
void __real_png_set_write_fn(png_structrp png, png_voidp io, png_rw_ptr write, png_flush_ptr flush);
void __wrap_png_set_write_fn(png_structrp png, png_voidp io, png_rw_ptr write, png_flush_ptr flush);
void __real_png_read_info(png_structrp png, png_inforp info);
void __wrap_png_read_info(png_structrp png, png_inforp info);
void __real_png_read_update_info(png_structrp png, png_inforp info);
void __wrap_png_read_update_info(png_structrp png, png_inforp info);
void __real_png_read_image(png_structrp png, png_bytepp rows);
void __wrap_png_read_image(png_structrp png, png_bytepp rows);

static _Thread_local png_malloc_ptr allocate_for_png;
static _Thread_local png_rw_ptr write_for_png;
static _Thread_local png_inforp info_of_png;

/* What libpng asks for it fills itself. */
static png_voidp allocate_written(png_structp png, png_alloc_size_t size)
{
    void *block = allocate_for_png(png, size);
    if (block)
        __msan_unpoison(block, size);
    return block;
}

/* It hands over bytes of its own. */
static void write_written(png_structp png, png_bytep bytes, size_t size)
{
    __msan_unpoison(bytes, size);
    write_for_png(png, bytes, size);
}

void __wrap_png_set_write_fn(png_structrp png, png_voidp io, png_rw_ptr write, png_flush_ptr flush)
{
    write_for_png = write;
    __real_png_set_write_fn(png, io, write_written, flush);
}

png_structp __wrap_png_create_read_struct_2(png_const_charp version, png_voidp error, png_error_ptr on_error, png_error_ptr on_warning,
                                            png_voidp memory, png_malloc_ptr allocate, png_free_ptr release)
{
    allocate_for_png = allocate;
    return __real_png_create_read_struct_2(version, error, on_error, on_warning, memory, allocate_written, release);
}

png_structp __wrap_png_create_write_struct_2(png_const_charp version, png_voidp error, png_error_ptr on_error, png_error_ptr on_warning,
                                             png_voidp memory, png_malloc_ptr allocate, png_free_ptr release)
{
    allocate_for_png = allocate;
    return __real_png_create_write_struct_2(version, error, on_error, on_warning, memory, allocate_written, release);
}

/* What the calls before left on the stack below counts as written. */
static __attribute__((noinline)) void clear_below(void)
{
    char below[1 << 14];
    __msan_unpoison(below, sizeof below);
    __asm__ volatile("" : : "r"(below) : "memory");
}

/* The signature is compared with one that libpng puts on its stack. */
void __wrap_png_read_info(png_structrp png, png_inforp info)
{
    clear_below();
    __real_png_read_info(png, info);
}

void __wrap_png_read_update_info(png_structrp png, png_inforp info)
{
    info_of_png = info;
    __real_png_read_update_info(png, info);
}

void __wrap_png_read_image(png_structrp png, png_bytepp rows)
{
    __real_png_read_image(png, rows);
    for (png_uint_32 y = 0; y < png_get_image_height(png, info_of_png); y++)
        __msan_unpoison(rows[y], png_get_rowbytes(png, info_of_png));
}

/* ---- libjpeg ----------------------------------------------------------------------------------------------------- */

JDIMENSION __real_jpeg_read_scanlines(j_decompress_ptr jpeg, JSAMPARRAY lines, JDIMENSION most);
JDIMENSION __wrap_jpeg_read_scanlines(j_decompress_ptr jpeg, JSAMPARRAY lines, JDIMENSION most);

JDIMENSION __wrap_jpeg_read_scanlines(j_decompress_ptr jpeg, JSAMPARRAY lines, JDIMENSION most)
{
    const JDIMENSION n = __real_jpeg_read_scanlines(jpeg, lines, most);
    for (JDIMENSION i = 0; i < n; i++)
        __msan_unpoison(lines[i], (size_t)jpeg->output_width * (size_t)jpeg->output_components);
    return n;
}

void __real_jpeg_start_compress(j_compress_ptr jpeg, boolean all_tables);
void __wrap_jpeg_start_compress(j_compress_ptr jpeg, boolean all_tables);

/* What our own destination does, and the buffer that it gives to libjpeg. */
static _Thread_local struct jpeg_destination_mgr destination;
static _Thread_local JOCTET *coded;
static _Thread_local size_t coded_size;

static void open_destination(j_compress_ptr jpeg)
{
    destination.init_destination(jpeg);
    coded = jpeg->dest->next_output_byte;
    coded_size = jpeg->dest->free_in_buffer;
}

/* In the last bytes of a buffer libjpeg codes on its stack and copies from there: its
 * memcpy() is seen here, what it copies is not. */
static boolean flush_written(j_compress_ptr jpeg)
{
    __msan_unpoison(coded, coded_size);
    return destination.empty_output_buffer(jpeg);
}

static void close_written(j_compress_ptr jpeg)
{
    __msan_unpoison(coded, coded_size);
    destination.term_destination(jpeg);
}

void __wrap_jpeg_start_compress(j_compress_ptr jpeg, boolean all_tables)
{
    destination = *jpeg->dest;
    jpeg->dest->init_destination = open_destination;
    jpeg->dest->empty_output_buffer = flush_written;
    jpeg->dest->term_destination = close_written;
    __real_jpeg_start_compress(jpeg, all_tables);
}
