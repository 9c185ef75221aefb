/* SPDX-License-Identifier: Apache-2.0
 *
 * core/clamp.h -- clamps a number between two limits, lo <= hi.
 *
 * df_clamp_TYPE(x, lo, hi) is lo where x < lo, hi where x > hi, and x elsewhere. So NaN gives NaN, as in torch.clamp()
 * and numpy.clip(), and -0 stays -0 where a limit is 0.
 * (df_clamp() without a type is the op on tensors.)
 */
#ifndef DF_CORE_CLAMP_H
#define DF_CORE_CLAMP_H

#include <stddef.h>
#include <stdint.h>

#define DF_CLAMP(name, T)                               \
    static inline T df_clamp_##name(T x, T lo, T hi)    \
    {                                                   \
        if (x < lo)                                     \
            return lo;                                  \
        return x > hi ? hi : x;                         \
    }
DF_CLAMP(int, int)
DF_CLAMP(i64, int64_t)
DF_CLAMP(u64, uint64_t)
DF_CLAMP(size, size_t)
DF_CLAMP(float, float)
DF_CLAMP(double, double)
#undef DF_CLAMP

#endif
