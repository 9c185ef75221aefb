/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/tile_avx2.c -- the leaves of attention for AVX2 and FMA.
 *
 * The two products keep 12 sums in registers (4 keys by 3 vectors of lanes; 3 rows by 4 vectors of a head), which
 * covers the latency of FMA. The inner functions take their tile as constants and are written to be inlined and
 * unrolled whole.
 */
#include "kernels/attention/tile.h"
#include "kernels/ladder.h"
#include "kernels/vector.h"

/* ---- rows ------------------------------------------------------------------------------------------------------- */

static inline V8 load_part(const float *row, int n) /* the first n <= 8 of a row that may be NULL */
{
    if (!row)
        return _mm256_setzero_ps();
    return n >= 8 ? _mm256_loadu_ps(row) : _mm256_maskload_ps(row, v8_first(n));
}

static inline void transpose_8x8(V8 r[8])
{
    V8 a[8], b[8];
    for (int i = 0; i < 8; i += 2) {
        a[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        a[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4)
        for (int j = 0; j < 2; j++) {
            b[i + 2 * j] = _mm256_shuffle_ps(a[i + j], a[i + j + 2], _MM_SHUFFLE(1, 0, 1, 0));
            b[i + 2 * j + 1] = _mm256_shuffle_ps(a[i + j], a[i + j + 2], _MM_SHUFFLE(3, 2, 3, 2));
        }
    for (int i = 0; i < 4; i++) {
        r[i] = _mm256_permute2f128_ps(b[i], b[i + 4], 0x20);
        r[i + 4] = _mm256_permute2f128_ps(b[i], b[i + 4], 0x31);
    }
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
                r[i] = _mm256_mul_ps(f, load_part(row ? row + d : NULL, m));
            }
            transpose_8x8(r);
            for (int i = 0; i < m; i++)
                _mm256_store_ps(out + (size_t)(d + i) * (size_t)lanes + lane, r[i]);
        }
}

static void copy_rows(float *out, const float *const *rows, int n, int depth, int width, float factor)
{
    const V8 f = v8_set(factor);
    for (int i = 0; i < n; i++, out += width)
        for (int d = 0; d < width; d += 8)
            _mm256_store_ps(out + d, _mm256_mul_ps(f, load_part(rows[i] ? rows[i] + d : NULL, depth - d)));
}

static void store_rows(float *const *rows, const float *in, const float *sum, int n, int depth, int width)
{
    for (int i = 0; i < n; i++, in += width) {
        const V8 s = v8_set(sum[i]);
        for (int d = 0; rows[i] && d < depth; d += 8) {
            const V8 x = _mm256_div_ps(_mm256_load_ps(in + d), s);
            if (depth - d >= 8)
                _mm256_storeu_ps(rows[i] + d, x);
            else
                _mm256_maskstore_ps(rows[i] + d, v8_first(depth - d), x);
        }
    }
}

/* ---- scores: S = bias + K Q' ------------------------------------------------------------------------------------ */

static inline V8 start(const float *bias)
{
    return bias ? _mm256_loadu_ps(bias) : _mm256_setzero_ps();
}

static inline V8 start_if(bool wanted, const float *bias, size_t at)
{
    return wanted && bias ? _mm256_loadu_ps(bias + at) : _mm256_setzero_ps();
}

static inline void store_3(float *s, V8 x, V8 y, V8 z, const int vectors)
{
    _mm256_store_ps(s, x);
    if (vectors > 1)
        _mm256_store_ps(s + 8, y);
    if (vectors > 2)
        _mm256_store_ps(s + 16, z);
}

/* Keys a b c e by `vectors` (1, 2 or 3) vectors of lanes: a0 a1 a2 are the sums of key a. They have names of their own:
 * from an array of arrays gcc makes a store for every FMA. `vectors` is a constant where this is inlined, and what it
 * rules out is left out. */
