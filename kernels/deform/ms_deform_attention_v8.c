/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/deform/ms_deform_attention_v8.c -- the leaf kernels of multi-scale deformable attention, eight floats at a
 * time, forward and backward: eight samples while taps are computed, eight channels while they are summed.
 */
#include <string.h>

#include "kernels/ladder.h"
#include "kernels/vector.h"

/* ---- taps ------------------------------------------------------------------------------------------------------- */

typedef struct {
    V8 x, y;
} Pairs;

static Pairs load_pairs(const float *from, int n) /* x y x y .. of up to eight samples */
{
    V8 low, high;
    if (n >= 8) {
        low = v8_load(from);
        high = v8_load(from + 8);
    } else {
        low = v8_load_part(from, v8_first(2 * n));
        high = n > 4 ? v8_load_part(from + 8, v8_first(2 * n - 8)) : v8_zero();
    }
    return (Pairs){ v8_even(low, high), v8_odd(low, high) };
}

/* A row or a column of taps: in the level where `cell` is not negative and below `size`. */
static V8m within(V8 cell, V8 size)
{
    return v8m_and(v8_ge(cell, v8_zero()), v8_lt(cell, size));
}

/* The positions of eight samples, in cells with pixel centres at halves: x0 y0 is the tap above and left of each, ax ay
 * the distance from it to the sample, bx by the distance from there to the next tap. */
typedef struct {
    V8 x0, y0, ax, ay, bx, by;
    V8m left, right, top, bottom; /* which taps are in the level */
} Places;

static inline Places places_of(const DfMsSamples *s, int i, Pairs location)
{
    const V8 one = v8_set(1), half = v8_set(0.5f);
    const V8 w = v8_load(s->w + i), h = v8_load(s->h + i);
    const V8 x = v8_sub(v8_mul(location.x, w), half);
    const V8 y = v8_sub(v8_mul(location.y, h), half);
    const V8 x0 = v8_floor(x), y0 = v8_floor(y);
    const V8 ax = v8_sub(x, x0), ay = v8_sub(y, y0);
    return (Places){ x0, y0, ax, ay, v8_sub(one, ax), v8_sub(one, ay), within(x0, w), within(v8_add(x0, one), w),
                     within(y0, h), within(v8_add(y0, one), h) };
}

static void store_tap(int *cell, float *weight, V8m on, V8i at, V8 share)
{
    v8i_store(cell, v8i_where(on, at));
    v8_store(weight, v8_where(on, share));
}

static void eight_taps(int *cell, float *weight, const DfMsSamples *s, int i, Pairs location, V8 attention)
{
    const Places p = places_of(s, i, location);
    const V8i width = v8i_load(s->width + i);
    const V8i next = v8i_set(1);
    const V8i row = v8i_mul(v8_to_int(p.y0), width);
    const V8i above = v8i_add(v8i_load(s->first + i), v8i_add(row, v8_to_int(p.x0)));
    const V8i below = v8i_add(above, width);
    const int room = s->room;
    cell += i;
    weight += i;
    store_tap(cell, weight, v8m_and(p.top, p.left), above, v8_mul(v8_mul(p.bx, p.by), attention));
    store_tap(cell + room, weight + room, v8m_and(p.top, p.right), v8i_add(above, next),
              v8_mul(v8_mul(p.ax, p.by), attention));
    store_tap(cell + 2 * room, weight + 2 * room, v8m_and(p.bottom, p.left), below,
              v8_mul(v8_mul(p.bx, p.ay), attention));
    store_tap(cell + 3 * room, weight + 3 * room, v8m_and(p.bottom, p.right), v8i_add(below, next),
              v8_mul(v8_mul(p.ax, p.ay), attention));
}

/* The first of a row of which `left` remain; the other lanes are 0. */
static inline V8 load_some(const float *from, int left)
{
    return left >= 8 ? v8_load(from) : v8_load_part(from, v8_first(left));
}

static void taps_v8(int *cell, float *weight, const DfMsSamples *s, const float *location, const float *attention)
{
    for (int i = 0; i < s->room; i += 8) {
        const int left = s->n - i;
        eight_taps(cell, weight, s, i, load_pairs(location + 2 * i, left), load_some(attention + i, left));
    }
}

