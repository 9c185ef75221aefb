/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/tile.c -- the leaves of attention, C reference: tiles of queries against blocks of keys.
 */
#include <math.h>

#include "kernels/attention/tile.h"
#include "kernels/ladder.h"

static void transpose_rows(float *out, const float *const *rows, int n, int lanes, int depth, float factor)
{
    for (int lane = 0; lane < lanes; lane++) {
        const float *row = lane < n ? rows[lane] : NULL;
        for (int d = 0; d < depth; d++)
            out[(size_t)d * (size_t)lanes + (size_t)lane] = row ? factor * row[d] : 0.0f;
    }
}

static void copy_rows(float *out, const float *const *rows, int n, int depth, int width, float factor)
{
    for (int i = 0; i < n; i++, out += width)
        for (int d = 0; d < width; d++)
            out[d] = rows[i] && d < depth ? factor * rows[i][d] : 0.0f;
}

static void store_rows(float *const *rows, const float *in, const float *sum, int n, int depth, int width)
{
    for (int i = 0; i < n; i++, in += width)
        for (int d = 0; rows[i] && d < depth; d++)
            rows[i][d] = in[d] / sum[i];
}

/* S = bias + K Q': the lanes are inside, so that this is a run of additions over contiguous floats. */
static void scores(float *s, const float *bias, size_t stride, const float *k, const float *q, int keys, int lanes,
                   int depth, int width)
{
    for (int key = 0; key < keys; key++, s += lanes, k += width) {
        const float *start = bias ? bias + (size_t)key * stride : NULL;
        for (int lane = 0; lane < lanes; lane++)
            s[lane] = start ? start[lane] : 0.0f;
        for (int d = 0; d < depth; d++)
            for (int lane = 0; lane < lanes; lane++)
                s[lane] += k[d] * q[d * lanes + lane];
    }
}

static void mask_regions(float *s, const float *bias, size_t stride, const int *key_region, const int *lane_region,
                         int keys, int lanes)
{
    for (int key = 0; key < keys; key++, s += lanes)
        for (int lane = 0; lane < lanes; lane++) {
            const float start = bias ? bias[(size_t)key * stride + (size_t)lane] : 0.0f;
            s[lane] = start + (key_region[key] == lane_region[lane] ? 0.0f : -100.0f);
        }
}

/* Bilinear interpolation is separable, and all queries of a row have the same y: the two rows of the table around it
 * are blended once (value, and delta to the next column), then each query interpolates along x. */
static void table_bias(float *s, const DfScoreTable *table, const DfLattice *at, const float *key_y,
                       const float *key_x, int keys, float *rows)
{
    float *const value = rows;
    float *const delta = rows + table->stride;
    for (int key = 0; key < keys; key++)
        for (int r = 0; r < at->rows; r++, s += at->width) {
            df_table_row(value, delta, table, at->y[r] - key_y[key]);
            for (int j = 0; j < at->width; j++) {
                const DfCell x = df_table_cell(at->x[j] - key_x[key], table->w);
                s[j] = value[x.at + DF_TABLE_MARGIN] + x.part * delta[x.at + DF_TABLE_MARGIN];
            }
        }
}

/* One block of the running softmax (kernels/attention/attention.h). */
static void softmax(float *s, int keys, int lanes, float *max, float *sum, float *rescale)
{
    for (int lane = 0; lane < lanes; lane++) {
        float m = max[lane], total = 0;
        for (int key = 0; key < keys; key++)
            m = s[key * lanes + lane] > m ? s[key * lanes + lane] : m;
        for (int key = 0; key < keys; key++)
            total += s[key * lanes + lane] = expf(s[key * lanes + lane] - m);
        rescale[lane] = expf(max[lane] - m);
        sum[lane] = sum[lane] * rescale[lane] + total;
        max[lane] = m;
    }
}

/* Every product of attention that is no score: M may be read along its rows or its columns, so P' dO and dS' Q need
 * no transposition. */
static void combine(float *out, const float *keep, const float *m, size_t row, size_t column, const float *x, int n,
                    int terms, int width)
{
    for (int i = 0; i < n; i++, out += width) {
        for (int d = 0; d < width; d++)
            out[d] = keep ? keep[i] * out[d] : 0.0f;
        for (int j = 0; j < terms; j++) {
            const float weight = m[(size_t)i * row + (size_t)j * column];
            for (int d = 0; d < width; d++)
                out[d] += weight * x[j * width + d];
        }
    }
}

/* With p = softmax(s):  ds = p (dp - sum over keys of p dp), and that sum is delta = <o, do>. */
static void softmax_backward(float *s, float *dp, int keys, int lanes, const float *lse, const float *delta)
{
    for (int key = 0; key < keys; key++, s += lanes, dp += lanes)
        for (int lane = 0; lane < lanes; lane++) {
            s[lane] = expf(s[lane] - lse[lane]);
            dp[lane] = s[lane] * (dp[lane] - delta[lane]);
        }
}

void df_attention_init_c(DfAttentionKernels *k)
{
    *k = (DfAttentionKernels){ transpose_rows, copy_rows, store_rows, scores, mask_regions, table_bias, softmax,
                               combine, softmax_backward, df_drop_scores };
}
