/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/winograd_avx2.c -- the transforms of F(4x4, 3x3), eight channels at a time (kernels/conv/winograd_c.c
 * has the algebra).
 */

#include "kernels/conv/parts.h"
#include "kernels/gemm/epilogue_avx2.h"
#include "kernels/ladder.h"

#define A DF_WINOGRAD_A
#define B DF_WINOGRAD_B

/* B' times six vectors. */
static inline void input_row(V8 out[6], V8 d0, V8 d1, V8 d2, V8 d3, V8 d4, V8 d5)
{
    const V8 aa = v8_set(A * A);
    const V8 bb = v8_set(B * B);
    const V8 sum = v8_set(A * A + B * B);
    const V8 product = v8_set(A * A * B * B);
    const V8 even_a = _mm256_fnmadd_ps(bb, d2, d4), odd_a = _mm256_fnmadd_ps(bb, d1, d3);
    const V8 even_b = _mm256_fnmadd_ps(aa, d2, d4), odd_b = _mm256_fnmadd_ps(aa, d1, d3);
    out[0] = _mm256_fmadd_ps(product, d0, _mm256_fnmadd_ps(sum, d2, d4));
    out[1] = _mm256_fmadd_ps(v8_set(A), odd_a, even_a);
    out[2] = _mm256_fnmadd_ps(v8_set(A), odd_a, even_a);
    out[3] = _mm256_fmadd_ps(v8_set(B), odd_b, even_b);
    out[4] = _mm256_fnmadd_ps(v8_set(B), odd_b, even_b);
    out[5] = _mm256_fmadd_ps(product, d1, _mm256_fnmadd_ps(sum, d3, d5));
}

/* A' times six vectors. */
static inline void output_row(V8 out[4], V8 m0, V8 m1, V8 m2, V8 m3, V8 m4, V8 m5)
{
    const V8 sum_a = _mm256_add_ps(m1, m2), sum_b = _mm256_add_ps(m3, m4);
    const V8 difference_a = _mm256_sub_ps(m1, m2), difference_b = _mm256_sub_ps(m3, m4);
    out[0] = _mm256_add_ps(m0, _mm256_add_ps(sum_a, sum_b));
    out[1] = _mm256_fmadd_ps(v8_set(A), difference_a, _mm256_mul_ps(v8_set(B), difference_b));
    out[2] = _mm256_fmadd_ps(v8_set(A * A), sum_a, _mm256_mul_ps(v8_set(B * B), sum_b));
    out[3] = _mm256_fmadd_ps(v8_set(A * A * A), difference_a, _mm256_fmadd_ps(v8_set(B * B * B), difference_b, m5));
}

static inline void input_tile(float *v, size_t stride, const float *const d[36], size_t i)
{
    V8 half[36]; /* B' d */
    for (int x = 0; x < 6; x++) {
        V8 column[6];
        input_row(column, _mm256_loadu_ps(d[x] + i), _mm256_loadu_ps(d[6 + x] + i), _mm256_loadu_ps(d[12 + x] + i),
                  _mm256_loadu_ps(d[18 + x] + i), _mm256_loadu_ps(d[24 + x] + i), _mm256_loadu_ps(d[30 + x] + i));
        for (int y = 0; y < 6; y++)
            half[6 * y + x] = column[y];
    }
    for (int y = 0; y < 6; y++) {
        V8 row[6];
        const V8 *h = half + 6 * y;
        input_row(row, h[0], h[1], h[2], h[3], h[4], h[5]);
        for (int x = 0; x < 6; x++)
            _mm256_storeu_ps(v + (size_t)(6 * y + x) * stride + i, row[x]);
    }
}

static void winograd_input_avx2(float *v, size_t stride, const float *const d[36], size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        input_tile(v, stride, d, i);
    if (i == n)
        return;
    const float *rest[36];
    for (int p = 0; p < 36; p++)
        rest[p] = d[p] + i;
    df_winograd_input_c(v + i, stride, rest, n - i);
}

static inline void output_tile(float *y, size_t ld_row, size_t ld_pixel, int h, int w, const float *m, size_t stride,
                               size_t i, const DfEpilogue *e)
{
    V8 half[24]; /* A' m */
    for (size_t x = 0; x < 6; x++) {
        const float *from = m + x * stride + i;
        V8 column[4];
        output_row(column, _mm256_loadu_ps(from), _mm256_loadu_ps(from + 6 * stride),
                   _mm256_loadu_ps(from + 12 * stride), _mm256_loadu_ps(from + 18 * stride),
                   _mm256_loadu_ps(from + 24 * stride), _mm256_loadu_ps(from + 30 * stride));
        for (size_t row = 0; row < 4; row++)
            half[6 * row + x] = column[row];
    }
    for (int py = 0; py < h; py++) {
        V8 row[4];
        const V8 *r = half + 6 * py;
        output_row(row, r[0], r[1], r[2], r[3], r[4], r[5]);
        for (int px = 0; px < w; px++) {
            const size_t at = (size_t)py * ld_row + (size_t)px * ld_pixel + i;
            _mm256_storeu_ps(y + at, v8_epilogue(row[px], e, at, i));
        }
    }
}

static void winograd_output_avx2(float *y, size_t ld_row, size_t ld_pixel, int h, int w, const float *m,
                                 size_t stride, size_t n, const DfEpilogue *e)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        output_tile(y, ld_row, ld_pixel, h, w, m, stride, i, e);
    if (i == n)
        return;
    const DfEpilogue rest = df_epilogue_at(e, 0, 0, i);
    df_winograd_output_c(y + i, ld_row, ld_pixel, h, w, m + i, stride, n - i, &rest);
}

void df_winograd_init_avx2(DfConvKernels *k)
{
    k->winograd_filters = df_winograd_filters;
    k->winograd_input = winograd_input_avx2;
    k->winograd_output = winograd_output_avx2;
}
