/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/pixel/pixel_loss.c -- losses of pixels: mmseg's cross entropy, Dice and Lovasz, each with its own way of
 * averaging.
 */
#include "heads/pixel/pixel_loss.h"

static size_t pixels_of(const DfTensor *scores)
{
    return df_size(scores) / (size_t)df_dim(scores, -1);
}

/* ---- cross entropy ----------------------------------------------------------------------------------------------- */

static bool counts(const PixelTargets *t, size_t pixel)
{
    return t->label[pixel] != t->ignore_index;
}

/* What mmseg divides the sum of a softmax loss by: all pixels, also those that are ignored, unless avg_non_ignore; with
 * class weights the sum of the labels' weights. */
static double softmax_average(const LossCfg *loss, size_t pixels, const PixelTargets *t)
{
    const DfFloats class_weight = loss->cross_entropy.class_weight;
    const bool all = !loss->cross_entropy.avg_non_ignore;
    const bool weighted = class_weight.n > 0 && !t->older;
    double sum = 0;
    for (size_t i = 0; i < pixels; i++) {
        if (!counts(t, i))
            sum += all && !weighted ? 1 : 0;
        else if (!weighted)
            sum += 1;
        else if (t->label[i] >= 0 && t->label[i] < class_weight.n)
            sum += class_weight.v[t->label[i]];
    }
    return sum;
}

static void softmax_targets(const LossCfg *loss, const DfTensor *scores, const PixelTargets *t, LossTargets *out)
{
    *out = (LossTargets){
        .label = t->label,
        .weight = t->weight,
        .ignore_index = &t->ignore_index,
        .averaged = loss->reduction == REDUCE_MEAN || t->averaged,
        .average = t->averaged ? t->average : softmax_average(loss, pixels_of(scores), t),
    };
}

/* Each class is a question; a single one asks whether the label is 1. */
static void sigmoid_targets(DfCtx *c, const LossCfg *loss, const DfTensor *scores, const PixelTargets *t,
                            LossTargets *out)
{
    const size_t C = (size_t)df_dim(scores, -1);
    float *target = df_workspace(c, df_size(scores));
    float *weight = df_workspace(c, df_size(scores));
    if (c->err)
        return;
    double valid = 0;
    for (size_t i = 0; i < df_size(scores); i++) {
        const size_t pixel = i / C;
        const bool known = counts(t, pixel) && t->label[pixel] >= 0;
        const int own = C == 1 ? 1 : (int)(i % C);
        const float given = t->weight ? t->weight[pixel] : 1;
        target[i] = known && t->label[pixel] == own ? 1 : 0;
        weight[i] = known ? given : 0;
        valid += known;
    }
    const bool counted = loss->cross_entropy.avg_non_ignore && loss->reduction == REDUCE_MEAN;
    *out = (LossTargets){
        .target = target,
        .weight = weight,
        .weight_each = true,
        .averaged = t->averaged || counted,
        .average = t->averaged ? t->average : valid,
    };
}

static void cross_entropy_targets(DfCtx *c, const LossCfg *loss, const DfTensor *scores, const PixelTargets *t,
                                  LossTargets *out)
{
    if (loss->cross_entropy.use_mask)
        df_ctx_fail(c, DF_EVALUE, "CrossEntropyLoss with use_mask=True is no loss of pixels");
    else if (loss->cross_entropy.use_sigmoid)
        sigmoid_targets(c, loss, scores, t, out);
    else
        softmax_targets(loss, scores, t, out);
}

/* ---- cross entropy without large scores -------------------------------------------------------------------------- */

bool df_pixel_loss_is_softmax(const LossCfg *loss)
{
    return loss->kind == LOSS_CROSS_ENTROPY && !loss->cross_entropy.use_sigmoid && !loss->cross_entropy.use_mask;
}

static float *copied(DfCtx *c, DfFloats weights, int C)
{
    if (weights.n != C)
        df_ctx_fail(c, DF_EVALUE, "class_weight has %d numbers for %d classes", weights.n, C);
    float *copy = df_workspace(c, (size_t)C);
    for (int i = 0; !c->err && i < C; i++)
        copy[i] = (float)weights.v[i];
    return c->err ? NULL : copy;
}

