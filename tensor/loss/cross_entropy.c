/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/loss/cross_entropy.c -- softmax cross entropy of rows or pixels, with class weights, ignored labels and
 * label smoothing (Szegedy et al., CVPR 2016).
 */
#include <math.h>
#include <string.h>

#include "tensor/loss/loss.h"

typedef struct {
    const int *label;
    DfCrossEntropy how;
    double weight_sum; /* of all classes */
} Targets;

static float class_weight(const Targets *t, size_t class)
{
    return t->how.class_weight ? t->how.class_weight[class] : 1;
}

/* Softmax into p. The largest probability tells log(sum exp(x)) = max(x) - log(max(p)) without loss of digits. */
static double log_sum(const DfPointwiseKernels *k, const float *x, float *p, size_t C)
{
    size_t top = 0;
    k->softmax(p, x, 1, C);
    for (size_t i = 1; i < C; i++)
        top = x[i] > x[top] ? i : top;
    return (double)x[top] - log((double)p[top]);
}

/* With target t_c = (1 - s) w_y [c = y] + s / C w_c:  loss = sum t_c (log_sum - x_c), slope_c = p_c sum t - t_c. */
static float one_row(const Targets *t, const DfPointwiseKernels *k, const float *x, float *slope, size_t C,
                     size_t label)
{
    const double own = (1 - (double)t->how.smoothing) * (double)class_weight(t, label);
    const double spread = (double)t->how.smoothing / (double)C;
    const double all = log_sum(k, x, slope, C);
    double loss = own * (all - (double)x[label]);
    for (size_t i = 0; i < C; i++) {
        const double share = spread * (double)class_weight(t, i);
        loss += share * (all - (double)x[i]);
        slope[i] = (float)((double)slope[i] * (own + spread * t->weight_sum) - share);
    }
    slope[label] -= (float)own;
    return (float)loss;
}

static void rows(const void *arg, const DfPointwiseKernels *k, const float *x, size_t C, size_t from, size_t count,
                 float *loss, float *slope)
{
    const Targets *t = arg;
    for (size_t i = from; i < from + count; i++) {
        const float w = t->how.weight ? t->how.weight[i] : 1;
        if (t->label[i] == t->how.ignore_index) {
            loss[i] = 0;
            memset(slope + i * C, 0, C * sizeof *slope);
            continue;
        }
        loss[i] = w * one_row(t, k, x + i * C, slope + i * C, C, (size_t)t->label[i]);
        k->scale(slope + i * C, slope + i * C, w, C);
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
    Targets targets = { label, how, 0 };
    for (size_t i = 0; i < (size_t)C; i++)
        targets.weight_sum += (double)class_weight(&targets, i);
    return df_loss(c, &op, x, shape, rows, &targets);
}
