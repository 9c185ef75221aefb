/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/loss/bounded_iou.c -- bounded IoU loss (Tychsen-Smith and Petersson, CVPR 2018): for each of x, y, width and
 * height, 1 - the largest IoU that the box could have with this coordinate fixed, passed through a smooth L1.
 */
#include "tensor/loss/dual.h"
#include "tensor/loss/loss.h"

typedef struct {
    const float *target, *weight; /* N 4 */
    double beta, eps;
} Targets;

/* The centre is off by d, the target is `size` long: 1 - max((size - 2 |d|) / (size + 2 |d| + eps), 0). */
static Dual by_centre(Dual off, double size, double eps)
{
    const Dual twice = scaled(size_of(off), 2);
    const Dual bound = over(shifted(scaled(twice, -1), size), shifted(twice, size + eps));
    return minus(constant(1), larger(bound, constant(0)));
}

/* 1 - min(size / (own + eps), own / (size + eps)) */
static Dual by_size(Dual own, double size, double eps)
{
    const Dual bound = smaller(over(constant(size), shifted(own, eps)), over(own, constant(size + eps)));
    return minus(constant(1), bound);
}

static Dual smooth(Dual x, double beta)
{
    return x.v < beta ? scaled(squared(x), 0.5 / beta) : shifted(x, -0.5 * beta);
}

/* Number `i` of a box, x1 y1 x2 y2: its part of the loss is that of x, y, width or height. */
static Dual part(const float *a, const float *b, int i, const Targets *t)
{
    const int along = i % 2;
    const Dual a1 = variable((double)a[along], along);
    const Dual a2 = variable((double)a[along + 2], along + 2);
    const double b1 = (double)b[along];
    const double b2 = (double)b[along + 2];
    if (i >= 2)
        return smooth(by_size(minus(a2, a1), b2 - b1, t->eps), t->beta);
    const Dual off = shifted(scaled(plus(a1, a2), -0.5), 0.5 * (b1 + b2));
    return smooth(by_centre(off, b2 - b1, t->eps), t->beta);
}

/* A row here is one number of the result: x is read through its place in it. Slopes: N 4 2, by the number's own side
 * of the box and by the opposite one (i % 2 and i % 2 + 2). */
typedef struct {
    Targets t;
    const float *x;
    float *y, *slope;
} Job;

static void range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Job *j = arg;
    (void)k;
    for (size_t i = from; i < from + count; i++) {
        const size_t box = i / 4 * 4;
        const double w = j->t.weight ? (double)j->t.weight[i] : 1;
        const Dual loss = part(j->x + box, j->t.target + box, (int)(i % 4), &j->t);
        j->y[i] = (float)(w * loss.v);
        j->slope[2 * i] = (float)(w * loss.d[i % 2]);
        j->slope[2 * i + 1] = (float)(w * loss.d[i % 2 + 2]);
    }
}

static void backward(DfCtx *c, DfTensor *y)
{
    float *gx = df_grad(c, y->src[0]);
    const float *slope = y->saved;
    for (size_t i = 0; gx && i < df_size(y); i++) {
        gx[i / 4 * 4 + i % 2] += y->grad[i] * slope[2 * i];
        gx[i / 4 * 4 + i % 2 + 2] += y->grad[i] * slope[2 * i + 1];
    }
}

static const DfOp op = { "bounded_iou_loss", backward };

DfTensor *df_bounded_iou_loss(DfCtx *c, DfTensor *x, const float *target, const float *weight, float beta, float eps)
{
    if (c->err)
        return &c->nil;
    if (x->shape.n < 1 || df_dim(x, -1) != 4)
        return df_refuse(c, "bounded_iou_loss: (%s): want .. 4, boxes as x1 y1 x2 y2", DF_TEXT(x));
    DfTensor *y = df_output(c, &op, x->shape, 1, &x);
    if (df_skip(c, y))
        return y;
    Job job = { { target, weight, (double)beta, (double)eps }, x->data, y->data, df_workspace(c, 2 * df_size(x)) };
    if (!job.slope)
        return &c->nil;
    if (df_taped(y))
        y->saved = job.slope; /* a recording context keeps workspaces for the whole step */
    df_ranges(c, df_size(y), DF_BLOCK / 8, range, &job);
    return y;
}