static inline void scores_tile(float *s, const float *bias, size_t stride, const float *k, const float *q,
                               size_t lanes, int depth, size_t width, const int vectors)
{
    const bool two = vectors > 1;
    const bool three = vectors > 2;
    const V8 zero = _mm256_setzero_ps();
    const float *const ba = bias;
    const float *const bb = bias ? bias + stride : NULL;
    const float *const bc = bias ? bias + 2 * stride : NULL;
    const float *const be = bias ? bias + 3 * stride : NULL;
    V8 a0 = start(ba), a1 = start_if(two, ba, 8), a2 = start_if(three, ba, 16);
    V8 b0 = start(bb), b1 = start_if(two, bb, 8), b2 = start_if(three, bb, 16);
    V8 c0 = start(bc), c1 = start_if(two, bc, 8), c2 = start_if(three, bc, 16);
    V8 e0 = start(be), e1 = start_if(two, be, 8), e2 = start_if(three, be, 16);
    for (int d = 0; d < depth; d++, k++, q += lanes) {
        const V8 x0 = _mm256_load_ps(q);
        const V8 x1 = two ? _mm256_load_ps(q + 8) : zero;
        const V8 x2 = three ? _mm256_load_ps(q + 16) : zero;
        const V8 ka = _mm256_broadcast_ss(k);
        a0 = _mm256_fmadd_ps(ka, x0, a0);
        a1 = two ? _mm256_fmadd_ps(ka, x1, a1) : zero;
        a2 = three ? _mm256_fmadd_ps(ka, x2, a2) : zero;
        const V8 kb = _mm256_broadcast_ss(k + width);
        b0 = _mm256_fmadd_ps(kb, x0, b0);
        b1 = two ? _mm256_fmadd_ps(kb, x1, b1) : zero;
        b2 = three ? _mm256_fmadd_ps(kb, x2, b2) : zero;
        const V8 kc = _mm256_broadcast_ss(k + 2 * width);
        c0 = _mm256_fmadd_ps(kc, x0, c0);
        c1 = two ? _mm256_fmadd_ps(kc, x1, c1) : zero;
        c2 = three ? _mm256_fmadd_ps(kc, x2, c2) : zero;
        const V8 ke = _mm256_broadcast_ss(k + 3 * width);
        e0 = _mm256_fmadd_ps(ke, x0, e0);
        e1 = two ? _mm256_fmadd_ps(ke, x1, e1) : zero;
        e2 = three ? _mm256_fmadd_ps(ke, x2, e2) : zero;
    }
    store_3(s, a0, a1, a2, vectors);
    store_3(s + lanes, b0, b1, b2, vectors);
    store_3(s + 2 * lanes, c0, c1, c2, vectors);
    store_3(s + 3 * lanes, e0, e1, e2, vectors);
}

/* How many vectors of lanes go together when so many are left: three as long as there are, but 4 as 2 + 2. */
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
        const __m256i region = _mm256_set1_epi32(key_region[key]);
        for (int lane = 0; lane < lanes; lane += 8) {
            const __m256i other = _mm256_loadu_si256((const __m256i *)(const void *)(lane_region + lane));
            const V8 same = _mm256_castsi256_ps(_mm256_cmpeq_epi32(region, other));
            const V8 before = bias ? _mm256_loadu_ps(bias + (size_t)key * stride + lane) : _mm256_setzero_ps();
            _mm256_store_ps(s + lane, _mm256_add_ps(before, _mm256_andnot_ps(same, v8_set(-100.0f))));
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
        const V8 v = _mm256_fmadd_ps(b, _mm256_loadu_ps(bottom + x), _mm256_mul_ps(a, _mm256_loadu_ps(top + x)));
        const V8 next = _mm256_fmadd_ps(b, _mm256_loadu_ps(bottom + x + 1),
                                        _mm256_mul_ps(a, _mm256_loadu_ps(top + x + 1)));
        _mm256_store_ps(value + x, v);
        _mm256_store_ps(delta + x, _mm256_sub_ps(next, v));
    }
}

