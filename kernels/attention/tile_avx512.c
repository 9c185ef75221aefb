/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/attention/tile_avx512.c -- the two products of attention and the softmax between them by AVX-512, sixteen
 * lanes at a time. Tiles are multiples of eight wide: the last vector may be half empty, and is masked. Moving rows and
 * the position bias stay with the rung below (tile_v8.c).
 */
#include "kernels/attention/tile.h"
#include "kernels/ladder.h"
#include "kernels/vector_avx512.h"

enum { VECTOR = 16 };

/* ---- scores: S = bias + K Q' ------------------------------------------------------------------------------------ */

/* A tile of scores: four keys, up to four vectors of lanes, the last of them in part. */
typedef struct {
    const float *k, *q;
    size_t lanes, width;
    int depth;
    __mmask16 last;
} Scores;

#define EACH_KEY(what) what(0) what(1) what(2) what(3)
#define START_KEY(i) \
    V16 a##i = FIRST(0, i), b##i = FIRST(1, i), c##i = FIRST(2, i), e##i = FIRST(3, i);
#define STEP_KEY(i)                                                          \
    x = v16_set(k[i * width]);                                               \
    a##i = _mm512_fmadd_ps(x, q0, a##i);                                     \
    if (vectors > 1)                                                         \
        b##i = _mm512_fmadd_ps(x, q1, b##i);                                 \
    if (vectors > 2)                                                         \
        c##i = _mm512_fmadd_ps(x, q2, c##i);                                 \
    if (vectors > 3)                                                         \
        e##i = _mm512_fmadd_ps(x, q3, e##i);
