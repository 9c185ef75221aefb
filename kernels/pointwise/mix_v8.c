/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/pointwise/mix_v8.c -- linear interpolation, and the index where it is largest, eight floats at a time. A
 * fused multiply-add would round differently from C, so none is used.
 */
#include <math.h>

#include "kernels/ladder.h"
#include "kernels/vector.h"

static inline V8 mixed(V8 a, V8 b, V8 weight)
{
    return v8_add(a, v8_mul(weight, v8_sub(b, a)));
}

static void mix_v8(float *y, const float *a, const float *b, float weight, size_t n)
{
    const V8 w = v8_set(weight);
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        v8_store(y + i, mixed(v8_load(a + i), v8_load(b + i), w));
    const V8Part rest = v8_first((int)(n - i));
    v8_store_part(y + i, rest, mixed(v8_load_part(a + i, rest), v8_load_part(b + i, rest), w));
}

/* The best of each lane, and where it was first met. */
typedef struct {
    V8 most;
    V8i at;
} Best;

static inline Best better(Best best, V8 x, V8i at)
{
    const V8m more = v8_gt(x, best.most);
    return (Best){ v8_choose(more, x, best.most), v8i_choose(more, at, best.at) };
}

static size_t first_of_lanes(Best best)
{
    float most[8];
    int at[8];
    v8_store(most, best.most);
    v8i_store(at, best.at);
    int lane = 0;
    for (int i = 1; i < 8; i++)
        if (most[i] > most[lane] || (most[i] == most[lane] && at[i] < at[lane]))
            lane = i;
    return (size_t)at[lane];
}

static size_t mix_best_v8(const float *a, const float *b, float weight, size_t n)
{
    const V8 w = v8_set(weight);
    const V8i eight = v8i_set(8);
    V8i at = v8i_count();
    Best best = { v8_set(-INFINITY), v8i_zero() };
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        best = better(best, mixed(v8_load(a + i), v8_load(b + i), w), at);
        at = v8i_add(at, eight);
    }
    const V8Part rest = v8_first((int)(n - i));
    const V8 x = mixed(v8_load_part(a + i, rest), v8_load_part(b + i, rest), w);
    return first_of_lanes(better(best, v8_choose(v8_lanes(rest), x, v8_set(-INFINITY)), at));
}

void df_mix_init_v8(DfPointwiseKernels *k)
{
    k->mix = mix_v8;
    k->mix_best = mix_best_v8;
}
