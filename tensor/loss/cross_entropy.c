/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/loss/cross_entropy.c -- softmax cross entropy of rows or pixels, with class weights, ignored labels and label
 * smoothing (Szegedy et al., CVPR 2016), or with soft targets.
 */
#include <math.h>
#include <string.h>

#include "tensor/loss/loss.h"

typedef struct {
    const int *label;
    const float *share; /* in place of labels: rows of C */
    DfCrossEntropy how;
} Targets;

static double class_weight(const Targets *t, size_t class)
{
    return t->how.class_weight ? (double)t->how.class_weight[class] : 1;
}

/* log(sum exp(x)) = x_y - log(p_y) of any class y with p = softmax(x). Of the likeliest class no digits are lost; of
 * another one, none that matter while its probability is a number. */
static double log_sum(const float *x, const float *p, size_t C, size_t y)
{
    const float rare = 1e-30f;
    if (p[y] < rare)
        for (size_t i = 0; i < C; i++)
            y = x[i] > x[y] ? i : y;
    return (double)x[y] - log((double)p[y]);
}

/* loss = w_y (log_sum - x_y), slope_c = w_y (p_c - [c = y]) */
static float one_label(const Targets *t, const DfPointwiseKernels *k, const float *x, float *slope, size_t C, size_t y,
                       float row_weight)
{
    const double own = (double)row_weight * class_weight(t, y);
    k->softmax(slope, x, 1, C);
    const double loss = own * (log_sum(x, slope, C, y) - (double)x[y]);
    if (own > 1 || own < 1)
        k->scale(slope, slope, (float)own, C);
    slope[y] -= (float)own;
    return (float)loss;
}

/* The target of class c. With smoothing s it is  (1 - s) w_y [c = y] + s / C w_c. */
static double target_of(const Targets *t, size_t row, size_t C, size_t class)
{
    if (t->share)
        return class_weight(t, class) * (double)t->share[row * C + class];
    const double smoothing = (double)t->how.smoothing;
    const double own = (size_t)t->label[row] == class ? 1 - smoothing : 0;
    return class_weight(t, class) * (own + smoothing / (double)C);
}

/* loss = sum t_c (log_sum - x_c), slope_c = p_c sum t - t_c. */
static float many_labels(const Targets *t, const DfPointwiseKernels *k, const float *x, float *slope, size_t C,
                         size_t row, float row_weight)
{
    double loss = 0, sum = 0;
    k->softmax(slope, x, 1, C);
    const double all = log_sum(x, slope, C, 0);
    for (size_t i = 0; i < C; i++) {
        const double target = target_of(t, row, C, i);
        loss += target > 0 || target < 0 ? target * (all - (double)x[i]) : 0;
        sum += target;
    }
    for (size_t i = 0; i < C; i++)
        slope[i] = row_weight * (float)((double)slope[i] * sum - target_of(t, row, C, i));
    return (float)((double)row_weight * loss);
}

static void rows(const void *arg, const DfPointwiseKernels *k, const float *x, size_t C, size_t from, size_t count,
                 float *loss, float *slope)
{
    const Targets *t = arg;
    for (size_t i = from; i < from + count; i++) {
        const float w = t->how.weight ? t->how.weight[i] : 1;
        const float *logits = x + i * C;
        if (!t->share && t->label[i] == t->how.ignore_index) {
            loss[i] = 0;
            memset(slope + i * C, 0, C * sizeof *slope);
        } else if (t->share || t->how.smoothing > 0) {
            loss[i] = many_labels(t, k, logits, slope + i * C, C, i, w);
        } else {
            loss[i] = one_label(t, k, logits, slope + i * C, C, (size_t)t->label[i], w);
        }
    }
}

static const DfOp op = { "cross_entropy", df_loss_backward };

static bool labels_fit(DfCtx *c, const int *label, size_t n, int C, int ignore_index)
{
    for (size_t i = 0; i < n; i++)
        if (label[i] != ignore_index && (label[i] < 0 || label[i] >= C)) {
            df_ctx_fail(c, DF_EVALUE, "cross_entropy: label %d: want 0..%d, or %d for what does not count", label[i],
                        C - 1, ignore_index);
            return false;
        }
    return true;
}

DfTensor *df_cross_entropy(DfCtx *c, DfTensor *x, const int *label, DfCrossEntropy how)
{
    if (c->err)
        return &c->nil;
    if (x->shape.n < 1 || df_dim(x, -1) < 1)
        return df_refuse(c, "cross_entropy: (%s): want .. C", DF_TEXT(x));
    DfShape shape = x->shape;
    const int C = shape.d[--shape.n];
    if (!c->dry && !labels_fit(c, label, df_count(shape), C, how.ignore_index))
        return &c->nil;
    const Targets targets = { .label = label, .how = how };
    return df_loss(c, &op, x, shape, rows, &targets);
}

DfTensor *df_soft_cross_entropy(DfCtx *c, DfTensor *x, const float *target, DfCrossEntropy how)
{
    if (c->err)
        return &c->nil;
    if (x->shape.n < 1 || df_dim(x, -1) < 1)
        return df_refuse(c, "soft_cross_entropy: (%s): want .. C", DF_TEXT(x));
    DfShape shape = x->shape;
    shape.n--;
    const Targets targets = { .share = target, .how = how };
    return df_loss(c, &op, x, shape, rows, &targets);
}
