/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/set/set_criterion.c -- the loss of a set of predictions: Carion et al., ECCV 2020, section 3.1. First the
 * matching of least cost gives every object a query of its own (eq. 1); then, over all queries (eq. 2),
 *
 *     loss = sum of class_loss(query) + [query is matched] (weight_bbox |b - b'|_1 + weight_giou (1 - GIoU(b, b')))
 *
 * A query that is matched to nothing is background. The class loss is DETR's cross entropy, or the focal loss of
 * Deformable DETR (Zhu et al., ICLR 2021).
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "heads/set/mmdet_losses.h"

DfSetCriterion df_set_criterion(void)
{
    return (DfSetCriterion){
        .matcher = df_set_matcher(), .weight_ce = 2, .weight_bbox = 5, .weight_giou = 2, .alpha = 0.25,
    };
}

DfSetCriterion df_set_criterion_softmax(void)
{
    const DfSetMatcher matcher = { .cost_class = 1, .cost_bbox = 5, .cost_giou = 2, .softmax = true };
    return (DfSetCriterion){
        .matcher = matcher, .weight_ce = 1, .weight_bbox = 5, .weight_giou = 2, .background = 0.1,
    };
}

/* ---- matching: eq. 1 ------------------------------------------------------------------------------------------- */

static bool query_targets_new(DfCtx *c, QueryTargets *t, size_t queries)
{
    const size_t n = queries + 1;
    t->boxes = df_workspace(c, 4 * n);
    t->corners = df_workspace(c, 4 * n);
    t->weight = df_workspace(c, n);
    t->weights = df_workspace(c, 4 * n);
    t->label = (int *)(void *)df_workspace(c, n); /* workspaces are aligned for any type of four bytes */
    t->object = (int *)(void *)df_workspace(c, n);
    return !c->err;
}

static void set_query_target(QueryTargets *t, size_t query, int object, int label, const float box[4])
{
    t->object[query] = object;
    t->label[query] = label;
    t->weight[query] = object < 0 ? 0 : 1;
    for (size_t i = 0; i < 4; i++) {
        const float side = i < 2 ? -0.5f : 0.5f;
        t->boxes[4 * query + i] = box[i];
        t->corners[4 * query + i] = box[i % 2] + side * box[i % 2 + 2];
        t->weights[4 * query + i] = t->weight[query];
    }
}

/* The queries of one image, which begin at `first`, with its objects. labels[objects->n]. */
static int match_image(const DfSetMatcher *matcher, const DfTensor *logits, const DfTensor *boxes, size_t first,
                       const DfAnnotations *objects, const int *labels, QueryTargets *t)
{
    static const float nowhere[4] = { 0.5f, 0.5f, 1, 1 }; /* any box with an area: its losses are finite, and count 0 */
    const int classes = df_dim(logits, 2);
    const size_t queries = (size_t)df_dim(logits, 1);
    const float *query_logits = logits->data + first * (size_t)classes;
    const float *query_boxes = boxes->data + 4 * first;
    const int error = df_set_match(matcher, queries, classes, query_logits, query_boxes, objects->n, labels,
                                   objects->boxes, t->object + first);
    for (size_t q = first; error == DF_OK && q < first + queries; q++) {
        const int object = t->object[q];
        if (object < 0)
            set_query_target(t, q, -1, -1, nowhere);
        else
            set_query_target(t, q, object, labels[object], objects->boxes + 4 * object);
    }
    return error;
}

static int match(const DfSetMatcher *matcher, const DfTensor *logits, const DfTensor *boxes,
                 const DfAnnotations *targets, bool binary, QueryTargets *t)
{
    const size_t queries = (size_t)df_dim(logits, 1);
    int error = DF_OK;
    for (int n = 0; error == DF_OK && n < df_dim(logits, 0); n++) {
        const DfAnnotations *objects = &targets[n];
        assert(objects->unit == DF_BOXES_RELATIVE);
        int *zeros = df_calloc(objects->n + 1, sizeof *zeros); /* the labels when all objects are of one class */
        if (!zeros)
            return df_fail_memory("a matching");
        error = match_image(matcher, logits, boxes, (size_t)n * queries, objects, binary ? zeros : objects->labels, t);
        df_free(zeros);
    }
    return error;
}

/* ---- losses: eq. 2 --------------------------------------------------------------------------------------------- */

/* DETR: every query has a class to say. The last one, "nothing", is that of most queries and counts less. The mean
 * is weighted. */
static DfTensor *cross_entropy(DfCtx *c, const DfSetCriterion *k, DfTensor *logits, const int *label, size_t queries)
{
    const int classes = df_dim(logits, 2);
    int *wanted = (int *)(void *)df_workspace(c, queries + 1);
    float *weight = df_workspace(c, (size_t)classes + 1);
    if (!wanted || !weight)
        return &c->nil;
    double sum = 0;
    for (int i = 0; i < classes; i++)
        weight[i] = i + 1 < classes ? 1 : (float)k->background;
    for (size_t q = 0; q < queries; q++) {
        wanted[q] = label[q] < 0 ? classes - 1 : label[q];
        sum += (double)weight[wanted[q]];
    }
    sum = df_ctx_sum(c, sum);
    const DfCrossEntropy how = { .class_weight = weight, .ignore_index = -1 };
    DfTensor *loss = df_cross_entropy(c, logits, wanted, how);                        /* N Q */
    return df_scale(c, df_sum(c, loss), (float)(1 / sum));
}

