/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/tile_avx512.c -- the two products of attention and the softmax between them by AVX-512, sixteen
 * lanes at a time, and the position bias. Tiles are multiples of eight wide: the last vector may be half empty, and is
 * masked. Moving rows stays with the rung below (tile_v8.c).
 */
#include "kernels/attention/tile.h"
#include "kernels/ladder.h"
#include "kernels/vector_avx512.h"

enum { VECTOR = 16 };

/* ---- scores: S = bias + K Q' ------------------------------------------------------------------------------------ */

/* A tile of scores: four keys, up to six vectors of lanes, the last of them in part. So 96 lanes are one tile, with 24
 * sums in registers; two narrow ones would wait for their additions. */
typedef struct {
    const float *k, *q;
    size_t lanes, width;
    int depth;
    V16Part last;
} Scores;

#define EACH_KEY(what) what(0) what(1) what(2) what(3)
#define START_KEY(i) \
    V16 a##i = FIRST(0, i), b##i = FIRST(1, i), c##i = FIRST(2, i);          \
    V16 e##i = FIRST(3, i), f##i = FIRST(4, i), g##i = FIRST(5, i);
#define STEP_KEY(i)                                                          \
    x = v16_set(k[i * width]);                                               \
    a##i = v16_fma(x, q0, a##i);                                             \
    if (vectors > 1)                                                         \
        b##i = v16_fma(x, q1, b##i);                                         \
    if (vectors > 2)                                                         \
        c##i = v16_fma(x, q2, c##i);                                         \
    if (vectors > 3)                                                         \
        e##i = v16_fma(x, q3, e##i);                                         \
    if (vectors > 4)                                                         \
        f##i = v16_fma(x, q4, f##i);                                         \
    if (vectors > 5)                                                         \
        g##i = v16_fma(x, q5, g##i);
