/* SPDX-License-Identifier: Apache-2.0
 *
 * core/json_digits.h -- private to core/: eight decimal digits in one register.
 */
#ifndef DF_CORE_JSON_DIGITS_H
#define DF_CORE_JSON_DIGITS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/bits.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/* The value of eight digits, the first in the lowest byte, of which only the lower four bits count: pairs, then fours, then all
 * (Lemire, "Number parsing at a gigabyte per second", 2021). */
static inline uint64_t df_digits_value(uint64_t x)
{
    x = (x & 0x0f0f0f0f0f0f0f0fu) * 2561 >> 8;
    x = (x & 0x00ff00ff00ff00ffu) * 6553601 >> 16;
    return (x & 0x0000ffff0000ffffu) * 42949672960001u >> 32;
}

/* Eight digits at p; false if they are not all digits. */
static inline bool df_eight_digits(const unsigned char *p, uint64_t *value)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
    if (((x & 0xf0f0f0f0f0f0f0f0u) | ((x + 0x0606060606060606u) & 0xf0f0f0f0f0f0f0f0u) >> 4) != 0x3333333333333333u)
        return false;
    *value = df_digits_value(x);
    return true;
}

/* A number without sign and exponent among the eight bytes at p, of seven characters at most: how long it is, and its part before the point.
 * False if there is none, or something else. */
static inline bool df_few_characters(const unsigned char *p, unsigned *whole, unsigned *length)
{
    const uint64_t ones = UINT64_MAX / 255;
    uint64_t x;
    memcpy(&x, p, sizeof x);
    const uint64_t low = x ^ ones * '0', others = (((low & ones * 0x7f) + ones * 0x76) | low) & ones * 0x80, behind = others & (others - 1);
    if (!others)
        return false;
    *whole = *length = df_bits_below(others) / 8;
    const bool point = p[*whole] == '.';
    if (point && !behind)
        return false;
    if (point)
        *length = df_bits_below(behind) / 8;
    return *whole > 0 && *length != *whole + 1 && (p[*length] | 0x20) != 'e' && (*whole == 1 || *p != '0');
}

/* The digits of the `length` characters at p (1 to 8; so many may be looked at), without the point that stands behind `whole` of them, if
 * that is not all. */
static inline uint64_t df_few_digits(const unsigned char *p, unsigned whole, unsigned length)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
    if (whole == length)
        return df_digits_value(x << 8 * (8 - length));
    const uint64_t before = ((uint64_t)1 << 8 * whole) - 1;
    return df_digits_value(((x & before) | (x >> 8 & ~before)) << 8 * (9 - length)); /* to the upper end */
}
#else
static inline bool df_eight_digits(const unsigned char *p, uint64_t *value)
{
    (void)p;
    (void)value;
    return false;
}

static inline bool df_few_characters(const unsigned char *p, unsigned *whole, unsigned *length)
{
    (void)p;
    *whole = *length = 0;
    return false;
}

static inline uint64_t df_few_digits(const unsigned char *p, unsigned whole, unsigned length)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < length; i++)
        value = i == whole ? value : value * 10 + (p[i] & 15);
    return value;
}
#endif

#endif
