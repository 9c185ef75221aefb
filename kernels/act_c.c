/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/act_c.c -- the activations and their derivatives: the C reference.
 */
#include "kernels/act_c.h"

#include <math.h>

static const float sqrt_half = 0.70710678118654752f;      /* 1 / sqrt(2)    */
static const float sqrt_two_over_pi = 0.79788456080286536f;
static const float density_at_0 = 0.39894228040143268f;   /* 1 / sqrt(2 pi) */
static const float gelu_cubic = 0.044715f;                /* of the tanh form: Hendrycks and Gimpel, 2016 */

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

static float act_one(DfAct act, float x)
{
    switch (act) {
    case DF_ACT_RELU: return relu(x);
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
