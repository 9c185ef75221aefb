/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/pointwise/rows.c -- softmax and layer norm of rows (Ba et al., 2016) and their gradients, in C: the
 * reference.
 */
#include <math.h>

#include "kernels/ladder.h"

/* y = e^(x - max) / sum of these: the maximum taken away keeps e^x from overflowing and changes nothing else. */
static void softmax_row(float *y, const float *x, size_t n)
{
    float top = -INFINITY;
    for (size_t i = 0; i < n; i++)
        top = x[i] > top ? x[i] : top;
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)(y[i] = expf(x[i] - top));
    const float share = (float)(1 / sum);
    for (size_t i = 0; i < n; i++)
        y[i] *= share;
}

static void softmax_c(float *y, const float *x, size_t rows, size_t n)
{
    for (size_t i = 0; i < rows; i++)
        softmax_row(y + i * n, x + i * n, n);
}

/* gx += y (g - <g, y>): the derivative of y_j by x_i is y_j (1 if i == j, else 0) - y_j y_i. */
static void softmax_grad_c(float *gx, const float *g, const float *y, size_t rows, size_t n)
{
    for (size_t i = 0; i < rows; i++, gx += n, g += n, y += n) {
        double inner = 0;
        for (size_t j = 0; j < n; j++)
            inner += (double)g[j] * (double)y[j];
        for (size_t j = 0; j < n; j++)
            gx[j] += y[j] * (g[j] - (float)inner);
    }
}

static double mean_of(const float *x, size_t n)
{
    double sum = 0;
    for (size_t j = 0; j < n; j++)
        sum += (double)x[j];
    return sum / (double)n;
}

static double variance_of(const float *x, size_t n, double mean)
{
    double sum = 0;
    for (size_t j = 0; j < n; j++)
        sum += ((double)x[j] - mean) * ((double)x[j] - mean);
    return sum / (double)n;
}

/* y = (x - mean) / sqrt(variance + eps) weight + bias; the variance is biased, of n elements. */
static void layer_norm_c(float *y, const float *x, const float *weight, const float *bias, size_t rows, size_t n,
                         float eps, float *stats)
{
    for (size_t i = 0; i < rows; i++, x += n, y += n) {
        const double mean = mean_of(x, n);
        const double variance = variance_of(x, n, mean);
        const double inverse = 1 / sqrt(variance + (double)eps);
        for (size_t j = 0; j < n; j++) {
            const float unit = (float)(((double)x[j] - mean) * inverse);
            const float scaled = unit * (weight ? weight[j] : 1);
            y[j] = scaled + (bias ? bias[j] : 0);
        }
        if (stats) {
            stats[2 * i] = (float)mean;
            stats[2 * i + 1] = (float)inverse;
        }
    }
}

/* With u = (x - mean) inverse and h = weight g:  gx = inverse (h - mean(h) - u mean(h u)). */
static void layer_norm_grad_row(float *gx, const float *g, const float *x, const float *weight, float mean,
                                float inverse, size_t n)
{
    double sum_h = 0;
    double sum_hu = 0;
    for (size_t j = 0; j < n; j++) {
        const double h = (double)g[j] * (weight ? (double)weight[j] : 1);
        sum_h += h;
        sum_hu += h * (double)((x[j] - mean) * inverse);
    }
    const float mean_h = (float)(sum_h / (double)n);
    const float mean_hu = (float)(sum_hu / (double)n);
    for (size_t j = 0; j < n; j++) {
        const float h = weight ? weight[j] * g[j] : g[j];
        gx[j] += inverse * (h - mean_h - (x[j] - mean) * inverse * mean_hu);
    }
}

static void layer_norm_grad_c(float *gx, float *g_weight, float *g_bias, const float *g, const float *x,
                              const float *weight, const float *stats, size_t rows, size_t n)
{
    for (size_t i = 0; i < rows; i++, g += n, x += n) {
        const float mean = stats[2 * i];
        const float inverse = stats[2 * i + 1];
        if (gx)
            layer_norm_grad_row(gx + i * n, g, x, weight, mean, inverse, n);
        for (size_t j = 0; g_weight && j < n; j++)
            g_weight[j] += g[j] * ((x[j] - mean) * inverse);
        for (size_t j = 0; g_bias && j < n; j++)
            g_bias[j] += g[j];
    }
}

void df_rows_init_c(DfPointwiseKernels *k)
{
    k->softmax = softmax_c;
    k->softmax_grad = softmax_grad_c;
    k->layer_norm = layer_norm_c;
    k->layer_norm_grad = layer_norm_grad_c;
}
