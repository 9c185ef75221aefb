/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/tile_backward_v8.c -- the leaf kernels that only the backward pass of attention needs, eight
 * floats at a time.
 */
#include "kernels/attention/tile.h"
#include "kernels/ladder.h"
#include "kernels/vector.h"

/* ---- rows ------------------------------------------------------------------------------------------------------- */

static inline void add_row(float *to, const float *from, int n, V8 factor)
{
    int d = 0;
    for (; d + 8 <= n; d += 8)
        v8_store(to + d, v8_fma(factor, v8_load(from + d), v8_load(to + d)));
    if (d < n) {
        const V8Part on = v8_first(n - d);
        v8_store_part(to + d, on, v8_fma(factor, v8_load_part(from + d, on), v8_load_part(to + d, on)));
    }
}

static void add_rows(float *const *rows, const float *in, int n, int depth, int width, float factor)
{
    const V8 f = v8_set(factor);
    for (int i = 0; i < n; i++, in += width)
        if (rows[i])
            add_row(rows[i], in, depth, f);
}

static inline float dot_row(const float *a, const float *b, int n)
{
    V8 sum = v8_zero();
    int d = 0;
    for (; d + 8 <= n; d += 8)
        sum = v8_fma(v8_load(a + d), v8_load(b + d), sum);
    if (d < n)
        sum = v8_fma(v8_load_part(a + d, v8_first(n - d)), v8_load_part(b + d, v8_first(n - d)), sum);
    return v8_sum(sum);
}

static void dot_rows(float *out, const float *const *a, const float *const *b, int n, int lanes, int depth)
{
    for (int i = 0; i < lanes; i++)
        out[i] = i < n && a[i] && b[i] ? dot_row(a[i], b[i], depth) : 0.0f;
}

/* ---- softmax ---------------------------------------------------------------------------------------------------- */

static void softmax_backward(float *s, float *dp, int keys, int lanes, const float *lse, const float *delta,
                             float *sum, size_t stride)
{
    for (int key = 0; key < keys; key++, s += lanes, dp += lanes) {
        float *const to = sum ? sum + (size_t)key * stride : NULL;
        for (int lane = 0; lane < lanes; lane += 8) {
            const V8 p = v8_exp(v8_sub(v8_load_aligned(s + lane), v8_load_aligned(lse + lane)));
            const V8 centred = v8_sub(v8_load_aligned(dp + lane), v8_load_aligned(delta + lane));
            const V8 ds = v8_mul(p, centred);
            v8_store_aligned(s + lane, p);
            v8_store_aligned(dp + lane, ds);
            if (to)
                v8_store(to + lane, v8_add(v8_load(to + lane), ds));
        }
    }
}

/* ---- position bias ---------------------------------------------------------------------------------------------- */

/* The work of spread_score() in tile.c is separable, as in the forward pass: a row of queries first sums its shares
 * along x into columns of the table, which are then added to two of its rows.
 *
 * Queries of a row stand on a lattice, query j at origin + j step from the key; so those between columns c and c + 1
 * are neighbors, and nothing is scattered: eight columns fetch their queries. With u_j the parts of the cell, and G, U
 * the sums of ds_j and ds_j u_j over the column's queries, column c gets G - U, column c + 1 gets U, and the gradient
 * by x is G times the slope there. */
enum { FAR = 1 << 20 }; /* more queries than a row has */

typedef struct {
    const DfScoreTable *table;
    float *dtable;
    int width;              /* queries of a row                          */
    float origin, step;
    float queries;          /* in a column, 1 / step: so many or one less */
    int first, last;        /* columns between which there are queries   */
} KeyRow;

static inline KeyRow key_row(float *dtable, const DfScoreTable *table, const DfLattice *at, float key_x)
{
    const float origin = at->x[0] - key_x;
    const float end = origin + at->step * (float)(at->width - 1);
    return (KeyRow){ table, dtable, at->width, origin, at->step, at->step > 0 ? 1 / at->step : (float)FAR,
                     df_table_cell(origin, table->w).at, df_table_cell(end, table->w).at + 1 };
}

/* Eight columns, and the range of queries of each. */
typedef struct {
    V8 column, from, to;
    int most; /* queries that one of the columns has */
} Columns;

/* The first query at or after each column. */
static inline V8 first_query(const KeyRow *k, V8 column)
{
    const V8 behind = v8_mul(v8_sub(v8_set(k->origin), column), v8_set(k->queries));
    const V8 query = v8_negate(v8_floor(behind));
    return v8_min(v8_max(query, v8_zero()), v8_set((float)k->width));
}

