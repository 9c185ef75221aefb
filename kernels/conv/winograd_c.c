/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/winograd_c.c -- the transforms of F(4x4, 3x3) for any two pairs of points +-a, +-b: the C reference.
 *
 * Rows of B' are the coefficients of prod (x - q) over the points q other than the row's own p; A' has the powers of
 * p. Because points come in pairs, rows do too: their even and odd parts are the same up to sign. With the points in
 * the order 0, a, -a, b, -b, infinity:
 *          | aabb    0    -aa-bb    0     1   0 |         | 1   1    1    1    1   0 |
 *          |  0   -a bb    -bb      a     1   0 |         | 0   a   -a    b   -b   0 |
 *     B' = |  0    a bb    -bb     -a     1   0 |    A' = | 0   aa   aa   bb   bb  0 |
 *          |  0   -b aa    -aa      b     1   0 |         | 0  aaa -aaa  bbb -bbb  1 |
 *          |  0    b aa    -aa     -b     1   0 |
 *          |  0   aabb      0     -aa-bb  0   1 |
 */

#include "kernels/conv/parts.h"
#include "kernels/ladder.h"

static const float a = DF_WINOGRAD_A, b = DF_WINOGRAD_B;

/* B' times six numbers that lie `step` apart. */
static void input_row(float out[6], const float *d, size_t step)
{
    const float aa = a * a, bb = b * b;
    const float d0 = d[0];
    const float d1 = d[step];
    const float d2 = d[2 * step];
    const float d3 = d[3 * step];
    const float d4 = d[4 * step];
    const float d5 = d[5 * step];
    const float even_a = d4 - bb * d2, odd_a = a * (d3 - bb * d1);
    const float even_b = d4 - aa * d2, odd_b = b * (d3 - aa * d1);
    out[0] = d4 - (aa + bb) * d2 + aa * bb * d0;
    out[1] = even_a + odd_a;
    out[2] = even_a - odd_a;
    out[3] = even_b + odd_b;
    out[4] = even_b - odd_b;
    out[5] = d5 - (aa + bb) * d3 + aa * bb * d1;
}

/* A' times six numbers. */
static void output_row(float out[4], const float *m, size_t step)
{
    const float aa = a * a, bb = b * b;
    const float sum_a = m[step] + m[2 * step];
    const float sum_b = m[3 * step] + m[4 * step];
    const float difference_a = a * (m[step] - m[2 * step]);
    const float difference_b = b * (m[3 * step] - m[4 * step]);
    out[0] = m[0] + sum_a + sum_b;
    out[1] = difference_a + difference_b;
    out[2] = aa * sum_a + bb * sum_b;
    out[3] = aa * difference_a + bb * difference_b + m[5 * step];
}

/* B' d B is B' applied to the columns, then to the rows of what comes out. */
void df_winograd_input_c(float *v, size_t stride, const float *const d[36], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float pixels[36], half[36], row[6];
        for (size_t p = 0; p < 36; p++)
            pixels[p] = d[p][i];
        for (size_t x = 0; x < 6; x++)
            input_row(half + 6 * x, pixels + x, 6); /* columns, which become rows */
        for (size_t y = 0; y < 6; y++) {
            input_row(row, half + y, 6);
            for (size_t x = 0; x < 6; x++)
                v[(y * 6 + x) * stride + i] = row[x];
        }
    }
}

void df_winograd_output_c(float *y, size_t ld_row, size_t ld_pixel, int h, int w, const float *m, size_t stride,
                          size_t n, const DfEpilogue *e)
{
    for (size_t i = 0; i < n; i++) {
        float spots[36], half[24], row[4];
        for (size_t p = 0; p < 36; p++)
            spots[p] = m[p * stride + i];
        for (size_t x = 0; x < 6; x++)
            output_row(half + 4 * x, spots + x, 6);
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

void df_winograd_init_c(DfConvKernels *k)
{
    k->winograd = (DfWinogradKernels){ df_winograd_filters, df_winograd_input_c, df_winograd_output_c };
    k->winograd_strided = (DfWinogradKernels){ df_winograd_strided_filters, df_winograd_strided_input_c,
                                               df_winograd_strided_output_c };
}
