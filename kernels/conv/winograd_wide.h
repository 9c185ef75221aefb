/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/winograd_wide.h -- template of winograd_v8.c and winograd_avx512.c (kernels/wide.h): the transforms of
 * F(4x4, 3x3) and of the method for a stride of 2, WIDE channels at a time. winograd_c.c explains the algebra.
 */
#include "kernels/wide.h"

#define A DF_WINOGRAD_A
#define B DF_WINOGRAD_B

/* B' times six vectors. */
static inline void input_row(V out[6], V d0, V d1, V d2, V d3, V d4, V d5)
{
    const V aa = v_set(A * A);
    const V bb = v_set(B * B);
    const V sum = v_set(A * A + B * B);
    const V product = v_set(A * A * B * B);
    const V even_a = v_fnma(bb, d2, d4), odd_a = v_fnma(bb, d1, d3);
    const V even_b = v_fnma(aa, d2, d4), odd_b = v_fnma(aa, d1, d3);
    out[0] = v_fma(product, d0, v_fnma(sum, d2, d4));
    out[1] = v_fma(v_set(A), odd_a, even_a);
    out[2] = v_fnma(v_set(A), odd_a, even_a);
    out[3] = v_fma(v_set(B), odd_b, even_b);
    out[4] = v_fnma(v_set(B), odd_b, even_b);
    out[5] = v_fma(product, d1, v_fnma(sum, d3, d5));
}

/* A' times six vectors. */
static inline void output_row(V out[4], V m0, V m1, V m2, V m3, V m4, V m5)
{
    const V sum_a = v_add(m1, m2), sum_b = v_add(m3, m4);
    const V difference_a = v_sub(m1, m2), difference_b = v_sub(m3, m4);
    out[0] = v_add(m0, v_add(sum_a, sum_b));
    out[1] = v_fma(v_set(A), difference_a, v_mul(v_set(B), difference_b));
    out[2] = v_fma(v_set(A * A), sum_a, v_mul(v_set(B * B), sum_b));
    out[3] = v_fma(v_set(A * A * A), difference_a, v_fma(v_set(B * B * B), difference_b, m5));
}

/* v = B' d B of the channels from i on: of the lanes of `some` only, or of all if `whole`, which is a constant wherever
 * this is inlined. */
static inline void input_tile(float *v, size_t stride, const float *const d[36], size_t i, const bool whole, VPart some)
{
    V half[36]; /* B' d */
    for (int x = 0; x < 6; x++) {
        V pixel[6], column[6];
        for (int y = 0; y < 6; y++)
            pixel[y] = v_load_some(d[6 * y + x] + i, whole, some);
        input_row(column, pixel[0], pixel[1], pixel[2], pixel[3], pixel[4], pixel[5]);
        for (int y = 0; y < 6; y++)
            half[6 * y + x] = column[y];
    }
    for (int y = 0; y < 6; y++) {
        V row[6];
        const V *h = half + 6 * y;
        input_row(row, h[0], h[1], h[2], h[3], h[4], h[5]);
        for (int x = 0; x < 6; x++)
            v_store_some(v + (size_t)(6 * y + x) * stride + i, row[x], whole, some);
    }
}

/* The first w pixels of a row of four, the first at offset `at` of the result. */
static inline void store_row(float *y, size_t at, size_t ld_pixel, int w, const V row[4], size_t i, const DfEpilogue *e,
                             const bool whole, VPart some)
{
    for (int px = 0; px < w; px++, at += ld_pixel)
        v_store_some(y + at, v_epilogue_of(row[px], e, at, i, whole, some), whole, some);
}

/* y = epilogue(A' m A), of which h x w pixels are stored; the other arguments are those of input_tile(). */
static inline void output_tile(float *y, size_t ld_row, size_t ld_pixel, int h, int w, const float *m, size_t stride,
                               size_t i, const DfEpilogue *e, const bool whole, VPart some)
{
    V half[24]; /* A' m */
    for (size_t x = 0; x < 6; x++) {
        const float *from = m + x * stride + i;
        V point[6], column[4];
        for (size_t row = 0; row < 6; row++)
            point[row] = v_load_some(from + 6 * row * stride, whole, some);
        output_row(column, point[0], point[1], point[2], point[3], point[4], point[5]);
        for (size_t row = 0; row < 4; row++)
            half[6 * row + x] = column[row];
    }
    for (int py = 0; py < h; py++) {
        V row[4];
        const V *r = half + 6 * py;
        output_row(row, r[0], r[1], r[2], r[3], r[4], r[5]);
        store_row(y, (size_t)py * ld_row + i, ld_pixel, w, row, i, e, whole, some);
    }
}

