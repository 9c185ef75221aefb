/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region/class_loss.c -- the class loss of a box head: a softmax over classes and background, sigmoids, or
 * SeesawLoss (Wang et al., "Seesaw Loss for Long-Tailed Instance Segmentation", CVPR 2021). As mmdet's BBoxHead.
 */
#include "heads/region/class_loss.h"

#include <math.h>
#include <string.h>

#include "heads/apply_loss.h"

/* ---- construction ------------------------------------------------------------------------------------------------ */

/* mmdet's CrossEntropyCustomLoss asks each class alone and has no background; its CrossEntropyLoss with sigmoids learns
 * background as one class more, and makes a softmax of the scores. */
static DfRegionScores kind_of(const DfNode *cfg)
{
    const char *type = df_node_text(df_node_get(cfg, "type"), "");
    if (strcmp(type, "SeesawLoss") == 0)
        return DF_SCORES_OBJECTNESS;
    const bool alone = strcmp(type, "CrossEntropyCustomLoss") == 0 && df_loss_says_sigmoid(cfg);
    return alone ? DF_SCORES_SIGMOID : DF_SCORES_SOFTMAX;
}

void df_class_loss_init(NnScope s, ClassLoss *l, const DfNode *cfg, int classes)
{
    static const int more[] = { [DF_SCORES_SOFTMAX] = 1, [DF_SCORES_OBJECTNESS] = 2, [DF_SCORES_SIGMOID] = 0 };
    df_loss_cfg(s, &l->loss, cfg, "loss_cls");
    l->scores = kind_of(cfg);
    l->classes = classes;
    l->columns = classes + more[l->scores];
    if (l->scores != DF_SCORES_OBJECTNESS)
        return;
    NnScope own = nn_at(s, "loss_cls");
    l->seen = nn_buffer(own, "cum_samples", DF_SHAPE(classes + 1), 0);
    nn_optional(own);
    if (l->loss.kind == LOSS_SEESAW && l->loss.seesaw.num_classes != classes)
        df_set_problem(s, &l->loss.problem, "loss_cls.num_classes = %d, and the head has %d classes",
                       l->loss.seesaw.num_classes, classes);
}

/* ---- figures ----------------------------------------------------------------------------------------------------- */

/* Of the regions whose label is one of `columns`: how often that is the largest of the columns from `first` on. */
static double right_of_hundred(const DfTensor *scores, int first, int columns, const int *labels)
{
    const size_t width = (size_t)df_dim(scores, 1), n = (size_t)df_dim(scores, 0);
    size_t right = 0, all = 0;
    for (size_t i = 0; i < n; i++) {
        const float *row = scores->data + i * width + first;
        int at = 0;
        for (int k = 1; k < columns; k++)
            at = row[k] > row[at] ? k : at;
        all += labels[i] < columns;
        right += at == labels[i];
    }
    return all ? 100.0 * (double)right / (double)all : 0;
}

/* ---- one loss ---------------------------------------------------------------------------------------------------- */

static LossTargets targets_of(const DfRegionTargets *t)
{
    int counted = 0;
    for (int i = 0; i < t->n; i++)
        counted += t->weights[i] > 0;
    return (LossTargets){
        .label = t->labels,
        .weight = t->weights,
        .averaged = true,
        .average = counted,
        .at_least = 1,
    };
}

/* The mean over the regions that count. */
static void learn_columns(DfCtx *c, const ClassLoss *l, DfTensor *scores, const DfRegionTargets *t, DfLosses *out)
{
    const bool custom = strcmp(l->loss.type, "CrossEntropyCustomLoss") == 0;
    const LossTargets targets = targets_of(t);
    df_losses_add(c, out, df_loss_apply(c, &l->loss, scores, &targets), "loss_cls");
    if (c->err || c->dry)
        return;
    if (custom)
        df_losses_figure(out, right_of_hundred(scores, 0, l->classes, t->labels), "acc_classes");
    else
        df_losses_figure(out, right_of_hundred(scores, 0, l->columns, t->labels), "acc");
}

/* ---- SeesawLoss -------------------------------------------------------------------------------------------------- */

/* Regions of a batch as the loss sees them. */
typedef struct {
    int n;
    int *rows;        /* [n]: those of objects                                           */
    int *labels;      /* [n]                                                             */
    float *weights;   /* [n]                                                             */
    float *offsets;   /* [n][classes]: log of what each other class counts               */
    int *nothing;     /* [all regions]: 1 is background                                  */
    float *more;      /* [classes + 1]: regions of each class and of background          */
    float *seen;      /* [classes + 1]: all so far, these among them                     */
} Seesaw;

static bool seesaw_new(DfCtx *c, Seesaw *w, const ClassLoss *l, int n)
{
    const size_t rows = (size_t)n + 1, classes = (size_t)l->classes + 1;
    *w = (Seesaw){
        .rows = (int *)(void *)df_workspace(c, rows),
        .labels = (int *)(void *)df_workspace(c, rows),
        .nothing = (int *)(void *)df_workspace(c, rows),
        .weights = df_workspace(c, rows),
        .more = df_workspace(c, classes),
        .seen = df_workspace(c, classes),
    };
    return !c->err;
}

