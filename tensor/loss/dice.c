/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/loss/dice.c -- 1 - the Dice coefficient of masks.  Milletari et al., V-Net, 3DV 2016.
 */
#include "tensor/loss/loss.h"

typedef struct {
    const float *target, *weight;
    bool squared;
    double eps;
} Targets;

/* loss = 1 - top / bottom; both are linear or quadratic in p, so the slope is
 * -(2 t) / bottom + top / bottom^2 (1, or 2 p if squared). */
static void one_row(const Targets *k, const float *p, const float *t, size_t n, double common, double sum_p,
                    double sum_t, float *loss, float *slope)
{
    const double top = 2 * common + (k->squared ? 0 : k->eps);
    const double bottom = sum_p + sum_t + (k->squared ? 2 : 1) * k->eps;
    *loss = (float)(1 - top / bottom);
    for (size_t i = 0; i < n; i++)
        slope[i] = (float)(-2 * (double)t[i] / bottom + top / (bottom * bottom) * (k->squared ? 2 * (double)p[i] : 1));
}

static void rows(const void *arg, const DfPointwiseKernels *k, const float *x, size_t n, size_t from, size_t count,
                 float *loss, float *slope)
{
    const Targets *targets = arg;
    for (size_t i = from; i < from + count; i++) {
        const float *p = x + i * n, *t = targets->target + i * n;
        const double sum_p = targets->squared ? k->dot(p, p, n) : k->sum(p, n);
        const double sum_t = targets->squared ? k->dot(t, t, n) : k->sum(t, n);
        one_row(targets, p, t, n, k->dot(p, t, n), sum_p, sum_t, loss + i, slope + i * n);
        if (!targets->weight)
            continue;
        loss[i] *= targets->weight[i];
        k->scale(slope + i * n, slope + i * n, targets->weight[i], n);
    }
}

static const DfOp op = { "dice_loss", df_loss_backward };

DfTensor *df_dice_loss(DfCtx *c, DfTensor *p, const float *target, const float *weight, bool squared,
                       float eps)
{
    if (c->err)
        return &c->nil;
    if (p->shape.n < 1)
        return df_refuse(c, "dice_loss: (%s): want N ..", DF_TEXT(p));
    const Targets targets = { target, weight, squared, (double)eps };
    return df_loss(c, &op, p, DF_SHAPE(df_dim(p, 0)), rows, &targets);
}
