/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/act_c.c -- the activations and their derivatives in scalar C: the reference for the vector versions, and the
 * only version of the rarer ones (SiLU, Mish, hard swish, ...).
 */
#include "kernels/act_c.h"

#include <math.h>

static const float sqrt_half = 0.70710678118654752f;      /* 1 / sqrt(2)    */
static const float sqrt_two_over_pi = 0.79788456080286536f;
static const float density_at_0 = 0.39894228040143268f;   /* 1 / sqrt(2 pi) */
static const float gelu_cubic = 0.044715f;                /* of the tanh form: Hendrycks and Gimpel, 2016 */
static const float quick = 1.702f;                        /* of the sigmoid form: the same                */
static const float leak = 0.01f;
static const float laplace_mean = 0.707107f;
static const float laplace_sigma = 0.282095f;

static float relu(float x)
{
    if (x > 0)
        return x;
    return x != x ? x : 0; /* a NaN stays one */
}

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

static float quick_gelu(float x)
{
    return x * sigmoid(quick * x);
}

static float quick_gelu_grad(float x)
{
    const float s = sigmoid(quick * x);
    return s + quick * x * s * sigmoid(-quick * x);
}

static float silu_grad(float x)
{
    return sigmoid(x) * (1 + x * sigmoid(-x));
}

/* tanh(log(1 + e)) with e = exp(x) is n / (n + 2) with n = e (e + 2); from 20 on it is 1. */
static float tanh_softplus(float x)
{
    const float e = expf(x < 20 ? x : 20);
    const float n = e * (e + 2);
    return n / (n + 2);
}

static float mish_grad(float x)
{
    const float t = tanh_softplus(x);
    return t + x * (1 - t * t) * sigmoid(x);
}

static float clip(float x, float low, float high)
{
    if (x < low)
        return low;
    return x > high ? high : x; /* a NaN stays one */
}

static float hardswish(float x)
{
    return x * clip(x + 3, 0, 6) / 6;
}

static float hardswish_grad(float x)
{
    if (x <= -3)
        return 0;
    return x < 3 ? x / 3 + 0.5f : 1;
}

static float laplace(float x)
{
    return 0.5f * erfcf((laplace_mean - x) / laplace_sigma * sqrt_half);
}

static float laplace_grad(float x)
{
    const float z = (x - laplace_mean) / laplace_sigma;
    return density_at_0 / laplace_sigma * expf(-0.5f * z * z);
}

/* For x far below 0, log(1 + e^x) is e^x; far above 0 it is x. */
static float sqrt_softplus(float x)
{
    if (x < -20)
        return expf(0.5f * x);
    return sqrtf(x > 20 ? x : log1pf(expf(x)));
}

static float sqrt_softplus_grad(float x)
{
    return x < -20 ? 0.5f * expf(0.5f * x) : 0.5f * sigmoid(x) / sqrt_softplus(x);
}

static float act_one(DfAct act, float x)
{
    switch (act) {
    case DF_ACT_RELU: return relu(x);
    case DF_ACT_GELU: return gelu(x);
    case DF_ACT_GELU_TANH: return gelu_tanh(x);
    case DF_ACT_SIGMOID: return sigmoid(x);
    case DF_ACT_TANH: return tanhf(x);
    case DF_ACT_SILU: return x * sigmoid(x);
    case DF_ACT_QUICK_GELU: return quick_gelu(x);
    case DF_ACT_CLIPPED_GELU: return clip(gelu(x), -10, 10);
    case DF_ACT_MISH: return x * tanh_softplus(x);
    case DF_ACT_HARDSWISH: return hardswish(x);
    case DF_ACT_RELU6: return clip(x, 0, 6);
    case DF_ACT_RELU_SQUARED: return relu(x) * relu(x);
    case DF_ACT_LEAKY_RELU: return x > 0 ? x : leak * x;
    case DF_ACT_LAPLACE: return laplace(x);
    case DF_ACT_SQRT_SOFTPLUS: return sqrt_softplus(x);
    case DF_ACT_NONE: case DF_ACTS: break;
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
    case DF_ACT_SILU: return silu_grad(x);
    case DF_ACT_QUICK_GELU: return quick_gelu_grad(x);
    case DF_ACT_CLIPPED_GELU: return gelu(x) <= 10 ? gelu_grad(x) : 0;
    case DF_ACT_MISH: return mish_grad(x);
    case DF_ACT_HARDSWISH: return hardswish_grad(x);
    case DF_ACT_RELU6: return x > 0 && x < 6 ? 1 : 0;
    case DF_ACT_RELU_SQUARED: return 2 * relu(x);
    case DF_ACT_LEAKY_RELU: return x > 0 ? 1 : leak;
    case DF_ACT_LAPLACE: return laplace_grad(x);
    case DF_ACT_SQRT_SOFTPLUS: return sqrt_softplus_grad(x);
    case DF_ACT_NONE: case DF_ACTS: break;
    }
    return 1;
}

void df_act_c(DfAct act, float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = act_one(act, x[i]);
}

void df_act_grad_c(DfAct act, float *gx, const float *g, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        gx[i] += slope(act, x[i]) * g[i];
}
