/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/mutate_pth.c -- a zip: one stored entry is mutated, a pickle by its opcodes, and sizes, checksums and
 * places in both headers are right again. Bare pickles (the legacy form) are mutated by opcodes, too.
 */
#include <zlib.h>

#include "tests/fuzz/mutate.h"

enum { LOCAL = 30, CENTRAL = 46, END = 22 };

/* ---- pickles ----------------------------------------------------------------------------------------------------- */

/* How many bytes follow an opcode: a number, minus the width of a length, or 100 for a line. */
static int argument_of(uint8_t opcode)
{
    static const struct {
        char opcode;
        int bytes;
    } rows[] = {
        { 'K', 1 }, { 'M', 2 }, { 'J', 4 }, { 'G', 8 }, { 'q', 1 }, { 'r', 4 }, { 'h', 1 }, { 'j', 4 }, { '\x80', 1 }, { '\x95', 8 },
        { 'X', -4 }, { '\x8c', -1 }, { 'U', -1 }, { 'T', -4 }, { 'C', -1 }, { 'B', -4 }, { '\x8a', -1 },
        { 'I', 100 }, { 'L', 100 }, { 'F', 100 }, { 'S', 100 }, { 'V', 100 }, { 'p', 100 }, { 'g', 100 }, { 'P', 100 }, { 'c', 200 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if ((uint8_t)rows[i].opcode == opcode)
            return rows[i].bytes;
    return 0;
}

static size_t after_lines(const uint8_t *p, size_t size, int lines)
{
    size_t at = 0;
    for (; lines && at < size; at++)
        lines -= p[at] == '\n';
    return at;
}

/* The length of the opcode at p with its argument, at least 1 and at most `size`. */
static size_t opcode_length(const uint8_t *p, size_t size)
{
    const int bytes = argument_of(*p);
    size_t length = 1;
    if (bytes >= 100)
        length += after_lines(p + 1, size - 1, bytes / 100);
    else if (bytes >= 0)
        length += (size_t)bytes;
    else if (size > (size_t)-bytes)
        length += (size_t)-bytes + get_little(p + 1, -bytes);
    return length < size ? length : size;
}

/* One opcode of the pickle at [at, at + length) is mutated, taken out, or put in once more. */
static size_t mutate_pickle(uint8_t *data, size_t size, size_t max_size, size_t at, size_t length, unsigned seed)
{
    static const char snippets[][12] = { "(", "t", "]", "}", "e", "u", "s", "a", "0", "2", "N", "\x88", "\x89", "R", "b", "Q", ")", "\x85",
                                         "\x86", "\x87", "K\x01", "q\x01", "h\x01", "M\xff\xff", "J\xff\xff\xff\xff", "\x81" };
    size_t chosen = at;
    size_t number = 1;
    for (size_t here = at; here < at + length; here += opcode_length(data + here, at + length - here), number++)
        if ((seed * 2654435761u + number * 40503u) % number == 0)
            chosen = here;
    const size_t n = length ? opcode_length(data + chosen, at + length - chosen) : 0;
    uint8_t *p = data + chosen;
    if (n && seed % 4 == 0) {
        memmove(p, p + n, size - chosen - n);
        return length - n;
    }
    if (n && seed % 4 == 1 && size + n <= max_size) {
        memmove(p + n, p, size - chosen);
        return length + n;
    }
    const char *snippet = snippets[seed / 4 % (sizeof snippets / sizeof *snippets)];
    const size_t more = strlen(snippet);
    if (seed % 4 == 2 && size + more <= max_size) {
        memmove(p + more, p, size - chosen);
        memcpy(p, snippet, more);
        return length + more;
    }
    return length - n + mutate_part(data, size, max_size, chosen, n);
}

/* ---- zip --------------------------------------------------------------------------------------------------------- */

typedef struct {
    size_t central;            /* of the entry's record there                          */
    size_t header, at, length; /* its local header, its bytes                          */
} Entry;

static size_t find_end(const uint8_t *data, size_t size)
{
    for (size_t at = size >= END ? size - END + 1 : 0; at-- > 0;)
        if (memcmp(data + at, "PK\5\6", 4) == 0)
            return at;
    return size;
}

/* Entry `wanted` modulo their number; 0 if the archive is not one that we write. */
static int find_entry(const uint8_t *data, size_t end, unsigned wanted, Entry *out)
{
    const unsigned n = get_little(data + end + 10, 2);
    size_t at = get_little(data + end + 16, 4);
    for (unsigned i = 0; n && i <= wanted % n; i++) {
        if (at > end || end - at < CENTRAL || memcmp(data + at, "PK\1\2", 4) != 0)
            return 0;
        *out = (Entry){ at, get_little(data + at + 42, 4), 0, get_little(data + at + 20, 4) };
        at += CENTRAL + get_little(data + at + 28, 2) + get_little(data + at + 30, 2) + get_little(data + at + 32, 2);
    }
    if (!n || out->header > end || end - out->header < LOCAL)
        return 0;
    out->at = out->header + LOCAL + get_little(data + out->header + 26, 2) + get_little(data + out->header + 28, 2);
    return out->at <= out->central && out->length <= out->central - out->at;
}

/* What stands behind the entry has moved by `moved` bytes, and so have the places that say where it is. */
static void move_places(uint8_t *data, size_t end, const Entry *e, size_t moved)
{
    const unsigned n = get_little(data + end + 10, 2);
    size_t at = get_little(data + end + 16, 4) + moved;
    put_little(data + end + 16, (uint32_t)at, 4);
    for (unsigned i = 0; i < n && at < end && end - at >= CENTRAL && memcmp(data + at, "PK\1\2", 4) == 0; i++) {
        const uint32_t header = get_little(data + at + 42, 4);
        if (header > e->header)
            put_little(data + at + 42, header + (uint32_t)moved, 4);
        at += CENTRAL + get_little(data + at + 28, 2) + get_little(data + at + 30, 2) + get_little(data + at + 32, 2);
    }
}

static void seal(uint8_t *data, const Entry *e, size_t length)
{
    const uint32_t crc = (uint32_t)crc32(0, data + e->at, (uInt)length);
    uint8_t *const headers[] = { data + e->header + 14, data + e->central + 16 };
    for (int i = 0; i < 2; i++) {
        put_little(headers[i], crc, 4);
        put_little(headers[i] + 4, (uint32_t)length, 4);
        put_little(headers[i] + 8, (uint32_t)length, 4);
    }
}

static int is_pickle(const uint8_t *p, size_t size)
{
    return size >= 2 && p[0] == 0x80 && p[1] <= 5;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    Entry e;
    const size_t end = find_end(data, size);
    if (seed % 16 == 0 || size > max_size)
        return LLVMFuzzerMutate(data, size, max_size);
    if (end == size && is_pickle(data, size))
        return mutate_pickle(data, size, max_size, 0, size, seed / 16);
    if (end == size || !find_entry(data, end, seed / 16, &e))
        return LLVMFuzzerMutate(data, size, max_size);
    const size_t length = is_pickle(data + e.at, e.length) ? mutate_pickle(data, size, max_size, e.at, e.length, seed / 64)
                                                           : mutate_part(data, size, max_size, e.at, e.length);
    const size_t moved = length - e.length; /* modulo 2^64, where it shrank */
    e.central += moved;
    move_places(data, end + moved, &e, moved);
    seal(data, &e, length);
    return size + moved;
}
