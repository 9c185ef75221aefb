/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/loss/elementwise.c -- elementwise losses: L1, smooth L1 (Girshick, Fast R-CNN, ICCV 2015), balanced L1 (Pang
 * et al., Libra R-CNN, CVPR 2019), mean squares, binary cross entropy.
 */
#include <math.h>

#include "tensor/loss/loss.h"

typedef struct {
    const float *target, *weight, *pos_weight;
    size_t columns; /* of pos_weight */
    float beta;
    double alpha, gamma; /* of balanced L1 */
} Targets;

static float weight_at(const Targets *t, size_t i)
{
    return t->weight ? t->weight[i] : 1;
}

/* ---- L1, smooth L1 ---------------------------------------------------------------------------------------------- */

/* |x| is not smooth at 0: as PyTorch does, its slope there is 0, and that of a NaN a NaN. */
static float sign_of(float d)
{
    if (d > 0)
        return 1;
    return d < 0 ? -1 : d;
}

/* With d = x - t:  d^2 / (2 beta) near 0, |d| - beta / 2 beyond beta; beta = 0 is L1. */
static void smooth_l1_rows(const void *arg, const DfPointwiseKernels *k, const float *x, size_t n, size_t from,
                           size_t count, float *loss, float *slope)
{
    const Targets *t = arg;
    (void)k;
    (void)n;
    for (size_t i = from; i < from + count; i++) {
        const float d = x[i] - t->target[i];
        const float size = fabsf(d);
        const float w = weight_at(t, i);
        const bool round = size < t->beta;
        loss[i] = w * (round ? 0.5f * d * d / t->beta : size - 0.5f * t->beta);
        slope[i] = w * (round ? d / t->beta : sign_of(d));
    }
}

static const DfOp smooth_l1_op = { "smooth_l1_loss", df_loss_backward };
static const DfOp l1_op = { "l1_loss", df_loss_backward };

DfTensor *df_smooth_l1_loss(DfCtx *c, DfTensor *x, const float *target, const float *weight, float beta)
{
    if (c->err)
        return &c->nil;
    const Targets targets = { .target = target, .weight = weight, .beta = beta };
    return df_loss(c, &smooth_l1_op, x, x->shape, smooth_l1_rows, &targets);
}

DfTensor *df_l1_loss(DfCtx *c, DfTensor *x, const float *target, const float *weight)
{
    if (c->err)
        return &c->nil;
    const Targets targets = { .target = target, .weight = weight };
    return df_loss(c, &l1_op, x, x->shape, smooth_l1_rows, &targets);
}

/* ---- balanced L1 ------------------------------------------------------------------------------------------------ */

/* Section 3.3, equation 9, as mmdet divides by beta. With b = e^(gamma / alpha) - 1 both pieces have one slope where
 * they meet, if beta is 1:
 *     loss  = alpha / b (b d + 1) ln(b d / beta + 1) - alpha d             for d = |x - t| < beta
 *     slope = alpha (ln(b d / beta + 1) + (b d + 1) / (b d + beta) - 1)
 *     loss  = gamma d + gamma / b - alpha beta                             beyond */
static void balanced_l1(const Targets *t, double size, double *loss, double *slope)
{
    const double b = exp(t->gamma / t->alpha) - 1;
    const double beta = (double)t->beta;
    if (!(size < beta)) {
        *loss = t->gamma * size + t->gamma / b - t->alpha * beta;
        *slope = t->gamma;
        return;
    }
    const double inner = b * size / beta + 1;
    *loss = t->alpha / b * (b * size + 1) * log(inner) - t->alpha * size;
    *slope = t->alpha * (log(inner) + (b * size + 1) / (b * size + beta) - 1);
}

static void balanced_l1_rows(const void *arg, const DfPointwiseKernels *k, const float *x, size_t n, size_t from,
                             size_t count, float *loss, float *slope)
{
    const Targets *t = arg;
    (void)k;
    (void)n;
    for (size_t i = from; i < from + count; i++) {
        const float d = x[i] - t->target[i];
        const double w = (double)weight_at(t, i);
        double value, steep;
        balanced_l1(t, fabs((double)d), &value, &steep);
        loss[i] = (float)(w * value);
        slope[i] = (float)(w * steep) * sign_of(d);
    }
}

static const DfOp balanced_l1_op = { "balanced_l1_loss", df_loss_backward };

DfTensor *df_balanced_l1_loss(DfCtx *c, DfTensor *x, const float *target, const float *weight, DfBalancedL1 how)
{
    if (c->err)
        return &c->nil;
    const Targets targets = { .target = target, .weight = weight, .beta = how.beta, .alpha = (double)how.alpha,
                              .gamma = (double)how.gamma };
    return df_loss(c, &balanced_l1_op, x, x->shape, balanced_l1_rows, &targets);
}

/* ---- squares ---------------------------------------------------------------------------------------------------- */

static void square_rows(const void *arg, const DfPointwiseKernels *k, const float *x, size_t n, size_t from,
                        size_t count, float *loss, float *slope)
{
    const Targets *t = arg;
    (void)k;
    (void)n;
    for (size_t i = from; i < from + count; i++) {
        const float d = x[i] - t->target[i];
        const float w = weight_at(t, i);
        loss[i] = w * d * d;
        slope[i] = 2 * w * d;
    }
}

static const DfOp square_op = { "square_loss", df_loss_backward };

DfTensor *df_square_loss(DfCtx *c, DfTensor *x, const float *target, const float *weight)
{
    if (c->err)
        return &c->nil;
    const Targets targets = { .target = target, .weight = weight };
    return df_loss(c, &square_op, x, x->shape, square_rows, &targets);
}

/* ---- binary cross entropy --------------------------------------------------------------------------------------- */

/* -p t log(s) - (1 - t) log(1 - s) with s = sigmoid(x) and p the weight of positives. As log(s) = -softplus(-x) and
 * log(1 - s) = -x - softplus(-x), it is  (1 - t) x + (1 + (p - 1) t) softplus(-x), which no large |x| overflows. */
static void bce_rows(const void *arg, const DfPointwiseKernels *k, const float *x, size_t n, size_t from,
                     size_t count, float *loss, float *slope)
{
    const Targets *t = arg;
    (void)n;
    k->act(DF_ACT_SIGMOID, slope + from, x + from, count);
    for (size_t i = from; i < from + count; i++) {
        const float positive = t->pos_weight ? t->pos_weight[i % t->columns] : 1;
        const float target = t->target[i];
        const float w = weight_at(t, i);
        const float share = 1 + (positive - 1) * target;
        const float softplus = log1pf(expf(-fabsf(x[i]))) + fmaxf(-x[i], 0); /* of -x */
        loss[i] = w * ((1 - target) * x[i] + share * softplus);
        slope[i] = w * ((1 - target - share) + share * slope[i]);
    }
}

static const DfOp bce_op = { "bce_with_logits", df_loss_backward };

DfTensor *df_bce_with_logits(DfCtx *c, DfTensor *x, const float *target, const float *weight, const float *pos_weight)
{
    if (c->err)
        return &c->nil;
    const Targets targets = { .target = target, .weight = weight, .pos_weight = pos_weight,
                              .columns = x->shape.n ? (size_t)df_dim(x, -1) : 1 };
    return df_loss(c, &bce_op, x, x->shape, bce_rows, &targets);
}
