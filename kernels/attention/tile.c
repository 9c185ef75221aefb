/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/tile.c -- the leaf kernels of attention in C, the reference: scores of a tile of queries and a
 * block of keys, running softmax, weighted sums of values, and their gradients.
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

/* All products of attention except the scores. M may be read along its rows or its columns, so P' dO and dS' Q need
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

/* ---- backward --------------------------------------------------------------------------------------------------- */

static void add_rows(float *const *rows, const float *in, int n, int depth, int width, float factor)
{
    for (int i = 0; i < n; i++, in += width)
        for (int d = 0; rows[i] && d < depth; d++)
            rows[i][d] += factor * in[d];
}

static void dot_rows(float *out, const float *const *a, const float *const *b, int n, int lanes, int depth)
{
    for (int i = 0; i < lanes; i++) {
        out[i] = 0;
        for (int d = 0; i < n && a[i] && b[i] && d < depth; d++)
            out[i] += a[i][d] * b[i][d];
    }
}

/* With p = softmax(s):  ds = p (dp - sum over keys of p dp), and that sum is delta = <o, do>. */
static void softmax_backward(float *s, float *dp, int keys, int lanes, const float *lse, const float *delta,
                             float *sum, size_t stride)
{
    for (int key = 0; key < keys; key++, s += lanes, dp += lanes)
        for (int lane = 0; lane < lanes; lane++) {
            s[lane] = expf(s[lane] - lse[lane]);
            dp[lane] = s[lane] * (dp[lane] - delta[lane]);
            if (sum)
                sum[(size_t)key * stride + (size_t)lane] += dp[lane];
        }
}

/* The bias of a query and a key interpolates the table T at (y, x), query minus key. With v, u the parts of a cell
 * along y, x and T00 .. T11 its corners:
 *     bias = (1 - v) ((1 - u) T00 + u T01) + v ((1 - u) T10 + u T11)
 * so the gradient ds of a score goes to the corners by their shares, and to the key by minus the slopes
 *     d bias / dx = (1 - v) (T01 - T00) + v (T11 - T10)      d bias / dy = (1 - u) (T10 - T00) + u (T11 - T01) */
static void spread_score(float *dtable, float *dkey, float ds, const DfScoreTable *table, DfCell y, DfCell x)
{
    const float v = y.part, u = x.part;
    const ptrdiff_t at = (ptrdiff_t)y.at * table->stride + x.at;
    const float *const top = table->value + at, *const bottom = top + table->stride;
    dkey[0] -= ds * ((1 - u) * (bottom[0] - top[0]) + u * (bottom[1] - top[1])) + 0 * v; /* NaN if y is */
    dkey[1] -= ds * ((1 - v) * (top[1] - top[0]) + v * (bottom[1] - bottom[0]));
    if (!dtable)
        return;
    float *const to = dtable + at;
    to[0] += ds * (1 - v) * (1 - u);
    to[1] += ds * (1 - v) * u;
    to[table->stride] += ds * v * (1 - u);
    to[table->stride + 1] += ds * v * u;
}

static void table_bias_backward(float *dtable, float *dkey, const float *ds, const DfScoreTable *table,
                                const DfLattice *at, const float *key_y, const float *key_x, int keys)
{
    for (int key = 0; key < keys; key++)
        for (int r = 0; r < at->rows; r++, ds += at->width) {
            const DfCell y = df_table_cell(at->y[r] - key_y[key], table->h);
            for (int j = 0; j < at->width; j++)
                spread_score(dtable, dkey + 2 * key, ds[j], table, y, df_table_cell(at->x[j] - key_x[key], table->w));
        }
}

void df_attention_init_c(DfAttentionKernels *k)
{
    *k = (DfAttentionKernels){
        .transpose_rows = transpose_rows, .copy_rows = copy_rows, .store_rows = store_rows, .scores = scores,
        .mask_regions = mask_regions, .table_bias = table_bias, .softmax = softmax, .combine = combine,
        .softmax_backward = softmax_backward, .drop = df_drop_scores, .add_rows = add_rows, .dot_rows = dot_rows,
        .table_bias_backward = table_bias_backward,
    };
}
