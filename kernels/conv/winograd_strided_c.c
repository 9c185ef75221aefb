/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/winograd_strided_c.c -- the transforms of 3x3 convolutions with a stride of 2 for any two pairs of
 * points +-a, +-b: the C reference.
 *
 * Along an axis nine numbers d give four: even ones are five that meet two taps, F(4, 2), odd ones four that meet one.
 * With the points in the order a, -a, b, -b, infinity, and rows of B' as in winograd_c.c:
 *          | -a bb  -bb    a    1  0 |
 *          |  a bb  -bb   -a    1  0 |         | 1    1    1    1   0 |
 *     B' = | -b aa  -aa    b    1  0 |    A' = | a   -a    b   -b   0 |
 *          |  b aa  -aa   -b    1  0 |         | aa   aa   bb   bb  0 |
 *          |  aabb    0  -aa-bb 0  1 |         | aaa -aaa  bbb -bbb 1 |
 * The fifth number counts at infinity alone, so the first four rows serve both phases. Results alternate: what even and
 * what odd numbers give at a, at -a, at b, at -b, and the even ones at infinity.
 */

#include "kernels/conv/parts.h"

static const float a = DF_STRIDED_A, b = DF_STRIDED_B;

/* The first four rows of B' times the four numbers of a phase: every other one of what lies `step` apart, and so in the
 * result. */
static void phase(float *out, const float *d, size_t step)
{
    const float aa = a * a, bb = b * b;
    const float d0 = d[0];
    const float d1 = d[2 * step];
    const float d2 = d[4 * step];
    const float d3 = d[6 * step];
    const float even_a = a * (d2 - bb * d0), odd_a = d3 - bb * d1;
    const float even_b = b * (d2 - aa * d0), odd_b = d3 - aa * d1;
    out[0] = odd_a + even_a;
    out[2] = odd_a - even_a;
    out[4] = odd_b + even_b;
    out[6] = odd_b - even_b;
}

/* Of nine numbers that lie `step` apart. */
static void input_row(float out[9], const float *d, size_t step)
{
    const float aa = a * a, bb = b * b;
    phase(out, d, step);
    phase(out + 1, d + step, step);
    out[8] = d[8 * step] - (aa + bb) * d[4 * step] + aa * bb * d[0];
}

/* A' times five numbers. */
static void output_row(float out[4], const float *m, size_t step)
{
    const float aa = a * a, bb = b * b;
    const float sum_a = m[0] + m[step];
    const float sum_b = m[2 * step] + m[3 * step];
    const float difference_a = a * (m[0] - m[step]);
    const float difference_b = b * (m[2 * step] - m[3 * step]);
    out[0] = sum_a + sum_b;
    out[1] = difference_a + difference_b;
    out[2] = aa * sum_a + bb * sum_b;
    out[3] = aa * difference_a + bb * difference_b + m[4 * step];
}

/* Columns, then the rows of what comes out. */
void df_winograd_strided_input_c(float *v, size_t stride, const float *const d[81], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float pixels[81], half[81], row[9];
        for (size_t p = 0; p < 81; p++)
            pixels[p] = d[p][i];
        for (size_t x = 0; x < 9; x++)
            input_row(half + 9 * x, pixels + x, 9); /* columns, which become rows */
        for (size_t y = 0; y < 9; y++) {
            input_row(row, half + y, 9);
            for (size_t x = 0; x < 9; x++)
                v[(y * 9 + x) * stride + i] = row[x];
        }
    }
}

void df_winograd_strided_output_c(float *y, size_t ld_row, size_t ld_pixel, int h, int w, const float *m, size_t stride,
                                  size_t n, const DfEpilogue *e)
{
    for (size_t i = 0; i < n; i++) {
        float spots[25], half[20], row[4];
        for (size_t p = 0; p < 25; p++)
            spots[p] = m[p * stride + i];
        for (size_t x = 0; x < 5; x++)
            output_row(half + 4 * x, spots + x, 5);
        for (size_t py = 0; py < (size_t)h; py++) {
            output_row(row, half + py, 4);
            for (size_t px = 0; px < (size_t)w; px++) {
                const size_t at = py * ld_row + px * ld_pixel + i;
                df_epilogue_c(row + px, 1, e, at, i);
                y[at] = row[px];
            }
        }
    }
}
