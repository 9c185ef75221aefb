/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/apply_loss.c -- applies a loss of a config to predictions and targets and reduces it to one number: mmdet's
 * loss modules and their weight_reduce_loss.
 */
#include "heads/apply_loss.h"

#include <math.h>

/* ---- cross entropy ---------------------------------------------------------------------------------------------- */

static int ignored_label(const LossCfg *loss, const LossTargets *t)
{
    if (loss->cross_entropy.ignore_index.n > 0)
        return loss->cross_entropy.ignore_index.v[0];
    return t->ignore_index ? *t->ignore_index : -100;
}

/* The class weights as the ops take them, or NULL; poisons the context if they are not C. */
static const float *class_weights(DfCtx *c, const LossCfg *loss, int C)
{
    const DfFloats weights = loss->cross_entropy.class_weight;
    if (weights.n == 0)
        return NULL;
    if (weights.n != C) {
        df_ctx_fail(c, DF_EVALUE, "%s: class_weight has %d numbers for %d classes", loss->type, weights.n, C);
        return NULL;
    }
    float *copy = df_workspace(c, (size_t)C);
    for (int i = 0; copy && i < C; i++)
        copy[i] = (float)weights.v[i];
    return copy;
}

static DfTensor *softmax_elements(DfCtx *c, const LossCfg *loss, DfTensor *x, const LossTargets *t)
{
    const DfCrossEntropy how = {
        .class_weight = class_weights(c, loss, df_dim(x, -1)),
        .weight = t->weight,
        .ignore_index = ignored_label(loss, t),
        .smoothing = (float)loss->cross_entropy.smoothing,
    };
    if (!t->label)
        return df_soft_cross_entropy(c, x, t->target, how);
    return df_cross_entropy(c, x, t->label, how);
}

/* Labels become a question for each class. A label that is ignored, or less than 0, asks nothing; one beyond the
 * classes is background, no to each. */
static void expand_labels(const LossCfg *loss, const LossTargets *t, size_t rows, size_t C, float *target,
                          float *weight)
{
    const int ignored = ignored_label(loss, t);
    for (size_t i = 0; i < rows * C; i++) {
        const int label = t->label[i / C];
        const float given = t->weight ? t->weight[t->weight_each ? i : i / C] : 1;
        target[i] = label >= 0 && (size_t)label == i % C ? 1 : 0;
        weight[i] = label < 0 || label == ignored ? 0 : given;
    }
}

/* class_weight is what PyTorch calls pos_weight: what a yes counts. */
static DfTensor *sigmoid_elements(DfCtx *c, const LossCfg *loss, DfTensor *x, const LossTargets *t)
{
    const int C = df_dim(x, -1);
    const float *positive = class_weights(c, loss, C);
    if (!t->label)
        return df_bce_with_logits(c, x, t->target, t->weight_each ? t->weight : NULL, positive);
    float *target = df_workspace(c, df_size(x) + 1);
    float *weight = df_workspace(c, df_size(x) + 1);
    if (!target || !weight)
        return &c->nil;
    if (!c->dry)
        expand_labels(loss, t, df_size(x) / (size_t)C, (size_t)C, target, weight);
    return df_bce_with_logits(c, x, target, weight, positive);
}

static DfTensor *mask_elements(DfCtx *c, DfTensor *x, const LossTargets *t)
{
    return df_bce_with_logits(c, df_pick_channel(c, x, t->label), t->target, NULL, NULL);
}

static DfTensor *cross_entropy_elements(DfCtx *c, const LossCfg *loss, DfTensor *x, const LossTargets *t)
{
    if (loss->cross_entropy.use_mask)
        return mask_elements(c, x, t);
    if (loss->cross_entropy.use_sigmoid)
        return sigmoid_elements(c, loss, x, t);
    return softmax_elements(c, loss, x, t);
}

/* ---- the others ------------------------------------------------------------------------------------------------- */

