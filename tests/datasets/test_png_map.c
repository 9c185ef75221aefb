/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/datasets/test_png_map.c -- maps in PNG files without libpng: every filter, every kind of compressed block, data in parts; what
 * is damaged is left to libpng.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/core.h"
#include "datasets/image/codec.h"
#include "datasets/image/png_map.h"

enum { HEIGHT = 37, WIDTH = 53, MOST = 1 << 16 };

typedef struct {
    uint8_t bytes[MOST];
    size_t n;
} File;

static void put(File *f, const void *bytes, size_t n)
{
    cr_assert_leq(f->n + n, sizeof f->bytes);
    if (n)
        memcpy(f->bytes + f->n, bytes, n);
    f->n += n;
}

static void put_u32(File *f, uint32_t v)
{
    put(f, (const uint8_t[]){ (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v }, 4);
}

static void put_chunk(File *f, const char *name, const uint8_t *bytes, size_t n)
{
    put_u32(f, (uint32_t)n);
    const size_t from = f->n;
    put(f, name, 4);
    put(f, bytes, n);
    put_u32(f, (uint32_t)crc32(0, f->bytes + from, (uInt)n + 4));
}

/* ---- the pixels ------------------------------------------------------------------------------------------------------------ */

/* Flat regions with noise in one of them; few values or many. */
static void draw(uint8_t *pixels, size_t stride, int channels, uint64_t seed)
{
    DfRandom r = df_random(seed, 0);
    uint8_t values[8][4];
    for (int k = 0; k < 8; k++)
        for (int c = 0; c < 4; c++)
            values[k][c] = (uint8_t)(df_uniform(&r) * 256);
    for (size_t y = 0; y < HEIGHT; y++)
        for (size_t x = 0; x < WIDTH; x++) {
            const int k = (int)((x / 9 + y / 7) % 8);
            for (size_t c = 0; c < (size_t)channels; c++)
                pixels[y * stride + x * (size_t)channels + c] = k == 3 ? (uint8_t)(df_uniform(&r) * 256) : values[k][c];
        }
}

static uint8_t guess(int filter, int left, int up, int corner)
{
    const int p = left + up - corner;
    const int from[3] = { abs(p - left), abs(p - up), abs(p - corner) };
    switch (filter) {
    case 1: return (uint8_t)left;
    case 2: return (uint8_t)up;
    case 3: return (uint8_t)((left + up) / 2);
    case 4:
        if (from[0] <= from[1] && from[0] <= from[2])
            return (uint8_t)left;
        return (uint8_t)(from[1] <= from[2] ? up : corner);
    }
    return 0;
}

/* Filter `filter` for all lines, or with 5 each in turn. */
static void apply(uint8_t *lines, const uint8_t *pixels, size_t stride, size_t c, int filter)
{
    for (size_t y = 0; y < HEIGHT; y++) {
        const int f = filter < 5 ? filter : (int)(y % 5);
        const uint8_t *const row = pixels + y * stride, *const above = y ? row - stride : NULL;
        *lines++ = (uint8_t)f;
        for (size_t i = 0; i < stride; i++) {
            const int left = i < c ? 0 : row[i - c];
            const int up = above ? above[i] : 0;
            const int corner = above && i >= c ? above[i - c] : 0;
            *lines++ = (uint8_t)(row[i] - guess(f, left, up, corner));
        }
    }
}

static size_t compressed(uint8_t *out, const uint8_t *lines, size_t n, int level, int strategy)
{
    z_stream z = { .next_in = (Bytef *)(uintptr_t)lines, .avail_in = (uInt)n, .next_out = out, .avail_out = MOST / 2 };
    cr_assert_eq(deflateInit2(&z, level, Z_DEFLATED, 15, 8, strategy), Z_OK);
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return z.total_out;
}

typedef struct {
    int channels, bits, type, filter, level, strategy, parts;
} Form;

static void make(File *f, uint8_t *pixels, const Form *form, uint64_t seed)
{
    static uint8_t lines[HEIGHT * (WIDTH * 3 + 1)], data[MOST / 2];
    const size_t stride = WIDTH * (size_t)form->channels;
    draw(pixels, stride, form->channels, seed);
    apply(lines, pixels, stride, (size_t)form->channels, form->filter);
    const size_t n = compressed(data, lines, HEIGHT * (stride + 1), form->level, form->strategy);
    f->n = 0;
    put(f, "\x89PNG\r\n\x1a\n", 8);
    const uint8_t head[13] = { 0, 0, 0, WIDTH, 0, 0, 0, HEIGHT, (uint8_t)form->bits, (uint8_t)form->type };
    put_chunk(f, "IHDR", head, sizeof head);
    put_chunk(f, "tEXt", (const uint8_t *)"a\0b", 3);
    if (form->type == 3)
        put_chunk(f, "PLTE", pixels, 768);
    for (int i = 0; i < form->parts; i++) {
        const size_t from = n * (size_t)i / (size_t)form->parts;
        put_chunk(f, "IDAT", data + from, n * (size_t)(i + 1) / (size_t)form->parts - from);
    }
    put_chunk(f, "IEND", NULL, 0);
}

static const DfPngMap kinds[] = { DF_PNG_LABELS, DF_PNG_LABELS, DF_PNG_WIDE, DF_PNG_COLOURS };

Test(png_map, every_filter_and_every_block)
{
    static File file;
    static uint8_t pixels[HEIGHT * WIDTH * 3];
    static const Form of[] = { { 1, 8, 0, 0, 0, 0, 1 }, { 1, 8, 3, 0, 0, 0, 1 }, { 2, 16, 0, 0, 0, 0, 1 }, { 3, 8, 2, 0, 0, 0, 1 } };
    DfImage image = { 0 };
    uint64_t seed = 1;
    for (int kind = 0; kind < 4; kind++)
        for (int filter = 0; filter <= 5; filter++)
            for (int level = 0; level <= 9; level += 3)
                for (int strategy = Z_DEFAULT_STRATEGY; strategy <= Z_FIXED; strategy++) {
                    Form form = of[kind];
                    form.filter = filter;
                    form.level = level;
                    form.strategy = strategy;
                    form.parts = 1 + strategy % 3;
                    make(&file, pixels, &form, seed++);
                    cr_assert(df_png_map(&image, kinds[kind], file.bytes, file.n, 0), "kind %d filter %d level %d strategy %d", kind,
                              filter, level, strategy);
                    cr_assert(image.height == HEIGHT && image.width == WIDTH && image.channels == form.channels);
                    cr_assert_eq(memcmp(image.pixels, pixels, df_image_bytes(&image)), 0, "kind %d filter %d level %d strategy %d", kind,
                                 filter, level, strategy);
                }
    df_image_free(&image);
    cr_expect_eq(df_memory().now, 0);
}

/* What libpng refuses is never taken, and what is taken has libpng's pixels. */
Test(png_map, what_is_damaged_is_left_to_libpng)
{
    static File file;
    static uint8_t pixels[HEIGHT * WIDTH * 3];
    const Form form = { 3, 8, 2, 5, 6, 0, 2 };
    DfImage image = { 0 };
    make(&file, pixels, &form, 7);
    for (size_t n = 0; n < file.n; n++)
        cr_expect(!df_png_map(&image, DF_PNG_COLOURS, file.bytes, n, 0), "cut at %zu", n);
    for (size_t bit = 0; bit < 8 * file.n; bit += 3) {
        file.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (df_png_map(&image, DF_PNG_COLOURS, file.bytes, file.n, 0))
            cr_expect_eq(memcmp(image.pixels, pixels, df_image_bytes(&image)), 0, "bit %zu", bit);
        file.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    cr_expect(!df_png_map(&image, DF_PNG_LABELS, file.bytes, file.n, 0), "colours are no labels");
    cr_expect(!df_png_map(&image, DF_PNG_COLOURS, file.bytes, file.n, 100), "more pixels than wanted");
    df_image_free(&image);
}

/* Damage that the sums of chunks do not tell: the only chunk of data is altered, then summed up. */
Test(png_map, a_damaged_stream_is_left_to_libpng)
{
    enum { DATA = 8 + 25 + 15 }; /* behind the signature, the head and the text */
    static File file;
    static uint8_t pixels[HEIGHT * WIDTH * 3];
    const Form form = { 3, 8, 2, 5, 9, 0, 1 };
    DfImage image = { 0 };
    DfRandom r = df_random(3, 0);
    make(&file, pixels, &form, 11);
    const size_t end = file.n - 12; /* of the chunk */
    const size_t n = end - DATA - 12;
    for (int i = 0; i < 5000; i++) {
        uint8_t *const byte = &file.bytes[DATA + 8 + (size_t)(df_uniform(&r) * (double)n)];
        const uint8_t before = *byte;
        *byte = (uint8_t)(df_uniform(&r) * 256);
        file.n = end - 4;
        put_u32(&file, (uint32_t)crc32(0, file.bytes + DATA + 4, (uInt)n + 4));
        file.n = end + 12;
        if (df_png_map(&image, DF_PNG_COLOURS, file.bytes, file.n, 0)) /* the bits between the last code and the stream's sum are free */
            cr_assert_eq(memcmp(image.pixels, pixels, df_image_bytes(&image)), 0, "change %d", i);
        *byte = before;
    }
    df_image_free(&image);
}
