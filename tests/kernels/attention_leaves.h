/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/kernels/attention_leaves.h -- what the tests of the leaves of attention share: room for their numbers, and guards
 * behind what they write.
 */
#ifndef DF_TESTS_KERNELS_ATTENTION_LEAVES_H
#define DF_TESTS_KERNELS_ATTENTION_LEAVES_H

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"

enum { MOST = 128, FLOATS = MOST * MOST, GUARD = 16 };
static const float guard = -12345.5f;

static _Alignas(64) float A[FLOATS], B[FLOATS], C[FLOATS], Y[FLOATS + GUARD], Z[FLOATS + GUARD];
static DfRandom random_state;

static inline void fill(float *x, size_t n, double deviation)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(deviation * df_normal(&random_state));
}

static inline void lay_guard(float *x, size_t n)
{
    for (size_t i = n; i < n + GUARD; i++)
        x[i] = guard;
}

static inline void expect_guard(const float *x, size_t n, const char *what)
{
    for (size_t i = n; i < n + GUARD; i++)
        cr_assert_eq(x[i], guard, "%s writes behind the end", what);
}

static inline int draw(int lo, int hi)
{
    return lo + (int)(df_random_bits(&random_state) % (uint64_t)(hi - lo + 1));
}

#endif