static DfTensor *focal_elements(DfCtx *c, const LossCfg *loss, DfTensor *x, const LossTargets *t)
{
    const DfFocal how = {
        .alpha = (float)loss->focal.alpha,
        .gamma = (float)loss->focal.gamma,
        .activated = loss->focal.activated,
        .weight = t->weight,
        .weight_each = t->weight_each,
    };
    if (!loss->focal.use_sigmoid)
        df_ctx_fail(c, DF_EVALUE, "FocalLoss with use_sigmoid=False: want True");
    return df_sigmoid_focal_loss(c, x, t->label, how);
}

static DfBoxLossKind box_loss_kind(const LossCfg *loss)
{
    switch (loss->kind) {
    case LOSS_GIOU:
        return DF_LOSS_GIOU;
    case LOSS_DIOU:
        return DF_LOSS_DIOU;
    case LOSS_CIOU:
        return loss->iou.formula == CIOU_211 ? DF_LOSS_CIOU_211 : DF_LOSS_CIOU;
    default:
        break;
    }
    if (loss->iou.linear || loss->iou.mode == IOU_LINEAR)
        return DF_LOSS_IOU_LINEAR;
    return loss->iou.mode == IOU_SQUARE ? DF_LOSS_IOU_SQUARE : DF_LOSS_IOU_LOG;
}

/* A weight for each row: where there is one for each number, their mean. */
static const float *row_weights(DfCtx *c, const DfTensor *x, const LossTargets *t)
{
    if (!t->weight || !t->weight_each || c->dry)
        return t->weight;
    const size_t n = (size_t)df_dim(x, -1);
    const size_t rows = df_size(x) / n;
    float *mean = df_workspace(c, rows + 1);
    for (size_t i = 0; mean && i < rows; i++) {
        double sum = 0;
        for (size_t j = 0; j < n; j++)
            sum += (double)t->weight[i * n + j];
        mean[i] = (float)(sum / (double)n);
    }
    return mean;
}

/* A weight for each number: where there is one for each row, n times. */
static const float *each_weight(DfCtx *c, const DfTensor *x, const LossTargets *t)
{
    if (!t->weight || t->weight_each || c->dry)
        return t->weight;
    const size_t n = (size_t)df_dim(x, -1);
    float *weight = df_workspace(c, df_size(x) + 1);
    for (size_t i = 0; weight && i < df_size(x); i++)
        weight[i] = t->weight[i / n];
    return weight;
}

static DfTensor *distance_elements(DfCtx *c, const LossCfg *loss, DfTensor *x, const LossTargets *t)
{
    const float *weight = each_weight(c, x, t);
    if (loss->kind == LOSS_L1)
        return df_l1_loss(c, x, t->target, weight);
    if (loss->kind == LOSS_SMOOTH_L1)
        return df_smooth_l1_loss(c, x, t->target, weight, (float)loss->smooth_l1.beta);
    if (loss->kind == LOSS_MSE)
        return df_square_loss(c, x, t->target, weight);
    if (loss->kind == LOSS_BOUNDED_IOU)
        return df_bounded_iou_loss(c, x, t->target, weight, (float)loss->bounded_iou.beta,
                                   (float)loss->bounded_iou.eps);
    const DfBalancedL1 how = {
        .alpha = (float)loss->balanced_l1.alpha,
        .gamma = (float)loss->balanced_l1.gamma,
        .beta = (float)loss->balanced_l1.beta,
    };
    return df_balanced_l1_loss(c, x, t->target, weight, how);
}

static DfTensor *dice_elements(DfCtx *c, const LossCfg *loss, DfTensor *x, const LossTargets *t)
{
    DfTensor *p = loss->dice.activate ? df_sigmoid(c, x) : x;
    return df_dice_loss(c, p, t->target, t->weight, !loss->dice.naive_dice, (float)loss->dice.eps);
}