/* Eight positions, held within the margins, and the entries of the padded row before them, as numbers. */
typedef struct {
    V8 at, below;
} Places;
static inline Places places(V8 position, int size)
{
    const V8 at = _mm256_min_ps(_mm256_max_ps(position, v8_set((float)-DF_TABLE_MARGIN)), v8_set((float)size));
    return (Places){ at, _mm256_floor_ps(at) };
}

/* Steps up to one entry: eight neighbouring queries lie within eight entries of the row, and two loads and two
 * permutations fetch them all. At a step of one, rounding may put the last on the ninth: as the eighth plus one part
 * it is the same. */
static inline V8 sample_near(const float *value, const float *delta, V8 position, int size, bool whole_step)
{
    Places p = places(position, size);
    const V8 first = _mm256_broadcastss_ps(_mm256_castps256_ps128(p.below));
    if (whole_step)
        p.below = _mm256_min_ps(p.below, _mm256_add_ps(first, v8_set(7.0f)));
    const int start = _mm_cvttss_si32(_mm256_castps256_ps128(p.below)) + DF_TABLE_MARGIN;
    const __m256i from = _mm256_cvttps_epi32(_mm256_sub_ps(p.below, first));
    const V8 v = _mm256_permutevar8x32_ps(_mm256_loadu_ps(value + start), from);
    const V8 d = _mm256_permutevar8x32_ps(_mm256_loadu_ps(delta + start), from);
    return _mm256_fmadd_ps(_mm256_sub_ps(p.at, p.below), d, v);
}

static inline V8 sample_far(const float *value, const float *delta, V8 position, int size)
{
    const Places p = places(position, size);
    const __m256i from = _mm256_cvttps_epi32(p.below);
    const V8 v = _mm256_i32gather_ps(value + DF_TABLE_MARGIN, from, 4);
    const V8 d = _mm256_i32gather_ps(delta + DF_TABLE_MARGIN, from, 4);
    return _mm256_fmadd_ps(_mm256_sub_ps(p.at, p.below), d, v);
}

/* Where eight queries of a row sample, from the j-th on. */
static inline V8 from_key(const DfLattice *at, int j, V8 key_x)
{
    return _mm256_sub_ps(_mm256_loadu_ps(at->x + j), key_x);
}

/* One row of scores. */
static inline void sample_row(float *s, const float *value, const float *delta, const DfLattice *at, float key_x,
                              int size)
{
    const V8 x = v8_set(key_x);
    if (at->step * 7 < 6.99f)
        for (int j = 0; j < at->width; j += 8)
            _mm256_store_ps(s + j, sample_near(value, delta, from_key(at, j, x), size, false));
    else if (at->step <= 1)
        for (int j = 0; j < at->width; j += 8)
            _mm256_store_ps(s + j, sample_near(value, delta, from_key(at, j, x), size, true));
    else
        for (int j = 0; j < at->width; j += 8)
            _mm256_store_ps(s + j, sample_far(value, delta, from_key(at, j, x), size));
}

/* The row of the table that a row of queries needs for a key. */
static inline void prepare_row(float *row, const DfScoreTable *table, const DfLattice *at, int r, float key_y,
                               float key_x)
{
    const int first = df_table_cell(at->x[0] - key_x, table->w).at + DF_TABLE_MARGIN;
    const int last = df_table_cell(at->x[at->width - 1] - key_x, table->w).at + DF_TABLE_MARGIN + 7;
    table_row(row, row + table->stride, table, at->y[r] - key_y, first, last);
}

/* Rows are made some at a time before they are sampled: a load right behind the stores that it spans would wait for
 * them. */