DfTensor *df_pixel_softmax_elements(DfCtx *c, const LossCfg *loss, DfTensor *scores, PixelSize size,
                                    const PixelTargets *t, const PixelFigures *figures)
{
    const DfFloats weights = loss->cross_entropy.class_weight;
    const DfInts ignored = loss->cross_entropy.ignore_index;
    const DfPixelCrossEntropy how = {
        .height = size.height,
        .width = size.width,
        .align_corners = size.align_corners,
        .label = t->label,
        .class_weight = weights.n ? copied(c, weights, df_dim(scores, -1)) : NULL,
        .ignore_index = ignored.n ? ignored.v[0] : t->ignore_index,
        .probability = figures->probability,
        .best = figures->best,
    };
    return df_scale(c, df_pixel_cross_entropy(c, scores, how), (float)loss->weight);
}

DfTensor *df_pixel_softmax_reduced(DfCtx *c, const LossCfg *loss, DfTensor *each, const PixelTargets *t)
{
    if (c->err)
        return &c->nil;
    double by = (double)df_size(each);
    if (t->weight)
        each = df_mul(c, each, df_from(c, each->shape, t->weight));
    if (loss->reduction == REDUCE_MEAN && !c->dry)
        by = softmax_average(loss, df_size(each), t);
    by = loss->reduction == REDUCE_SUM ? 1 : df_ctx_sum(c, by);
    const double eps = 1.1920928955078125e-7; /* as mmseg adds to it: where no pixel counts the loss is 0 */
    return df_scale(c, df_sum(c, each), (float)(1 / (by + eps)));
}

/* ---- Dice -------------------------------------------------------------------------------------------------------- */

static DfTensor *older_dice(DfCtx *c, const LossCfg *loss, DfTensor *scores, const PixelTargets *t)
{
    const DfInts ignored = loss->dice.ignore_index;
    const DfFloats weights = loss->dice.class_weight;
    const DfClassDice how = {
        .smooth = loss->dice.smooth,
        .exponent = loss->dice.exponent,
        .class_weight = weights.n ? copied(c, weights, df_dim(scores, -1)) : NULL,
        .ignore_index = ignored.n ? ignored.v[0] : 255,
    };
    return df_class_dice_loss(c, df_softmax(c, scores, -1), t->label, how);
}

static DfTensor *probabilities(DfCtx *c, const LossCfg *loss, DfTensor *scores)
{
    if (!loss->dice.activate)
        return scores;
    if (loss->dice.use_sigmoid)
        return df_sigmoid(c, scores);
    return df_dim(scores, -1) > 1 ? df_softmax(c, scores, -1) : scores;
}

/* mmseg 1: ignored pixels count as pixels of no class; ignore_index drops the class of that number, if there is one. */
static DfTensor *dice(DfCtx *c, const LossCfg *loss, DfTensor *scores, const PixelTargets *t)
{
    const int C = df_dim(scores, -1);
    const DfInts ignored = loss->dice.ignore_index;
    float *target = df_workspace(c, df_size(scores));
    float *kept = df_workspace(c, (size_t)C);
    if (c->err)
        return &c->nil;
    for (int i = 0; i < C; i++)
        kept[i] = df_ints_have(ignored, i) ? 0 : 1;
    for (size_t i = 0; i < df_size(scores); i++) {
        const int label = t->label[i / (size_t)C];
        const int class = (int)(i % (size_t)C);
        target[i] = (label < 0 ? 0 : label) == class ? kept[class] : 0;
    }
    DfTensor *p = df_mul(c, probabilities(c, loss, scores), df_from(c, DF_SHAPE(C), kept));
    return df_dice_loss(c, p, target, NULL, !loss->dice.naive_dice, (float)loss->dice.eps);
}

static DfTensor *dice_elements(DfCtx *c, const LossCfg *loss, DfTensor *scores, const PixelTargets *t)
{
    if (t->weight)
        df_ctx_fail(c, DF_EVALUE, "DiceLoss with a sampler: it has no loss of a pixel");
    return loss->dice.older ? older_dice(c, loss, scores, t) : dice(c, loss, scores, t);
}

