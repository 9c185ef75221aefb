/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/loss/giou.c -- 1 - GIoU of pairs of boxes.  Rezatofighi et al., CVPR 2019.
 */
#include "tensor/loss/loss.h"

typedef struct {
    const float *target, *weight;
    double eps;
} Targets;

/* An axis: how the overlap of [a1, a2] (ours) with [b1, b2], and what encloses both, change with a1 and a2. */
typedef struct {
    double own, other, overlap, enclosing;            /* lengths */
    double d_overlap[2], d_enclosing[2];
} Axis;

static double over(double a, double b) /* slope of max(a, b) by a: a tie is shared, as PyTorch does */
{
    if (a == b)
        return 0.5;
    return a > b ? 1 : 0;
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static double smaller(double a, double b)
{
    return a < b ? a : b;
}

static Axis axis(double a1, double a2, double b1, double b2)
{
    Axis x = {
        .own = a2 - a1,
        .other = b2 - b1,
        .overlap = smaller(a2, b2) - larger(a1, b1),
        .enclosing = larger(a2, b2) - smaller(a1, b1),
        .d_overlap = { -over(a1, b1), over(b2, a2) },
        .d_enclosing = { -over(b1, a1), over(a2, b2) },
    };
    if (x.overlap < 0)
        x.overlap = x.d_overlap[0] = x.d_overlap[1] = 0;
    if (x.enclosing < 0)
        x.enclosing = x.d_enclosing[0] = x.d_enclosing[1] = 0;
    return x;
}

/* loss = 1 - I / U + (E - U) / E with intersection I, union U and enclosing area E; U and E are at least eps. */
static double pair(const float *a, const float *b, double eps, double slope[4])
{
    const Axis x = axis((double)a[0], (double)a[2], (double)b[0], (double)b[2]);
    const Axis y = axis((double)a[1], (double)a[3], (double)b[1], (double)b[3]);
    const double I = x.overlap * y.overlap;
    const double U0 = x.own * y.own + x.other * y.other - I;
    const double E0 = x.enclosing * y.enclosing;
    const double U = larger(U0, eps);
    const double E = larger(E0, eps);
    const double u = over(U0, eps);
    const double e = over(E0, eps);
    const double by_I = -1 / U; /* the slopes of the loss by I, U and E */
    const double by_U = I / (U * U) - 1 / E;
    const double by_E = U / (E * E);
    for (int i = 0; i < 4; i++) { /* x1 y1 x2 y2 */
        const Axis *along = i % 2 ? &y : &x;
        const Axis *across = i % 2 ? &x : &y;
        const double d_own = (i < 2 ? -1 : 1) * across->own;
        const double d_I = along->d_overlap[i / 2] * across->overlap;
        const double d_E = along->d_enclosing[i / 2] * across->enclosing;
        slope[i] = by_I * d_I + by_U * u * (d_own - d_I) + by_E * e * d_E;
    }
    return 1 - I / U + (E - U) / E;
}

static void rows(const void *arg, const DfPointwiseKernels *k, const float *x, size_t n, size_t from, size_t count,
                 float *loss, float *slope)
{
    const Targets *t = arg;
    (void)k;
    for (size_t i = from; i < from + count; i++) {
        const double w = t->weight ? (double)t->weight[i] : 1;
        double d[4];
        loss[i] = (float)(w * pair(x + i * n, t->target + i * n, t->eps, d));
        for (size_t j = 0; j < n; j++)
            slope[i * n + j] = (float)(w * d[j]);
    }
}

static const DfOp op = { "giou_loss", df_loss_backward };

DfTensor *df_giou_loss(DfCtx *c, DfTensor *x, const float *target, const float *weight, float eps)
{
    if (c->err)
        return &c->nil;
    if (x->shape.n < 1 || df_dim(x, -1) != 4)
        return df_refuse(c, "giou_loss: (%s): want .. 4, boxes as x1 y1 x2 y2", DF_TEXT(x));
    DfShape shape = x->shape;
    shape.n--;
    const Targets targets = { target, weight, (double)eps };
    return df_loss(c, &op, x, shape, rows, &targets);
}
