/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/tile_avx512.c -- the two matrix products of attention and its softmax with AVX-512
 * (tile_avx512.h), and the position bias. The leaves that copy and transpose rows are those of the AVX2 rung
 * (tile_v8.c).
 */
#include "kernels/attention/tile.h"
#include "kernels/ladder.h"
#include "kernels/vector_avx512.h"

static inline V16 multiply_add(V16 a, V16 b, V16 sum)
{
    return v16_fma(a, b, sum);
}

static inline int steps_of(int depth)
{
    return depth;
}

static inline V16 weights_of(float *s, int keys, size_t stride, V16 max, const V16Part on)
{
    V16 total = v16_zero();
    for (int key = 0; key < keys; key++, s += stride) {
        const V16 e = v16_exp_le(v16_sub(v16_load_part(s, on), max));
        v16_store_part(s, on, e);
        total = v16_add(total, e);
    }
    return total;
}

#include "kernels/attention/tile_avx512.h"

/* ---- combine: O = keep O + M X ---------------------------------------------------------------------------------- */

/* Up to 32 columns of the eight rows, from d on. `two` says that there are more than sixteen; it is a constant
 * wherever this is inlined. */
static inline void combine_tile(const Rows *rows, size_t column, const float *x, int terms, int width, int d,
                                const bool two)
{
    const V16Part left = v16_first(width - d);
    const V16Part right = v16_first(width - d - VECTOR);
    EACH_ROW(START_ROW)
    x += d;
    for (size_t n = (size_t)terms, at = 0; n > 0; n--, at += column, x += width) {
        const V16 x0 = v16_load_part(x, left);
        const V16 x1 = two ? v16_load_part(x + VECTOR, right) : x0;
        V16 weight;
        EACH_ROW(STEP_ROW)
    }
    EACH_ROW(STORE_ROW)
}

static void combine(float *out, const float *keep, const float *m, size_t row, size_t column, const float *x, int n,
                    int terms, int width)
{
    for (int i = 0; i < n; i += ROWS) {
        const Rows rows = rows_from(i, n, out, keep, m, row, width);
        for (int d = 0; d < width; d += 2 * VECTOR) {
            if (width - d > VECTOR)
                combine_tile(&rows, column, x, terms, width, d, true);
            else
                combine_tile(&rows, column, x, terms, width, d, false);
        }
    }
}

/* ---- position bias ---------------------------------------------------------------------------------------------- */

/* Up to 32 entries of the table at one height, from entry `first` on, and the difference of each to the next entry. The
 * last difference is not used. */
typedef struct {
    V16 value[2], delta[2];
} TableRow;

/* The queries of a row: their positions, and the range of table entries that they read. */
typedef struct {
    const DfScoreTable *table;
    const float *x;
    int width;
} Queries;

static inline V16 next_entries(V16 low, V16 high)
{
    return _mm512_castsi512_ps(_mm512_alignr_epi32(_mm512_castps_si512(high), _mm512_castps_si512(low), 1));
}

static inline V16 blend_entries(const float *top, const float *bottom, V16 a, V16 b, V16Part on)
{
    return v16_fma(b, v16_load_part(bottom, on), v16_mul(a, v16_load_part(top, on)));
}

/* `two`, whether sixteen entries are not enough, is a constant where this is inlined. */
static inline TableRow table_row(const DfScoreTable *table, float y, int first, const bool two)
{
    const DfCell cell = df_table_cell(y, table->h);
    const V16 a = v16_set(1.0f - cell.part);
    const V16 b = v16_set(cell.part);
    const float *top = table->value + (ptrdiff_t)cell.at * table->stride + first;
    const float *bottom = top + table->stride;
    const V16Part rest = v16_first(table->stride - DF_TABLE_MARGIN - first - VECTOR); /* up to the row's end */
    TableRow row;
    row.value[0] = blend_entries(top, bottom, a, b, 0xffff);
    row.value[1] = two ? blend_entries(top + VECTOR, bottom + VECTOR, a, b, rest) : row.value[0];
    row.delta[0] = v16_sub(next_entries(row.value[0], row.value[1]), row.value[0]);
    row.delta[1] = two ? v16_sub(next_entries(row.value[1], row.value[1]), row.value[1]) : row.delta[0];
    return row;
}

static inline V16 lookup(const V16 entries[2], __m512i at, const bool two)
{
    return two ? _mm512_permutex2var_ps(entries[0], at, entries[1]) : _mm512_permutexvar_ps(at, entries[0]);
}

/* The scores of a row of queries and one key, from registers. */
static inline void sample_row(float *s, const Queries *q, float y, float key_x, const bool two)
{
    const int first = df_table_cell(q->x[0] - key_x, q->table->w).at;
    const TableRow row = table_row(q->table, y, first, two);
    const V16 least = v16_set((float)-DF_TABLE_MARGIN), most = v16_set((float)q->table->w);
    for (int j = 0; j < q->width; j += VECTOR) {
        const V16Part on = v16_first(q->width - j);
        const V16 position = v16_sub(v16_load_part(q->x + j, on), v16_set(key_x));
        const V16 at = v16_min(v16_max(position, least), most);
        const V16 below = _mm512_roundscale_ps(at, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
        const __m512i entry = _mm512_cvttps_epi32(v16_sub(below, v16_set((float)first)));
        const V16 value = lookup(row.value, entry, two);
        const V16 delta = lookup(row.delta, entry, two);
        v16_store_part(s + j, on, v16_fma(v16_sub(at, below), delta, value));
    }
}

static inline void sample_rows(float *s, const DfScoreTable *table, const DfLattice *at, const float *key_y,
                               const float *key_x, int keys, const bool two)
{
    const Queries q = { table, at->x, at->width };
    for (int key = 0; key < keys; key++)
        for (int r = 0; r < at->rows; r++, s += at->width)
            sample_row(s, &q, at->y[r] - key_y[key], key_x[key], two);
}

/* This code serves rows of queries that read so few entries of a table row, including the one after the last, that one
 * or two registers hold them. The kernel of the rung below serves wider ones. */
static void table_bias(float *s, const DfScoreTable *table, const DfLattice *at, const float *key_y,
                       const float *key_x, int keys, float *rows)
{
    const float span = at->x[at->width - 1] - at->x[0];
    if (span < VECTOR - 2.01f)
        sample_rows(s, table, at, key_y, key_x, keys, false);
    else if (span < 2 * VECTOR - 2.01f)
        sample_rows(s, table, at, key_y, key_x, keys, true);
    else
        df_table_bias_v8(s, table, at, key_y, key_x, keys, rows);
}

void df_attention_init_avx512(DfAttentionKernels *k)
{
    k->scores = scores;
    k->table_bias = table_bias;
    k->softmax = softmax;
    k->combine = combine;
}
