/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/pointwise/layer_norm_wide.h -- template of rows_v8.c and rows_avx512.c (kernels/wide.h): layer norm of rows
 * and its gradients, WIDE floats at a time. A row is read from memory once and from the first-level cache after that.
 */
#include <math.h>

#include "kernels/wide.h"

static inline float mean_of(const float *x, size_t n)
{
    enum { SUMS = 32 / WIDE };
    V sum[SUMS];
    for (int k = 0; k < SUMS; k++)
        sum[k] = v_zero();
    size_t i = 0;
    for (; i + 32 <= n; i += 32)
        for (int k = 0; k < SUMS; k++)
            sum[k] = v_add(sum[k], v_load(x + i + k * WIDE));
    for (; i + WIDE <= n; i += WIDE)
        sum[0] = v_add(sum[0], v_load(x + i));
    if (i < n)
        sum[SUMS / 4] = v_add(sum[SUMS / 4], v_load_part(x + i, v_first((int)(n - i))));
    for (int left = SUMS / 2; left > 0; left /= 2)
        for (int k = 0; k < left; k++)
            sum[k] = v_add(sum[2 * k], sum[2 * k + 1]);
    return v_sum(sum[0]) / (float)n;
}

/* Sums of deviations from a mean, and of their squares. */
typedef struct {
    V square, left;
} Spread;

static inline Spread spread_more(Spread s, V deviation)
{
    return (Spread){ v_fma(deviation, deviation, s.square), v_add(s.left, deviation) };
}

/* The variance around an approximate mean, which is corrected, too: the deviations from it do not quite cancel, and
 * their sum gives the error of the mean (the corrected two-pass algorithm of Chan, Golub and LeVeque, 1983). */
static inline float variance_of(const float *x, size_t n, float *mean)
{
    const V m = v_set(*mean);
    Spread even = { v_zero(), v_zero() };
    Spread odd = even;
    size_t i = 0;
    for (; i + 2 * WIDE <= n; i += 2 * WIDE) {
        even = spread_more(even, v_sub(v_load(x + i), m));
        odd = spread_more(odd, v_sub(v_load(x + i + WIDE), m));
    }
    for (; i < n; i += WIDE) {
        const VPart part = v_first(n - i < WIDE ? (int)(n - i) : WIDE);
        even = spread_more(even, v_where(v_lanes(part), v_sub(v_load_part(x + i, part), m)));
    }
    const float off = v_sum(v_add(even.left, odd.left)) / (float)n;
    *mean += off;
    const float variance = v_sum(v_add(even.square, odd.square)) / (float)n - off * off;
    return variance <= 0 ? 0 : variance; /* a NaN stays one */
}

/* (x - mean) inverse weight + bias */
static inline void normalise(float *y, const float *x, const float *weight, const float *bias, float mean,
                             float inverse, size_t n)
{
    const V m = v_set(mean);
    const V s = v_set(inverse);
    const V one = v_set(1.0f);
    size_t i = 0;
    for (; weight && bias && i + WIDE <= n; i += WIDE) {
        const V unit = v_mul(v_sub(v_load(x + i), m), s);
        v_store(y + i, v_fma(unit, v_load(weight + i), v_load(bias + i)));
    }
    for (; i < n; i += WIDE) {
        const VPart part = v_first(n - i < WIDE ? (int)(n - i) : WIDE);
        const V unit = v_mul(v_sub(v_load_part(x + i, part), m), s);
        const V w = weight ? v_load_part(weight + i, part) : one;
        const V b = bias ? v_load_part(bias + i, part) : v_zero();
        v_store_part(y + i, part, v_fma(unit, w, b));
    }
}

static void layer_norm(float *y, const float *x, const float *weight, const float *bias, size_t rows, size_t n,
                       float eps, float *stats)
{
    for (size_t i = 0; i < rows; i++, x += n, y += n) {
        float mean = mean_of(x, n);
        const float variance = variance_of(x, n, &mean);
        const float inverse = 1 / sqrtf(variance + eps);
        normalise(y, x, weight, bias, mean, inverse, n);
        if (stats) {
            stats[2 * i] = mean;
            stats[2 * i + 1] = inverse;
        }
    }
}

