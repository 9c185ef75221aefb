/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/support/sha256.c -- SHA-256 (FIPS 180-4), enough for tests.
 */
#include "tests/support/sha256.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static uint32_t turned(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

/* The first 32 bits of the fractional part of a root of the k-th prime, found by integer bisection: saves a table. */
static uint32_t root_bits(int k, int power)
{
    int prime = 1;
    for (int found = -1; found < k;) {
        prime++;
        int divisor = 2;
        while (prime % divisor)
            divisor++;
        found += divisor == prime;
    }
    long double low = 1, high = 32; /* 64 bits of mantissa, of which 37 are wanted */
    for (int i = 0; i < 80; i++) {
        const long double middle = (low + high) / 2;
        *((power == 2 ? middle * middle : middle * middle * middle) > prime ? &high : &low) = middle;
    }
    return (uint32_t)((low - (long double)(uint32_t)low) * 4294967296.0L);
}

static void sha256_block(uint32_t state[8], const uint32_t k[64], const uint8_t *bytes)
{
    uint32_t w[64], s[8];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)bytes[4 * i] << 24 | (uint32_t)bytes[4 * i + 1] << 16 | (uint32_t)bytes[4 * i + 2] << 8 | bytes[4 * i + 3];
    for (int i = 16; i < 64; i++)
        w[i] = w[i - 16] + (turned(w[i - 15], 7) ^ turned(w[i - 15], 18) ^ w[i - 15] >> 3) + w[i - 7] +
               (turned(w[i - 2], 17) ^ turned(w[i - 2], 19) ^ w[i - 2] >> 10);
    memcpy(s, state, sizeof s);
    for (int i = 0; i < 64; i++) {
        const uint32_t t1 = s[7] + (turned(s[4], 6) ^ turned(s[4], 11) ^ turned(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i] + w[i];
        const uint32_t t2 = (turned(s[0], 2) ^ turned(s[0], 13) ^ turned(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += t1;
        s[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++)
        state[i] += s[i];
}

const char *sha256(const void *data, size_t size)
{
    static char hex[65];
    uint32_t state[8], k[64];
    for (int i = 0; i < 64; i++)
        k[i] = root_bits(i, 3);
    for (int i = 0; i < 8; i++)
        state[i] = root_bits(i, 2);
    const uint8_t *bytes = data;
    uint8_t tail[128] = { 0 };
    const size_t whole = size / 64, rest = size % 64, padded = rest < 56 ? 64 : 128;
    for (size_t i = 0; i < whole; i++)
        sha256_block(state, k, bytes + 64 * i);
    memcpy(tail, bytes + 64 * whole, rest);
    tail[rest] = 0x80;
    for (int i = 0; i < 8; i++)
        tail[padded - 1 - (size_t)i] = (uint8_t)((uint64_t)size * 8 >> (8 * i));
    for (size_t i = 0; i < padded; i += 64)
        sha256_block(state, k, tail + i);
    for (int i = 0; i < 8; i++)
        sprintf(hex + 8 * i, "%08x", state[i]);
    return hex;
}
