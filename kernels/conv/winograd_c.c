/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/winograd_c.c -- the transforms of Winograd's method in C, the reference, for any two pairs of points
 * +-a, +-b. Strides 1 and 2 differ only in the transform of one row.
 */

#include "kernels/conv/parts.h"
#include "kernels/ladder.h"

enum { MOST_SIDE = 9, MOST_ACROSS = 6 };

/* ---- a patch, a tile --------------------------------------------------------------------------------------------- */

/* B' d B applies B' to the columns of d, then to the rows of the result; both have `side` numbers. `row` applies it to
 * numbers that lie `step` apart. */
static inline void input_channels(float *v, size_t stride, const float *const d[], size_t n, const size_t side,
                                  void (*row)(float *out, const float *d, size_t step))
{
    for (size_t i = 0; i < n; i++) {
        float pixels[MOST_SIDE * MOST_SIDE];
        float half[MOST_SIDE * MOST_SIDE];
        float done[MOST_SIDE];
        for (size_t p = 0; p < side * side; p++)
            pixels[p] = d[p][i];
        for (size_t x = 0; x < side; x++)
            row(half + side * x, pixels + x, side); /* columns, which become rows */
        for (size_t y = 0; y < side; y++) {
            row(done, half + y, side);
            for (size_t x = 0; x < side; x++)
                v[(y * side + x) * stride + i] = done[x];
        }
    }
}

/* Where the pixels of a tile go: of h rows w each. */
typedef struct {
    float *y;
    size_t ld_row, ld_pixel;
    int h, w;
} Tile;

/* A' m A likewise, with `across` points along an axis, and then the epilogue. */
static inline void output_channels(Tile to, const float *m, size_t stride, size_t n, const DfEpilogue *e,
                                   const size_t across, void (*row)(float out[4], const float *m, size_t step))
{
    for (size_t i = 0; i < n; i++) {
        float points[MOST_ACROSS * MOST_ACROSS];
        float half[4 * MOST_ACROSS];
        float done[4];
        for (size_t p = 0; p < across * across; p++)
            points[p] = m[p * stride + i];
        for (size_t x = 0; x < across; x++)
            row(half + 4 * x, points + x, across);
        for (size_t py = 0; py < (size_t)to.h; py++) {
            row(done, half + py, 4);
            for (size_t px = 0; px < (size_t)to.w; px++) {
                const size_t at = py * to.ld_row + px * to.ld_pixel + i;
                df_epilogue_c(done + px, 1, e, at, i);
                to.y[at] = done[px];
            }
        }
    }
}

/* ---- a stride of 1: F(4x4, 3x3) ---------------------------------------------------------------------------------- */

/* Rows of B' are the coefficients of prod (x - q) over the points q other than the row's own p; A' has the powers of
 * p. Because points come in pairs, rows do too: their even and odd parts are the same up to sign. With the points in
 * the order 0, a, -a, b, -b, infinity:
 *          | aabb    0    -aa-bb    0     1   0 |         | 1   1    1    1    1   0 |
 *          |  0   -a bb    -bb      a     1   0 |         | 0   a   -a    b   -b   0 |
 *     B' = |  0    a bb    -bb     -a     1   0 |    A' = | 0   aa   aa   bb   bb  0 |
 *          |  0   -b aa    -aa      b     1   0 |         | 0  aaa -aaa  bbb -bbb  1 |
 *          |  0    b aa    -aa     -b     1   0 |
 *          |  0   aabb      0     -aa-bb  0   1 |
 */

/* B' times six numbers that lie `step` apart. */
static void input_row(float *out, const float *d, size_t step)
{
    const float a = DF_WINOGRAD_A, b = DF_WINOGRAD_B;
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
    const float a = DF_WINOGRAD_A, b = DF_WINOGRAD_B;
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

void df_winograd_input_c(float *v, size_t stride, const float *const d[36], size_t n)
{
    input_channels(v, stride, d, n, 6, input_row);
}

void df_winograd_output_c(float *y, size_t ld_row, size_t ld_pixel, int h, int w, const float *m, size_t stride,
                          size_t n, const DfEpilogue *e)
{
    output_channels((Tile){ y, ld_row, ld_pixel, h, w }, m, stride, n, e, 6, output_row);
}

/* ---- a stride of 2 ----------------------------------------------------------------------------------------------- */

/* Along an axis nine numbers d give four: even ones are five that meet two taps, F(4, 2), odd ones four that meet one.
 * With the points in the order a, -a, b, -b, infinity, and rows of B' as above:
 *          | -a bb  -bb    a    1  0 |
 *          |  a bb  -bb   -a    1  0 |         | 1    1    1    1   0 |
 *     B' = | -b aa  -aa    b    1  0 |    A' = | a   -a    b   -b   0 |
 *          |  b aa  -aa   -b    1  0 |         | aa   aa   bb   bb  0 |
 *          |  aabb    0  -aa-bb 0  1 |         | aaa -aaa  bbb -bbb 1 |
 * The fifth number appears only at infinity, so the first four rows serve both phases. Results alternate: those of the
 * even and of the odd numbers at a, at -a, at b, at -b, and last that of the even numbers at infinity.
 */

/* The first four rows of B' times the four numbers of a phase: every second of the numbers that lie `step` apart. The
 * results are written to every second place, too. */
static void phase(float *out, const float *d, size_t step)
{
    const float a = DF_STRIDED_A, b = DF_STRIDED_B;
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
static void strided_input_row(float *out, const float *d, size_t step)
{
    const float a = DF_STRIDED_A, b = DF_STRIDED_B;
    const float aa = a * a, bb = b * b;
    phase(out, d, step);
    phase(out + 1, d + step, step);
    out[8] = d[8 * step] - (aa + bb) * d[4 * step] + aa * bb * d[0];
}

/* A' times five numbers. */
static void strided_output_row(float out[4], const float *m, size_t step)
{
    const float a = DF_STRIDED_A, b = DF_STRIDED_B;
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

void df_winograd_strided_input_c(float *v, size_t stride, const float *const d[81], size_t n)
{
    input_channels(v, stride, d, n, 9, strided_input_row);
}

void df_winograd_strided_output_c(float *y, size_t ld_row, size_t ld_pixel, int h, int w, const float *m, size_t stride,
                                  size_t n, const DfEpilogue *e)
{
    output_channels((Tile){ y, ld_row, ld_pixel, h, w }, m, stride, n, e, 5, strided_output_row);
}

void df_winograd_init_c(DfConvKernels *k)
{
    k->winograd = (DfWinogradKernels){ df_winograd_filters, df_winograd_input_c, df_winograd_output_c };
    k->winograd_strided = (DfWinogradKernels){ df_winograd_strided_filters, df_winograd_strided_input_c,
                                               df_winograd_strided_output_c };
}
