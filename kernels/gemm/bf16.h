/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm/bf16.h -- private: conversion between float32 and bfloat16, which is the upper half of a float32: its
 * sign, its exponent and 7 bits of its fraction.
 */
#ifndef DF_KERNELS_GEMM_BF16_H
#define DF_KERNELS_GEMM_BF16_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint16_t DfBf16;

/* Rounds to nearest, ties to even, as VCVTNEPS2BF16 does: numbers below 2^-126 become zero, and NaN stays NaN. */
static inline DfBf16 df_bf16(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u)
        return (DfBf16)(bits >> 16 | 0x40);
    if (magnitude < 0x00800000u)
        return (DfBf16)(bits >> 16 & 0x8000u);
    return (DfBf16)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

static inline float df_from_bf16(DfBf16 x)
{
    const uint32_t bits = (uint32_t)x << 16;
    float y;
    memcpy(&y, &bits, sizeof y);
    return y;
}

/* The leaf widen(), for every rung: the compiler makes vectors of it. */
static inline void df_widen(float *y, const DfBf16 *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = df_from_bf16(x[i]);
}

/* The leaf max_of(), likewise. */
static inline void df_bf16_max_of(DfBf16 *y, const DfBf16 *const *tap, int taps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float most = df_from_bf16(tap[0][i]);
        DfBf16 number = tap[0][i];
        for (int t = 1; t < taps; t++) {
            const float x = df_from_bf16(tap[t][i]);
            number = most > x ? number : tap[t][i];
            most = most > x ? most : x;
        }
        y[i] = number;
    }
}

#endif
