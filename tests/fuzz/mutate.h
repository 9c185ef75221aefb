/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/mutate.h -- for mutators that know the form of a file (mutate_NAME.c beside fuzz_NAME.c): checksums and
 * lengths stay right, so that what is mutated is what they protect. Part of libFuzzer builds alone.
 */
#ifndef DF_TESTS_FUZZ_MUTATE_H
#define DF_TESTS_FUZZ_MUTATE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* libFuzzer's own: changes `data` in place, gives its new size. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* Bytes in the order of PNG (big) and zip (little). */
static inline uint32_t get_big(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void put_big(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (24 - 8 * i));
}

static inline uint32_t get_little(const uint8_t *p, int bytes)
{
    uint32_t value = 0;
    for (int i = bytes - 1; i >= 0; i--)
        value = value << 8 | p[i];
    return value;
}

static inline void put_little(uint8_t *p, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        p[i] = (uint8_t)(value >> (8 * i));
}

/* The part [at, at + length) of a file of `size` bytes mutated; the rest moves. Gives the part's new length; the file
 * never exceeds `max_size`. */
static inline size_t mutate_part(uint8_t *data, size_t size, size_t max_size, size_t at, size_t length)
{
    enum { MOST = 1 << 16 };
    static uint8_t part[MOST];
    const size_t rest = size - at - length;
    size_t room = max_size - (size - length);
    room = room < MOST ? room : MOST;
    if (length > room)
        return length;
    if (length)
        memcpy(part, data + at, length);
    const size_t n = LLVMFuzzerMutate(part, length, room);
    memmove(data + at + n, data + at + length, rest);
    if (n)
        memcpy(data + at, part, n);
    return n;
}

#endif
