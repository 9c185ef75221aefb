/* SPDX-License-Identifier: Apache-2.0
 *
 * core/clamp.h -- a number kept between two limits, lo <= hi.
 *
 * df_clamp_TYPE(x, lo, hi) is lo where x < lo, hi where x > hi, and x elsewhere. So NaN gives NaN, as in
 * torch.clamp() and numpy.clip(), and -0 stays -0 where a limit is 0. (df_clamp() without a type is the op on
 * tensors.)
 */
#ifndef DF_CORE_CLAMP_H
#define DF_CORE_CLAMP_H

#include <stddef.h>
#include <stdint.h>

static inline int df_clamp_int(int x, int lo, int hi)
{
    if (x < lo)
        return lo;
    return x > hi ? hi : x;
}

static inline int64_t df_clamp_i64(int64_t x, int64_t lo, int64_t hi)
{
    if (x < lo)
        return lo;
    return x > hi ? hi : x;
}

static inline uint64_t df_clamp_u64(uint64_t x, uint64_t lo, uint64_t hi)
{
    if (x < lo)
        return lo;
    return x > hi ? hi : x;
}

static inline size_t df_clamp_size(size_t x, size_t lo, size_t hi)
{
    if (x < lo)
        return lo;
    return x > hi ? hi : x;
}

static inline float df_clamp_float(float x, float lo, float hi)
{
    if (x < lo)
        return lo;
    return x > hi ? hi : x;
}

static inline double df_clamp_double(double x, double lo, double hi)
{
    if (x < lo)
        return lo;
    return x > hi ? hi : x;
}

#endif
