/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/loss/dice.c -- Dice loss of masks, 1 - the Dice coefficient.  Milletari et al., V-Net, 3DV 2016.
 */
#include <math.h>

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

/* ---- of classes ------------------------------------------------------------------------------------------------- */

/* A row is a picture: P C probabilities. Its loss is the mean over classes of
 *     w_c (1 - (2 sum valid p t + smooth) / (sum p^e + t^e + smooth)) */
typedef struct {
    const int *label;
    DfClassDice how;
    size_t C;
} Pixels;

typedef struct {
    double top, bottom;
} Ratio;

static Ratio ratio(const Pixels *t, const float *p, const int *label, size_t P, size_t class)
{
    Ratio r = { t->how.smooth, t->how.smooth };
    for (size_t i = 0; i < P; i++) {
        const double x = (double)p[i * t->C + class];
        const int clamped = df_clamp_int(label[i], 0, (int)t->C - 1);
        const bool is = clamped == (int)class;
        r.top += is && label[i] != t->how.ignore_index ? 2 * x : 0;
        r.bottom += pow(x, t->how.exponent) + is;
    }
    return r;
}

static void class_slopes(const Pixels *t, Ratio r, const float *p, const int *label, size_t P, size_t class,
                         double weight, float *slope)
{
    const double e = t->how.exponent;
    for (size_t i = 0; i < P; i++) {
        const size_t at = i * t->C + class;
        const bool is = label[i] == (int)class && label[i] != t->how.ignore_index;
        const double by_bottom = e > 0 ? e * pow((double)p[at], e - 1) : 0;
        slope[at] = (float)(weight * (r.top / (r.bottom * r.bottom) * by_bottom - (is ? 2 : 0) / r.bottom));
    }
}

static void class_rows(const void *arg, const DfPointwiseKernels *k, const float *x, size_t n, size_t from,
                       size_t count, float *loss, float *slope)
{
    const Pixels *t = arg;
    const size_t P = n / t->C;
    (void)k;
    for (size_t i = from; i < from + count; i++) {
        double sum = 0;
        for (size_t class = 0; class < t->C; class++) {
            const double given = t->how.class_weight ? (double)t->how.class_weight[class] : 1;
            const double weight = (int)class == t->how.ignore_index ? 0 : given / (double)t->C;
            const Ratio r = ratio(t, x + i * n, t->label + i * P, P, class);
            sum += weight * (1 - r.top / r.bottom);
            class_slopes(t, r, x + i * n, t->label + i * P, P, class, weight, slope + i * n);
        }
        loss[i] = (float)sum;
    }
}

static const DfOp class_op = { "class_dice_loss", df_loss_backward };

DfTensor *df_class_dice_loss(DfCtx *c, DfTensor *p, const int *label, DfClassDice how)
{
    if (c->err)
        return &c->nil;
    if (p->shape.n < 2)
        return df_refuse(c, "class_dice_loss: (%s): want N .. C", DF_TEXT(p));
    const Pixels pixels = { label, how, (size_t)df_dim(p, -1) };
    return df_loss(c, &class_op, p, DF_SHAPE(df_dim(p, 0)), class_rows, &pixels);
}
