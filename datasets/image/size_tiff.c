/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/image/size_tiff.c -- the size and orientation of the first picture in a TIFF file, from its first
 * directory.
 *
 * A file starts with its byte order ("II" or "MM") and 42, or 43 if offsets have 64 bits; then comes the offset of a
 * directory: a count, and entries with a tag, a type, a count and a value.
 */
#include "datasets/image/codec.h"

enum { TAG_WIDTH = 256, TAG_HEIGHT = 257, TAG_ORIENTATION = 274 };
enum { TYPE_SHORT = 3, TYPE_LONG = 4, TYPE_LONG8 = 16 };
enum { MOST_ENTRIES = 4096 };

typedef struct {
    int fd;
    bool big_endian, wide; /* wide: of 64 bits */
} Tiff;

/* The number in n bytes at an offset; 0 past the end. */
static uint64_t number_at(const Tiff *t, uint64_t at, size_t n)
{
    uint8_t bytes[8];
    uint64_t value = 0;
    if (!df_file_read_at(t->fd, bytes, n, at))
        return 0;
    for (size_t i = 0; i < n; i++)
        value = value << 8 | bytes[t->big_endian ? i : n - 1 - i];
    return value;
}

static uint64_t value_of(const Tiff *t, uint64_t entry)
{
    const uint64_t at = entry + (t->wide ? 12 : 8);
    switch (number_at(t, entry + 2, 2)) {
    case TYPE_SHORT:
        return number_at(t, at, 2);
    case TYPE_LONG:
        return number_at(t, at, 4);
    case TYPE_LONG8:
        return t->wide ? number_at(t, at, 8) : 0;
    default:
        return 0;
    }
}

bool df_tiff_size(int fd, uint64_t *height, uint64_t *width, int *orientation)
{
    Tiff t = { .fd = fd };
    t.big_endian = number_at(&t, 0, 1) == 'M';
    t.wide = number_at(&t, 2, 2) == 43;
    const uint64_t directory = t.wide ? number_at(&t, 8, 8) : number_at(&t, 4, 4);
    const size_t length = t.wide ? 20 : 12;
    const uint64_t first = directory + (t.wide ? 8 : 2);
    uint64_t entries = number_at(&t, directory, t.wide ? 8 : 2);
    if (entries > MOST_ENTRIES)
        entries = MOST_ENTRIES;
    *height = *width = 0;
    for (uint64_t i = 0; i < entries; i++) {
        const uint64_t entry = first + i * length;
        const uint64_t tag = number_at(&t, entry, 2);
        if (tag == TAG_WIDTH)
            *width = value_of(&t, entry);
        else if (tag == TAG_HEIGHT)
            *height = value_of(&t, entry);
        else if (tag == TAG_ORIENTATION && value_of(&t, entry) >= 1 && value_of(&t, entry) <= 8)
            *orientation = (int)value_of(&t, entry);
    }
    return *height > 0 && *width > 0;
}
