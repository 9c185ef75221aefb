/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/parts.h -- private to kernels/conv/: the interpolation points of Winograd's algorithm, the transform of
 * filters, and the C transforms of patches that faster rungs call for leftover channels.
 */
#ifndef DF_KERNELS_CONV_PARTS_H
#define DF_KERNELS_CONV_PARTS_H

#include "kernels/conv/conv.h"
#include "kernels/gemm/parts.h"

/* The points of F(4x4, 3x3): 0, +-A, +-B and infinity (kernels/conv/winograd.c says why these). */
#define DF_WINOGRAD_A 0.625f
#define DF_WINOGRAD_B 1.5f
/* Those for a stride of 2: +-A, +-B and infinity (kernels/conv/winograd_c.c). */
#define DF_STRIDED_A 0.375f
#define DF_STRIDED_B 1.25f

int df_conv_winograd(DfPool *, const DfKernels *, const DfConvShape *, DfMap x, const DfPacked *w, DfMap y, DfEpilogue);

/* One row of G for DF_PANEL filters. Row p of G is (1, p, p^2) over the product of p's distances from the other points,
 * which B' leaves out. */
static inline void df_winograd_filter_row(double out[6][DF_PANEL], double g0, double g1, double g2, size_t l)
{
    const double a = (double)DF_WINOGRAD_A;
    const double b = (double)DF_WINOGRAD_B;
    const double at_0 = 1 / (a * a * b * b);
    const double at_a = 1 / (2 * a * a * (a * a - b * b));
    const double at_b = 1 / (2 * b * b * (b * b - a * a));
    const double even_a = g0 + a * a * g2;
    const double even_b = g0 + b * b * g2;
    out[0][l] = g0 * at_0;
    out[1][l] = (even_a + a * g1) * at_a;
    out[2][l] = (even_a - a * g1) * at_a;
    out[3][l] = (even_b + b * g1) * at_b;
    out[4][l] = (even_b - b * g1) * at_b;
    out[5][l] = g2;
}

/* The leaf filters() of winograd, for every rung: the compiler makes vectors of it. Rounded once. */
static inline void df_winograd_filters(float *u, size_t stride, const float *g, ptrdiff_t tap)
{
    double columns[3][6][DF_PANEL];
    double row[6][DF_PANEL];
    for (size_t x = 0; x < 3; x++) {
        const float *const top = g + (ptrdiff_t)x * tap;
        for (size_t l = 0; l < DF_PANEL; l++)
            df_winograd_filter_row(columns[x], (double)top[l], (double)top[3 * tap + (ptrdiff_t)l],
                                   (double)top[6 * tap + (ptrdiff_t)l], l);
    }
    for (size_t y = 0; y < 6; y++) {
        for (size_t l = 0; l < DF_PANEL; l++)
            df_winograd_filter_row(row, columns[0][y][l], columns[1][y][l], columns[2][y][l], l);
        for (size_t x = 0; x < 6; x++)
            for (size_t l = 0; l < DF_PANEL; l++)
                u[(y * 6 + x) * stride + l] = (float)row[x][l];
    }
}

/* The same for a stride of 2: rows of G for taps 0 and 2, which even numbers meet, take turns with those for tap 1,
 * which odd ones meet. */
static inline void df_winograd_strided_filter_row(double out[9][DF_PANEL], double g0, double g1, double g2, size_t l)
{
    const double a = (double)DF_STRIDED_A;
    const double b = (double)DF_STRIDED_B;
    const double at_a = 1 / (2 * a * (a * a - b * b));
    const double at_b = 1 / (2 * b * (b * b - a * a));
    out[0][l] = (g0 + a * g2) * at_a;
    out[1][l] = g1 * at_a;
    out[2][l] = (g0 - a * g2) * -at_a;
    out[3][l] = g1 * -at_a;
    out[4][l] = (g0 + b * g2) * at_b;
    out[5][l] = g1 * at_b;
    out[6][l] = (g0 - b * g2) * -at_b;
    out[7][l] = g1 * -at_b;
    out[8][l] = g2;
}

/* The leaf filters() of winograd_strided, for every rung. Rounded once. */
static inline void df_winograd_strided_filters(float *u, size_t stride, const float *g, ptrdiff_t tap)
{
    double columns[3][9][DF_PANEL];
    double row[9][DF_PANEL];
    for (size_t x = 0; x < 3; x++) {
        const float *const top = g + (ptrdiff_t)x * tap;
        for (size_t l = 0; l < DF_PANEL; l++)
            df_winograd_strided_filter_row(columns[x], (double)top[l], (double)top[3 * tap + (ptrdiff_t)l],
                                           (double)top[6 * tap + (ptrdiff_t)l], l);
    }
    for (size_t y = 0; y < 9; y++) {
        for (size_t l = 0; l < DF_PANEL; l++)
            df_winograd_strided_filter_row(row, columns[0][y][l], columns[1][y][l], columns[2][y][l], l);
        for (size_t x = 0; x < 9; x++)
            for (size_t l = 0; l < DF_PANEL; l++)
                u[(y * 9 + x) * stride + l] = (float)row[x][l];
    }
}

/* The C reference, for the channels that a faster rung leaves over. */
void df_winograd_input_c(float *v, size_t stride, const float *const d[36], size_t n);
void df_winograd_output_c(float *y, size_t ld_row, size_t ld_pixel, int h, int w, const float *m, size_t stride,
                          size_t n, const DfEpilogue *);
void df_winograd_strided_input_c(float *v, size_t stride, const float *const d[81], size_t n);
void df_winograd_strided_output_c(float *y, size_t ld_row, size_t ld_pixel, int h, int w, const float *m, size_t stride,
                                  size_t n, const DfEpilogue *);

#endif
