/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/loss/box.c -- losses of pairs of boxes by their overlap: IoU (Yu et al., UnitBox, ACM Multimedia 2016), GIoU
 * (Rezatofighi et al., CVPR 2019), DIoU and CIoU (Zheng et al., AAAI 2020), as mmdet computes them.
 */
#include "tensor/loss/dual.h"
#include "tensor/loss/loss.h"

typedef struct {
    const float *target, *weight;
    DfBoxLossKind kind;
    double eps;
} Targets;

/* One axis of the two boxes, or of both. */
typedef struct {
    Dual own, other;         /* lengths                                   */
    Dual overlap, enclosing; /* of what is common, and of what holds both */
    Dual distance;           /* of the centres, doubled                   */
} Axis;

static Axis axis(Dual a1, Dual a2, double other1, double other2)
{
    const Dual b1 = constant(other1);
    const Dual b2 = constant(other2);
    return (Axis){
        .own = minus(a2, a1),
        .other = minus(b2, b1),
        .overlap = at_least(minus(smaller(a2, b2), larger(a1, b1)), 0),
        .enclosing = at_least(minus(larger(a2, b2), smaller(a1, b1)), 0),
        .distance = minus(plus(b1, b2), plus(a1, a2)),
    };
}

typedef struct {
    Axis x, y;
    Dual overlap; /* area */
    Dual together; /* area of the union */
} Pair;

static Pair pair_of(const float *a, const float *b)
{
    Pair p = {
        .x = axis(variable((double)a[0], 0), variable((double)a[2], 2), (double)b[0], (double)b[2]),
        .y = axis(variable((double)a[1], 1), variable((double)a[3], 3), (double)b[1], (double)b[3]),
    };
    p.overlap = times(p.x.overlap, p.y.overlap);
    p.together = minus(plus(times(p.x.own, p.y.own), times(p.x.other, p.y.other)), p.overlap);
    return p;
}

/* ---- IoU -------------------------------------------------------------------------------------------------------- */

/* The overlap is at least eps; the union at least 1e-6, whatever eps is. */
static Dual iou_loss(const Pair *p, DfBoxLossKind kind, double eps)
{
    const Dual iou = at_least(over(p->overlap, larger(p->together, constant(1e-6))), eps);
    if (kind == DF_LOSS_IOU_LINEAR)
        return minus(constant(1), iou);
    if (kind == DF_LOSS_IOU_SQUARE)
        return minus(constant(1), squared(iou));
    return chain1(-log(iou.v), iou, -1 / iou.v);
}

/* ---- GIoU: 1 - (IoU - (E - U) / E) with the union U and the enclosing area E, both at least eps ------------------ */

static Dual giou_loss(const Pair *p, double eps)
{
    const Dual U = larger(p->together, constant(eps));
    const Dual E = larger(times(p->x.enclosing, p->y.enclosing), constant(eps));
    const Dual iou = over(p->overlap, U);
    const Dual giou = minus(iou, over(minus(E, U), E));
    return minus(constant(1), giou);
}

/* ---- DIoU, CIoU ------------------------------------------------------------------------------------------------- */

/* eps is added to the union and to c^2, the squared diagonal of the enclosing box. */
static Dual iou_of(const Pair *p, double eps)
{
    return over(p->overlap, shifted(p->together, eps));
}

/* rho^2 / c^2, equation 6: the distance of the centres by that diagonal. */
static Dual centre_distance(const Pair *p, double eps)
{
    const Dual diagonal = plus(squared(p->x.enclosing), squared(p->y.enclosing));
    const Dual distance = plus(squared(p->x.distance), squared(p->y.distance));
    return over(scaled(distance, 0.25), shifted(diagonal, eps));
}

static Dual diou_loss(const Pair *p, double eps)
{
    return minus(constant(1), minus(iou_of(p, eps), centre_distance(p, eps)));
}

static Dual angle(const Axis *x, const Axis *y, bool own, double eps) /* atan(width / height) */
{
    const Dual width = own ? x->own : x->other;
    const Dual height = shifted(own ? y->own : y->other, eps);
    const Dual t = over(width, height);
    return chain1(atan(t.v), t, 1 / (1 + t.v * t.v));
}

/* Equations 9 to 11: alpha v with v = 4 / pi^2 (difference of the angles)^2 and alpha = v / (1 - IoU + v). mmdet takes
 * alpha as a constant, 0 up to an IoU of 1/2; up to 2.11 it did neither. */
static Dual aspect(const Pair *p, Dual iou, double eps, bool old)
{
    const double pi = 3.14159265358979323846;
    const Dual difference = minus(angle(&p->x, &p->y, false, eps), angle(&p->x, &p->y, true, eps));
    const Dual v = scaled(squared(difference), 4 / (pi * pi));
    if (old)
        return over(squared(v), plus(minus(constant(1), iou), v));
    return scaled(v, iou.v > 0.5 ? v.v / (1 - iou.v + v.v) : 0);
}

static Dual ciou_loss(const Pair *p, double eps, bool old)
{
    const Dual iou = iou_of(p, eps);
    const Dual ciou = minus(iou, plus(centre_distance(p, eps), aspect(p, iou, eps, old)));
    return minus(constant(1), old ? ciou : at_most(at_least(ciou, -1), 1));
}

/* ---- the op ----------------------------------------------------------------------------------------------------- */

static Dual loss_of(const Targets *t, const Pair *p)
{
    switch (t->kind) {
    case DF_LOSS_GIOU:
        return giou_loss(p, t->eps);
    case DF_LOSS_DIOU:
        return diou_loss(p, t->eps);
    case DF_LOSS_CIOU:
    case DF_LOSS_CIOU_211:
        return ciou_loss(p, t->eps, t->kind == DF_LOSS_CIOU_211);
    case DF_LOSS_IOU_LINEAR:
    case DF_LOSS_IOU_SQUARE:
    case DF_LOSS_IOU_LOG:
        break;
    }
    return iou_loss(p, t->kind, t->eps);
}

/* A pair that does not count is not looked at: its boxes may be anything. */
static void rows(const void *arg, const DfPointwiseKernels *k, const float *x, size_t n, size_t from, size_t count,
                 float *loss, float *slope)
{
    const Targets *t = arg;
    (void)k;
    for (size_t i = from; i < from + count; i++) {
        const double w = t->weight ? (double)t->weight[i] : 1;
        Dual y = { 0 };
        if (w > 0 || w < 0) {
            const Pair p = pair_of(x + i * n, t->target + i * n);
            y = loss_of(t, &p);
        }
        loss[i] = (float)(w * y.v);
        for (size_t j = 0; j < n; j++)
            slope[i * n + j] = (float)(w * y.d[j]);
    }
}

static const DfOp op = { "box_loss", df_loss_backward };

DfTensor *df_box_loss(DfCtx *c, DfTensor *x, const float *target, const float *weight, DfBoxLossKind kind, float eps)
{
    if (c->err)
        return &c->nil;
    if (x->shape.n < 1 || df_dim(x, -1) != 4)
        return df_refuse(c, "box_loss: (%s): want .. 4, boxes as x1 y1 x2 y2", DF_TEXT(x));
    DfShape shape = x->shape;
    shape.n--;
    const Targets targets = { target, weight, kind, (double)eps };
    return df_loss(c, &op, x, shape, rows, &targets);
}

DfTensor *df_giou_loss(DfCtx *c, DfTensor *x, const float *target, const float *weight, float eps)
{
    return df_box_loss(c, x, target, weight, DF_LOSS_GIOU, eps);
}