/* ---- gather ----------------------------------------------------------------------------------------------------- */

/* 32 channels: four vectors, in two chains of sums so that additions do not wait for one another. */
static void gather_32(float *out, const float *value, size_t stride, const int *cell, const float *weight, int n)
{
    V8 a[4], b[4];
    for (int i = 0; i < 4; i++)
        a[i] = b[i] = v8_zero();
    for (int t = 0; t < n; t += 2) {
        const float *const row = value + (size_t)cell[t] * stride;
        const float *const other = value + (size_t)cell[t + 1] * stride;
        const V8 w = v8_set(weight[t]), u = v8_set(weight[t + 1]);
        for (int i = 0; i < 4; i++) {
            a[i] = v8_fma(w, v8_load(row + 8 * i), a[i]);
            b[i] = v8_fma(u, v8_load(other + 8 * i), b[i]);
        }
    }
    for (int i = 0; i < 4; i++)
        v8_store(out + 8 * i, v8_add(a[i], b[i]));
}

static void gather_8(float *out, const float *value, size_t stride, const int *cell, const float *weight, int n)
{
    V8 a = v8_zero(), b = a;
    for (int t = 0; t < n; t += 2) {
        a = v8_fma(v8_set(weight[t]), v8_load(value + (size_t)cell[t] * stride), a);
        b = v8_fma(v8_set(weight[t + 1]), v8_load(value + (size_t)cell[t + 1] * stride), b);
    }
    v8_store(out, v8_add(a, b));
}

static void gather_rest(float *out, const float *value, size_t stride, const int *cell, const float *weight, int n,
                        int depth)
{
    const V8Part on = v8_first(depth);
    V8 a = v8_zero();
    for (int t = 0; t < n; t++)
        a = v8_fma(v8_set(weight[t]), v8_load_part(value + (size_t)cell[t] * stride, on), a);
    v8_store_part(out, on, a);
}

static void gather_v8(float *out, const float *value, size_t stride, const int *cell, const float *weight, int n,
                        int depth)
{
    int d = 0;
    for (; d + 32 <= depth; d += 32)
        gather_32(out + d, value + d, stride, cell, weight, n);
    for (; d + 8 <= depth; d += 8)
        gather_8(out + d, value + d, stride, cell, weight, n);
    if (d < depth)
        gather_rest(out + d, value + d, stride, cell, weight, n, depth - d);
}

/* ---- scatter ---------------------------------------------------------------------------------------------------- */

/* Lane k: the sum of vector k. */
static inline V8 sum_of_each(V8 v[8])
{
    v8_transpose(v);
    for (int width = 4; width > 0; width /= 2)
        for (int k = 0; k < width; k++)
            v[k] = v8_add(v[k], v[k + width]);
    return v[0];
}

/* `vectors` vectors of channels, of all taps. The sums of eight taps are finished
 * together, by a transposition. `vectors` is a constant where this is inlined. */
static inline void scatter_piece(float *e, float *dvalue, const float *value, size_t stride, const int *cell,
                                 const float *weight, const float *g, int n, const int vectors)
{
    V8 gradient[4];
    for (int i = 0; i < vectors; i++)
        gradient[i] = v8_load(g + 8 * i);
    for (int t = 0; t < n; t += 8) {
        V8 sums[8];
        for (int k = 0; k < 8; k++) {
            const float *const row = value + (size_t)cell[t + k] * stride;
            sums[k] = v8_mul(gradient[0], v8_load(row));
            for (int i = 1; i < vectors; i++)
                sums[k] = v8_fma(gradient[i], v8_load(row + 8 * i), sums[k]);
        }
        for (int k = 0; dvalue && k < 8; k++) {
            float *const to = dvalue + (size_t)cell[t + k] * stride;
            const V8 w = v8_set(weight[t + k]);
            for (int i = 0; weight[t + k] != 0.0f && i < vectors; i++)
                v8_store(to + 8 * i, v8_fma(w, gradient[i], v8_load(to + 8 * i)));
        }
        v8_store(e + t, v8_add(v8_load(e + t), sum_of_each(sums)));
    }
}

