/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/set_criterion.c -- the losses of a set of predictions, each object answered for by one query: DETR (Carion et al., ECCV
 * 2020), by its cross entropy or Deformable DETR's focal loss (Zhu et al., ICLR 2021). Queries that answer for nothing are background.
 */
#include <stdio.h>

#include "heads/heads.h"

DfSetCriterion df_set_criterion(void)
{
    return (DfSetCriterion){ .matcher = df_set_matcher(), .weight_ce = 2, .weight_bbox = 5, .weight_giou = 2, .alpha = 0.25 };
}

DfSetCriterion df_set_criterion_softmax(void)
{
    const DfSetMatcher matcher = { .cost_class = 1, .cost_bbox = 5, .cost_giou = 2, .softmax = true };
    return (DfSetCriterion){ .matcher = matcher, .weight_ce = 1, .weight_bbox = 5, .weight_giou = 2, .background = 0.1 };
}

/* What every query should say, as arrays over the queries of all images; `who` are its objects. */
typedef struct {
    int *label, *who;       /* -1: background, nobody    */
    float *boxes, *corners; /* 4 each                    */
    float *weight, *weights; /* 1 for matched; 4 of each */
} Answers;

static bool answers_new(DfCtx *c, Answers *a, size_t queries)
{
    const size_t n = queries + 1;
    a->boxes = df_workspace(c, 4 * n);
    a->corners = df_workspace(c, 4 * n);
    a->weight = df_workspace(c, n);
    a->weights = df_workspace(c, 4 * n);
    a->label = (int *)(void *)df_workspace(c, n); /* workspaces are aligned for any type of four bytes */
    a->who = (int *)(void *)df_workspace(c, n);
    return !c->err;
}

static void answer(Answers *a, size_t q, const DfTargets *t, int who, bool binary)
{
    static const float nowhere[4] = { 0.5f, 0.5f, 1, 1 }; /* not degenerate: its losses are finite, and count 0 */
    const float *const box = who < 0 ? nowhere : t->boxes + 4 * who;
    a->who[q] = who;
    a->label[q] = who < 0 ? -1 : binary ? 0 : t->labels[who];
    a->weight[q] = who < 0 ? 0 : 1;
    for (size_t i = 0; i < 4; i++) {
        a->boxes[4 * q + i] = box[i];
        a->corners[4 * q + i] = box[i % 2] + (i < 2 ? -0.5f : 0.5f) * box[i % 2 + 2];
        a->weights[4 * q + i] = a->weight[q];
    }
}

/* Matches the queries of every image. */
static int match(const DfSetCriterion *k, const DfTensor *logits, const DfTensor *boxes, const DfTargets *targets, bool binary, Answers *a)
{
    const int classes = df_dim(logits, 2);
    const size_t queries = (size_t)df_dim(logits, 1);
    for (int b = 0; b < df_dim(logits, 0); b++) {
        const DfTargets *t = &targets[b];
        const size_t first = (size_t)b * queries;
        int *zeros = binary ? df_calloc(t->n + 1, sizeof *zeros) : NULL;
        if (binary && !zeros)
            return df_fail_memory("a matching");
        const int error = df_set_match(&k->matcher, queries, classes, logits->data + first * (size_t)classes, boxes->data + 4 * first, t->n,
                                       binary ? zeros : t->labels, t->boxes, a->who + first);
        df_free(zeros);
        if (error < 0)
            return error;
        for (size_t q = first; q < first + queries; q++)
            answer(a, q, t, a->who[q], binary);
    }
    return DF_OK;
}

static size_t best_class(const float *logits, size_t classes)
{
    size_t best = 0;
    for (size_t i = 1; i < classes; i++)
        if (logits[i] > logits[best])
            best = i;
    return best;
}

/* Figures for the log: how far the number of queries that do not say the last class is from that of the objects, and the
 * percentage of matched queries whose best class is wrong. */
