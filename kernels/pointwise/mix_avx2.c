/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/pointwise/mix_avx2.c -- linear interpolation, and where it is largest, eight floats at a time. A fused
 * multiply-add would round otherwise than C does, and is not used.
 */
#include <math.h>

#include "kernels/ladder.h"
#include "kernels/vector_avx2.h"

static inline V8 mixed(V8 a, V8 b, V8 weight)
{
    return _mm256_add_ps(a, _mm256_mul_ps(weight, _mm256_sub_ps(b, a)));
}

static void mix_avx2(float *y, const float *a, const float *b, float weight, size_t n)
{
    const V8 w = v8_set(weight);
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(y + i, mixed(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), w));
    const __m256i rest = v8_first((int)(n - i));
    _mm256_maskstore_ps(y + i, rest, mixed(_mm256_maskload_ps(a + i, rest), _mm256_maskload_ps(b + i, rest), w));
}

/* The best of each lane, and where it was first met. */
typedef struct {
    V8 most;
    __m256i at;
} Best;

static inline Best better(Best best, V8 x, __m256i at)
{
    const V8 more = _mm256_cmp_ps(x, best.most, _CMP_GT_OQ);
    return (Best){ _mm256_blendv_ps(best.most, x, more), _mm256_blendv_epi8(best.at, at, _mm256_castps_si256(more)) };
}

static size_t first_of_lanes(Best best)
{
    float most[8];
    int at[8];
    _mm256_storeu_ps(most, best.most);
    _mm256_storeu_si256((__m256i *)(void *)at, best.at);
    int lane = 0;
    for (int i = 1; i < 8; i++)
        if (most[i] > most[lane] || (most[i] == most[lane] && at[i] < at[lane]))
            lane = i;
    return (size_t)at[lane];
}

static size_t mix_best_avx2(const float *a, const float *b, float weight, size_t n)
{
    const V8 w = v8_set(weight);
    const __m256i eight = _mm256_set1_epi32(8);
    __m256i at = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    Best best = { v8_set(-INFINITY), _mm256_setzero_si256() };
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        best = better(best, mixed(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), w), at);
        at = _mm256_add_epi32(at, eight);
    }
    const __m256i rest = v8_first((int)(n - i));
    const V8 x = mixed(_mm256_maskload_ps(a + i, rest), _mm256_maskload_ps(b + i, rest), w);
    return first_of_lanes(better(best, _mm256_blendv_ps(v8_set(-INFINITY), x, _mm256_castsi256_ps(rest)), at));
}

void df_mix_init_avx2(DfPointwiseKernels *k)
{
    k->mix = mix_avx2;
    k->mix_best = mix_best_avx2;
}
