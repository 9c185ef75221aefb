/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/pointwise/pointwise.c -- kernels on single elements (activations, sums, products), weighted sums of rows and
 * transposition, in C: the reference.
 */
#include <math.h>

#include "kernels/act_c.h"
#include "kernels/ladder.h"

static void add_c(float *y, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = a[i] + b[i];
}

static void mul_c(float *y, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = a[i] * b[i];
}

static void max_c(float *y, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = a[i] > b[i] ? a[i] : b[i];
}

static void max_of_c(float *y, const float *const *tap, int taps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float most = tap[0][i];
        for (int t = 1; t < taps; t++)
            most = most > tap[t][i] ? most : tap[t][i];
        y[i] = most;
    }
}

static void scale_c(float *y, const float *x, float factor, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = factor * x[i];
}

static void affine_c(float *y, const float *x, const float *scale, const float *shift, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] * scale[i] + shift[i];
}

static void inverse_root_c(float *y, const float *x, float eps, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (float)(1 / sqrt((double)x[i] + (double)eps));
}

static void accumulate_c(float *y, const float *x, float factor, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += factor * x[i];
}

static void accumulate_product_c(float *y, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += a[i] * b[i];
}

static void accumulate_centred_c(float *y, const float *g, const float *x, const float *mean, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += g[i] * (x[i] - mean[i]);
}

static void accumulate_square_c(float *y, const float *x, const float *mean, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += (x[i] - mean[i]) * (x[i] - mean[i]);
}

static double sum_c(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i];
    return sum;
}

static double dot_c(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

static void blend_c(float *y, const float *const *tap, const float *weight, int taps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float sum = 0;
        for (int t = 0; t < taps; t++) /* the inner loop, because y may be a tap */
            sum += weight[t] * tap[t][i];
        y[i] = sum;
    }
}

static void transpose_c(float *y, size_t ldy, const float *x, size_t ldx, size_t rows, size_t columns)
{
    enum { TILE = 16 }; /* 16 floats are a cache line: a line is fully used while it is in the cache */
    for (size_t i0 = 0; i0 < rows; i0 += TILE)
        for (size_t j0 = 0; j0 < columns; j0 += TILE)
            for (size_t i = i0; i < rows && i < i0 + TILE; i++)
                for (size_t j = j0; j < columns && j < j0 + TILE; j++)
                    y[j * ldy + i] = x[i * ldx + j];
}

void df_pointwise_init_c(DfPointwiseKernels *k)
{
    k->act = df_act_c;
    k->act_grad = df_act_grad_c;
    k->add = add_c;
    k->mul = mul_c;
    k->max = max_c;
    k->max_of = max_of_c;
    k->scale = scale_c;
    k->affine = affine_c;
    k->inverse_root = inverse_root_c;
    k->accumulate = accumulate_c;
    k->accumulate_product = accumulate_product_c;
    k->accumulate_centred = accumulate_centred_c;
    k->accumulate_square = accumulate_square_c;
    k->sum = sum_c;
    k->dot = dot_c;
    k->blend = blend_c;
    k->transpose = transpose_c;
}
