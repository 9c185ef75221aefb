/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/winograd_avx512.c -- the transforms of F(4x4, 3x3), sixteen channels at a time, the last of them masked
 * (kernels/conv/winograd_c.c has the algebra).
 */

#include "kernels/act_avx512.h"
#include "kernels/conv/parts.h"
#include "kernels/ladder.h"

#define A DF_WINOGRAD_A
#define B DF_WINOGRAD_B

/* B' times six vectors. */
static inline void input_row(V16 out[6], V16 d0, V16 d1, V16 d2, V16 d3, V16 d4, V16 d5)
{
    const V16 aa = v16_set(A * A);
    const V16 bb = v16_set(B * B);
    const V16 sum = v16_set(A * A + B * B);
    const V16 product = v16_set(A * A * B * B);
    const V16 even_a = _mm512_fnmadd_ps(bb, d2, d4), odd_a = _mm512_fnmadd_ps(bb, d1, d3);
    const V16 even_b = _mm512_fnmadd_ps(aa, d2, d4), odd_b = _mm512_fnmadd_ps(aa, d1, d3);
    out[0] = _mm512_fmadd_ps(product, d0, _mm512_fnmadd_ps(sum, d2, d4));
    out[1] = _mm512_fmadd_ps(v16_set(A), odd_a, even_a);
    out[2] = _mm512_fnmadd_ps(v16_set(A), odd_a, even_a);
    out[3] = _mm512_fmadd_ps(v16_set(B), odd_b, even_b);
    out[4] = _mm512_fnmadd_ps(v16_set(B), odd_b, even_b);
    out[5] = _mm512_fmadd_ps(product, d1, _mm512_fnmadd_ps(sum, d3, d5));
}

/* A' times six vectors. */
static inline void output_row(V16 out[4], V16 m0, V16 m1, V16 m2, V16 m3, V16 m4, V16 m5)
{
    const V16 sum_a = _mm512_add_ps(m1, m2), sum_b = _mm512_add_ps(m3, m4);
    const V16 difference_a = _mm512_sub_ps(m1, m2), difference_b = _mm512_sub_ps(m3, m4);
    out[0] = _mm512_add_ps(m0, _mm512_add_ps(sum_a, sum_b));
    out[1] = _mm512_fmadd_ps(v16_set(A), difference_a, _mm512_mul_ps(v16_set(B), difference_b));
    out[2] = _mm512_fmadd_ps(v16_set(A * A), sum_a, _mm512_mul_ps(v16_set(B * B), sum_b));
    out[3] = _mm512_fmadd_ps(v16_set(A * A * A), difference_a, _mm512_fmadd_ps(v16_set(B * B * B), difference_b, m5));
}

static inline void input_tile(float *v, size_t stride, const float *const d[36], size_t i, __mmask16 on)
{
    V16 half[36]; /* B' d */
    for (int x = 0; x < 6; x++) {
        V16 pixel[6], column[6];
        for (int y = 0; y < 6; y++)
            pixel[y] = _mm512_maskz_loadu_ps(on, d[6 * y + x] + i);
        input_row(column, pixel[0], pixel[1], pixel[2], pixel[3], pixel[4], pixel[5]);
        for (int y = 0; y < 6; y++)
            half[6 * y + x] = column[y];
    }
    for (int y = 0; y < 6; y++) {
        V16 row[6];
        const V16 *h = half + 6 * y;
        input_row(row, h[0], h[1], h[2], h[3], h[4], h[5]);
        for (int x = 0; x < 6; x++)
            _mm512_mask_storeu_ps(v + (size_t)(6 * y + x) * stride + i, on, row[x]);
    }
}

static void winograd_input_avx512(float *v, size_t stride, const float *const d[36], size_t n)
{
    for (size_t i = 0; i < n; i += 16)
        input_tile(v, stride, d, i, v16_first((int)(n - i)));
}

static inline void output_tile(float *y, size_t ld_row, size_t ld_pixel, int h, int w, const float *m, size_t stride,
                               size_t i, __mmask16 on, const DfEpilogue *e)
{
    V16 half[24]; /* A' m */
    for (size_t x = 0; x < 6; x++) {
        const float *from = m + x * stride + i;
        V16 point[6], column[4];
        for (size_t row = 0; row < 6; row++)
            point[row] = _mm512_maskz_loadu_ps(on, from + 6 * row * stride);
        output_row(column, point[0], point[1], point[2], point[3], point[4], point[5]);
        for (size_t row = 0; row < 4; row++)
            half[6 * row + x] = column[row];
    }
    for (int py = 0; py < h; py++) {
        V16 row[4];
        const V16 *r = half + 6 * py;
        output_row(row, r[0], r[1], r[2], r[3], r[4], r[5]);
        for (int px = 0; px < w; px++) {
            const size_t at = (size_t)py * ld_row + (size_t)px * ld_pixel + i;
            _mm512_mask_storeu_ps(y + at, on, v16_epilogue(row[px], on, e, at, i));
        }
    }
}

static void winograd_output_avx512(float *y, size_t ld_row, size_t ld_pixel, int h, int w, const float *m,
                                   size_t stride, size_t n, const DfEpilogue *e)
{
    for (size_t i = 0; i < n; i += 16)
        output_tile(y, ld_row, ld_pixel, h, w, m, stride, i, v16_first((int)(n - i)), e);
}

void df_winograd_init_avx512(DfConvKernels *k)
{
    k->winograd_filters = df_winograd_filters;
    k->winograd_input = winograd_input_avx512;
    k->winograd_output = winograd_output_avx512;
}