/* Deformable DETR: every class of every query is a question of its own. */
static DfTensor *focal_loss(DfCtx *c, const DfSetCriterion *k, DfTensor *logits, const int *label, float share)
{
    const DfFocal how = { .alpha = (float)k->alpha, .gamma = 2 };
    return df_scale(c, df_sum(c, df_sigmoid_focal_loss(c, logits, label, how)), share);
}

static void compute_losses(DfCtx *c, const DfSetCriterion *k, DfTensor *logits, DfTensor *boxes, const QueryTargets *t,
                           size_t objects, DfSetLosses *out)
{
    const size_t queries = (size_t)df_dim(logits, 0) * (size_t)df_dim(logits, 1);
    const float share = 1 / (float)fmax(df_ctx_sum(c, (double)objects), 1);
    if (k->matcher.softmax)
        out->ce = cross_entropy(c, k, logits, t->label, queries);
    else
        out->ce = focal_loss(c, k, logits, t->label, share);
    out->bbox = df_scale(c, df_sum(c, df_l1_loss(c, boxes, t->boxes, t->weights)), share);
    out->giou = df_scale(c, df_sum(c, df_giou_loss(c, df_box_corners(c, boxes), t->corners, t->weight, 0)), share);
    DfTensor *ce = df_scale(c, out->ce, (float)k->weight_ce);
    DfTensor *bbox = df_scale(c, out->bbox, (float)k->weight_bbox);
    DfTensor *giou = df_scale(c, out->giou, (float)k->weight_giou);
    out->total = df_add(c, df_add(c, ce, bbox), giou);
}

/* ---- figures for the log --------------------------------------------------------------------------------------- */

static size_t likeliest_class(const float *logits, size_t classes)
{
    size_t best = 0;
    for (size_t i = 1; i < classes; i++)
        if (logits[i] > logits[best])
            best = i;
    return best;
}

static void log_figures(const DfTensor *logits, const DfAnnotations *targets, const QueryTargets *t, DfSetLosses *out)
{
    const size_t N = (size_t)df_dim(logits, 0);
    const size_t queries = (size_t)df_dim(logits, 1);
    const size_t classes = (size_t)df_dim(logits, 2);
    double away = 0;
    size_t matched = 0, right = 0;
    for (size_t n = 0; n < N; n++) {
        double seen = 0; /* queries whose likeliest class is not the last */
        for (size_t q = n * queries; q < (n + 1) * queries; q++) {
            const size_t best = likeliest_class(logits->data + q * classes, classes);
            seen += best + 1 != classes;
            matched += t->label[q] >= 0;
            right += t->label[q] >= 0 && best == (size_t)t->label[q];
        }
        away += fabs(seen - (double)targets[n].n);
    }
    out->cardinality_error = (float)(away / (double)N);
    out->class_error = matched ? (float)(100 - 100 * (double)right / (double)matched) : 100;
}

/* ---- the criterion --------------------------------------------------------------------------------------------- */

void df_set_losses(DfCtx *c, const DfSetCriterion *k, DfTensor *logits, DfTensor *boxes, const DfLossBatch *batch,
                   bool binary, DfSetLosses *out)
{
    const DfAnnotations *targets = batch->objects;
    *out = (DfSetLosses){ .ce = &c->nil, .bbox = &c->nil, .giou = &c->nil, .total = &c->nil };
    if (k->problem)
        df_ctx_fail(c, DF_EVALUE, "%s", k->problem);
    if (c->err || c->dry) /* a matching needs numbers */
        return;
    QueryTargets t;
    if (!query_targets_new(c, &t, (size_t)df_dim(logits, 0) * (size_t)df_dim(logits, 1)))
        return;
    const int error = match(&k->matcher, logits, boxes, targets, binary, &t);
    if (error < 0) {
        df_ctx_fail(c, error, "%s", df_error());
        return;
    }
    size_t objects = 0;
    for (int n = 0; n < df_dim(logits, 0); n++)
        objects += targets[n].n;
    if (k->mmdet)
        df_mmdet_set_losses(c, k->mmdet, logits, boxes, &t, batch->metas, out);
    else
        compute_losses(c, k, logits, boxes, &t, objects, out);
    out->target_of_query = t.object;
    log_figures(logits, targets, &t, out);
}

/* The official code logs its losses without their weights. */
static void list_official(DfLosses *out, const DfSetLosses *l, int layer)
{
    char tail[16] = "";
    if (layer >= 0)
        snprintf(tail, sizeof tail, "_%d", layer);
    else if (layer == DF_SET_ENCODER)
        snprintf(tail, sizeof tail, "_enc");
    df_losses_list(out, l->ce, "loss_ce%s", tail);
    df_losses_list(out, l->bbox, "loss_bbox%s", tail);
    df_losses_list(out, l->giou, "loss_giou%s", tail);
    df_losses_figure(out, (double)l->cardinality_error, "cardinality_error%s", tail);
    if (layer == DF_SET_LAST)
        df_losses_figure(out, (double)l->class_error, "class_error");
}

static void list_mmdet(DfLosses *out, const DfSetLosses *l, int layer)
{
    char head[16] = "";
    if (layer >= 0)
        snprintf(head, sizeof head, "d%d.", layer);
    else if (layer == DF_SET_ENCODER)
        snprintf(head, sizeof head, "enc_");
    df_losses_list(out, l->ce, "%sloss_cls", head);
    df_losses_list(out, l->bbox, "%sloss_bbox", head);
    df_losses_list(out, l->giou, "%sloss_iou", head);
}

void df_losses_add_set(DfCtx *c, DfLosses *out, const DfSetCriterion *k, const DfSetLosses *l, int layer)
{
    if (k->mmdet)
        list_mmdet(out, l, layer);
    else
        list_official(out, l, layer);
    df_losses_total(c, out, l->total);
}
