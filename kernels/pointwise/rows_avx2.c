/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/pointwise/rows_avx2.c -- softmax and layer norm of rows, eight floats at a time. A row is read from memory
 * once and from the first cache after that.
 */
#include <math.h>

#include "kernels/ladder.h"
#include "kernels/vector_avx2.h"

static inline V8 only(V8 x, __m256i lanes) /* 0 in the others */
{
    return _mm256_and_ps(x, _mm256_castsi256_ps(lanes));
}

/* ---- softmax ---------------------------------------------------------------------------------------------------- */

static inline float largest(const float *x, size_t n)
{
    V8 top = v8_set(-INFINITY);
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        top = _mm256_max_ps(top, _mm256_loadu_ps(x + i));
    const __m256i rest = v8_first((int)(n - i));
    const V8 last = _mm256_blendv_ps(top, _mm256_maskload_ps(x + i, rest), _mm256_castsi256_ps(rest));
    return v8_largest(_mm256_max_ps(top, last));
}

static inline void scale_row(float *y, float factor, size_t n)
{
    const V8 f = v8_set(factor);
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(y + i, _mm256_mul_ps(f, _mm256_loadu_ps(y + i)));
    const __m256i rest = v8_first((int)(n - i));
    _mm256_maskstore_ps(y + i, rest, _mm256_mul_ps(f, _mm256_maskload_ps(y + i, rest)));
}

static inline void softmax_row(float *y, const float *x, size_t n)
{
    const V8 top = v8_set(largest(x, n));
    V8 sum = _mm256_setzero_ps();
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        const V8 e = v8_exp_le(_mm256_sub_ps(_mm256_loadu_ps(x + i), top));
        _mm256_storeu_ps(y + i, e);
        sum = _mm256_add_ps(sum, e);
    }
    const __m256i rest = v8_first((int)(n - i));
    const V8 e = only(v8_exp_le(_mm256_sub_ps(_mm256_maskload_ps(x + i, rest), top)), rest);
    _mm256_maskstore_ps(y + i, rest, e);
    scale_row(y, 1 / v8_sum(_mm256_add_ps(sum, e)), n);
}

static void softmax_avx2(float *y, const float *x, size_t rows, size_t n)
{
    for (size_t i = 0; i < rows; i++)
        softmax_row(y + i * n, x + i * n, n);
}

static inline float inner_product(const float *a, const float *b, size_t n)
{
    V8 sum = _mm256_setzero_ps();
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        sum = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), sum);
    const __m256i rest = v8_first((int)(n - i));
    return v8_sum(_mm256_fmadd_ps(_mm256_maskload_ps(a + i, rest), _mm256_maskload_ps(b + i, rest), sum));
}

static void softmax_grad_avx2(float *gx, const float *g, const float *y, size_t rows, size_t n)
{
    for (size_t row = 0; row < rows; row++, gx += n, g += n, y += n) {
        const V8 inner = v8_set(inner_product(g, y, n));
        for (size_t i = 0; i < n; i += 8) {
            const __m256i lanes = v8_first(n - i < 8 ? (int)(n - i) : 8);
            const V8 d = _mm256_sub_ps(_mm256_maskload_ps(g + i, lanes), inner);
            const V8 before = _mm256_maskload_ps(gx + i, lanes);
            _mm256_maskstore_ps(gx + i, lanes, _mm256_fmadd_ps(_mm256_maskload_ps(y + i, lanes), d, before));
        }
    }
}

/* ---- layer norm ------------------------------------------------------------------------------------------------- */

static inline float mean_of(const float *x, size_t n)
{
    V8 a = _mm256_setzero_ps(), b = a, c = a, d = a;
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        a = _mm256_add_ps(a, _mm256_loadu_ps(x + i));
        b = _mm256_add_ps(b, _mm256_loadu_ps(x + i + 8));
        c = _mm256_add_ps(c, _mm256_loadu_ps(x + i + 16));
        d = _mm256_add_ps(d, _mm256_loadu_ps(x + i + 24));
    }
    for (; i + 8 <= n; i += 8)
        a = _mm256_add_ps(a, _mm256_loadu_ps(x + i));
    if (i < n)
        b = _mm256_add_ps(b, _mm256_maskload_ps(x + i, v8_first((int)(n - i))));
    return v8_sum(_mm256_add_ps(_mm256_add_ps(a, b), _mm256_add_ps(c, d))) / (float)n;
}

/* The variance around a mean that is only nearly right, and the mean set right: the deviations from it do not quite
 * cancel, and what is left says by how much it is off (the corrected two-pass algorithm of Chan, Golub, LeVeque,
 * 1983). */
