/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention_tile_avx2.c -- the leaves of attention for AVX2 and FMA.
 *
 * The two products keep 12 sums in registers (4 keys by 3 vectors of lanes; 3 rows by 4 vectors of a head), which covers the
 * latency of FMA. The inner functions take their tile as constants and are written to be inlined and unrolled whole.
 */
#include "kernels/attention_tile.h"
#include "kernels/ladder.h"
#include "kernels/vector_avx2.h"

/* ---- rows ------------------------------------------------------------------------------------------------------------ */

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

/* ---- scores: S = bias + K Q' ------------------------------------------------------------------------------------------- */

/* 4 keys by `vectors` vectors of lanes, a constant. */
static inline void scores_tile(float *s, const float *bias, size_t stride, const float *k, const float *q, int lanes, int depth, int width, const int vectors)
{
    const V8 zero = _mm256_setzero_ps();
    V8 sum[4][3];
    for (int i = 0; i < 4; i++) {
        const float *from = bias + (size_t)i * stride;
        sum[i][0] = bias ? _mm256_loadu_ps(from) : zero;
        sum[i][1] = bias && vectors > 1 ? _mm256_loadu_ps(from + 8) : zero;
        sum[i][2] = bias && vectors > 2 ? _mm256_loadu_ps(from + 16) : zero;
    }
    for (int d = 0; d < depth; d++, k++, q += lanes) {
        const V8 x0 = _mm256_load_ps(q), x1 = vectors > 1 ? _mm256_load_ps(q + 8) : zero, x2 = vectors > 2 ? _mm256_load_ps(q + 16) : zero;
        for (int i = 0; i < 4; i++) {
            const V8 y = _mm256_broadcast_ss(k + (size_t)i * (size_t)width);
            sum[i][0] = _mm256_fmadd_ps(y, x0, sum[i][0]);
            if (vectors > 1)
                sum[i][1] = _mm256_fmadd_ps(y, x1, sum[i][1]);
            if (vectors > 2)
                sum[i][2] = _mm256_fmadd_ps(y, x2, sum[i][2]);
        }
    }
    for (int i = 0; i < 4; i++, s += lanes) {
        _mm256_store_ps(s, sum[i][0]);
        if (vectors > 1)
            _mm256_store_ps(s + 8, sum[i][1]);
        if (vectors > 2)
            _mm256_store_ps(s + 16, sum[i][2]);
    }
}

static void scores(float *s, const float *bias, size_t stride, const float *k, const float *q, int keys, int lanes, int depth, int width)
{
    for (int lane = 0; lane < lanes;) {
        const int left = (lanes - lane) / 8, vectors = left == 4 ? 2 : left < 3 ? left : 3; /* 4 = 2 + 2 */
        for (int key = 0; key < keys; key += 4) {
            float *to = s + (size_t)key * (size_t)lanes + lane;
            const float *from = bias ? bias + (size_t)key * stride + lane : NULL, *kk = k + (size_t)key * (size_t)width;
            if (vectors == 3)
                scores_tile(to, from, stride, kk, q + lane, lanes, depth, width, 3);
            else if (vectors == 2)
                scores_tile(to, from, stride, kk, q + lane, lanes, depth, width, 2);
            else
                scores_tile(to, from, stride, kk, q + lane, lanes, depth, width, 1);
        }
        lane += 8 * vectors;
    }
}

/* ---- bias --------------------------------------------------------------------------------------------------------------- */

static void mask_regions(float *s, const float *bias, size_t stride, const int *key_region, const int *lane_region, int keys, int lanes)
{
    for (int key = 0; key < keys; key++, s += lanes) {
        const __m256i region = _mm256_set1_epi32(key_region[key]);
        for (int lane = 0; lane < lanes; lane += 8) {
            const V8 start = bias ? _mm256_loadu_ps(bias + (size_t)key * stride + lane) : _mm256_setzero_ps();
            const __m256i same = _mm256_cmpeq_epi32(region, _mm256_loadu_si256((const __m256i *)(const void *)(lane_region + lane)));
            _mm256_store_ps(s + lane, _mm256_add_ps(start, _mm256_andnot_ps(_mm256_castsi256_ps(same), v8_set(-100.0f))));
        }
    }
}

/* df_table_row() on entries first .. last, rounded out to whole vectors. */
static inline void table_row(float *value, float *delta, const DfScoreTable *table, float y, int first, int last)
{
    const DfCell cell = df_table_cell(y, table->h);
    const V8 a = v8_set(1.0f - cell.part), b = v8_set(cell.part);
    const ptrdiff_t top = (ptrdiff_t)cell.at * table->stride - DF_TABLE_MARGIN, bottom = top + table->stride;
    for (int x = first & ~7; x <= last; x += 8) {
        const V8 v = _mm256_mul_ps(a, _mm256_loadu_ps(table->value + top + x)), d = _mm256_mul_ps(a, _mm256_loadu_ps(table->delta + top + x));
        _mm256_store_ps(value + x, _mm256_fmadd_ps(b, _mm256_loadu_ps(table->value + bottom + x), v));
        _mm256_store_ps(delta + x, _mm256_fmadd_ps(b, _mm256_loadu_ps(table->delta + bottom + x), d));
    }
}

