/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/synth/numbers.h -- arithmetic for drawing with the same bits on every machine: only sums, products,
 * quotients and square roots, which IEEE 754 rounds correctly, and no library functions such as sine. Angles are in
 * whole turns.
 */
#ifndef DF_DATASETS_SYNTH_NUMBERS_H
#define DF_DATASETS_SYNTH_NUMBERS_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/core.h"

static inline float synth_clamp(float v, float lo, float hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

static inline float synth_mix(float a, float b, float t)
{
    return a + (b - a) * t;
}

/* 0 up to `lo`, 1 from `hi` on, smooth between. */
static inline float synth_step(float lo, float hi, float v)
{
    const float t = synth_clamp((v - lo) / (hi - lo), 0.0f, 1.0f);
    return t * t * (3.0f - 2.0f * t);
}

static inline int synth_floor(float v)
{
    const int i = (int)v;
    return i - (v < (float)i);
}

static inline float synth_fraction(float v)
{
    return v - (float)synth_floor(v);
}

static inline float synth_length(float x, float y)
{
    return sqrtf(x * x + y * y);
}

/* Cosine and sine. Of a quarter turn around the nearest axis, tan(half the angle) by its series; the pair is then of
 * length 1 by construction. */
static inline void synth_direction(float turns, float *c, float *s)
{
    const int quarter = synth_floor(4.0f * turns + 0.5f);
    const float half = (4.0f * turns - (float)quarter) * 0.78539816f;
    const float square = half * half;
    const float t = half * (1.0f + square * (0.33333333f + square * 0.13333333f));
    const float x = (1.0f - t * t) / (1.0f + t * t);
    const float y = 2.0f * t / (1.0f + t * t);
    const float turned[4][2] = { { x, y }, { -y, x }, { -x, -y }, { y, -x } };
    *c = turned[quarter & 3][0];
    *s = turned[quarter & 3][1];
}

static inline float synth_wave(float turns)
{
    float c, s;
    synth_direction(turns, &c, &s);
    return s;
}

/* The angle of a point, 0 to 1, within a thousandth of a turn. */
static inline float synth_angle(float x, float y)
{
    const float ax = fabsf(x);
    const float ay = fabsf(y);
    const float far = ax > ay ? ax : ay;
    const float q = far > 0.0f ? (ax > ay ? ay : ax) / far : 0.0f;
    const float square = q * q;
    float turns = q * (0.15915494f + square * (-0.052142782f + square * (0.025355643f - square * 0.0074001435f)));
    turns = ay > ax ? 0.25f - turns : turns;
    turns = x < 0.0f ? 0.5f - turns : turns;
    return y < 0.0f ? 1.0f - turns : turns;
}

static inline uint32_t synth_hash(uint32_t x, uint32_t y, uint32_t seed)
{
    uint32_t h = x * 0x8da6b343u ^ y * 0xd8163841u ^ seed * 0xcb1ab31fu;
    h = (h ^ (h >> 15)) * 0x2c1b3c6du;
    h = (h ^ (h >> 12)) * 0x297a2d39u;
    return h ^ (h >> 15);
}

/* 0 to 1, of a cell of a grid. */
static inline float synth_cell(int x, int y, uint32_t seed)
{
    return (float)(synth_hash((uint32_t)x, (uint32_t)y, seed) >> 8) * 0x1p-24f;
}

/* Value noise: the cells' numbers, joined smoothly; 0 to 1. */
static inline float synth_noise(float x, float y, uint32_t seed)
{
    const int i = synth_floor(x);
    const int j = synth_floor(y);
    const float u = x - (float)i;
    const float v = y - (float)j;
    const float s = u * u * (3.0f - 2.0f * u);
    const float t = v * v * (3.0f - 2.0f * v);
    const float above = synth_mix(synth_cell(i, j, seed), synth_cell(i + 1, j, seed), s);
    const float below = synth_mix(synth_cell(i, j + 1, seed), synth_cell(i + 1, j + 1, seed), s);
    return synth_mix(above, below, t);
}

static inline float synth_between(DfRandom *random, float lo, float hi)
{
    return lo + (hi - lo) * (float)df_uniform(random);
}

static inline int synth_choice(DfRandom *random, int n)
{
    return (int)(df_random_bits(random) % (uint64_t)n);
}

static inline bool synth_chance(DfRandom *random, float p)
{
    return (float)df_uniform(random) < p;
}

#endif
