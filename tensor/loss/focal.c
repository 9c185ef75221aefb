/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/loss/focal.c -- sigmoid focal loss, -alpha_t (1 - p_t)^gamma log p_t.  Lin et al., ICCV 2017.
 */
#include <math.h>

#include "tensor/loss/loss.h"

typedef struct {
    const int *label;
    DfFocal how;
    size_t C;
} Focal;

/* FL = -a (1 - q)^gamma log(q), equation 5 of the paper. With z = x for the row's class and -x for the others, and
 * q = sigmoid(z), the probability of what is true:
 *     loss  = a (1 - q)^gamma softplus(-z)
 *     slope = -a (1 - q)^gamma (gamma q softplus(-z) + 1 - q)   by z */
static void of_logit(const Focal *f, float z, float a, float *loss, float *slope)
{
    const float gamma = f->how.gamma;
    const float e = expf(-fabsf(z));
    const float softplus = log1pf(e) + fmaxf(-z, 0);
    const float q = z >= 0 ? 1 / (1 + e) : e / (1 + e);
    const float miss = z >= 0 ? e / (1 + e) : 1 / (1 + e);
    const float focus = gamma == 2 ? miss * miss : powf(miss, gamma);
    *loss = a * focus * softplus;
    *slope = -a * focus * (gamma * q * softplus + miss);
}

/* The same of a probability q of what is true, whose logarithm is at least -100, as PyTorch's is:
 *     slope = a (gamma (1 - q)^(gamma - 1) log(q) - (1 - q)^gamma / q)   by q */
static void of_probability(const Focal *f, float q, float a, float *loss, float *slope)
{
    const double gamma = (double)f->how.gamma;
    const double miss = 1 - (double)q;
    const double log_q = fmax(log((double)q), -100);
    const double focus = pow(miss, gamma);
    const double inner = gamma > 0 ? gamma * pow(miss, gamma - 1) * log_q : 0;
    *loss = (float)(-(double)a * focus * log_q);
    *slope = (float)((double)a * (inner - focus / fmax((double)q, 1e-12)));
}

static float weight_at(const Focal *f, size_t i)
{
    if (!f->how.weight)
        return 1;
    return f->how.weight[f->how.weight_each ? i : i / f->C];
}

static void rows(const void *arg, const DfPointwiseKernels *k, const float *x, size_t n, size_t from, size_t count,
                 float *loss, float *slope)
{
    const Focal *f = arg;
    (void)k;
    (void)n;
    for (size_t i = from; i < from + count; i++) {
        const size_t row = i / f->C;
        const bool positive = f->label[row] >= 0 && (size_t)f->label[row] == i % f->C;
        const float a = weight_at(f, i) * (positive ? f->how.alpha : 1 - f->how.alpha);
        if (f->how.activated)
            of_probability(f, positive ? x[i] : 1 - x[i], a, loss + i, slope + i);
        else
            of_logit(f, positive ? x[i] : -x[i], a, loss + i, slope + i);
        slope[i] = positive ? slope[i] : -slope[i];
    }
}

static const DfOp op = { "sigmoid_focal_loss", df_loss_backward };

DfTensor *df_sigmoid_focal_loss(DfCtx *c, DfTensor *x, const int *label, DfFocal how)
{
    if (c->err)
        return &c->nil;
    if (x->shape.n < 1)
        return df_refuse(c, "sigmoid_focal_loss: (%s): want .. C", DF_TEXT(x));
    const Focal focal = { label, how, (size_t)df_dim(x, -1) };
    return df_loss(c, &op, x, x->shape, rows, &focal);
}
