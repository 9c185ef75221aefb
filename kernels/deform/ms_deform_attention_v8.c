/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/deform/ms_deform_attention_v8.c -- the leaves of multi-scale deformable attention, eight floats at once:
 * samples side by side while their taps are found, channels side by side while they are summed.
 */
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

static void store_tap(int *cell, float *weight, V8m on, V8i at, V8 share)
{
    v8i_store(cell, v8i_where(on, at));
    v8_store(weight, v8_where(on, share));
}

/* The taps of eight samples: (x, y) in cells, with pixel centres at halves; x0 y0 the tap above and left of it, ax
 * ay how far beyond it lies. */
static void eight_taps(int *cell, float *weight, const DfMsSamples *s, int i, Pairs location, V8 attention)
{
    const V8 one = v8_set(1), half = v8_set(0.5f);
    const V8 w = v8_load(s->w + i), h = v8_load(s->h + i);
    const V8 x = v8_sub(v8_mul(location.x, w), half);
    const V8 y = v8_sub(v8_mul(location.y, h), half);
    const V8 x0 = v8_floor(x), x1 = v8_add(x0, one);
    const V8 y0 = v8_floor(y), y1 = v8_add(y0, one);
    const V8 ax = v8_sub(x, x0), bx = v8_sub(one, ax);
    const V8 ay = v8_sub(y, y0), by = v8_sub(one, ay);
    const V8m left = within(x0, w), right = within(x1, w);
    const V8m top = within(y0, h), bottom = within(y1, h);
    const V8i width = v8i_load(s->width + i);
    const V8i next = v8i_set(1);
    const V8i row = v8i_mul(v8_to_int(y0), width);
    const V8i above = v8i_add(v8i_load(s->first + i), v8i_add(row, v8_to_int(x0)));
    const V8i below = v8i_add(above, width);
    const int room = s->room;
    cell += i;
    weight += i;
    store_tap(cell, weight, v8m_and(top, left), above, v8_mul(v8_mul(bx, by), attention));
    store_tap(cell + room, weight + room, v8m_and(top, right), v8i_add(above, next),
              v8_mul(v8_mul(ax, by), attention));
    store_tap(cell + 2 * room, weight + 2 * room, v8m_and(bottom, left), below,
              v8_mul(v8_mul(bx, ay), attention));
    store_tap(cell + 3 * room, weight + 3 * room, v8m_and(bottom, right), v8i_add(below, next),
              v8_mul(v8_mul(ax, ay), attention));
}

static void taps_v8(int *cell, float *weight, const DfMsSamples *s, const float *location, const float *attention)
{
    for (int i = 0; i < s->room; i += 8) {
        const int left = s->n - i;
        const V8 a = left >= 8 ? v8_load(attention + i) : v8_load_part(attention + i, v8_first(left));
        eight_taps(cell, weight, s, i, load_pairs(location + 2 * i, left), a);
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

void df_ms_deform_init_v8(DfMsDeformKernels *k)
{
    k->taps = taps_v8;
    k->gather = gather_v8;
}
