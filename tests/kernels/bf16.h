/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/kernels/bf16.h -- what the tests of products in bfloat16 share: pools of 1 and 2 threads, and rounding by its
 * definition.
 */
#ifndef DF_TESTS_KERNELS_BF16_H
#define DF_TESTS_KERNELS_BF16_H

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "tests/kernels/guarded.h"

enum { RUNGS = 8 }; /* more than there are */

static DfPool *pools[2];
static inline void make_pools(void)
{
    for (int i = 0; i < 2; i++)
        cr_assert_eq(df_pool_new(&pools[i], i + 1), DF_OK);
}
static inline void free_pools(void)
{
    for (int i = 0; i < 2; i++)
        df_pool_free(pools[i]);
}
/* A rung that has such products; NULL: not here. */
static inline const DfKernels *rung_of(size_t i)
{
    const char *name = df_kernels_rung((int)i);
    const DfKernels *k = name ? df_kernels_named(name) : NULL;
    return k && k->bf16.tile ? k : NULL;
}

static inline float from_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline float upper_half(uint16_t half)
{
    return from_bits((uint32_t)half << 16);
}

/* By the distances to both neighbours, in float64; a number beyond the largest one has infinity for a
 * neighbour, which is as far away as 2^128 would be. */
static inline uint16_t nearest(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint16_t below = (uint16_t)(bits >> 16);
    const uint16_t above = (uint16_t)(below + 1);
    const double low = fabs((double)upper_half(below));
    const double high = isinf(upper_half(above)) ? ldexp(1, 128) : fabs((double)upper_half(above));
    const double to_low = fabs((double)x) - low;
    const double to_high = high - fabs((double)x);
    if (isinf(x) || to_low < to_high || (to_low <= to_high && below % 2 == 0))
        return below;
    return above;
}

static inline void round_all(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = upper_half(nearest(x[i]));
}

#endif
