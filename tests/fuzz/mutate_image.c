/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/mutate_image.c -- PNG: one chunk is mutated, or its filtered pixels below their compression; lengths and
 * CRCs are right. Anything else is left to libFuzzer.
 */
#include <zlib.h>

#include "tests/fuzz/mutate.h"

enum { SIGNATURE = 8, FRAME = 12, MOST_CHUNKS = 64, MOST_PIXELS = 1 << 15 };

typedef struct {
    size_t at, length; /* of the content, behind 4 bytes of length and 4 of type */
} Chunk;

static int find_chunks(const uint8_t *data, size_t size, Chunk chunks[MOST_CHUNKS])
{
    int n = 0;
    for (size_t at = SIGNATURE; n < MOST_CHUNKS && size >= FRAME && at <= size - FRAME; n++) {
        size_t length = get_big(data + at);
        if (length > size - at - FRAME)
            length = size - at - FRAME;
        chunks[n] = (Chunk){ at + 8, length };
        at += length + FRAME;
    }
    return n;
}

static void seal(uint8_t *data, Chunk chunk)
{
    put_big(data + chunk.at - 8, (uint32_t)chunk.length);
    put_big(data + chunk.at + chunk.length, (uint32_t)crc32(0, data + chunk.at - 4, (uInt)chunk.length + 4));
}

/* Unpacks, mutates, packs; false if there is nothing to unpack or no room. */
static int mutate_pixels(uint8_t *data, size_t size, size_t max_size, Chunk *chunk)
{
    static uint8_t pixels[MOST_PIXELS], packed[2 * MOST_PIXELS];
    uLongf n = MOST_PIXELS;
    uLongf length = sizeof packed;
    if (uncompress(pixels, &n, data + chunk->at, chunk->length) != Z_OK)
        return 0;
    n = LLVMFuzzerMutate(pixels, n, MOST_PIXELS);
    if (compress2(packed, &length, pixels, n, 1) != Z_OK || size - chunk->length + length > max_size)
        return 0;
    memmove(data + chunk->at + length, data + chunk->at + chunk->length, size - chunk->at - chunk->length);
    memcpy(data + chunk->at, packed, length);
    chunk->length = length;
    return 1;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    Chunk chunks[MOST_CHUNKS];
    const int n = size > SIGNATURE && memcmp(data, "\x89PNG\r\n\x1a\n", SIGNATURE) == 0 ? find_chunks(data, size, chunks) : 0;
    if (n == 0 || seed % 16 == 0 || size > max_size)
        return LLVMFuzzerMutate(data, size, max_size);
    Chunk chunk = chunks[seed / 16 % (unsigned)n];
    const size_t before = chunk.length;
    const int is_pixels = memcmp(data + chunk.at - 4, "IDAT", 4) == 0;
    if (seed % 16 == 1)
        data[chunk.at - 4 + seed / 1024 % 4] ^= (uint8_t)(seed >> 16); /* another kind of chunk */
    else if (!is_pixels || seed % 4 == 2 || !mutate_pixels(data, size, max_size, &chunk))
        chunk.length = mutate_part(data, size, max_size, chunk.at, chunk.length);
    seal(data, chunk);
    return size - before + chunk.length;
}
