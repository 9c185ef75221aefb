/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/tile_v8.c -- the leaf kernels of attention, eight lanes at a time.
 *
 * The two products keep 12 sums in registers (4 keys by 3 vectors of lanes; 3 rows by 4 vectors of a head), which
 * covers the latency of FMA. The inner functions take the size of their tile as constants, so that the compiler
 * inlines and unrolls them completely.
 */
#include "kernels/attention/tile.h"
#include "kernels/ladder.h"
#include "kernels/vector.h"

/* ---- rows ------------------------------------------------------------------------------------------------------- */

static inline V8 load_part(const float *row, int n) /* the first n <= 8 of a row that may be NULL */
{
    if (!row)
        return v8_zero();
    return n >= 8 ? v8_load(row) : v8_load_part(row, v8_first(n));
}

static void transpose_rows(float *out, const float *const *rows, int n, int lanes, int depth, float factor)
{
    const V8 f = v8_set(factor);
    for (int lane = 0; lane < lanes; lane += 8)
        for (int d = 0; d < depth; d += 8) {
            const int m = depth - d < 8 ? depth - d : 8;
            V8 r[8];
            for (int i = 0; i < 8; i++) {
                const float *row = lane + i < n ? rows[lane + i] : NULL;
                r[i] = v8_mul(f, load_part(row ? row + d : NULL, m));
            }
            v8_transpose(r);
            for (int i = 0; i < m; i++)
                v8_store_aligned(out + (size_t)(d + i) * (size_t)lanes + lane, r[i]);
        }
}

static void copy_rows(float *out, const float *const *rows, int n, int depth, int width, float factor)
{
    const V8 f = v8_set(factor);
    for (int i = 0; i < n; i++, out += width)
        for (int d = 0; d < width; d += 8)
            v8_store_aligned(out + d, v8_mul(f, load_part(rows[i] ? rows[i] + d : NULL, depth - d)));
}

static void store_rows(float *const *rows, const float *in, const float *sum, int n, int depth, int width)
{
    for (int i = 0; i < n; i++, in += width) {
        const V8 s = v8_set(sum[i]);
        for (int d = 0; rows[i] && d < depth; d += 8) {
            const V8 x = v8_div(v8_load_aligned(in + d), s);
            if (depth - d >= 8)
                v8_store(rows[i] + d, x);
            else
                v8_store_part(rows[i] + d, v8_first(depth - d), x);
        }
    }
}

/* ---- scores: S = bias + K Q' ------------------------------------------------------------------------------------ */

static inline V8 start(const float *bias)
{
    return bias ? v8_load(bias) : v8_zero();
}

static inline V8 start_if(bool wanted, const float *bias, size_t at)
{
    return wanted && bias ? v8_load(bias + at) : v8_zero();
}

static inline void store_3(float *s, V8 x, V8 y, V8 z, const int vectors)
{
    v8_store_aligned(s, x);
    if (vectors > 1)
        v8_store_aligned(s + 8, y);
    if (vectors > 2)
        v8_store_aligned(s + 16, z);
}

/* Keys a b c e by `vectors` (1, 2 or 3) vectors of lanes: a0 a1 a2 are the sums of key a. They are separate variables,
 * because gcc stores to memory after every FMA if they are an array of arrays. `vectors` is a constant wherever this is
 * inlined, so the compiler removes the unused sums. */
static inline void scores_tile(float *s, const float *bias, size_t stride, const float *k, const float *q,
                               size_t lanes, int depth, size_t width, const int vectors)
{
    const bool two = vectors > 1;
    const bool three = vectors > 2;
    const V8 zero = v8_zero();
    const float *const ba = bias;
    const float *const bb = bias ? bias + stride : NULL;
    const float *const bc = bias ? bias + 2 * stride : NULL;
    const float *const be = bias ? bias + 3 * stride : NULL;
    V8 a0 = start(ba), a1 = start_if(two, ba, 8), a2 = start_if(three, ba, 16);
    V8 b0 = start(bb), b1 = start_if(two, bb, 8), b2 = start_if(three, bb, 16);
    V8 c0 = start(bc), c1 = start_if(two, bc, 8), c2 = start_if(three, bc, 16);
    V8 e0 = start(be), e1 = start_if(two, be, 8), e2 = start_if(three, be, 16);
    for (int d = 0; d < depth; d++, k++, q += lanes) {
        const V8 x0 = v8_load_aligned(q);
        const V8 x1 = two ? v8_load_aligned(q + 8) : zero;
        const V8 x2 = three ? v8_load_aligned(q + 16) : zero;
        const V8 ka = v8_set(*k);
        a0 = v8_fma(ka, x0, a0);
        a1 = two ? v8_fma(ka, x1, a1) : zero;
        a2 = three ? v8_fma(ka, x2, a2) : zero;
        const V8 kb = v8_set(k[width]);
        b0 = v8_fma(kb, x0, b0);
        b1 = two ? v8_fma(kb, x1, b1) : zero;
        b2 = three ? v8_fma(kb, x2, b2) : zero;
        const V8 kc = v8_set(k[2 * width]);
        c0 = v8_fma(kc, x0, c0);
        c1 = two ? v8_fma(kc, x1, c1) : zero;
        c2 = three ? v8_fma(kc, x2, c2) : zero;
        const V8 ke = v8_set(k[3 * width]);
        e0 = v8_fma(ke, x0, e0);
        e1 = two ? v8_fma(ke, x1, e1) : zero;
        e2 = three ? v8_fma(ke, x2, e2) : zero;
    }
    store_3(s, a0, a1, a2, vectors);
    store_3(s + lanes, b0, b1, b2, vectors);
    store_3(s + 2 * lanes, c0, c1, c2, vectors);
    store_3(s + 3 * lanes, e0, e1, e2, vectors);
}

