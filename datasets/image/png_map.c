/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/png_map.c -- reads label maps and segment maps in ordinary PNG files quickly. Such maps are flat, so
 * the line filters of PNG have left mostly zeros, and most of a line is a copy of the line above or of the pixel
 * before.
 */
#include "datasets/image/png_map.h"

#include <string.h>
#include <zlib.h>
#ifdef DEFORMER_DEFLATE
#include <libdeflate.h>
#endif

#include "datasets/image/codec.h"

typedef struct {
    const uint8_t *bytes, *end;
    uint32_t width, height;
    DfPngMap kind;
    int channels;
    bool needs_palette;
    const uint8_t *data; /* of the pixels, compressed  */
    size_t n;
    uint8_t *joined; /* the same, if it was in parts */
} Map;

static uint32_t u32(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* ---- chunks ------------------------------------------------------------------------------------------------------ */

enum { SIGNATURE = 8, HEAD = 8, SUM = 4, GREY = 0, COLOURS = 2, PALETTE = 3 };

/* The next chunk if it is whole: its length; its name stands at `at`+4. SIZE_MAX: none. */
static size_t chunk_at(const Map *m, const uint8_t *at)
{
    if (m->end - at < HEAD + SUM || u32(at) > (size_t)(m->end - at) - HEAD - SUM)
        return SIZE_MAX;
    return u32(at);
}

static bool is(const uint8_t *chunk, const char *name)
{
    return memcmp(chunk + 4, name, 4) == 0;
}

static bool is_sound(const uint8_t *chunk, size_t length)
{
    return crc32(0, chunk + 4, (uInt)length + 4) == u32(chunk + HEAD + length);
}

static bool read_head(Map *m, const uint8_t *chunk, size_t length)
{
    const uint8_t *const head = chunk + HEAD;
    if (!is(chunk, "IHDR") || length != 13 || !is_sound(chunk, length))
        return false;
    m->width = u32(head);
    m->height = u32(head + 4);
    const int type = head[9];
    const bool grey = type == GREY || (type == PALETTE && m->kind == DF_PNG_LABELS);
    const bool of_its_kind = m->kind == DF_PNG_COLOURS ? type == COLOURS : grey;
    m->needs_palette = type == PALETTE;
    return of_its_kind && head[8] == (m->kind == DF_PNG_WIDE ? 16 : 8) && head[10] == 0 && head[11] == 0 &&
           head[12] == 0;
}

static bool join(Map *m, const uint8_t *chunk, size_t length)
{
    if (!m->data) {
        m->data = chunk + HEAD;
        m->n = length;
        return true;
    }
    if (!m->joined) { /* room for all that can follow */
        if (!(m->joined = df_malloc(m->n + (size_t)(m->end - chunk))))
            return false;
        memcpy(m->joined, m->data, m->n);
        m->data = m->joined;
    }
    memcpy(m->joined + m->n, chunk + HEAD, length);
    m->n += length;
    return true;
}

/* Takes a chunk; chunks of other names do not change what is stored, unless they say that they are critical. */
static bool take_chunk(Map *m, const uint8_t *chunk, size_t length, bool *ended)
{
    const bool data = is(chunk, "IDAT");
    const bool palette = is(chunk, "PLTE");
    *ended = is(chunk, "IEND");
    if (!data && !palette && !*ended)
        return chunk[4] & 32;
    if (!is_sound(chunk, length) || (data && m->needs_palette))
        return false;
    if (palette)
        m->needs_palette = false;
    return !data || join(m, chunk, length);
}

static bool find_data(Map *m)
{
    const uint8_t *at = m->bytes + SIGNATURE;
    size_t length = chunk_at(m, at);
    bool good = length != SIZE_MAX && read_head(m, at, length);
    for (bool ended = false; good && !ended;) {
        at += HEAD + length + SUM;
        length = chunk_at(m, at);
        good = length != SIZE_MAX && take_chunk(m, at, length, &ended);
    }
    return good && m->data;
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

static uint64_t eight(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

/* How many zeros follow one another from i on. */
static size_t zeros(const uint8_t *line, size_t i, size_t n)
{
    size_t at = i;
    while (at + 32 <= n &&
           (eight(line + at) | eight(line + at + 8) | eight(line + at + 16) | eight(line + at + 24)) == 0)
        at += 32;
    while (at + 8 <= n && eight(line + at) == 0)
        at += 8;
    while (at < n && line[at] == 0)
        at++;
    return at - i;
}

/* out[i ..] = the c bytes before i, again and again. */
static void repeat(uint8_t *out, size_t i, size_t n, size_t c)
{
    if (c == 1) {
        memset(out + i, out[i - 1], n);
        return;
    }
    size_t done = 0;
    for (; done < n && done < c; done++)
        out[i + done] = out[i + done - c];
    for (size_t some; done < n; done += some) {
        some = done < n - done ? done : n - done;
        memcpy(out + i + done, out + i, some);
    }
}

/* Eight zeros are worth a copy of all that follow. */
static bool is_flat(const uint8_t *line, size_t i, size_t n)
{
    return i + 8 <= n && eight(line + i) == 0;
}

static void undo_sub(uint8_t *out, const uint8_t *line, size_t n, size_t c)
{
    memcpy(out, line, c);
    for (size_t i = c; i < n;) {
        if (is_flat(line, i, n)) {
            const size_t flat = zeros(line, i, n);
            repeat(out, i, flat, c);
            i += flat;
            continue;
        }
        out[i] = (uint8_t)(line[i] + out[i - c]);
        i++;
    }
}

/* Eight bytes at once: the lower seven bits of each are added, which carries into the top bit and no further. */
static void undo_up(uint8_t *out, const uint8_t *line, const uint8_t *above, size_t n)
{
    const uint64_t low = UINT64_MAX / 255 * 0x7f;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        const uint64_t a = eight(line + i);
        const uint64_t b = eight(above + i);
        const uint64_t sum = ((a & low) + (b & low)) ^ ((a ^ b) & ~low);
        memcpy(out + i, &sum, sizeof sum);
    }
    for (; i < n; i++)
        out[i] = (uint8_t)(line[i] + above[i]);
}

static void undo_average(uint8_t *out, const uint8_t *line, const uint8_t *above, size_t n, size_t c)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(line[i] + ((i < c ? 0 : out[i - c]) + above[i]) / 2);
}

static uint8_t paeth(int left, int up, int corner)
{
    const int from_left = up > corner ? up - corner : corner - up;
    const int from_up = left > corner ? left - corner : corner - left;
    const int sum = left + up - 2 * corner;
    const int from_corner = sum < 0 ? -sum : sum;
    if (from_left <= from_up && from_left <= from_corner)
        return (uint8_t)left;
    return (uint8_t)(from_up <= from_corner ? up : corner);
}

/* Where a pixel's left neighbour is like the one above that, Paeth's guess is the pixel above. If the guess is
 * right, this goes on for the next: so zeros stand for a copy of the line above. */
static void undo_paeth(uint8_t *out, const uint8_t *line, const uint8_t *above, size_t n, size_t c)
{
    for (size_t i = 0; i < c; i++)
        out[i] = (uint8_t)(line[i] + above[i]);
    for (size_t i = c; i < n;) {
        if (is_flat(line, i, n) && memcmp(out + i - c, above + i - c, c) == 0) {
            const size_t flat = zeros(line, i, n);
            memcpy(out + i, above + i, flat);
            i += flat;
            continue;
        }
        out[i] = (uint8_t)(line[i] + paeth(out[i - c], above[i], above[i - c]));
        i++;
    }
}

/* Undoes the filter of a line; `above` is zeros for the first. */
static bool undo(uint8_t *out, const uint8_t *line, int filter, const uint8_t *above, size_t n, size_t c)
{
    switch (filter) {
    case 0: memcpy(out, line, n); return true;
    case 1: undo_sub(out, line, n, c); return true;
    case 2: undo_up(out, line, above, n); return true;
    case 3: undo_average(out, line, above, n, c); return true;
    case 4: undo_paeth(out, line, above, n, c); return true;
    }
    return false;
}

/* ---- the stream -------------------------------------------------------------------------------------------------- */

/* A zlib stream that gives exactly `size` bytes. */
#ifdef DEFORMER_DEFLATE
static bool inflate_all(uint8_t *out, size_t size, const uint8_t *in, size_t n)
{
    struct libdeflate_decompressor *const decompressor = libdeflate_alloc_decompressor();
    const bool done =
        decompressor && libdeflate_zlib_decompress(decompressor, in, n, out, size, NULL) == LIBDEFLATE_SUCCESS;
    libdeflate_free_decompressor(decompressor);
    return done;
}
#else
static bool inflate_all(uint8_t *out, size_t size, const uint8_t *in, size_t n)
{
    uLongf given = size;
    return uncompress(out, &given, in, n) == Z_OK && given == size;
}
#endif

/* ---- all --------------------------------------------------------------------------------------------------------- */

/* `stored` has a line of zeros in front, then lines each behind the number of its filter. */
static bool make(const Map *m, DfImage *image, uint8_t *stored, size_t stride)
{
    const size_t c = (size_t)m->channels;
    const uint8_t *above = stored;
    memset(stored, 0, stride);
    if (!inflate_all(stored + stride, (stride + 1) * m->height, m->data, m->n) ||
        df_image_renew(image, (int)m->height, (int)m->width, m->channels) < 0)
        return false;
    for (size_t y = 0; y < m->height; y++) {
        const uint8_t *const line = stored + stride + y * (stride + 1);
        uint8_t *const out = image->pixels + y * stride;
        if (!undo(out, line + 1, line[0], above, stride, c))
            return false;
        above = out;
    }
    return true;
}

enum { DEFLATE_MOST = 1032 /* bytes that one byte of deflate can give */ };

bool df_png_map(DfImage *image, DfPngMap kind, const uint8_t *bytes, size_t size, size_t max_pixels)
{
    static const int channels[] = { 1, 2, 1, 3 };
    Map m = { .bytes = bytes, .end = bytes + size, .kind = kind, .channels = channels[kind] };
    bool made = false;
    if (size > SIGNATURE && find_data(&m) && df_image_check_size(m.height, m.width, max_pixels) == DF_OK) {
        const size_t stride = (size_t)m.width * (size_t)m.channels;
        const size_t stored = stride + (stride + 1) * m.height;
        uint8_t *const lines = stored / DEFLATE_MOST <= m.n + 1 ? df_malloc(stored) : NULL;
        made = lines && make(&m, image, lines, stride);
        df_free(lines);
    }
    df_free(m.joined);
    return made;
}
