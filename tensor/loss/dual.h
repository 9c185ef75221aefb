/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/loss/dual.h -- private: dual numbers with the derivatives by four variables (forward-mode differentiation),
 * so that a formula is written only once. Used where formulas are long and there are few numbers: boxes. Ties are
 * resolved as in PyTorch.
 */
#ifndef DF_TENSOR_LOSS_DUAL_H
#define DF_TENSOR_LOSS_DUAL_H

#include <math.h>

typedef struct {
    double v;
    double d[4];
} Dual;

static inline Dual constant(double v)
{
    return (Dual){ .v = v };
}

static inline Dual variable(double v, int i) /* the i-th of the four */
{
    Dual x = { .v = v };
    x.d[i] = 1;
    return x;
}

/* f of a and b, whose slopes are known: df = a_slope da + b_slope db. */
static inline Dual chain(double f, Dual a, double a_slope, Dual b, double b_slope)
{
    Dual y = { .v = f };
    for (int i = 0; i < 4; i++)
        y.d[i] = a_slope * a.d[i] + b_slope * b.d[i];
    return y;
}

static inline Dual chain1(double f, Dual a, double slope)
{
    return chain(f, a, slope, a, 0);
}

static inline Dual plus(Dual a, Dual b)
{
    return chain(a.v + b.v, a, 1, b, 1);
}

static inline Dual minus(Dual a, Dual b)
{
    return chain(a.v - b.v, a, 1, b, -1);
}

static inline Dual times(Dual a, Dual b)
{
    return chain(a.v * b.v, a, b.v, b, a.v);
}

static inline Dual over(Dual a, Dual b)
{
    return chain(a.v / b.v, a, 1 / b.v, b, -a.v / (b.v * b.v));
}

static inline Dual shifted(Dual a, double by)
{
    return chain1(a.v + by, a, 1);
}

static inline Dual scaled(Dual a, double by)
{
    return chain1(a.v * by, a, by);
}

static inline Dual squared(Dual a)
{
    return chain1(a.v * a.v, a, 2 * a.v);
}

static inline Dual size_of(Dual a) /* |a|; at 0 the slope is 0 */
{
    if (a.v > 0)
        return a;
    return a.v < 0 ? scaled(a, -1) : scaled(a, 0);
}

/* torch.max and torch.min share the slope where the two are equal. */
static inline Dual larger(Dual a, Dual b)
{
    if (a.v > b.v || isnan(a.v))
        return a;
    return a.v < b.v || isnan(b.v) ? b : chain(a.v, a, 0.5, b, 0.5);
}

static inline Dual smaller(Dual a, Dual b)
{
    return scaled(larger(scaled(a, -1), scaled(b, -1)), -1);
}

/* torch.clamp lets the slope pass at the limit itself. */
static inline Dual at_least(Dual a, double lo)
{
    return a.v < lo ? constant(lo) : a;
}

static inline Dual at_most(Dual a, double hi)
{
    return a.v > hi ? constant(hi) : a;
}

#endif
