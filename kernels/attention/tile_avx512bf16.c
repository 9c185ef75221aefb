/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/tile_avx512bf16.c -- the two matrix products of attention with AVX512-BF16. In each of 16 lanes
 * VDPBF16PS multiplies two pairs of numbers, and adds the product of the second numbers to the sum, then that of the
 * first. So the tiles are those of float32 (tile_avx512.h), with half as many steps.
 */
#include "kernels/attention/tile.h"
#include "kernels/ladder.h"
#include "kernels/vector_avx512.h"

/* A pair of bfloat16 is loaded, kept and stored as one float. */
static inline V16 multiply_add(V16 a, V16 b, V16 sum)
{
    return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
}

static inline int steps_of(int depth)
{
    return (depth + 1) / 2;
}

/* Rounded, first and second of every lane side by side. */
static inline V16 round_pairs(V16 first, V16 second)
{
    const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8,
                                           23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return _mm512_castsi512_ps(_mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(second, first)));
}

/* The sum is that of the rounded weights, so that the result of attention is a weighted mean of the values. */
static inline V16 weights_of(float *s, int keys, size_t stride, V16 max, const V16Part on)
{
    const V16 ones = round_pairs(v16_set(1.0f), v16_set(1.0f));
    V16 total = v16_zero();
    float *pair = s;
    for (int key = 0; key < keys; key += 2, s += 2 * stride, pair += stride) {
        const V16 first = v16_exp_le(v16_sub(v16_load_part(s, on), max));
        V16 second = v16_zero();
        if (key + 1 < keys)
            second = v16_exp_le(v16_sub(v16_load_part(s + stride, on), max));
        const V16 both = round_pairs(first, second);
        v16_store_part(pair, on, both);
        total = multiply_add(both, ones, total);
    }
    return total;
}

#include "kernels/attention/tile_avx512.h"

/* ---- queries, keys and values ------------------------------------------------------------------------------------ */

/* Sixteen numbers of a row of `depth`, which may be NULL, from d on; zeros where there are none. */
static inline V16 some_of(const float *row, int d, int depth)
{
    return row ? v16_load_part(row + d, v16_first(depth - d)) : v16_zero();
}

static void copy_rows(float *out, const float *const *rows, int n, int depth, int width, float factor)
{
    const V16 f = v16_set(factor);
    for (int i = 0; i < n; i++, out += width)
        for (int d = 0; d < width; d += 2 * VECTOR) {
            const V16 low = v16_mul(f, some_of(rows[i], d, depth));
            const V16 high = v16_mul(f, some_of(rows[i], d + VECTOR, depth));
            const __m512i both = (__m512i)_mm512_cvtne2ps_pbh(high, low);
            v16_store_part(out + d / 2, v16_first((width - d) / 2), _mm512_castsi512_ps(both));
        }
}

static void round_queries(float *q, int depth, int lanes)
{
    float *pair = q;
    for (int d = 0; d < depth; d += 2, q += 2 * lanes, pair += lanes)
        for (int lane = 0; lane < lanes; lane += VECTOR) {
            const V16Part on = v16_first(lanes - lane);
            const V16 first = v16_load_part(q + lane, on);
            const V16 second = d + 1 < depth ? v16_load_part(q + lanes + lane, on) : v16_zero();
            v16_store_part(pair + lane, on, round_pairs(first, second));
        }
}

/* ---- results: O = keep O + P V ----------------------------------------------------------------------------------- */

/* The rows of two keys, from d on: up to 32 numbers of each. */
typedef struct {
    __m512i first, second;
} TwoRows;

static inline TwoRows two_rows(const float *v, int width, int d, bool has_second)
{
    const V16Part on = v16_first((width - d) / 2);
    TwoRows two;
    two.first = _mm512_castps_si512(v16_load_part(v + d / 2, on));
    two.second = _mm512_castps_si512(has_second ? v16_load_part(v + width + d / 2, on) : v16_zero());
    return two;
}

/* Of 16 numbers, from the first or the 17th on: those of both keys side by side. */
static inline V16 low_pairs(TwoRows v)
{
    const __m512i order = _mm512_set_epi16(47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8,
                                           39, 7, 38, 6, 37, 5, 36, 4, 35, 3, 34, 2, 33, 1, 32, 0);
    return _mm512_castsi512_ps(_mm512_permutex2var_epi16(v.first, order, v.second));
}

static inline V16 high_pairs(TwoRows v)
{
    const __m512i order = _mm512_set_epi16(63, 31, 62, 30, 61, 29, 60, 28, 59, 27, 58, 26, 57, 25, 56, 24,
                                           55, 23, 54, 22, 53, 21, 52, 20, 51, 19, 50, 18, 49, 17, 48, 16);
    return _mm512_castsi512_ps(_mm512_permutex2var_epi16(v.first, order, v.second));
}

#define STEP(has_second)                                                     \
    {                                                                        \
        const TwoRows both = two_rows(v, width, d, has_second);              \
        const V16 x0 = low_pairs(both);                                      \
        const V16 x1 = two ? high_pairs(both) : x0;                          \
        V16 weight;                                                          \
        EACH_ROW(STEP_ROW)                                                   \
    }

/* Up to 32 columns of the eight rows, from d on. `two`, whether these are more than sixteen, is a constant where this
 * is inlined. Rows after the last key may hold anything. */
static inline void weigh_tile(const Rows *rows, int lanes, const float *v, int keys, int width, int d, const bool two)
{
    const V16Part left = v16_first(width - d);
    const V16Part right = v16_first(width - d - VECTOR);
    EACH_ROW(START_ROW)
    size_t at = 0;
    for (int n = keys / 2; n > 0; n--, at += (size_t)lanes, v += 2 * width)
        STEP(true)
    if (keys % 2)
        STEP(false)
    EACH_ROW(STORE_ROW)
}

static void weigh(float *out, const float *keep, const float *weights, int lanes, const float *v, int n, int keys,
                  int width)
{
    for (int i = 0; i < n; i += ROWS) {
        const Rows rows = rows_from(i, n, out, keep, weights, 1, width);
        for (int d = 0; d < width; d += 2 * VECTOR) {
            if (width - d > VECTOR)
                weigh_tile(&rows, lanes, v, keys, width, d, true);
            else
                weigh_tile(&rows, lanes, v, keys, width, d, false);
        }
    }
}

void df_attention_bf16_init_avx512bf16(DfAttentionKernels *k)
{
    k->copy_rows = copy_rows;
    k->round_queries = round_queries;
    k->scores = scores;
    k->softmax = softmax;
    k->weigh = weigh;
}