#undef A
#undef B

/* ---- with a stride of 2 ------------------------------------------------------------------------------------------ */

#define A DF_STRIDED_A
#define B DF_STRIDED_B

/* The four finite points of a phase. */
static inline void strided_phase(V *out, V d0, V d1, V d2, V d3)
{
    const V aa = v_set(A * A);
    const V bb = v_set(B * B);
    const V even_a = v_fnma(bb, d0, d2), odd_a = v_fnma(bb, d1, d3);
    const V even_b = v_fnma(aa, d0, d2), odd_b = v_fnma(aa, d1, d3);
    out[0] = v_fma(v_set(A), even_a, odd_a);
    out[2] = v_fnma(v_set(A), even_a, odd_a);
    out[4] = v_fma(v_set(B), even_b, odd_b);
    out[6] = v_fnma(v_set(B), even_b, odd_b);
}

/* Of nine vectors. */
static inline void strided_input_row(V out[9], const V d[9])
{
    const V sum = v_set(A * A + B * B);
    const V product = v_set(A * A * B * B);
    strided_phase(out, d[0], d[2], d[4], d[6]);
    strided_phase(out + 1, d[1], d[3], d[5], d[7]);
    out[8] = v_fma(product, d[0], v_fnma(sum, d[4], d[8]));
}

/* A' times five vectors. */
static inline void strided_output_row(V out[4], V m0, V m1, V m2, V m3, V m4)
{
    const V sum_a = v_add(m0, m1), sum_b = v_add(m2, m3);
    const V difference_a = v_sub(m0, m1), difference_b = v_sub(m2, m3);
    out[0] = v_add(sum_a, sum_b);
    out[1] = v_fma(v_set(A), difference_a, v_mul(v_set(B), difference_b));
    out[2] = v_fma(v_set(A * A), sum_a, v_mul(v_set(B * B), sum_b));
    out[3] = v_fma(v_set(A * A * A), difference_a, v_fma(v_set(B * B * B), difference_b, m4));
}

/* As input_tile(). */
static inline void strided_input_tile(float *v, size_t stride, const float *const d[81], size_t i, const bool whole,
                                      VPart some)
{
    V half[81]; /* B' d */
    for (int x = 0; x < 9; x++) {
        V pixel[9], column[9];
        for (int y = 0; y < 9; y++)
            pixel[y] = v_load_some(d[9 * y + x] + i, whole, some);
        strided_input_row(column, pixel);
        for (int y = 0; y < 9; y++)
            half[9 * y + x] = column[y];
    }
    for (int y = 0; y < 9; y++) {
        V row[9];
        strided_input_row(row, half + 9 * y);
        for (int x = 0; x < 9; x++)
            v_store_some(v + (size_t)(9 * y + x) * stride + i, row[x], whole, some);
    }
}

/* As output_tile(). */
static inline void strided_output_tile(float *y, size_t ld_row, size_t ld_pixel, int h, int w, const float *m,
                                       size_t stride, size_t i, const DfEpilogue *e, const bool whole, VPart some)
{
    V half[20]; /* A' m */
    for (size_t x = 0; x < 5; x++) {
        const float *from = m + x * stride + i;
        V point[5], column[4];
        for (size_t row = 0; row < 5; row++)
            point[row] = v_load_some(from + 5 * row * stride, whole, some);
        strided_output_row(column, point[0], point[1], point[2], point[3], point[4]);
        for (size_t row = 0; row < 4; row++)
            half[5 * row + x] = column[row];
    }
    for (int py = 0; py < h; py++) {
        V row[4];
        const V *r = half + 5 * py;
        strided_output_row(row, r[0], r[1], r[2], r[3], r[4]);
        store_row(y, (size_t)py * ld_row + i, ld_pixel, w, row, i, e, whole, some);
    }
}

#undef A
#undef B