/* How many of the `left` vectors of lanes the next tile takes: three while there are enough, but 4 as 2 + 2. */
static inline int vectors_at_once(int left)
{
    if (left == 4)
        return 2;
    return left < 3 ? left : 3;
}

static void scores(float *s, const float *bias, size_t stride, const float *k, const float *q, int keys, int lanes,
                   int depth, int width)
{
    for (int lane = 0; lane < lanes;) {
        const int vectors = vectors_at_once((lanes - lane) / 8);
        for (int key = 0; key < keys; key += 4) {
            float *to = s + (size_t)key * (size_t)lanes + lane;
            const float *from = bias ? bias + (size_t)key * stride + lane : NULL;
            const float *kk = k + (size_t)key * (size_t)width;
            if (vectors == 3)
                scores_tile(to, from, stride, kk, q + lane, (size_t)lanes, depth, (size_t)width, 3);
            else if (vectors == 2)
                scores_tile(to, from, stride, kk, q + lane, (size_t)lanes, depth, (size_t)width, 2);
            else
                scores_tile(to, from, stride, kk, q + lane, (size_t)lanes, depth, (size_t)width, 1);
        }
        lane += 8 * vectors;
    }
}

/* ---- bias ------------------------------------------------------------------------------------------------------- */

static void mask_regions(float *s, const float *bias, size_t stride, const int *key_region, const int *lane_region,
                         int keys, int lanes)
{
    for (int key = 0; key < keys; key++, s += lanes) {
        const V8i region = v8i_set(key_region[key]);
        for (int lane = 0; lane < lanes; lane += 8) {
            const V8m same = v8i_eq(region, v8i_load(lane_region + lane));
            const V8 before = bias ? v8_load(bias + (size_t)key * stride + lane) : v8_zero();
            v8_store_aligned(s + lane, v8_add(before, v8_unless(same, v8_set(-100.0f))));
        }
    }
}

/* df_table_row() on entries first .. last, rounded out to whole vectors. */
static inline void table_row(float *value, float *delta, const DfScoreTable *table, float y, int first, int last)
{
    const DfCell cell = df_table_cell(y, table->h);
    const V8 a = v8_set(1.0f - cell.part);
    const V8 b = v8_set(cell.part);
    const float *top = table->value + (ptrdiff_t)cell.at * table->stride - DF_TABLE_MARGIN;
    const float *bottom = top + table->stride;
    for (int x = first & ~7; x <= last; x += 8) {
        const V8 v = v8_fma(b, v8_load(bottom + x), v8_mul(a, v8_load(top + x)));
        const V8 next = v8_fma(b, v8_load(bottom + x + 1),
                                        v8_mul(a, v8_load(top + x + 1)));
        v8_store_aligned(value + x, v);
        v8_store_aligned(delta + x, v8_sub(next, v));
    }
}

/* Eight positions, clamped to the margins, and the index of the table entry below each, as floats. */
typedef struct {
    V8 at, below;
} Places;
static inline Places places(V8 position, int size)
{
    const V8 at = v8_min(v8_max(position, v8_set((float)-DF_TABLE_MARGIN)), v8_set((float)size));
    return (Places){ at, v8_floor(at) };
}

/* For steps of at most one entry: eight neighbouring queries lie within eight entries of the row, so two loads and two
 * permutations fetch them all. At a step of exactly one, rounding may put the last query on the ninth entry; the eighth
 * plus a part of 1 gives the same value. */