static void table_bias(float *s, const DfScoreTable *table, const DfLattice *at, const float *key_y,
                       const float *key_x, int keys, float *rows)
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
        const V8 before = _mm256_load_ps(max + lane);
        V8 m = before;
        V8 total = _mm256_setzero_ps();
        float *column = s + lane;
        for (int key = 0; key < keys; key++)
            m = _mm256_max_ps(m, _mm256_load_ps(column + (size_t)key * stride));
        for (int key = 0; key < keys; key++) {
            const V8 p = v8_exp_le(_mm256_sub_ps(_mm256_load_ps(column + (size_t)key * stride), m));
            _mm256_store_ps(column + (size_t)key * stride, p);
            total = _mm256_add_ps(total, p);
        }
        const V8 factor = v8_exp_le(_mm256_sub_ps(before, m));
        _mm256_store_ps(rescale + lane, factor);
        _mm256_store_ps(sum + lane, _mm256_fmadd_ps(_mm256_load_ps(sum + lane), factor, total));
        _mm256_store_ps(max + lane, m);
    }
}

static void softmax_backward(float *s, float *dp, int keys, int lanes, const float *lse, const float *delta)
{
    for (int key = 0; key < keys; key++, s += lanes, dp += lanes)
        for (int lane = 0; lane < lanes; lane += 8) {
            const V8 p = v8_exp(_mm256_sub_ps(_mm256_load_ps(s + lane), _mm256_load_ps(lse + lane)));
            _mm256_store_ps(s + lane, p);
            const V8 centred = _mm256_sub_ps(_mm256_load_ps(dp + lane), _mm256_load_ps(delta + lane));
            _mm256_store_ps(dp + lane, _mm256_mul_ps(p, centred));
        }
}

/* ---- combine: O = keep O + M X ---------------------------------------------------------------------------------- */

typedef struct {
    const float *x;
    size_t column, width;
    int terms;
} Combine;

/* Three rows of the result, what they keep of themselves, and their weights. */
typedef struct {
    float *out[3];
    float keep[3];
    const float *m[3];
} Rows;

static inline V8 kept(const float *out, float keep)
{
    if (keep == 0.0f)
        return _mm256_setzero_ps(); /* what is there may be undefined */
    return _mm256_mul_ps(v8_set(keep), _mm256_load_ps(out));
}

static inline V8 kept_if(bool wanted, const float *out, float keep)
{
    return wanted ? kept(out, keep) : _mm256_setzero_ps();
}

static inline void store_4(float *out, V8 x0, V8 x1, V8 x2, V8 x3, const int vectors)
{
    _mm256_store_ps(out, x0);
    if (vectors > 1)
        _mm256_store_ps(out + 8, x1);
    if (vectors > 2) {
        _mm256_store_ps(out + 16, x2);
        _mm256_store_ps(out + 24, x3);
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
        const V8 a = _mm256_broadcast_ss(mp), b = _mm256_broadcast_ss(mq), e = _mm256_broadcast_ss(mr);
        const V8 x0 = _mm256_load_ps(x);
        p0 = _mm256_fmadd_ps(a, x0, p0);
        q0 = _mm256_fmadd_ps(b, x0, q0);
        r0 = _mm256_fmadd_ps(e, x0, r0);
        if (two) {
            const V8 x1 = _mm256_load_ps(x + 8);
            p1 = _mm256_fmadd_ps(a, x1, p1);
            q1 = _mm256_fmadd_ps(b, x1, q1);
            r1 = _mm256_fmadd_ps(e, x1, r1);
        }
        if (four) {
            const V8 x2 = _mm256_load_ps(x + 16), x3 = _mm256_load_ps(x + 24);
            p2 = _mm256_fmadd_ps(a, x2, p2);
            q2 = _mm256_fmadd_ps(b, x2, q2);
            r2 = _mm256_fmadd_ps(e, x2, r2);
            p3 = _mm256_fmadd_ps(a, x3, p3);
            q3 = _mm256_fmadd_ps(b, x3, q3);
            r3 = _mm256_fmadd_ps(e, x3, r3);
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

void df_attention_init_avx2(DfAttentionKernels *k)
{
    *k = (DfAttentionKernels){ transpose_rows, copy_rows, store_rows, scores, mask_regions, table_bias, softmax,
                               combine, softmax_backward, df_drop_scores };
}
