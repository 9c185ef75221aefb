/* SPDX-License-Identifier: Apache-2.0
 *
 * core/random.c -- xoshiro256** and the distributions that use it.
 */
#define _GNU_SOURCE
#include "core/random.h"

#include <math.h>
#include <sys/random.h>
#include <unistd.h>

/* splitmix64 (Steele, Lea and Flood, 2014) makes four well-mixed words of state from one seed. */
static uint64_t splitmix(uint64_t *x)
{
    uint64_t z = (*x += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t df_unforeseen_bits(void)
{
    uint64_t bits = 0;
    if (getrandom(&bits, sizeof bits, GRND_NONBLOCK) != (ssize_t)sizeof bits)
        bits = (uint64_t)(uintptr_t)&bits ^ (uint64_t)getpid() << 32;
    return bits;
}

DfRandom df_random(uint64_t seed, uint64_t stream)
{
    DfRandom random;
    uint64_t x = seed ^ splitmix(&stream);
    for (int i = 0; i < 4; i++)
        random.state[i] = splitmix(&x);
    return random;
}

static uint64_t rotate(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

/* xoshiro256**: the state moves by shifts, rotations and xor; the scrambler on top multiplies by 5, rotates and
 * multiplies by 9. */
uint64_t df_random_bits(DfRandom *random)
{
    uint64_t *const s = random->state;
    const uint64_t result = rotate(s[1] * 5, 7) * 9;
    const uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

/* The upper 53 bits, as many as a double has, over 2^53. */
double df_uniform(DfRandom *random)
{
    return (double)(df_random_bits(random) >> 11) * 0x1p-53;
}

/* Box and Muller, 1958: of two uniform numbers, u in (0, 1] and v, sqrt(-2 ln u) is the distance of a point from 0
 * and 2 pi v its angle. Its x is the result; its y, as good a number, is thrown away to keep the state small. */
double df_normal(DfRandom *random)
{
    const double u = 1 - df_uniform(random);
    const double v = df_uniform(random);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

double df_truncated_normal(DfRandom *random, double std, double lo, double hi)
{
    double x;
    do
        x = std * df_normal(random);
    while (x < lo || x > hi);
    return x;
}