static void log_figures(const DfTensor *logits, const DfTargets *targets, const Answers *a, DfSetLosses *out)
{
    const size_t classes = (size_t)df_dim(logits, 2), queries = (size_t)df_dim(logits, 1), N = (size_t)df_dim(logits, 0);
    double off = 0;
    size_t matched = 0, right = 0;
    for (size_t b = 0; b < N; b++) {
        double said = 0;
        for (size_t q = b * queries; q < (b + 1) * queries; q++) {
            const size_t best = best_class(logits->data + q * classes, classes);
            said += best + 1 != classes;
            matched += a->label[q] >= 0;
            right += a->label[q] >= 0 && best == (size_t)a->label[q];
        }
        off += said > (double)targets[b].n ? said - (double)targets[b].n : (double)targets[b].n - said;
    }
    out->cardinality_error = (float)(off / (double)N);
    out->class_error = matched ? (float)(100 - 100 * (double)right / (double)matched) : 100;
}

/* Every query has a class to say, and the last one, for nothing, counts less. */
static DfTensor *cross_entropy(DfCtx *c, const DfSetCriterion *k, DfTensor *logits, const int *label, size_t queries)
{
    const int classes = df_dim(logits, 2);
    int *said = (int *)(void *)df_workspace(c, queries + 1);
    float *weight = df_workspace(c, (size_t)classes + 1);
    if (!said || !weight)
        return &c->nil;
    double sum = 0;
    for (int i = 0; i < classes; i++)
        weight[i] = i + 1 < classes ? 1 : (float)k->background;
    for (size_t q = 0; q < queries; q++) {
        said[q] = label[q] < 0 ? classes - 1 : label[q];
        sum += (double)weight[said[q]];
    }
    DfTensor *loss = df_cross_entropy(c, logits, said, (DfCrossEntropy){ .class_weight = weight, .ignore_index = -1 });
    return df_scale(c, df_sum(c, loss), (float)(1 / sum));
}

void df_set_losses(DfCtx *c, const DfSetCriterion *k, DfTensor *logits, DfTensor *boxes, const DfTargets *targets, bool binary, DfSetLosses *out)
{
    *out = (DfSetLosses){ .ce = &c->nil, .bbox = &c->nil, .giou = &c->nil, .total = &c->nil };
    if (c->err || c->dry) /* a matching needs numbers */
        return;
    const size_t queries = (size_t)df_dim(logits, 0) * (size_t)df_dim(logits, 1);
    size_t objects = 0;
    for (int b = 0; b < df_dim(logits, 0); b++)
        objects += targets[b].n;
    Answers a;
    if (!answers_new(c, &a, queries))
        return;
    const int error = match(k, logits, boxes, targets, binary, &a);
    if (error < 0) {
        df_ctx_fail(c, error, "%s", df_error());
        return;
    }
    const float share = 1 / (objects ? (float)objects : 1);
    out->ce = k->matcher.softmax ? cross_entropy(c, k, logits, a.label, queries)
                                 : df_scale(c, df_sum(c, df_sigmoid_focal_loss(c, logits, a.label, NULL, (float)k->alpha, 2)), share);
    out->bbox = df_scale(c, df_sum(c, df_l1_loss(c, boxes, a.boxes, a.weights)), share);
    out->giou = df_scale(c, df_sum(c, df_giou_loss(c, df_box_corners(c, boxes), a.corners, a.weight, 0)), share);
    out->total = df_add(c, df_add(c, df_scale(c, out->ce, (float)k->weight_ce), df_scale(c, out->bbox, (float)k->weight_bbox)),
                        df_scale(c, out->giou, (float)k->weight_giou));
    out->target_of_query = a.who;
    log_figures(logits, targets, &a, out);
}

static void add_one(DfLosses *out, const char *name, const char *tail, DfTensor *loss, float figure)
{
    if (out->n == DF_LOSSES)
        return;
    DfLoss *l = &out->v[out->n++];
    *l = (DfLoss){ .loss = loss, .figure = figure };
    snprintf(l->name, sizeof l->name, "%s%.8s", name, tail);
}

void df_losses_add_set(DfCtx *c, DfLosses *out, const DfSetLosses *l, const char *tail)
{
    add_one(out, "loss_ce", tail, l->ce, 0);
    add_one(out, "loss_bbox", tail, l->bbox, 0);
    add_one(out, "loss_giou", tail, l->giou, 0);
    add_one(out, "cardinality_error", tail, NULL, l->cardinality_error);
    if (!tail[0])
        add_one(out, "class_error", tail, NULL, l->class_error);
    out->total = out->total ? df_add(c, out->total, l->total) : l->total;
}
