/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/classifier.c -- the loss of a classifier: cross entropy with the class of each picture; for mixtures (mixup,
 * Zhang et al., ICLR 2018; CutMix, Yun et al., ICCV 2019) with two classes, weighted by their shares; label smoothing
 * (Szegedy et al., CVPR 2016) spreads a part of every target over all classes.
 */
#include "heads/classifier.h"

#include "heads/apply_loss.h"

struct DfClassLoss {
    LossCfg loss;
};

const DfClassLoss *df_class_loss_new(NnScope s, const DfNode *dict)
{
    DfClassLoss *loss = nn_alloc(s, 1, sizeof *loss);
    if (!loss)
        return NULL;
    df_loss_cfg(s, &loss->loss, dict, "loss");
    if (loss->loss.kind == LOSS_NONE)
        loss->loss = (LossCfg){ .kind = LOSS_CROSS_ENTROPY, .type = "CrossEntropyLoss", .weight = 1 };
    return loss;
}

/* ---- targets ----------------------------------------------------------------------------------------------------- */

static bool is_class(DfCtx *c, int class, int classes, int picture)
{
    if (class < 0 || class >= classes)
        df_ctx_fail(c, DF_EVALUE, "picture %d of the batch has class %d: want 0..%d", picture, class, classes - 1);
    return !c->err;
}

static bool are_usable(DfCtx *c, const DfLossBatch *batch, int classes)
{
    for (int i = 0; !c->err && i < batch->n; i++) {
        const DfAnnotations *a = &batch->objects[i];
        if (!a->has_class)
            df_ctx_fail(c, DF_EVALUE, "picture %d of the batch has no class", i);
        else if (is_class(c, a->image_class, classes, i) && a->second_share > 0)
            is_class(c, a->second_class, classes, i);
    }
    return !c->err;
}

/* target[N C]: the shares of the classes, smoothed. A question for each class (a sigmoid) is not. */
static void share_out(const LossCfg *loss, const DfLossBatch *batch, size_t C, float *target)
{
    const bool sigmoid = loss->cross_entropy.use_sigmoid;
    const float smoothing = sigmoid ? 0 : (float)loss->cross_entropy.smoothing;
    for (size_t i = 0; i < (size_t)batch->n * C; i++)
        target[i] = smoothing / (float)C;
    for (int i = 0; i < batch->n; i++) {
        const DfAnnotations *a = &batch->objects[i];
        float *row = target + (size_t)i * C;
        row[a->image_class] += (1 - smoothing) * (1 - a->second_share);
        if (a->second_share > 0)
            row[a->second_class] += (1 - smoothing) * a->second_share;
    }
}

/* ---- accuracy ---------------------------------------------------------------------------------------------------- */

static int likeliest(const float *logit, int C)
{
    int best = 0;
    for (int i = 1; i < C; i++)
        best = logit[i] > logit[best] ? i : best;
    return best;
}

/* Of a mixture the class with the larger share counts. */
static double accuracy(const DfTensor *logits, const DfLossBatch *batch)
{
    const int C = df_dim(logits, 1);
    double right = 0;
    for (int i = 0; i < batch->n; i++) {
        const DfAnnotations *a = &batch->objects[i];
        const int class = a->second_share > 0.5f ? a->second_class : a->image_class;
        right += likeliest(logits->data + i * C, C) == class;
    }
    return batch->n ? 100 * right / batch->n : 0;
}

/* ---- losses ------------------------------------------------------------------------------------------------------ */

void df_class_losses(DfCtx *c, const DfClassLoss *self, DfTensor *logits, const DfLossBatch *batch, DfLosses *out)
{
    const LossCfg *loss = &self->loss;
    if (loss->problem)
        df_ctx_fail(c, DF_EVALUE, "%s", loss->problem);
    else if (loss->kind != LOSS_CROSS_ENTROPY)
        df_ctx_fail(c, DF_EVALUE, "loss has type '%s': want CrossEntropyLoss or LabelSmoothLoss", loss->type);
    if (c->err || c->dry || !are_usable(c, batch, df_dim(logits, 1)))
        return;
    float *target = df_workspace(c, df_size(logits) + 1);
    if (!target)
        return;
    share_out(loss, batch, (size_t)df_dim(logits, 1), target);
    const LossTargets t = { .target = target, .averaged = loss->reduction == REDUCE_MEAN, .average = batch->n };
    df_losses_add(c, out, df_loss_apply(c, loss, logits, &t), "loss");
    df_losses_figure(out, accuracy(logits, batch), "accuracy_top-1");
}