/* ---- Lovasz ------------------------------------------------------------------------------------------------------ */

/* 'present', 'all', or a list of classes. */
static void read_classes(DfCtx *c, const DfNode *node, int C, DfLovasz *how)
{
    const char *text = df_node_text(node, "");
    how->present = text[0] == 'p';
    if (!node || node->kind != DF_NODE_LIST)
        return;
    int *list = (int *)(void *)df_workspace(c, (size_t)node->n + 1);
    how->classes = list;
    for (const DfNode *item = node->first; list && item; item = item->next) {
        const double class = df_node_number(item, -1);
        if (!(class >= 0 && class < C))
            df_ctx_fail(c, DF_EVALUE, "LovaszLoss.classes: class %g of %d", class, C);
        else
            list[how->n_classes++] = (int)class;
    }
}

static DfTensor *lovasz_elements(DfCtx *c, const LossCfg *loss, DfTensor *scores, const PixelTargets *t)
{
    const int C = df_dim(scores, -1);
    DfLovasz how = { .per_image = loss->lovasz.per_image, .ignore_index = t->ignore_index };
    if (!how.per_image && loss->reduction != REDUCE_NONE)
        df_ctx_fail(c, DF_EVALUE, "LovaszLoss without per_image: want reduction='none'");
    if (loss->lovasz.loss_type == LOVASZ_BINARY) {
        how.hinge = true;
        return df_lovasz_loss(c, scores, t->label, how);
    }
    read_classes(c, loss->lovasz.classes, C, &how);
    if (loss->lovasz.class_weight.n)
        how.class_weight = copied(c, loss->lovasz.class_weight, C);
    return df_lovasz_loss(c, df_softmax(c, scores, -1), t->label, how);
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

static DfTensor *elements(DfCtx *c, const LossCfg *loss, DfTensor *scores, const PixelTargets *t)
{
    if (loss->kind == LOSS_DICE)
        return dice_elements(c, loss, scores, t);
    if (loss->kind == LOSS_LOVASZ)
        return lovasz_elements(c, loss, scores, t);
    df_ctx_fail(c, DF_EVALUE, "%s is no loss of pixels", loss->type);
    return &c->nil;
}

DfTensor *df_pixel_loss_elements(DfCtx *c, const LossCfg *loss, DfTensor *scores, const PixelTargets *t)
{
    LossTargets targets = { 0 };
    if (loss->problem)
        df_ctx_fail(c, DF_EVALUE, "%s", loss->problem);
    if (c->err || c->dry)
        return &c->nil;
    if (loss->kind != LOSS_CROSS_ENTROPY)
        return df_scale(c, elements(c, loss, scores, t), (float)loss->weight);
    cross_entropy_targets(c, loss, scores, t, &targets);
    return df_loss_elements(c, loss, scores, &targets);
}

/* A number for each picture, or one: its mean or sum. */
static DfTensor *reduced(DfCtx *c, const LossCfg *loss, DfTensor *each, const PixelTargets *t)
{
    double by = 1;
    if (loss->reduction == REDUCE_MEAN && t->averaged)
        by = t->average;
    else if (loss->reduction != REDUCE_SUM)
        by = df_ctx_sum(c, (double)df_size(each));
    return df_scale(c, df_sum(c, each), (float)(1 / by));
}

DfTensor *df_pixel_loss(DfCtx *c, const LossCfg *loss, DfTensor *scores, const PixelTargets *t)
{
    LossTargets targets = { 0 };
    if (loss->problem)
        df_ctx_fail(c, DF_EVALUE, "%s", loss->problem);
    if (c->err || c->dry)
        return &c->nil;
    if (loss->kind != LOSS_CROSS_ENTROPY)
        return reduced(c, loss, df_pixel_loss_elements(c, loss, scores, t), t);
    cross_entropy_targets(c, loss, scores, t, &targets);
    return df_loss_apply(c, loss, scores, &targets);
}
