/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/support/act.h -- the activations in float64, from their definitions.
 */
#ifndef DF_TESTS_SUPPORT_ACT_H
#define DF_TESTS_SUPPORT_ACT_H

#include <math.h>

#include "kernels/act.h"

static inline double act_sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static inline double act_gelu(double x)
{
    return 0.5 * x * erfc(-x * sqrt(0.5));
}

static inline double act_value(DfAct act, double x)
{
    switch (act) {
    case DF_ACT_NONE: return x;
    case DF_ACT_RELU: return fmax(x, 0);
    case DF_ACT_GELU: return act_gelu(x);
    case DF_ACT_GELU_TANH: return 0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
    case DF_ACT_SIGMOID: return act_sigmoid(x);
    case DF_ACT_TANH: return tanh(x);
    case DF_ACT_SILU: return x * act_sigmoid(x);
    case DF_ACT_QUICK_GELU: return x * act_sigmoid(1.702 * x);
    case DF_ACT_CLIPPED_GELU: return fmin(act_gelu(x), 10);
    case DF_ACT_MISH: return x * tanh(log1p(exp(x)));
    case DF_ACT_HARDSWISH: return x * fmin(fmax(x + 3, 0), 6) / 6;
    case DF_ACT_RELU6: return fmin(fmax(x, 0), 6);
    case DF_ACT_RELU_SQUARED: return x > 0 ? x * x : 0;
    case DF_ACT_LEAKY_RELU: return x > 0 ? x : 0.01 * x;
    case DF_ACT_LAPLACE: return 0.5 * erfc((0.707107 - x) / (0.282095 * sqrt(2.0)));
    case DF_ACT_SQRT_SOFTPLUS: return sqrt(log1p(exp(x)));
    case DF_ACTS: break;
    }
    return NAN;
}

/* No slope of it around x is steeper. */
static inline double act_steepest(DfAct act, double x)
{
    switch (act) {
    case DF_ACT_RELU_SQUARED: return 2 * fabs(x) + 1;
    case DF_ACT_HARDSWISH: return 1.5;
    case DF_ACT_LAPLACE: return 1.42;
    default: return 1.2;
    }
}

#endif