static void count(Seesaw *w, const ClassLoss *l, const DfRegionTargets *t)
{
    memset(w->more, 0, ((size_t)l->classes + 1) * sizeof *w->more);
    for (int i = 0; i < t->n; i++) {
        w->more[t->labels[i]] += 1;
        w->nothing[i] = t->labels[i] == l->classes;
        if (w->nothing[i])
            continue;
        w->rows[w->n] = i;
        w->labels[w->n] = t->labels[i];
        w->weights[w->n++] = t->weights[i];
    }
    for (int i = 0; i <= l->classes; i++)
        w->seen[i] = l->seen->data[i] + w->more[i];
}

/* The logarithm of equation 3's S_yj = M_yj C_yj for one region of class y. A class that was seen less often than y is
 * pushed down less: M = (N_j / N_y)^p (equation 4); one that the network takes for likelier than y, more:
 * C = (p_j / p_y)^q (equation 5). */
static void offsets_of(const ClassLoss *l, const float *seen, const float *x, size_t y, float *offset)
{
    const double often = fmax((double)seen[y], 1);
    float most = x[0];
    double sum = 0;
    for (int j = 1; j < l->classes; j++)
        most = fmaxf(most, x[j]);
    for (int j = 0; j < l->classes; j++)
        sum += exp((double)(x[j] - most));
    const double own = fmax(exp((double)(x[y] - most)) / sum, l->loss.seesaw.eps);
    for (size_t j = 0; j < (size_t)l->classes; j++) {
        const double rarer = fmin(log(fmax((double)seen[j], 1) / often), 0);
        const double likelier = fmax((double)(x[j] - most) - log(sum) - log(own), 0);
        offset[j] = j == y ? 0 : (float)(l->loss.seesaw.p * rarer + l->loss.seesaw.q * likelier);
    }
}

/* Objects among the classes: a cross entropy in which each other class has its weight. */
static DfTensor *learn_objects(DfCtx *c, const ClassLoss *l, const LossCfg *plain, DfTensor *scores, const Seesaw *w,
                               LossTargets targets)
{
    DfTensor *x = df_slice(c, scores, 1, 0, l->classes);                           /* R classes       */
    x = df_gather_rows(c, x, w->rows, w->n);                                       /* objects classes */
    const size_t C = (size_t)l->classes;
    float *offsets = df_workspace(c, (size_t)w->n * C + 1);
    if (c->err)
        return &c->nil;
    for (size_t i = 0; i < (size_t)w->n; i++)
        offsets_of(l, w->seen, x->data + i * C, (size_t)w->labels[i], offsets + i * C);
    x = df_add(c, x, df_from(c, x->shape, offsets));
    targets.label = w->labels;
    targets.weight = w->weights;
    return df_loss_apply(c, plain, x, &targets);
}

/* A cross entropy of "something" and "nothing" for every region, and one among the classes for regions of objects. */
static void learn_seesaw(DfCtx *c, const ClassLoss *l, DfTensor *scores, const DfRegionTargets *t, DfLosses *out)
{
    const LossCfg plain = {
        .kind = LOSS_CROSS_ENTROPY,
        .type = l->loss.type,
        .weight = l->loss.weight,
        .reduction = l->loss.reduction,
    };
    LossTargets targets = targets_of(t);
    Seesaw w;
    if (l->loss.problem)
        df_ctx_fail(c, DF_EVALUE, "%s", l->loss.problem);
    if (c->err || !seesaw_new(c, &w, l, t->n))
        return;
    if (!c->dry)
        count(&w, l, t);
    DfTensor *objects = learn_objects(c, l, &plain, scores, &w, targets);
    targets.label = w.nothing;
    DfTensor *objectness = df_loss_apply(c, &plain, df_slice(c, scores, 1, l->classes, 2), &targets);
    if (!l->loss.seesaw.return_dict) {
        df_losses_add(c, out, df_add(c, objects, objectness), "loss_cls");
    } else {
        df_losses_add(c, out, objectness, "loss_cls_objectness");
        df_losses_add(c, out, objects, "loss_cls_classes");
    }
    if (c->err || c->dry)
        return;
    df_count_up(c, l->seen, w.more);
    df_losses_figure(out, right_of_hundred(scores, l->classes, 2, w.nothing), "acc_objectness");
    df_losses_figure(out, right_of_hundred(scores, 0, l->classes, t->labels), "acc_classes");
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

void df_class_loss_learn(DfCtx *c, const ClassLoss *l, DfTensor *scores, const DfRegionTargets *t, DfLosses *out)
{
    if (l->scores == DF_SCORES_OBJECTNESS)
        learn_seesaw(c, l, scores, t, out);
    else
        learn_columns(c, l, scores, t, out);
}

DfTensor *df_class_loss_each(DfCtx *c, const ClassLoss *l, DfTensor *scores, const int *labels)
{
    DfTensor *each = df_loss_elements(c, &l->loss, scores, &(LossTargets){ .label = labels });
    if (!c->err && df_size(each) != (size_t)df_dim(scores, 0))
        df_ctx_fail(c, DF_EVALUE, "%s with sigmoids cannot tell hard regions: want a softmax, or another sampler",
                    l->loss.type);
    return c->err ? &c->nil : each;
}