/* Eight positions, held within the margins: entry of the padded row and the part of the way to the next. */
static inline __m256i cells(V8 position, int size, V8 *part)
{
    const V8 held = _mm256_min_ps(_mm256_max_ps(position, v8_set((float)-DF_TABLE_MARGIN)), v8_set((float)size));
    const V8 below = _mm256_floor_ps(held);
    *part = _mm256_sub_ps(held, below);
    return _mm256_add_epi32(_mm256_cvttps_epi32(below), _mm256_set1_epi32(DF_TABLE_MARGIN));
}

/* Eight neighbouring queries lie within eight entries of the row: two loads and two permutations fetch them all. */
static inline V8 sample_near(const float *value, const float *delta, V8 position, int size)
{
    V8 part;
    const __m256i at = cells(position, size, &part);
    const __m128i first = _mm256_castsi256_si128(at);
    const int start = _mm_cvtsi128_si32(first);
    const __m256i from = _mm256_sub_epi32(at, _mm256_broadcastd_epi32(first));
    const V8 v = _mm256_permutevar8x32_ps(_mm256_loadu_ps(value + start), from), d = _mm256_permutevar8x32_ps(_mm256_loadu_ps(delta + start), from);
    return _mm256_fmadd_ps(part, d, v);
}

static inline V8 sample_far(const float *value, const float *delta, V8 position, int size)
{
    V8 part;
    const __m256i at = cells(position, size, &part);
    return _mm256_fmadd_ps(part, _mm256_i32gather_ps(delta, at, 4), _mm256_i32gather_ps(value, at, 4));
}

static void table_bias(float *s, const DfScoreTable *table, const DfLattice *at, const float *key_y, const float *key_x, int keys, float *row)
{
    float *delta = row + table->stride;
    const bool near = at->step * 7 < 6.99f; /* 0 .. 7 entries apart whatever the rounding */
    for (int key = 0; key < keys; key++) {
        const V8 x = v8_set(key_x[key]);
        const int first = df_table_cell(at->x[0] - key_x[key], table->w).at + DF_TABLE_MARGIN;
        const int last = df_table_cell(at->x[at->width - 1] - key_x[key], table->w).at + DF_TABLE_MARGIN + 7;
        for (int r = 0; r < at->rows; r++, s += at->width) {
            table_row(row, delta, table, at->y[r] - key_y[key], first, last);
            for (int j = 0; near && j < at->width; j += 8)
                _mm256_store_ps(s + j, sample_near(row, delta, _mm256_sub_ps(_mm256_loadu_ps(at->x + j), x), table->w));
            for (int j = 0; !near && j < at->width; j += 8)
                _mm256_store_ps(s + j, sample_far(row, delta, _mm256_sub_ps(_mm256_loadu_ps(at->x + j), x), table->w));
        }
    }
}

/* ---- softmax ------------------------------------------------------------------------------------------------------------- */

static void softmax(float *s, int keys, int lanes, float *max, float *sum, float *rescale)
{
    const size_t stride = (size_t)lanes;
    for (int lane = 0; lane < lanes; lane += 8) {
        const V8 before = _mm256_load_ps(max + lane);
        V8 m = before, total = _mm256_setzero_ps();
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
            _mm256_store_ps(dp + lane, _mm256_mul_ps(p, _mm256_sub_ps(_mm256_load_ps(dp + lane), _mm256_load_ps(delta + lane))));
        }
}

/* ---- combine: O = keep O + M X ------------------------------------------------------------------------------------------- */

typedef struct {
    float *out;
    const float *keep, *m, *x;
    size_t row, column;
    int terms, width;
} Combine;

#define COMBINE_JOIN(rows, vectors) combine_##rows##x##vectors
#define COMBINE_NAME(rows, vectors) COMBINE_JOIN(rows, vectors)
#define ROWS 3
#define VECTORS 4
#include "kernels/combine_tile_avx2.h"
#define ROWS 1
#define VECTORS 4
#include "kernels/combine_tile_avx2.h"
#define ROWS 6
#define VECTORS 2
#include "kernels/combine_tile_avx2.h"
#define ROWS 1
#define VECTORS 2
#include "kernels/combine_tile_avx2.h"
#define ROWS 6
#define VECTORS 1
#include "kernels/combine_tile_avx2.h"
#define ROWS 1
#define VECTORS 1
#include "kernels/combine_tile_avx2.h"

typedef void CombineTile(const Combine *, int i, int d);

static void combine(float *out, const float *keep, const float *m, size_t row, size_t column, const float *x, int n, int terms, int width)
{
    static const struct {
        int rows, vectors;
        CombineTile *tile, *single;
    } forms[] = { { 3, 4, combine_3x4, combine_1x4 }, { 6, 2, combine_6x2, combine_1x2 }, { 6, 1, combine_6x1, combine_1x1 } };
    const Combine c = { out, keep, m, x, row, column, terms, width };
    for (int f = 0, d = 0; d < width; d += 8 * forms[f].vectors) {
        while (width - d < 8 * forms[f].vectors)
            f++;
        int i = 0;
        for (; i + forms[f].rows <= n; i += forms[f].rows)
            forms[f].tile(&c, i, d);
        for (; i < n; i++)
            forms[f].single(&c, i, d);
    }
}

void df_attention_init_avx2(DfAttentionKernels *k)
{
    *k = (DfAttentionKernels){ transpose_rows, copy_rows, store_rows, scores, mask_regions, table_bias, softmax, combine, softmax_backward };
}
