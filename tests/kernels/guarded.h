/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/kernels/guarded.h -- random numbers for tests of kernels, with a guard behind them that nobody may touch.
 */
#ifndef DF_TESTS_KERNELS_GUARDED_H
#define DF_TESTS_KERNELS_GUARDED_H

#include "core/core.h"

enum { GUARD = 32 };
static const float canary = 12345.5f;

/* n normal numbers, the same for every call with this stream. df_free() them. */
static inline float *numbers(size_t n, uint64_t stream)
{
    float *x = df_malloc((n + GUARD) * sizeof *x);
    DfRandom r = df_random(7, stream);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)df_normal(&r);
    for (size_t i = n; i < n + GUARD; i++)
        x[i] = canary;
    return x;
}

static inline bool guarded(const float *x, size_t n)
{
    for (size_t i = n; i < n + GUARD; i++)
        if (x[i] != canary)
            return false;
    return true;
}

#endif
