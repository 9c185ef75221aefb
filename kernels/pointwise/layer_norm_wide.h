/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/pointwise/layer_norm_wide.h -- private to rows_v8.c and rows_avx512.c: layer norm of rows, WIDE floats at a
 * time (kernels/wide.h). A row is read from memory once and from the first cache after that.
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

/* The variance around a mean that is only nearly right, and the mean set right: the deviations from it do not quite
 * cancel, and what is left says by how much it is off (the corrected two-pass algorithm of Chan, Golub, LeVeque,
 * 1983). */
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
