/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/pointwise/pointwise.c -- element by element, sums, taps: the C reference.
 */
#include <math.h>
#include <string.h>

#include "kernels/ladder.h"

static const float sqrt_half = 0.70710678118654752f;      /* 1 / sqrt(2)    */
static const float sqrt_two_over_pi = 0.79788456080286536f;
static const float density_at_0 = 0.39894228040143268f;   /* 1 / sqrt(2 pi) */
static const float gelu_cubic = 0.044715f;                /* of the tanh form: Hendrycks and Gimpel, 2016 */

static float sigmoid(float x)
{
    return 1 / (1 + expf(-x));
}

/* x Phi(x) where Phi is the normal distribution; erfc keeps the far negative side accurate. */
static float gelu(float x)
{
    return x * 0.5f * erfcf(-x * sqrt_half);
}

static float gelu_grad(float x)
{
    return 0.5f * erfcf(-x * sqrt_half) + x * density_at_0 * expf(-0.5f * x * x);
}

static float gelu_tanh(float x)
{
    return 0.5f * x * (1 + tanhf(sqrt_two_over_pi * (x + gelu_cubic * x * x * x)));
}

static float gelu_tanh_grad(float x)
{
    const float t = tanhf(sqrt_two_over_pi * (x + gelu_cubic * x * x * x));
    return 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * sqrt_two_over_pi * (1 + 3 * gelu_cubic * x * x);
}

static float act_one(DfAct act, float x)
{
    switch (act) {
    case DF_ACT_RELU: return x > 0 ? x : x != x ? x : 0;
    case DF_ACT_GELU: return gelu(x);
    case DF_ACT_GELU_TANH: return gelu_tanh(x);
    case DF_ACT_SIGMOID: return sigmoid(x);
    case DF_ACT_TANH: return tanhf(x);
    case DF_ACT_NONE: break;
    }
    return x;
}

static float slope(DfAct act, float x)
{
    switch (act) {
    case DF_ACT_RELU: return x > 0 ? 1 : 0;
    case DF_ACT_GELU: return gelu_grad(x);
    case DF_ACT_GELU_TANH: return gelu_tanh_grad(x);
    case DF_ACT_SIGMOID: return sigmoid(x) * sigmoid(-x);
    case DF_ACT_TANH: return 1 - tanhf(x) * tanhf(x);
    case DF_ACT_NONE: break;
    }
    return 1;
}

static void act_c(DfAct act, float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = act_one(act, x[i]);
}

static void act_grad_c(DfAct act, float *gx, const float *g, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        gx[i] += slope(act, x[i]) * g[i];
}

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
    memset(y, 0, n * sizeof *y);
    for (int t = 0; t < taps; t++)
        accumulate_c(y, tap[t], weight[t], n);
}

static void transpose_c(float *y, size_t ldy, const float *x, size_t ldx, size_t rows, size_t columns)
{
    enum { TILE = 16 }; /* 16 floats are a cache line: every line is used up while it is near */
    for (size_t i0 = 0; i0 < rows; i0 += TILE)
        for (size_t j0 = 0; j0 < columns; j0 += TILE)
            for (size_t i = i0; i < rows && i < i0 + TILE; i++)
                for (size_t j = j0; j < columns && j < j0 + TILE; j++)
                    y[j * ldy + i] = x[i * ldx + j];
}

void df_pointwise_init_c(DfPointwiseKernels *k)
{
    k->act = act_c;
    k->act_grad = act_grad_c;
    k->add = add_c;
    k->mul = mul_c;
    k->max = max_c;
    k->scale = scale_c;
    k->affine = affine_c;
    k->accumulate = accumulate_c;
    k->accumulate_product = accumulate_product_c;
    k->accumulate_centred = accumulate_centred_c;
    k->accumulate_square = accumulate_square_c;
    k->sum = sum_c;
    k->dot = dot_c;
    k->blend = blend_c;
    k->transpose = transpose_c;
    df_rows_init_c(k);
    df_mix_init_c(k);
}