#define STORE_KEY(i)                                                         \
    STORE(0, i, a##i)                                                        \
    STORE(1, i, b##i)                                                        \
    STORE(2, i, c##i)                                                        \
    STORE(3, i, e##i)                                                        \
    STORE(4, i, f##i)                                                        \
    STORE(5, i, g##i)
#define LANES(v) ((v) + 1 == vectors ? t->last : (V16Part)((v) < vectors ? 0xffff : 0))
#define FIRST(v, i) \
    (bias ? v16_load_part(bias + i * stride + (v) * VECTOR, LANES(v)) : v16_zero())
#define STORE(v, i, x)                                                       \
    if ((v) < vectors)                                                       \
        v16_store_part(s + i * lanes + (v) * VECTOR, LANES(v), x);

/* `vectors` is a constant where this is inlined. */
static inline void scores_tile(float *s, const float *bias, size_t stride, const Scores *t, const int vectors)
{
    const size_t lanes = t->lanes;
    const size_t width = t->width;
    const float *k = t->k, *q = t->q;
    EACH_KEY(START_KEY)
    for (int d = 0; d < t->depth; d++, k++, q += lanes) {
        const V16 q0 = v16_load_part(q, LANES(0));
        const V16 q1 = v16_load_part(q + VECTOR, LANES(1));
        const V16 q2 = v16_load_part(q + 2 * VECTOR, LANES(2));
        const V16 q3 = v16_load_part(q + 3 * VECTOR, LANES(3));
        const V16 q4 = v16_load_part(q + 4 * VECTOR, LANES(4));
        const V16 q5 = v16_load_part(q + 5 * VECTOR, LANES(5));
        V16 x;
        EACH_KEY(STEP_KEY)
    }
    EACH_KEY(STORE_KEY)
}

/* All keys by up to six vectors of lanes. */
static inline void scores_of(float *s, const float *bias, size_t stride, const Scores *first, int keys,
                             const int vectors)
{
    Scores t = *first;
    for (int key = 0; key < keys; key += DF_KEY_MULTIPLE) {
        scores_tile(s, bias, stride, &t, vectors);
        s += DF_KEY_MULTIPLE * t.lanes;
        t.k += DF_KEY_MULTIPLE * t.width;
        bias = bias ? bias + DF_KEY_MULTIPLE * stride : NULL;
    }
}

static void scores(float *s, const float *bias, size_t stride, const float *k, const float *q, int keys, int lanes,
                   int depth, int width)
{
    for (int lane = 0; lane < lanes; lane += DF_LANES) {
        const int left = lanes - lane < DF_LANES ? lanes - lane : DF_LANES;
        const int vectors = (left + VECTOR - 1) / VECTOR;
        const Scores t = { k, q + lane, (size_t)lanes, (size_t)width, depth, v16_first(left - (vectors - 1) * VECTOR) };
        float *to = s + lane;
        const float *from = bias ? bias + lane : NULL;
        switch (vectors) {
        case 1: scores_of(to, from, stride, &t, keys, 1); break;
        case 2: scores_of(to, from, stride, &t, keys, 2); break;
        case 3: scores_of(to, from, stride, &t, keys, 3); break;
        case 4: scores_of(to, from, stride, &t, keys, 4); break;
        case 5: scores_of(to, from, stride, &t, keys, 5); break;
        default: scores_of(to, from, stride, &t, keys, 6); break;
        }
    }
}

/* ---- position bias ---------------------------------------------------------------------------------------------- */

/* Up to 32 entries of the table at one height, from entry `first` on, and the differences to the next ones; the last
 * difference is none. */
typedef struct {
    V16 value[2], delta[2];
} TableRow;

/* The queries of a row: where they stand, and the entries of the table between the first and the last. */
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

/* A row of queries reads so much of a row of the table as one or two registers hold, the entry behind the last one
 * included; wider ones are left to the rung below. */
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

/* ---- softmax ---------------------------------------------------------------------------------------------------- */

/* The largest of a column of scores, and of what was there before: two chains, since one waits for itself. */
static inline V16 largest(const float *column, int keys, size_t stride, V16Part lanes, V16 before)
{
    V16 m = before, n = before;
    int key = 0;
    for (; key + 2 <= keys; key += 2, column += 2 * stride) {
        m = _mm512_mask_max_ps(m, lanes, m, v16_load_part(column, lanes));
        n = _mm512_mask_max_ps(n, lanes, n, v16_load_part(column + stride, lanes));
    }
    if (key < keys)
        m = _mm512_mask_max_ps(m, lanes, m, v16_load_part(column, lanes));
    return v16_max(m, n);
}

/* One vector of lanes. `on` is a constant for whole vectors, where nothing is masked then. */
static inline void softmax_lanes(float *s, int keys, size_t stride, float *max, float *sum, float *rescale,
                                 const V16Part on)
{
    const V16 before = v16_load_part(max, on);
    const V16 m = largest(s, keys, stride, on, before);
    V16 total = v16_zero();
    for (int key = 0; key < keys; key++, s += stride) {
        const V16 e = v16_exp_le(v16_sub(v16_load_part(s, on), m));
        v16_store_part(s, on, e);
        total = v16_add(total, e);
    }
    const V16 factor = v16_exp_le(v16_sub(before, m));
    const V16 old = v16_load_part(sum, on);
    v16_store_part(rescale, on, factor);
    v16_store_part(sum, on, v16_fma(old, factor, total));
    v16_store_part(max, on, m);
}

static void softmax(float *s, int keys, int lanes, float *max, float *sum, float *rescale)
{
    int lane = 0;
    for (; lane + VECTOR <= lanes; lane += VECTOR)
        softmax_lanes(s + lane, keys, (size_t)lanes, max + lane, sum + lane, rescale + lane, 0xffff);
    if (lane < lanes)
        softmax_lanes(s + lane, keys, (size_t)lanes, max + lane, sum + lane, rescale + lane, v16_first(lanes - lane));
}

/* ---- combine: O = keep O + M X ---------------------------------------------------------------------------------- */

enum { ROWS = 8 };

/* Eight rows of the result, what they keep of themselves, and their weights. */
typedef struct {
    float *out[ROWS];
    float keep[ROWS];
    const float *m[ROWS];
} Rows;

static inline V16 kept(const float *out, float keep, V16Part lanes)
{
    if (keep == 0.0f)
        return v16_zero(); /* what is there may be undefined */
    return v16_mul(v16_set(keep), v16_load_part(out, lanes));
}

#define EACH_ROW(what) what(0) what(1) what(2) what(3) what(4) what(5) what(6) what(7)
#define START_ROW(i)                                                         \
    const float *m##i = rows->m[i];                                          \
    V16 l##i = kept(rows->out[i] + d, rows->keep[i], left);                  \
    V16 r##i = two ? kept(rows->out[i] + d + VECTOR, rows->keep[i], right) : v16_zero();
#define STEP_ROW(i)                                                          \
    weight = v16_set(m##i[at]);                                              \
    l##i = v16_fma(weight, x0, l##i);                                        \
    if (two)                                                                 \
        r##i = v16_fma(weight, x1, r##i);
#define STORE_ROW(i)                                                         \
    v16_store_part(rows->out[i] + d, left, l##i);                            \
    if (two)                                                                 \
        v16_store_part(rows->out[i] + d + VECTOR, right, r##i);

/* Up to 32 columns of the eight rows, from d on. `two`, whether these are more than sixteen, is a constant where this
 * is inlined. */
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
        Rows rows;
        for (int j = 0; j < ROWS; j++) {
            const int at = i + j < n ? i + j : n - 1; /* rows beyond the last repeat it, and write the same */
            rows.out[j] = out + (size_t)at * (size_t)width;
            rows.keep[j] = keep ? keep[at] : 0.0f;
            rows.m[j] = m + (size_t)at * row;
        }
        for (int d = 0; d < width; d += 2 * VECTOR) {
            if (width - d > VECTOR)
                combine_tile(&rows, column, x, terms, width, d, true);
            else
                combine_tile(&rows, column, x, terms, width, d, false);
        }
    }
}

void df_attention_init_avx512(DfAttentionKernels *k)
{
    k->scores = scores;
    k->table_bias = table_bias;
    k->softmax = softmax;
    k->combine = combine;
}
