/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/pointwise/rows_avx512.c -- layer norm of rows, sixteen floats at a time, as kernels/pointwise/rows_v8.c has
 * it. The last vector of a row is masked.
 */
#include <math.h>

#include "kernels/ladder.h"
#include "kernels/vector_avx512.h"

enum { VECTOR = 16 };

static inline V16 load(const float *x, size_t i, size_t n)
{
    return _mm512_maskz_loadu_ps(v16_first((int)(n - i)), x + i);
}

static inline float sum_of(V16 x)
{
    return _mm512_reduce_add_ps(x);
}

static inline float mean_of(const float *x, size_t n)
{
    V16 a = _mm512_setzero_ps(), b = a;
    size_t i = 0;
    for (; i + 2 * VECTOR <= n; i += 2 * VECTOR) {
        a = _mm512_add_ps(a, _mm512_loadu_ps(x + i));
        b = _mm512_add_ps(b, _mm512_loadu_ps(x + i + VECTOR));
    }
    for (; i < n; i += VECTOR)
        a = _mm512_add_ps(a, load(x, i, n));
    return sum_of(_mm512_add_ps(a, b)) / (float)n;
}

/* Sums of deviations from a mean, and of their squares. */
typedef struct {
    V16 square, left;
} Spread;

static inline Spread spread_more(Spread s, V16 x, V16 mean, __mmask16 lanes)
{
    const V16 d = _mm512_maskz_sub_ps(lanes, x, mean);
    return (Spread){ _mm512_fmadd_ps(d, d, s.square), _mm512_add_ps(s.left, d) };
}

/* The variance around a mean that is only nearly right, and the mean set right (rows_v8.c says how). */
static inline float variance_of(const float *x, size_t n, float *mean)
{
    const V16 m = v16_set(*mean);
    const Spread zero = { _mm512_setzero_ps(), _mm512_setzero_ps() };
    Spread even = zero, odd = zero;
    size_t i = 0;
    for (; i + 2 * VECTOR <= n; i += 2 * VECTOR) {
        even = spread_more(even, _mm512_loadu_ps(x + i), m, 0xffff);
        odd = spread_more(odd, _mm512_loadu_ps(x + i + VECTOR), m, 0xffff);
    }
    for (; i < n; i += VECTOR)
        even = spread_more(even, load(x, i, n), m, v16_first((int)(n - i)));
    const float off = sum_of(_mm512_add_ps(even.left, odd.left)) / (float)n;
    *mean += off;
    const float variance = sum_of(_mm512_add_ps(even.square, odd.square)) / (float)n - off * off;
    return variance <= 0 ? 0 : variance; /* a NaN stays one */
}

/* (x - mean) inverse weight + bias */
static inline void normalise(float *y, const float *x, const float *weight, const float *bias, float mean,
                             float inverse, size_t n)
{
    const V16 m = v16_set(mean), s = v16_set(inverse);
    for (size_t i = 0; i < n; i += VECTOR) {
        const V16 unit = _mm512_mul_ps(_mm512_sub_ps(load(x, i, n), m), s);
        const V16 w = weight ? load(weight, i, n) : v16_set(1);
        const V16 b = bias ? load(bias, i, n) : _mm512_setzero_ps();
        _mm512_mask_storeu_ps(y + i, v16_first((int)(n - i)), _mm512_fmadd_ps(unit, w, b));
    }
}

static void layer_norm_avx512(float *y, const float *x, const float *weight, const float *bias, size_t rows, size_t n,
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

void df_rows_init_avx512(DfPointwiseKernels *k)
{
    k->layer_norm = layer_norm_avx512;
}