/* ---- backward --------------------------------------------------------------------------------------------------- */

/* With u = (x - mean) inverse and h = weight g:  gx = inverse (h - mean(h) - u mean(h u)). */
typedef struct {
    const float *g, *x, *weight; /* weight may be NULL: ones */
    V mean, inverse;
} NormRow;

/* Some columns of a row. */
typedef struct {
    V g, u, h;
} Columns;

/* WIDE columns, or only those of `part` unless `whole`, which is a constant. */
static inline V load_columns(const float *from, VPart part, const bool whole)
{
    return whole ? v_load(from) : v_load_part(from, part);
}

static inline void add_columns(float *to, V x, VPart part, const bool whole)
{
    if (whole)
        v_store(to, v_add(x, v_load(to)));
    else
        v_store_part(to, part, v_add(x, v_load_part(to, part)));
}

static inline Columns columns_at(const NormRow *r, size_t i, VPart part, const bool whole)
{
    const V g = load_columns(r->g + i, part, whole);
    const V u = v_mul(v_sub(load_columns(r->x + i, part, whole), r->mean), r->inverse);
    const V h = r->weight ? v_mul(g, load_columns(r->weight + i, part, whole)) : g;
    return (Columns){ g, whole ? u : v_where(v_lanes(part), u), h };
}

/* Sums over a row of h and of h u. */
typedef struct {
    V h, hu;
} NormSums;

static inline void sum_columns(NormSums *s, const NormRow *r, float *g_weight, float *g_bias, size_t i, VPart part,
                               const bool whole)
{
    const Columns c = columns_at(r, i, part, whole);
    s->h = v_add(s->h, c.h);
    s->hu = v_fma(c.h, c.u, s->hu);
    if (g_weight)
        add_columns(g_weight + i, v_mul(c.g, c.u), part, whole);
    if (g_bias)
        add_columns(g_bias + i, c.g, part, whole);
}

static inline void grad_of_columns(float *gx, const NormRow *r, V mean_h, V mean_hu, size_t i, VPart part,
                                   const bool whole)
{
    const Columns c = columns_at(r, i, part, whole);
    add_columns(gx + i, v_mul(r->inverse, v_fnma(c.u, mean_hu, v_sub(c.h, mean_h))), part, whole);
}

static inline void layer_norm_grad_row(float *gx, float *g_weight, float *g_bias, const NormRow *r, size_t n)
{
    const VPart all = v_first(WIDE), rest = v_first((int)(n % WIDE));
    const size_t whole = n - n % WIDE;
    NormSums even = { v_zero(), v_zero() };
    NormSums odd = even;
    size_t i = 0;
    for (; i + 2 * WIDE <= n; i += 2 * WIDE) {
        sum_columns(&even, r, g_weight, g_bias, i, all, true);
        sum_columns(&odd, r, g_weight, g_bias, i + WIDE, all, true);
    }
    if (i < whole)
        sum_columns(&even, r, g_weight, g_bias, i, all, true);
    if (whole < n)
        sum_columns(&odd, r, g_weight, g_bias, whole, rest, false);
    if (!gx)
        return;
    const V mean_h = v_set(v_sum(v_add(even.h, odd.h)) / (float)n);
    const V mean_hu = v_set(v_sum(v_add(even.hu, odd.hu)) / (float)n);
    for (i = 0; i < whole; i += WIDE)
        grad_of_columns(gx, r, mean_h, mean_hu, i, all, true);
    if (whole < n)
        grad_of_columns(gx, r, mean_h, mean_hu, whole, rest, false);
}

static void layer_norm_grad(float *gx, float *g_weight, float *g_bias, const float *g, const float *x,
                            const float *weight, const float *stats, size_t rows, size_t n)
{
    for (size_t i = 0; i < rows; i++, g += n, x += n) {
        const NormRow r = { g, x, weight, v_set(stats[2 * i]), v_set(stats[2 * i + 1]) };
        layer_norm_grad_row(gx ? gx + i * n : NULL, g_weight, g_bias, &r, n);
    }
}
