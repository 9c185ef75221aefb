/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/tile_avx512.h -- template of tile_avx512.c and tile_avx512bf16.c: scores, softmax and sums of
 * attention, sixteen lanes at a time, for float32 and for bfloat16. Tiles are multiples of eight wide, so the last
 * vector may be half empty; it is masked. Before including it, a file defines what differs between the two:
 *     multiply_add(a, b, sum)   one step of a sum, in every lane
 *     steps_of(depth)           the number of steps in the product of a query and a key
 *     weights_of(...)           turns the scores of a vector of lanes into weights, in place; returns their sum
 */

enum { VECTOR = 16 };

/* ---- scores: S = bias + K Q' ------------------------------------------------------------------------------------ */

/* A tile of scores: four keys by up to six vectors of lanes, of which the last may be partial. So 96 lanes are one
 * tile, with 24 sums in registers; two narrower tiles would wait for the latency of their additions. */
typedef struct {
    const float *k, *q;
    size_t lanes, width;
    int steps;
    V16Part last;
} Scores;

#define EACH_KEY(what) what(0) what(1) what(2) what(3)
#define START_KEY(i) \
    V16 a##i = FIRST(0, i), b##i = FIRST(1, i), c##i = FIRST(2, i);          \
    V16 e##i = FIRST(3, i), f##i = FIRST(4, i), g##i = FIRST(5, i);
#define STEP_KEY(i)                                                          \
    x = v16_set(k[i * width]);                                               \
    a##i = multiply_add(x, q0, a##i);                                        \
    if (vectors > 1)                                                         \
        b##i = multiply_add(x, q1, b##i);                                    \
    if (vectors > 2)                                                         \
        c##i = multiply_add(x, q2, c##i);                                    \
    if (vectors > 3)                                                         \
        e##i = multiply_add(x, q3, e##i);                                    \
    if (vectors > 4)                                                         \
        f##i = multiply_add(x, q4, f##i);                                    \
    if (vectors > 5)                                                         \
        g##i = multiply_add(x, q5, g##i);
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
    for (int step = 0; step < t->steps; step++, k++, q += lanes) {
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
        const V16Part last = v16_first(left - (vectors - 1) * VECTOR);
        const Scores t = { k, q + lane, (size_t)lanes, (size_t)width, steps_of(depth), last };
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

/* ---- softmax ---------------------------------------------------------------------------------------------------- */

/* The maximum of a column of scores and of `before`, in two chains: a single one would wait for its own latency. */
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

/* One vector of lanes. For whole vectors `on` is a constant, and the compiler removes the masks. */
static inline void softmax_lanes(float *s, int keys, size_t stride, float *max, float *sum, float *rescale,
                                 const V16Part on)
{
    const V16 before = v16_load_part(max, on);
    const V16 m = largest(s, keys, stride, on, before);
    const V16 total = weights_of(s, keys, stride, m, on);
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

/* ---- results: eight rows of O = keep O + M X --------------------------------------------------------------------- */

enum { ROWS = 8 };

/* Eight rows of the result, the factors by which their old values are kept, and their weights. */
typedef struct {
    float *out[ROWS];
    float keep[ROWS];
    const float *m[ROWS];
} Rows;

static inline V16 kept(const float *out, float keep, V16Part lanes)
{
    if (keep == 0.0f)
        return v16_zero(); /* the row may be uninitialised */
    return v16_mul(v16_set(keep), v16_load_part(out, lanes));
}

#define EACH_ROW(what) what(0) what(1) what(2) what(3) what(4) what(5) what(6) what(7)
#define START_ROW(i)                                                         \
    const float *m##i = rows->m[i];                                          \
    V16 l##i = kept(rows->out[i] + d, rows->keep[i], left);                  \
    V16 r##i = two ? kept(rows->out[i] + d + VECTOR, rows->keep[i], right) : v16_zero();
#define STEP_ROW(i)                                                          \
    weight = v16_set(m##i[at]);                                              \
    l##i = multiply_add(weight, x0, l##i);                                   \
    if (two)                                                                 \
        r##i = multiply_add(weight, x1, r##i);
#define STORE_ROW(i)                                                         \
    v16_store_part(rows->out[i] + d, left, l##i);                            \
    if (two)                                                                 \
        v16_store_part(rows->out[i] + d + VECTOR, right, r##i);

/* The eight rows from the i-th on; those beyond the last of n repeat it, and write the same. */
static inline Rows rows_from(int i, int n, float *out, const float *keep, const float *m, size_t row, int width)
{
    Rows rows;
    for (int j = 0; j < ROWS; j++) {
        const int at = i + j < n ? i + j : n - 1;
        rows.out[j] = out + (size_t)at * (size_t)width;
        rows.keep[j] = keep ? keep[at] : 0.0f;
        rows.m[j] = m + (size_t)at * row;
    }
    return rows;
}
