/* SPDX-License-Identifier: Apache-2.0
 *
 * core/bits.h -- positions of set bits in a 64-bit word, and the bits of a float.
 */
#ifndef DF_CORE_BITS_H
#define DF_CORE_BITS_H

#include <stdint.h>
#include <string.h>

/* The number of zeros below the lowest set bit; x is not 0. */
static inline unsigned df_bits_below(uint64_t x)
{
#if defined(__GNUC__)
    return (unsigned)__builtin_ctzll(x);
#else
    unsigned n = 0;
    for (; !(x & 1); x >>= 1)
        n++;
    return n;
#endif
}

/* The number of zeros above the highest set bit; x is not 0. */
static inline unsigned df_bits_above(uint64_t x)
{
#if defined(__GNUC__)
    return (unsigned)__builtin_clzll(x);
#else
    unsigned n = 0;
    for (; !(x >> 63); x <<= 1)
        n++;
    return n;
#endif
}

/* The bits of a float, IEEE 754: sign, 8 of exponent, 23 of mantissa. */
static inline uint32_t df_float_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

#endif
