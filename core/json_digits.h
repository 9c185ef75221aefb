/* SPDX-License-Identifier: Apache-2.0
 *
 * core/json_digits.h -- private to core/: converts eight decimal digits at once, in one 64-bit register.
 */
#ifndef DF_CORE_JSON_DIGITS_H
#define DF_CORE_JSON_DIGITS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/bits.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/* The value of eight digits, the first in the lowest byte; only the lower four bits of a byte count. Each
 * multiplication joins neighbours (Lemire, "Number parsing at a gigabyte per second", 2021):
 *     digits a b to pairs 10 a + b       by 2561           = 10 * 2^8 + 1
 *     pairs to fours                     by 6553601        = 100 * 2^16 + 1
 *     fours to all eight                 by 42949672960001 = 10000 * 2^32 + 1 */
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
    /* '0' to '9' are 0x30 to 0x39: the upper half is 3, and still is after adding 6. */
    const uint64_t upper = x & 0xf0f0f0f0f0f0f0f0u;
    const uint64_t upper_after = (x + 0x0606060606060606u) & 0xf0f0f0f0f0f0f0f0u;
    if ((upper | upper_after >> 4) != 0x3333333333333333u)
        return false;
    *value = df_digits_value(x);
    return true;
}

/* A number of seven characters at most, without sign and exponent, that ends among the eight bytes at p: its
 * length, and the length of its part before the point. False if there is no such number. */
static inline bool df_few_characters(const unsigned char *p, unsigned *whole, unsigned *length)
{
    const uint64_t ones = UINT64_MAX / 255;
    uint64_t x;
    memcpy(&x, p, sizeof x);
    const uint64_t low = x ^ ones * '0';                                               /* a digit becomes 0..9  */
    const uint64_t others = (((low & ones * 0x7f) + ones * 0x76) | low) & ones * 0x80; /* the top bit where > 9 */
    const uint64_t behind = others & (others - 1);                                     /* without the first one */
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

/* The digits of the `length` characters at p, 1 to 8, as one integer. The point behind `whole` of them is left out
 * (whole = length: there is none). Reads eight bytes. Shifts move the digits to the upper end, so that zeros stand
 * in front of them. */
static inline uint64_t df_few_digits(const unsigned char *p, unsigned whole, unsigned length)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
    if (whole == length)
        return df_digits_value(x << 8 * (8 - length));
    const uint64_t before = ((uint64_t)1 << 8 * whole) - 1;
    const uint64_t without_point = (x & before) | (x >> 8 & ~before);
    return df_digits_value(without_point << 8 * (9 - length));
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
        if (i != whole)
            value = value * 10 + (p[i] & 15);
    return value;
}
#endif

#endif
