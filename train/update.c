/* SPDX-License-Identifier: Apache-2.0
 *
 * train/update.c -- the arithmetic of the optimizers, in the order of operations of torch.optim, in loops that the
 * compiler can vectorise.
 */
#include <math.h>

#include "train/update.h"

/* clamp(scale g, -limit, limit) + decay w */
static inline float used(const DfUpdateNumbers *u, float w, float g)
{
    float x = g * u->scale;
    x = x > u->limit ? u->limit : x;
    x = x < -u->limit ? -u->limit : x;
    return x + u->decay * w;
}

void df_update_sgd(const DfUpdateNumbers *u, size_t n, float *restrict w, const float *restrict g)
{
    for (size_t i = 0; i < n; i++)
        w[i] -= u->rate * used(u, w[i], g[i]);
}

/* m = momentum m + fresh g;  w -= rate m, or with Nesterov's momentum rate (g + momentum m) */
void df_update_momentum(const DfUpdateNumbers *u, size_t n, float *restrict w, const float *restrict g,
                        float *restrict m)
{
    if (u->nesterov) {
        for (size_t i = 0; i < n; i++) {
            const float x = used(u, w[i], g[i]);
            m[i] = m[i] * u->momentum + u->fresh * x;
            w[i] -= u->rate * (x + u->momentum * m[i]);
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        m[i] = m[i] * u->momentum + u->fresh * used(u, w[i], g[i]);
        w[i] -= u->rate * m[i];
    }
}

/* m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  w = keep w - rate m / (sqrt(v) / root + eps) */
void df_update_adam(const DfUpdateNumbers *u, size_t n, float *restrict w, const float *restrict g, float *restrict m,
                    float *restrict v)
{
    const float old = 1 - u->one_minus_beta2;
    for (size_t i = 0; i < n; i++) {
        const float x = used(u, w[i], g[i]);
        m[i] += (x - m[i]) * u->one_minus_beta1;
        v[i] = v[i] * old + u->one_minus_beta2 * x * x;
        w[i] = w[i] * u->keep - u->rate * (m[i] / (sqrtf(v[i]) / u->root + u->eps));
    }
}

/* AMSGrad (Reddi et al., ICLR 2018): divides by the largest v so far instead of v. */
void df_update_amsgrad(const DfUpdateNumbers *u, size_t n, float *restrict w, const float *restrict g,
                       float *restrict m, float *restrict v, float *restrict top)
{
    const float old = 1 - u->one_minus_beta2;
    for (size_t i = 0; i < n; i++) {
        const float x = used(u, w[i], g[i]);
        m[i] += (x - m[i]) * u->one_minus_beta1;
        v[i] = v[i] * old + u->one_minus_beta2 * x * x;
        top[i] = v[i] > top[i] ? v[i] : top[i];
        w[i] = w[i] * u->keep - u->rate * (m[i] / (sqrtf(top[i]) / u->root + u->eps));
    }
}

void df_update_average(size_t n, float share, const float *restrict x, float *restrict average)
{
    for (size_t i = 0; i < n; i++)
        average[i] += share * (x[i] - average[i]);
}