static DfTensor *elements(DfCtx *c, const LossCfg *loss, DfTensor *x, const LossTargets *t)
{
    switch (loss->kind) {
    case LOSS_FOCAL:
        return focal_elements(c, loss, x, t);
    case LOSS_CROSS_ENTROPY:
        return cross_entropy_elements(c, loss, x, t);
    case LOSS_L1:
    case LOSS_SMOOTH_L1:
    case LOSS_BALANCED_L1:
    case LOSS_BOUNDED_IOU:
    case LOSS_MSE:
        return distance_elements(c, loss, x, t);
    case LOSS_IOU:
    case LOSS_GIOU:
    case LOSS_DIOU:
    case LOSS_CIOU:
        return df_box_loss(c, x, t->target, row_weights(c, x, t), box_loss_kind(loss), (float)loss->iou.eps);
    case LOSS_DICE:
        return dice_elements(c, loss, x, t);
    case LOSS_LOVASZ:
    case LOSS_SEESAW:
    case LOSS_NONE:
    case LOSS_OTHER:
        break;
    }
    df_ctx_fail(c, DF_EVALUE, "a loss of type %s: this head computes none with it", loss->type);
    return &c->nil;
}

/* ---- reduction: mmdet's weight_reduce_loss ---------------------------------------------------------------------- */

DfTensor *df_loss_elements(DfCtx *c, const LossCfg *loss, DfTensor *x, const LossTargets *t)
{
    if (loss->problem)
        df_ctx_fail(c, DF_EVALUE, "%s", loss->problem);
    if (c->err)
        return &c->nil;
    return df_scale(c, elements(c, loss, x, t), (float)loss->weight);
}

/* avg_non_ignore: how many labels count; of a sigmoid each is a question for each class. */
static double counted(const LossCfg *loss, const DfTensor *x, const LossTargets *t)
{
    const size_t C = (size_t)df_dim(x, -1);
    const bool sigmoid = loss->cross_entropy.use_sigmoid;
    const int ignored = ignored_label(loss, t);
    double n = 0;
    for (size_t i = 0; i < df_size(x) / C; i++)
        n += t->label[i] != ignored && (!sigmoid || t->label[i] >= 0) ? 1 : 0;
    return sigmoid ? n * (double)C : n;
}

static bool counts_labels(const DfCtx *c, const LossCfg *loss, const LossTargets *t)
{
    return loss->kind == LOSS_CROSS_ENTROPY && loss->cross_entropy.avg_non_ignore && !loss->cross_entropy.use_mask &&
           t->label && !c->dry;
}

/* What the sum of the losses is divided by; mmdet adds a float's epsilon to a divisor that it is given. */
static double divisor(DfCtx *c, const LossCfg *loss, const DfTensor *x, const DfTensor *each, const LossTargets *t)
{
    const double eps = 1.1920928955078125e-7;
    const bool mask = loss->kind == LOSS_CROSS_ENTROPY && loss->cross_entropy.use_mask;
    if (loss->reduction == REDUCE_SUM && !mask)
        return 1;
    if (loss->reduction == REDUCE_MEAN && !mask && t->averaged)
        return fmax(df_ctx_sum(c, t->average), t->at_least) + eps;
    if (loss->reduction == REDUCE_MEAN && !mask && counts_labels(c, loss, t))
        return df_ctx_sum(c, counted(loss, x, t)) + eps;
    return fmax(df_ctx_sum(c, (double)df_size(each)), 1); /* of a mask, whatever the config says */
}

DfTensor *df_loss_apply(DfCtx *c, const LossCfg *loss, DfTensor *x, const LossTargets *t)
{
    const DfMark m = df_enter(c, NULL, -1);
    if (t->averaged && loss->reduction == REDUCE_SUM)
        df_ctx_fail(c, DF_EVALUE, "%s: reduction 'sum' where an average is wanted: want 'mean'", loss->type);
    DfTensor *each = df_loss_elements(c, loss, x, t);
    if (c->err)
        return df_leave(c, m, &c->nil);
    const double by = divisor(c, loss, x, each, t);
    return df_leave(c, m, df_scale(c, df_sum(c, each), (float)(1 / by)));
}
