/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/set/mmdet_losses.c -- the losses of a set as in mmdet's DETRHead. It differs from the official code: the
 * losses are those of the config; the class loss is divided by the total weight of the queries, the others by the
 * number of matched queries; overlaps are those of boxes in pixels.
 */
#include "heads/set/mmdet_losses.h"

#include "heads/apply_loss.h"

static size_t queries_of(const DfTensor *boxes)
{
    return df_size(boxes) / 4;
}

static double matched(const QueryTargets *t, size_t queries)
{
    double n = 0;
    for (size_t q = 0; q < queries; q++)
        n += t->label[q] >= 0;
    return n;
}

/* A query without an object has the class after the last: nothing, or with a sigmoid no class at all. */
static DfTensor *class_loss(DfCtx *c, const struct DfMmdetSetLosses *k, DfTensor *logits, const QueryTargets *t)
{
    const bool softmax = k->cls.kind == LOSS_CROSS_ENTROPY && !k->cls.cross_entropy.use_sigmoid;
    const int classes = df_dim(logits, 2);
    const size_t queries = df_size(logits) / (size_t)classes;
    int *label = (int *)(void *)df_workspace(c, queries + 1);
    if (!label)
        return &c->nil;
    for (size_t q = 0; q < queries; q++)
        label[q] = t->label[q] >= 0 ? t->label[q] : classes - softmax;
    const double n = matched(t, queries);
    const LossTargets targets = {
        .label = label,
        .averaged = true,
        .average = n + k->background * ((double)queries - n),
        .at_least = 1,
    };
    return df_loss_apply(c, &k->cls, logits, &targets);
}

static DfTensor *box_loss(DfCtx *c, const struct DfMmdetSetLosses *k, DfTensor *boxes, const QueryTargets *t)
{
    const LossTargets targets = {
        .target = t->boxes,
        .weight = t->weight,
        .averaged = true,
        .average = matched(t, queries_of(boxes)),
        .at_least = 1,
    };
    return df_loss_apply(c, &k->bbox, boxes, &targets);
}

/* N Q 4: width, height, width, height of the query's image. */
static float *image_sizes(DfCtx *c, const DfTensor *boxes, const DfImageMeta *metas)
{
    const size_t per_image = (size_t)df_dim(boxes, 1) * 4;
    float *size = df_workspace(c, df_size(boxes) + 1);
    for (size_t i = 0; size && i < df_size(boxes); i++) {
        const DfImageMeta *meta = metas ? &metas[i / per_image] : NULL;
        size[i] = 1;
        if (meta)
            size[i] = (float)(i % 2 ? meta->img_h : meta->img_w);
    }
    return size;
}

static DfTensor *overlap_loss(DfCtx *c, const struct DfMmdetSetLosses *k, DfTensor *boxes, const QueryTargets *t,
                              const DfImageMeta *metas)
{
    float *size = image_sizes(c, boxes, metas);
    float *target = df_workspace(c, df_size(boxes) + 1);
    if (c->err)
        return &c->nil;
    for (size_t i = 0; i < df_size(boxes); i++)
        target[i] = t->corners[i] * size[i];
    const LossTargets targets = {
        .target = target,
        .weight = t->weight,
        .averaged = true,
        .average = matched(t, queries_of(boxes)),
        .at_least = 1,
    };
    DfTensor *pixels = df_mul(c, df_box_corners(c, boxes), df_from(c, boxes->shape, size));
    return df_loss_apply(c, &k->iou, pixels, &targets);
}

void df_mmdet_set_losses(DfCtx *c, const struct DfMmdetSetLosses *k, DfTensor *logits, DfTensor *boxes,
                         const QueryTargets *t, const DfImageMeta *metas, DfSetLosses *out)
{
    out->ce = class_loss(c, k, logits, t);
    out->bbox = box_loss(c, k, boxes, t);
    out->giou = overlap_loss(c, k, boxes, t, metas);
    out->total = df_add(c, df_add(c, out->ce, out->bbox), out->giou);
}