static inline V8 sample_near(const float *value, const float *delta, V8 position, int size, bool whole_step)
{
    Places p = places(position, size);
    const V8 first = v8_spread_lane_0(p.below);
    if (whole_step)
        p.below = v8_min(p.below, v8_add(first, v8_set(7.0f)));
    const int start = v8_lane_0_to_int(p.below) + DF_TABLE_MARGIN;
    const V8i from = v8_to_int(v8_sub(p.below, first));
    const V8 v = v8_lookup(v8_load(value + start), from);
    const V8 d = v8_lookup(v8_load(delta + start), from);
    return v8_fma(v8_sub(p.at, p.below), d, v);
}

static inline V8 sample_far(const float *value, const float *delta, V8 position, int size)
{
    const Places p = places(position, size);
    const V8i from = v8_to_int(p.below);
    const V8 v = v8_gather(value + DF_TABLE_MARGIN, from);
    const V8 d = v8_gather(delta + DF_TABLE_MARGIN, from);
    return v8_fma(v8_sub(p.at, p.below), d, v);
}

/* The positions that eight queries of a row sample, from the j-th on. */
static inline V8 from_key(const DfLattice *at, int j, V8 key_x)
{
    return v8_sub(v8_load(at->x + j), key_x);
}

/* One row of scores. */
static inline void sample_row(float *s, const float *value, const float *delta, const DfLattice *at, float key_x,
                              int size)
{
    const V8 x = v8_set(key_x);
    if (at->step * 7 < 6.99f)
        for (int j = 0; j < at->width; j += 8)
            v8_store_aligned(s + j, sample_near(value, delta, from_key(at, j, x), size, false));
    else if (at->step <= 1)
        for (int j = 0; j < at->width; j += 8)
            v8_store_aligned(s + j, sample_near(value, delta, from_key(at, j, x), size, true));
    else
        for (int j = 0; j < at->width; j += 8)
            v8_store_aligned(s + j, sample_far(value, delta, from_key(at, j, x), size));
}

/* The row of the table that a row of queries needs for a key. */
static inline void prepare_row(float *row, const DfScoreTable *table, const DfLattice *at, int r, float key_y,
                               float key_x)
{
    const int first = df_table_cell(at->x[0] - key_x, table->w).at + DF_TABLE_MARGIN;
    const int last = df_table_cell(at->x[at->width - 1] - key_x, table->w).at + DF_TABLE_MARGIN + 7;
    table_row(row, row + table->stride, table, at->y[r] - key_y, first, last);
}

/* Several table rows are prepared before they are sampled: a load directly after the stores that it overlaps would
 * stall (store forwarding fails). */
void df_table_bias_v8(float *s, const DfScoreTable *table, const DfLattice *at, const float *key_y, const float *key_x,
                      int keys, float *rows)
{
    const int ahead = DF_TABLE_ROWS;
    const int stride = 2 * table->stride; /* a row has its values and their differences */
    for (int r = 0; r < at->rows; r++)
        for (int first = 0; first < keys; first += ahead) {
            const int end = first + ahead < keys ? first + ahead : keys;
            for (int key = first; key < end; key++)
                prepare_row(rows + (key - first) * stride, table, at, r, key_y[key], key_x[key]);
            for (int key = first; key < end; key++) {
                const float *row = rows + (key - first) * stride;
                sample_row(s + (key * at->rows + r) * at->width, row, row + table->stride, at, key_x[key], table->w);
            }
        }
}

/* ---- softmax ---------------------------------------------------------------------------------------------------- */

static void softmax(float *s, int keys, int lanes, float *max, float *sum, float *rescale)
{
    const size_t stride = (size_t)lanes;
    for (int lane = 0; lane < lanes; lane += 8) {
        const V8 before = v8_load_aligned(max + lane);
        V8 m = before;
        V8 total = v8_zero();
        float *column = s + lane;
        for (int key = 0; key < keys; key++)
            m = v8_max(m, v8_load_aligned(column + (size_t)key * stride));
        for (int key = 0; key < keys; key++) {
            const V8 p = v8_exp_le(v8_sub(v8_load_aligned(column + (size_t)key * stride), m));
            v8_store_aligned(column + (size_t)key * stride, p);
            total = v8_add(total, p);
        }
        const V8 factor = v8_exp_le(v8_sub(before, m));
        v8_store_aligned(rescale + lane, factor);
        v8_store_aligned(sum + lane, v8_fma(v8_load_aligned(sum + lane), factor, total));
        v8_store_aligned(max + lane, m);
    }
}

/* ---- combine: O = keep O + M X ---------------------------------------------------------------------------------- */

typedef struct {
    const float *x;
    size_t column, width;
    int terms;
} Combine;

/* Three rows of the result, the factors by which their old values are kept, and their weights. */
typedef struct {
    float *out[3];
    float keep[3];
    const float *m[3];
} Rows;