static void scatter_rest(float *e, float *dvalue, const float *value, size_t stride, const int *cell,
                         const float *weight, const float *g, int n, int depth)
{
    const V8Part on = v8_first(depth);
    const V8 gradient = v8_load_part(g, on);
    for (int t = 0; t < n; t++) {
        const size_t at = (size_t)cell[t] * stride;
        e[t] += v8_sum(v8_mul(gradient, v8_load_part(value + at, on)));
        if (dvalue && weight[t] != 0.0f)
            v8_store_part(dvalue + at, on, v8_fma(v8_set(weight[t]), gradient, v8_load_part(dvalue + at, on)));
    }
}

static void scatter_v8(float *e, float *dvalue, const float *value, size_t stride, const int *cell,
                       const float *weight, const float *g, int n, int depth)
{
    memset(e, 0, (size_t)n * sizeof *e);
    int d = 0;
    for (; d + 32 <= depth; d += 32)
        scatter_piece(e, dvalue ? dvalue + d : NULL, value + d, stride, cell, weight, g + d, n, 4);
    for (; d + 8 <= depth; d += 8)
        scatter_piece(e, dvalue ? dvalue + d : NULL, value + d, stride, cell, weight, g + d, n, 1);
    if (d < depth)
        scatter_rest(e, dvalue ? dvalue + d : NULL, value + d, stride, cell, weight, g + d, n, depth - d);
}

/* ---- slopes ----------------------------------------------------------------------------------------------------- */

static inline void add_some(float *to, int left, V8 x)
{
    if (left >= 8)
        v8_store(to, v8_add(v8_load(to), x));
    else if (left > 0)
        v8_store_part(to, v8_first(left), v8_add(v8_load_part(to, v8_first(left)), x));
}

/* The e of a tap of eight samples, 0 outside the level. */
static inline V8 tap_gradient(const float *e, V8m row, V8m column)
{
    return v8_where(v8m_and(row, column), v8_load(e));
}

/* As sample_backward() in ms_deform_attention.c, which explains it. A location that is NaN has no taps, but its
 * fractions are NaN, too. */
static inline void eight_slopes(float *dlocation, float *dattention, const DfMsSamples *s, int i, Pairs location,
                                V8 attention, const float *e)
{
    const Places p = places_of(s, i, location);
    const int left = s->n - i;
    const size_t room = (size_t)s->room;
    const V8 e0 = tap_gradient(e + i, p.top, p.left), e1 = tap_gradient(e + room + i, p.top, p.right);
    const V8 e2 = tap_gradient(e + 2 * room + i, p.bottom, p.left);
    const V8 e3 = tap_gradient(e + 3 * room + i, p.bottom, p.right);
    const V8m number = v8m_and(v8_ge(p.ax, v8_zero()), v8_ge(p.ay, v8_zero()));
    const V8 above = v8_fma(p.ax, e1, v8_mul(p.bx, e0)), below = v8_fma(p.ax, e3, v8_mul(p.bx, e2));
    if (dattention)
        add_some(dattention + i, left, v8_where(number, v8_fma(p.ay, below, v8_mul(p.by, above))));
    if (!dlocation)
        return;
    const V8 by_x = v8_fma(p.ay, v8_sub(e3, e2), v8_mul(p.by, v8_sub(e1, e0)));
    const V8 by_y = v8_fma(p.ax, v8_sub(e3, e1), v8_mul(p.bx, v8_sub(e2, e0)));
    const V8 dx = v8_where(number, v8_mul(v8_mul(attention, v8_load(s->w + i)), by_x));
    const V8 dy = v8_where(number, v8_mul(v8_mul(attention, v8_load(s->h + i)), by_y));
    add_some(dlocation + 2 * i, 2 * left, v8_zip_low(dx, dy));
    add_some(dlocation + 2 * i + 8, 2 * left - 8, v8_zip_high(dx, dy));
}

static void slopes_v8(float *dlocation, float *dattention, const DfMsSamples *s, const float *location,
                      const float *attention, const float *e)
{
    for (int i = 0; i < s->n; i += 8) {
        const int left = s->n - i;
        eight_slopes(dlocation, dattention, s, i, load_pairs(location + 2 * i, left), load_some(attention + i, left),
                     e);
    }
}

void df_ms_deform_init_v8(DfMsDeformKernels *k)
{
    *k = (DfMsDeformKernels){ taps_v8, gather_v8, scatter_v8, slopes_v8 };
}