#define STORE_KEY(i)                                                         \
    STORE(0, i, a##i)                                                        \
    STORE(1, i, b##i)                                                        \
    STORE(2, i, c##i)                                                        \
    STORE(3, i, e##i)
#define LANES(v) ((v) + 1 == vectors ? t->last : (__mmask16)((v) < vectors ? 0xffff : 0))
#define FIRST(v, i) \
    (bias ? _mm512_maskz_loadu_ps(LANES(v), bias + i * stride + (v) * VECTOR) : _mm512_setzero_ps())
#define STORE(v, i, x)                                                       \
    if ((v) < vectors)                                                       \
        _mm512_mask_storeu_ps(s + i * lanes + (v) * VECTOR, LANES(v), x);

/* `vectors` is a constant where this is inlined. */
static inline void scores_tile(float *s, const float *bias, size_t stride, const Scores *t, const int vectors)
{
    const size_t lanes = t->lanes;
    const size_t width = t->width;
    const float *k = t->k, *q = t->q;
    EACH_KEY(START_KEY)
    for (int d = 0; d < t->depth; d++, k++, q += lanes) {
        const V16 q0 = _mm512_maskz_loadu_ps(LANES(0), q);
        const V16 q1 = _mm512_maskz_loadu_ps(LANES(1), q + VECTOR);
        const V16 q2 = _mm512_maskz_loadu_ps(LANES(2), q + 2 * VECTOR);
        const V16 q3 = _mm512_maskz_loadu_ps(LANES(3), q + 3 * VECTOR);
        V16 x;
        EACH_KEY(STEP_KEY)
    }
    EACH_KEY(STORE_KEY)
}

static void scores(float *s, const float *bias, size_t stride, const float *k, const float *q, int keys, int lanes,
                   int depth, int width)
{
    for (int lane = 0; lane < lanes; lane += 4 * VECTOR) {
        const int left = lanes - lane < 4 * VECTOR ? lanes - lane : 4 * VECTOR;
        const int vectors = (left + VECTOR - 1) / VECTOR;
        Scores t = { k, q + lane, (size_t)lanes, (size_t)width, depth, v16_first(left - (vectors - 1) * VECTOR) };
        for (int key = 0; key < keys; key += DF_KEY_MULTIPLE, t.k += DF_KEY_MULTIPLE * (size_t)width) {
            float *to = s + (size_t)key * (size_t)lanes + lane;
            const float *from = bias ? bias + (size_t)key * stride + lane : NULL;
            if (vectors == 4)
                scores_tile(to, from, stride, &t, 4);
            else if (vectors == 3)
                scores_tile(to, from, stride, &t, 3);
            else if (vectors == 2)
                scores_tile(to, from, stride, &t, 2);
            else
                scores_tile(to, from, stride, &t, 1);
        }
    }
}

/* ---- softmax ---------------------------------------------------------------------------------------------------- */

/* The largest of a column of scores, and of what was there before: two chains, since one waits for itself. */
static inline V16 largest(const float *column, int keys, size_t stride, __mmask16 lanes, V16 before)
{
    V16 m = before, n = before;
    int key = 0;
    for (; key + 2 <= keys; key += 2, column += 2 * stride) {
        m = _mm512_mask_max_ps(m, lanes, m, _mm512_maskz_loadu_ps(lanes, column));
        n = _mm512_mask_max_ps(n, lanes, n, _mm512_maskz_loadu_ps(lanes, column + stride));
    }
    if (key < keys)
        m = _mm512_mask_max_ps(m, lanes, m, _mm512_maskz_loadu_ps(lanes, column));
    return _mm512_max_ps(m, n);
}

static void softmax(float *s, int keys, int lanes, float *max, float *sum, float *rescale)
{
    const size_t stride = (size_t)lanes;
    for (int lane = 0; lane < lanes; lane += VECTOR) {
        const __mmask16 on = v16_first(lanes - lane);
        const V16 before = _mm512_maskz_loadu_ps(on, max + lane);
        const V16 m = largest(s + lane, keys, stride, on, before);
        V16 total = _mm512_setzero_ps();
        float *p = s + lane;
        for (int key = 0; key < keys; key++, p += stride) {
            const V16 e = v16_exp_le(_mm512_sub_ps(_mm512_maskz_loadu_ps(on, p), m));
            _mm512_mask_storeu_ps(p, on, e);
            total = _mm512_add_ps(total, e);
        }
        const V16 factor = v16_exp_le(_mm512_sub_ps(before, m));
        const V16 old = _mm512_maskz_loadu_ps(on, sum + lane);
        _mm512_mask_storeu_ps(rescale + lane, on, factor);
        _mm512_mask_storeu_ps(sum + lane, on, _mm512_fmadd_ps(old, factor, total));
        _mm512_mask_storeu_ps(max + lane, on, m);
    }
}

/* ---- combine: O = keep O + M X ---------------------------------------------------------------------------------- */

enum { ROWS = 8 };

/* Eight rows of the result, what they keep of themselves, and their weights. */
typedef struct {
    float *out[ROWS];
    float keep[ROWS];
    const float *m[ROWS];
} Rows;

static inline V16 kept(const float *out, float keep, __mmask16 lanes)
{
    if (keep == 0.0f)
        return _mm512_setzero_ps(); /* what is there may be undefined */
    return _mm512_mul_ps(v16_set(keep), _mm512_maskz_loadu_ps(lanes, out));
}

#define EACH_ROW(what) what(0) what(1) what(2) what(3) what(4) what(5) what(6) what(7)
#define START_ROW(i)                                                         \
    const float *m##i = rows->m[i];                                          \
    V16 l##i = kept(rows->out[i] + d, rows->keep[i], left);                  \
    V16 r##i = two ? kept(rows->out[i] + d + VECTOR, rows->keep[i], right) : _mm512_setzero_ps();
#define STEP_ROW(i)                                                          \
    weight = v16_set(m##i[at]);                                              \
    l##i = _mm512_fmadd_ps(weight, x0, l##i);                                \
    if (two)                                                                 \
        r##i = _mm512_fmadd_ps(weight, x1, r##i);
#define STORE_ROW(i)                                                         \
    _mm512_mask_storeu_ps(rows->out[i] + d, left, l##i);                     \
    if (two)                                                                 \
        _mm512_mask_storeu_ps(rows->out[i] + d + VECTOR, right, r##i);

/* Up to 32 columns of the eight rows, from d on. `two`, whether these are more than sixteen, is a constant where this
 * is inlined. */
static inline void combine_tile(const Rows *rows, size_t column, const float *x, int terms, int width, int d,
                                const bool two)
{
    const __mmask16 left = v16_first(width - d);
    const __mmask16 right = v16_first(width - d - VECTOR);
    EACH_ROW(START_ROW)
    x += d;
    for (size_t n = (size_t)terms, at = 0; n > 0; n--, at += column, x += width) {
        const V16 x0 = _mm512_maskz_loadu_ps(left, x);
        const V16 x1 = two ? _mm512_maskz_loadu_ps(right, x + VECTOR) : x0;
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
    k->softmax = softmax;
    k->combine = combine;
}
