/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/tile_bf16.c -- the two matrix products of attention in bfloat16 in C, the reference: both factors
 * are rounded, sums are float32. Two numbers along a sum are stored as a pair; the product of the second is added
 * first, then that of the first, as in products with weights (gemm/gemm_bf16.c). Other rungs compute the same bits,
 * except for the last bits of exp.
 */
#include <math.h>
#include <string.h>

#include "kernels/attention/tile.h"
#include "kernels/gemm/bf16.h"
#include "kernels/ladder.h"

/* Two numbers in the space of a float. */
typedef struct {
    DfBf16 first, second;
} Pair;

static Pair load_pair(const float *from)
{
    Pair pair;
    memcpy(&pair, from, sizeof pair);
    return pair;
}

static void store_pair(float *to, float first, float second)
{
    const Pair pair = { df_bf16(first), df_bf16(second) };
    memcpy(to, &pair, sizeof pair);
}

/* sum + a b. A product of two bfloat16 is exact in float32. */
static float add_pair(float sum, Pair a, Pair b)
{
    sum += df_from_bf16(a.second) * df_from_bf16(b.second);
    return sum + df_from_bf16(a.first) * df_from_bf16(b.first);
}

static float element(const float *row, int d, int depth, float factor)
{
    return row && d < depth ? factor * row[d] : 0.0f;
}

static void copy_rows(float *out, const float *const *rows, int n, int depth, int width, float factor)
{
    for (int i = 0; i < n; i++, out += width)
        for (int d = 0; d < width; d += 2)
            store_pair(out + d / 2, element(rows[i], d, depth, factor), element(rows[i], d + 1, depth, factor));
}

/* In place: a pair is written at or before the place where its first number was read. */
static void round_queries(float *q, int depth, int lanes)
{
    float *pair = q;
    for (int d = 0; d < depth; d += 2, q += 2 * lanes)
        for (int lane = 0; lane < lanes; lane++, pair++)
            store_pair(pair, q[lane], d + 1 < depth ? q[lanes + lane] : 0.0f);
}

static void scores(float *s, const float *bias, size_t stride, const float *k, const float *q, int keys, int lanes,
                   int depth, int width)
{
    for (int key = 0; key < keys; key++, s += lanes, k += width)
        for (int lane = 0; lane < lanes; lane++) {
            float sum = bias ? bias[(size_t)key * stride + (size_t)lane] : 0.0f;
            for (int pair = 0; 2 * pair < depth; pair++)
                sum = add_pair(sum, load_pair(k + pair), load_pair(q + pair * lanes + lane));
            s[lane] = sum;
        }
}

/* Turns the scores of a lane into weights and returns the sum of the rounded weights, so that the result of attention
 * is a weighted mean of the values however they were rounded. */
static float weights_of(float *column, int keys, int lanes, float max)
{
    float *pair = column;
    float total = 0;
    for (int key = 0; key < keys; key += 2, column += 2 * lanes, pair += lanes) {
        const float second = key + 1 < keys ? expf(column[lanes] - max) : 0.0f;
        store_pair(pair, expf(column[0] - max), second);
        total = add_pair(total, load_pair(pair), (Pair){ df_bf16(1), df_bf16(1) });
    }
    return total;
}

static void softmax(float *s, int keys, int lanes, float *max, float *sum, float *rescale)
{
    for (int lane = 0; lane < lanes; lane++) {
        float m = max[lane];
        for (int key = 0; key < keys; key++)
            m = s[key * lanes + lane] > m ? s[key * lanes + lane] : m;
        const float total = weights_of(s + lane, keys, lanes, m);
        rescale[lane] = expf(max[lane] - m);
        sum[lane] = sum[lane] * rescale[lane] + total;
        max[lane] = m;
    }
}

static DfBf16 number(const float *row, int d)
{
    const Pair pair = load_pair(row + d / 2);
    return d % 2 ? pair.second : pair.first;
}

static void weigh(float *out, const float *keep, const float *weights, int lanes, const float *v, int n, int keys,
                  int width)
{
    for (int i = 0; i < n; i++, out += width)
        for (int d = 0; d < width; d++) {
            float sum = keep ? keep[i] * out[d] : 0.0f;
            for (int key = 0; key < keys; key += 2) {
                const float *const row = v + key * width;
                const Pair values = { number(row, d), key + 1 < keys ? number(row + width, d) : 0 };
                sum = add_pair(sum, load_pair(weights + key / 2 * lanes + i), values);
            }
            out[d] = sum;
        }
}

void df_attention_bf16_init_c(DfAttentionKernels *k)
{
    k->copy_rows = copy_rows;
    k->round_queries = round_queries;
    k->scores = scores;
    k->softmax = softmax;
    k->weigh = weigh;
}