static inline float variance_of(const float *x, size_t n, float *mean)
{
    const V8 m = v8_set(*mean);
    V8 square = _mm256_setzero_ps(), square2 = square, left = square, left2 = square;
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        const V8 d = _mm256_sub_ps(_mm256_loadu_ps(x + i), m);
        const V8 e = _mm256_sub_ps(_mm256_loadu_ps(x + i + 8), m);
        square = _mm256_fmadd_ps(d, d, square);
        square2 = _mm256_fmadd_ps(e, e, square2);
        left = _mm256_add_ps(left, d);
        left2 = _mm256_add_ps(left2, e);
    }
    for (; i < n; i += 8) {
        const __m256i lanes = v8_first(n - i < 8 ? (int)(n - i) : 8);
        const V8 d = only(_mm256_sub_ps(_mm256_maskload_ps(x + i, lanes), m), lanes);
        square = _mm256_fmadd_ps(d, d, square);
        left = _mm256_add_ps(left, d);
    }
    const float off = v8_sum(_mm256_add_ps(left, left2)) / (float)n;
    *mean += off;
    const float variance = v8_sum(_mm256_add_ps(square, square2)) / (float)n - off * off;
    return variance <= 0 ? 0 : variance; /* a NaN stays one */
}

/* (x - mean) inverse weight + bias */
static inline void normalise(float *y, const float *x, const float *weight, const float *bias, float mean,
                             float inverse, size_t n)
{
    const V8 m = v8_set(mean), s = v8_set(inverse);
    size_t i = 0;
    for (; weight && bias && i + 8 <= n; i += 8) {
        const V8 unit = _mm256_mul_ps(_mm256_sub_ps(_mm256_loadu_ps(x + i), m), s);
        _mm256_storeu_ps(y + i, _mm256_fmadd_ps(unit, _mm256_loadu_ps(weight + i), _mm256_loadu_ps(bias + i)));
    }
    for (; i < n; i += 8) {
        const __m256i lanes = v8_first(n - i < 8 ? (int)(n - i) : 8);
        V8 unit = _mm256_mul_ps(_mm256_sub_ps(_mm256_maskload_ps(x + i, lanes), m), s);
        if (weight)
            unit = _mm256_mul_ps(unit, _mm256_maskload_ps(weight + i, lanes));
        if (bias)
            unit = _mm256_add_ps(unit, _mm256_maskload_ps(bias + i, lanes));
        _mm256_maskstore_ps(y + i, lanes, unit);
    }
}

static void layer_norm_avx2(float *y, const float *x, const float *weight, const float *bias, size_t rows, size_t n,
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

/* Eight columns of a row, seen by the backward pass: g, u = (x - mean) inverse and h = weight g. */
typedef struct {
    V8 g, u, h;
} Columns;

static inline Columns columns_at(const float *g, const float *x, const float *weight, V8 mean, V8 inverse, size_t i,
                                 __m256i lanes)
{
    const V8 gi = _mm256_maskload_ps(g + i, lanes);
    const V8 u = only(_mm256_mul_ps(_mm256_sub_ps(_mm256_maskload_ps(x + i, lanes), mean), inverse), lanes);
    return (Columns){ gi, u, weight ? _mm256_mul_ps(gi, _mm256_maskload_ps(weight + i, lanes)) : gi };
}

static inline void add_to(float *sum, V8 x, size_t i, __m256i lanes)
{
    if (sum)
        _mm256_maskstore_ps(sum + i, lanes, _mm256_add_ps(x, _mm256_maskload_ps(sum + i, lanes)));
}

static inline void layer_norm_grad_row(float *gx, float *g_weight, float *g_bias, const float *g, const float *x,
                                       const float *weight, V8 mean, V8 inverse, size_t n)
{
    V8 sum_h = _mm256_setzero_ps(), sum_hu = sum_h;
    for (size_t i = 0; i < n; i += 8) {
        const __m256i lanes = v8_first(n - i < 8 ? (int)(n - i) : 8);
        const Columns c = columns_at(g, x, weight, mean, inverse, i, lanes);
        sum_h = _mm256_add_ps(sum_h, c.h);
        sum_hu = _mm256_fmadd_ps(c.h, c.u, sum_hu);
        add_to(g_weight, _mm256_mul_ps(c.g, c.u), i, lanes);
        add_to(g_bias, c.g, i, lanes);
    }
    const V8 mean_h = v8_set(v8_sum(sum_h) / (float)n);
    const V8 mean_hu = v8_set(v8_sum(sum_hu) / (float)n);
    for (size_t i = 0; gx && i < n; i += 8) {
        const __m256i lanes = v8_first(n - i < 8 ? (int)(n - i) : 8);
        const Columns c = columns_at(g, x, weight, mean, inverse, i, lanes);
        add_to(gx, _mm256_mul_ps(inverse, _mm256_fnmadd_ps(c.u, mean_hu, _mm256_sub_ps(c.h, mean_h))), i, lanes);
    }
}

static void layer_norm_grad_avx2(float *gx, float *g_weight, float *g_bias, const float *g, const float *x,
                                 const float *weight, const float *stats, size_t rows, size_t n)
{
    for (size_t i = 0; i < rows; i++)
        layer_norm_grad_row(gx ? gx + i * n : NULL, g_weight, g_bias, g + i * n, x + i * n, weight,
                            v8_set(stats[2 * i]), v8_set(stats[2 * i + 1]), n);
}

void df_rows_init_avx2(DfPointwiseKernels *k)
{
    k->softmax = softmax_avx2;
    k->softmax_grad = softmax_grad_avx2;
    k->layer_norm = layer_norm_avx2;
    k->layer_norm_grad = layer_norm_grad_avx2;
}