static inline Columns columns_of(const KeyRow *k, int c)
{
    const V8 column = v8_add(v8_set((float)c), v8_from_int(v8i_count()));
    const V8 from = first_query(k, column);
    const V8 to = first_query(k, v8_add(column, v8_set(1)));
    return (Columns){ column, from, to, (int)v8_largest(v8_sub(to, from)) };
}

typedef struct {
    V8 g, u;
} ColumnSums;

static inline ColumnSums sum_columns(const KeyRow *k, const Columns *c, const float *ds)
{
    const V8 last = v8_set((float)(k->width - 1));
    const V8 offset = v8_sub(v8_set(k->origin), c->column);
    ColumnSums sums = { v8_zero(), v8_zero() };
    for (int i = 0; i < c->most; i++) {
        const V8 query = v8_add(c->from, v8_set((float)i));
        const V8 g = v8_gather(ds, v8_to_int(v8_min(query, last)));
        const V8 on = v8_where(v8_lt(query, c->to), g);
        sums.g = v8_add(sums.g, on);
        sums.u = v8_fma(on, v8_fma(query, v8_set(k->step), offset), sums.u);
    }
    return sums;
}

/* Shifts eight columns up by one: the first lane receives the last lane of the eight columns before. */
static inline V8 move_up(V8 x, float *carried)
{
    const V8 moved = v8_lookup(x, v8i_load((const int[8]){ 7, 0, 1, 2, 3, 4, 5, 6 }));
    const V8 first = v8_set(*carried);
    *carried = v8_lane_0(moved);
    return v8_choose(v8_lanes(v8_first(1)), first, moved);
}

/* Adds the gradients of eight columns of one row of queries to those of the table and of the key's position. */
static inline void spread_columns(const KeyRow *k, const Columns *c, int at, DfCell y, const float *ds, float *carried,
                                  V8 *dy, V8 *dx)
{
    const ColumnSums sums = sum_columns(k, c, ds);
    const V8 row = v8_add(v8_sub(sums.g, sums.u), move_up(sums.u, carried));
    const ptrdiff_t place = (ptrdiff_t)y.at * k->table->stride + at;
    const float *const top = k->table->value + place, *const bottom = top + k->table->stride;
    const V8 a = v8_set(1.0f - y.part), b = v8_set(y.part);
    const V8 t = v8_load(top), l = v8_load(bottom);
    const V8 slope = v8_fma(b, v8_sub(v8_load(bottom + 1), l), v8_mul(a, v8_sub(v8_load(top + 1), t)));
    *dx = v8_fma(sums.g, slope, *dx);
    *dy = v8_fma(row, v8_sub(l, t), *dy);
    if (!k->dtable)
        return;
    float *const to = k->dtable + place, *const below = to + k->table->stride;
    v8_store(to, v8_fma(a, row, v8_load(to)));
    v8_store(below, v8_fma(b, row, v8_load(below)));
}

static void table_bias_backward(float *dtable, float *dkey, const float *ds, const DfScoreTable *table,
                                const DfLattice *at, const float *key_y, const float *key_x, int keys)
{
    for (int key = 0; key < keys; key++, ds += at->rows * at->width) {
        const KeyRow k = key_row(dtable, table, at, key_x[key]);
        float carried[DF_LANES / 8] = { 0 };
        DfCell cell[DF_LANES / 8];
        float not_a_number = 0; /* if y is */
        V8 dy = v8_zero(), dx = v8_zero();
        for (int r = 0; r < at->rows; r++) {
            cell[r] = df_table_cell(at->y[r] - key_y[key], table->h);
            not_a_number += 0.0f * cell[r].part;
        }
        for (int c = k.first; c <= k.last; c += 8) {
            const Columns columns = columns_of(&k, c);
            for (int r = 0; r < at->rows; r++)
                spread_columns(&k, &columns, c, cell[r], ds + r * at->width, &carried[r], &dy, &dx);
        }
        dkey[2 * key] -= v8_sum(dy) + not_a_number;
        dkey[2 * key + 1] -= v8_sum(dx);
    }
}

void df_attention_backward_init_v8(DfAttentionKernels *k)
{
    k->softmax_backward = softmax_backward;
    k->add_rows = add_rows;
    k->dot_rows = dot_rows;
    k->table_bias_backward = table_bias_backward;
}
