/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/winograd_v8.c -- the transforms of F(4x4, 3x3), eight channels at a time (kernels/conv/winograd_c.c
 * has the algebra).
 */

#include "kernels/conv/parts.h"
#include "kernels/gemm/epilogue_v8.h"
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
    const V8 even_a = v8_fnma(bb, d2, d4), odd_a = v8_fnma(bb, d1, d3);
    const V8 even_b = v8_fnma(aa, d2, d4), odd_b = v8_fnma(aa, d1, d3);
    out[0] = v8_fma(product, d0, v8_fnma(sum, d2, d4));
    out[1] = v8_fma(v8_set(A), odd_a, even_a);
    out[2] = v8_fnma(v8_set(A), odd_a, even_a);
    out[3] = v8_fma(v8_set(B), odd_b, even_b);
    out[4] = v8_fnma(v8_set(B), odd_b, even_b);
    out[5] = v8_fma(product, d1, v8_fnma(sum, d3, d5));
}

/* A' times six vectors. */
static inline void output_row(V8 out[4], V8 m0, V8 m1, V8 m2, V8 m3, V8 m4, V8 m5)
{
    const V8 sum_a = v8_add(m1, m2), sum_b = v8_add(m3, m4);
    const V8 difference_a = v8_sub(m1, m2), difference_b = v8_sub(m3, m4);
    out[0] = v8_add(m0, v8_add(sum_a, sum_b));
    out[1] = v8_fma(v8_set(A), difference_a, v8_mul(v8_set(B), difference_b));
    out[2] = v8_fma(v8_set(A * A), sum_a, v8_mul(v8_set(B * B), sum_b));
    out[3] = v8_fma(v8_set(A * A * A), difference_a, v8_fma(v8_set(B * B * B), difference_b, m5));
}

static inline void input_tile(float *v, size_t stride, const float *const d[36], size_t i)
{
    V8 half[36]; /* B' d */
    for (int x = 0; x < 6; x++) {
        V8 column[6];
        input_row(column, v8_load(d[x] + i), v8_load(d[6 + x] + i), v8_load(d[12 + x] + i),
                  v8_load(d[18 + x] + i), v8_load(d[24 + x] + i), v8_load(d[30 + x] + i));
        for (int y = 0; y < 6; y++)
            half[6 * y + x] = column[y];
    }
    for (int y = 0; y < 6; y++) {
        V8 row[6];
        const V8 *h = half + 6 * y;
        input_row(row, h[0], h[1], h[2], h[3], h[4], h[5]);
        for (int x = 0; x < 6; x++)
            v8_store(v + (size_t)(6 * y + x) * stride + i, row[x]);
    }
}

static void winograd_input_v8(float *v, size_t stride, const float *const d[36], size_t n)
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
        output_row(column, v8_load(from), v8_load(from + 6 * stride),
                   v8_load(from + 12 * stride), v8_load(from + 18 * stride),
                   v8_load(from + 24 * stride), v8_load(from + 30 * stride));
        for (size_t row = 0; row < 4; row++)
            half[6 * row + x] = column[row];
    }
    for (int py = 0; py < h; py++) {
        V8 row[4];
        const V8 *r = half + 6 * py;
        output_row(row, r[0], r[1], r[2], r[3], r[4], r[5]);
        for (int px = 0; px < w; px++) {
            const size_t at = (size_t)py * ld_row + (size_t)px * ld_pixel + i;
            v8_store(y + at, v8_epilogue(row[px], e, at, i));
        }
    }
}

static void winograd_output_v8(float *y, size_t ld_row, size_t ld_pixel, int h, int w, const float *m,
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

void df_winograd_init_v8(DfConvKernels *k)
{
    k->winograd_filters = df_winograd_filters;
    k->winograd_input = winograd_input_v8;
    k->winograd_output = winograd_output_v8;
}
