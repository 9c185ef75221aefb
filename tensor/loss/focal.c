/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/loss/focal.c -- sigmoid focal loss.  Lin et al., ICCV 2017.
 */
#include <math.h>

#include "tensor/loss/loss.h"

typedef struct {
    const int *label;
    const float *weight;
    size_t C;
    float alpha, gamma;
} Focal;

/* FL = -a (1 - q)^gamma log(q), equation 5 of the paper. With z = x for the row's class and -x for the others, and
 * q = sigmoid(z), the probability of what is true:
 *     loss  = a (1 - q)^gamma softplus(-z)
 *     slope = -a (1 - q)^gamma (gamma q softplus(-z) + 1 - q)   by z */
static void rows(const void *arg, const DfPointwiseKernels *k, const float *x, size_t n, size_t from, size_t count,
                 float *loss, float *slope)
{
    const Focal *f = arg;
    (void)k;
    (void)n;
    for (size_t i = from; i < from + count; i++) {
        const size_t row = i / f->C;
        const bool positive = f->label[row] >= 0 && (size_t)f->label[row] == i % f->C;
        const float sign = positive ? 1 : -1;
        const float z = sign * x[i];
        const float e = expf(-fabsf(z));
        const float softplus = log1pf(e) + fmaxf(-z, 0);
        const float q = z >= 0 ? 1 / (1 + e) : e / (1 + e);
        const float miss = z >= 0 ? e / (1 + e) : 1 / (1 + e);
        const float focus = f->gamma == 2 ? miss * miss : powf(miss, f->gamma);
        const float alpha = positive ? f->alpha : 1 - f->alpha;
        const float weight = f->weight ? f->weight[row] : 1;
        const float a = alpha * weight * focus;
        loss[i] = a * softplus;
        slope[i] = -sign * a * (f->gamma * q * softplus + miss);
    }
}

static const DfOp op = { "sigmoid_focal_loss", df_loss_backward };

DfTensor *df_sigmoid_focal_loss(DfCtx *c, DfTensor *x, const int *label, const float *weight, float alpha, float gamma)
{
    if (c->err)
        return &c->nil;
    if (x->shape.n < 1)
        return df_refuse(c, "sigmoid_focal_loss: (%s): want .. C", DF_TEXT(x));
    const Focal focal = { label, weight, (size_t)df_dim(x, -1), alpha, gamma };
    return df_loss(c, &op, x, x->shape, rows, &focal);
}