static inline V8 kept(const float *out, float keep)
{
    if (keep == 0.0f)
        return v8_zero(); /* the row may be uninitialised */
    return v8_mul(v8_set(keep), v8_load_aligned(out));
}

static inline V8 kept_if(bool wanted, const float *out, float keep)
{
    return wanted ? kept(out, keep) : v8_zero();
}

static inline void store_4(float *out, V8 x0, V8 x1, V8 x2, V8 x3, const int vectors)
{
    v8_store_aligned(out, x0);
    if (vectors > 1)
        v8_store_aligned(out + 8, x1);
    if (vectors > 2) {
        v8_store_aligned(out + 16, x2);
        v8_store_aligned(out + 24, x3);
    }
}

/* `vectors` (4, 2 or 1) vectors of the three rows p q r from d on: p0 .. p3 are the sums of row p. A row of x is read
 * once for all three. */
static inline void combine_tile(const Combine *c, const Rows *rows, int d, const int vectors)
{
    float *const p = rows->out[0] + d;
    float *const q = rows->out[1] + d;
    float *const r = rows->out[2] + d;
    const float kp = rows->keep[0], kq = rows->keep[1], kr = rows->keep[2];
    const bool two = vectors > 1;
    const bool four = vectors > 2;
    V8 p0 = kept(p, kp), p1 = kept_if(two, p + 8, kp), p2 = kept_if(four, p + 16, kp), p3 = kept_if(four, p + 24, kp);
    V8 q0 = kept(q, kq), q1 = kept_if(two, q + 8, kq), q2 = kept_if(four, q + 16, kq), q3 = kept_if(four, q + 24, kq);
    V8 r0 = kept(r, kr), r1 = kept_if(two, r + 8, kr), r2 = kept_if(four, r + 16, kr), r3 = kept_if(four, r + 24, kr);
    const float *x = c->x + d, *mp = rows->m[0], *mq = rows->m[1], *mr = rows->m[2];
    const size_t column = c->column;
    const size_t width = c->width;
    for (int n = c->terms; n > 0; n--, x += width, mp += column, mq += column, mr += column) {
        const V8 a = v8_set(*mp), b = v8_set(*mq), e = v8_set(*mr);
        const V8 x0 = v8_load_aligned(x);
        p0 = v8_fma(a, x0, p0);
        q0 = v8_fma(b, x0, q0);
        r0 = v8_fma(e, x0, r0);
        if (two) {
            const V8 x1 = v8_load_aligned(x + 8);
            p1 = v8_fma(a, x1, p1);
            q1 = v8_fma(b, x1, q1);
            r1 = v8_fma(e, x1, r1);
        }
        if (four) {
            const V8 x2 = v8_load_aligned(x + 16), x3 = v8_load_aligned(x + 24);
            p2 = v8_fma(a, x2, p2);
            q2 = v8_fma(b, x2, q2);
            r2 = v8_fma(e, x2, r2);
            p3 = v8_fma(a, x3, p3);
            q3 = v8_fma(b, x3, q3);
            r3 = v8_fma(e, x3, r3);
        }
    }
    store_4(p, p0, p1, p2, p3, vectors);
    store_4(q, q0, q1, q2, q3, vectors);
    store_4(r, r0, r1, r2, r3, vectors);
}

static void combine(float *out, const float *keep, const float *m, size_t row, size_t column, const float *x, int n,
                    int terms, int width)
{
    const Combine c = { x, column, (size_t)width, terms };
    for (int i = 0; i < n; i += 3) {
        Rows rows;
        for (int j = 0; j < 3; j++) {
            const int at = i + j < n ? i + j : n - 1; /* rows beyond the last repeat it, and write the same */
            rows.out[j] = out + (size_t)at * (size_t)width;
            rows.keep[j] = keep ? keep[at] : 0.0f;
            rows.m[j] = m + (size_t)at * row;
        }
        int d = 0;
        for (; d + 32 <= width; d += 32)
            combine_tile(&c, &rows, d, 4);
        for (; d + 16 <= width; d += 16)
            combine_tile(&c, &rows, d, 2);
        if (d < width)
            combine_tile(&c, &rows, d, 1);
    }
}

void df_attention_init_v8(DfAttentionKernels *k)
{
    *k = (DfAttentionKernels){ .transpose_rows = transpose_rows, .copy_rows = copy_rows, .store_rows = store_rows,
                               .scores = scores, .mask_regions = mask_regions, .table_bias = df_table_bias_v8,
                               .softmax = softmax, .combine = combine, .drop = df_drop_scores };
    df_attention_backward_init_v8(k);
}
