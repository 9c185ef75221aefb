/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/tile.h -- private to attention and deformable attention: wrappers of leaf kernels that are the
 * same for float32 and bfloat16, the interpolation of a position table, and dividing scratch into arrays.
 */
#ifndef DF_KERNELS_ATTENTION_TILE_H
#define DF_KERNELS_ATTENTION_TILE_H

#include <math.h>

#include "kernels/attention/attention.h"

static inline int df_round_up(int n, int multiple)
{
    return (n + multiple - 1) / multiple * multiple;
}

/* A position in a table of `size` entries: `part` of the way from entry `at` to `at` + 1. Positions beyond the margin
 * are clamped to its edge, where values and differences are 0, the value outside. A NaN gives NaN for `part`, and an
 * `at` that is safe to read. */
typedef struct {
    int at;
    float part;
} DfCell;
static inline DfCell df_table_cell(float position, int size)
{
    if (!(position > (float)-DF_TABLE_MARGIN))
        return (DfCell){ -DF_TABLE_MARGIN, isnan(position) ? position : 0.0f };
    if (!(position < (float)size))
        return (DfCell){ size, 0.0f };
    const float below = floorf(position);
    return (DfCell){ (int)below, position - below };
}

/* The table's values at height y, and their differences to the next along x; entry 0 is column -2, the last is w +
 * 1. */
static inline void df_table_row(float *value, float *delta, const DfScoreTable *table, float y)
{
    const DfCell cell = df_table_cell(y, table->h);
    const float b = cell.part, a = 1.0f - b;
    const ptrdiff_t top = (ptrdiff_t)cell.at * table->stride - DF_TABLE_MARGIN;
    const ptrdiff_t bottom = top + table->stride;
    const int n = table->w + 2 * DF_TABLE_MARGIN;
    for (int x = 0; x <= n; x++)
        value[x] = a * table->value[top + x] + b * table->value[bottom + x];
    for (int x = 0; x < n; x++)
        delta[x] = value[x + 1] - value[x];
}

/* The leaf drop(), for every rung: the compiler makes vectors of it. */
static inline void df_drop_scores(float *s, int keys, int lanes, const uint32_t *number, int first,
                                  const DfDropout *dropout, int sample)
{
    const DfKey of = dropout->key[sample];
    for (int key = 0; key < keys; key++, s += lanes)
        for (int lane = 0; lane < lanes; lane++) {
            const uint32_t bits = df_key_bits(of, number[lane] + (uint32_t)(first + key));
            s[lane] *= bits < dropout->below ? 0.0f : dropout->scale;
        }
}

/* The leaf table_bias() of the rungs avx2 and neon; that of avx512 calls it for wide tables. */
void df_table_bias_v8(float *s, const DfScoreTable *, const DfLattice *, const float *key_y, const float *key_x,
                      int keys, float *rows);

/* Transposes and scales queries into the layout that scores() reads. */
static inline void df_turn_queries(const DfAttentionKernels *k, float *out, const float *const *rows, int n, int lanes,
                                   int depth, float scale)
{
    k->transpose_rows(out, rows, n, lanes, depth, scale);
    if (k->round_queries)
        k->round_queries(out, depth, lanes);
}

/* out[i][] = keep[i] out[i][] + sum over keys of weights[key][i] v[key][], for n lanes, after softmax(); keep NULL: out
 * is only written. */
static inline void df_weigh_values(const DfAttentionKernels *k, float *out, const float *keep, const float *weights,
                                   int lanes, const float *v, int n, int keys, int width)
{
    if (k->weigh)
        k->weigh(out, keep, weights, lanes, v, n, keys, width);
    else
        k->combine(out, keep, weights, 1, (size_t)lanes, v, n, keys, width);
}

/* Divides scratch into arrays, each aligned to 64 bytes. If `base` is NULL, it only counts the bytes needed. */
typedef struct {
    char *base;
    size_t used;
} DfCarver;
static inline void *df_carve(DfCarver *c, size_t count, size_t size)
{
    void *taken = c->base ? c->base + c->used : NULL;
    c->used += (count * size + 63) / 64 * 64;
    return taken;
}
static inline float *df_carve_floats(DfCarver *c, size_t rows, size_t columns)
{
    return df_carve(c, rows * columns, sizeof(float));
}

#endif
