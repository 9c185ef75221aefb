/* SPDX-License-Identifier: Apache-2.0
 *
 * models/detr_run.c -- DETR (Carion et al., ECCV 2020) and Deformable DETR (Zhu et al., ICLR 2021) as whole networks: a pass, its best
 * answers as detections, its losses.
 */
#include "models/detr_parts.h"

#include <math.h>

static void run(DfCtx *c, const DetrBase *net, DfTensor *image, const DfImageMeta *metas, bool all, DetrOutputs *out)
{
    DfMaps maps;
    df_run_backbone(c, &net->trunk.backbone, "backbone", image, &maps);
    *out = (DetrOutputs){ 0 };
    if (!c->err)
        net->answer(c, net, &maps, metas, df_dim(image, 1), df_dim(image, 2), all || df_listens(c), out);
}

void df_detr_forward(DfCtx *c, const void *net, DfTensor *image)
{
    DetrOutputs out;
    run(c, net, image, NULL, c->recording, &out);
}

/* ---- detections ----------------------------------------------------------------------------------------------------- */

/* The likeliest class of a query, which is not the last, and its share of the softmax. */
static float best_class(const float *logits, size_t classes, int *label)
{
    size_t best = 0;
    float top = logits[classes], sum = 0;
    for (size_t i = 0; i < classes; i++) {
        best = logits[i] > logits[best] ? i : best;
        top = fmaxf(top, logits[i]);
    }
    for (size_t i = 0; i <= classes; i++)
        sum += expf(logits[i] - top);
    *label = (int)best;
    return expf(logits[best] - top) / sum;
}

/* What may become a detection: by softmax the best class of every query, else all classes of all queries, one by one. */
static void candidates(bool softmax, const float *logits, size_t n, size_t classes, float *scores, int *labels)
{
    for (size_t i = 0; i < n; i++) {
        if (softmax) {
            scores[i] = best_class(logits + i * (classes + 1), classes, &labels[i]);
        } else {
            scores[i] = 1 / (1 + expf(-logits[i]));
            labels[i] = (int)(i % classes);
        }
    }
}

/* The best candidates of image n, best first. */
static int detections(const DetrBase *net, const DetrOutputs *outputs, int n, const DfImageMeta *meta, bool rescale, DfDetections *out)
{
    const DfTensor *logits = outputs->logits[outputs->n - 1], *boxes = outputs->boxes[outputs->n - 1];
    const bool softmax = net->criterion.matcher.softmax;
    const size_t Q = (size_t)net->o.queries, classes = (size_t)net->o.classes, each = softmax ? 1 : classes, all = Q * each;
    const size_t most = (size_t)net->o.most < all ? (size_t)net->o.most : all;
    float *scores = df_malloc(all * sizeof *scores);
    int *labels = df_malloc(all * sizeof *labels);
    uint32_t *index = df_malloc(most * sizeof *index);
    out->v = df_calloc(most, sizeof *out->v);
    int error = scores && labels && index && out->v ? DF_OK : df_fail_memory("detections");
    if (error == DF_OK) {
        candidates(softmax, logits->data + (size_t)n * Q * (classes + softmax), all, classes, scores, labels);
        error = df_top_k(all, scores, most, index);
    }
    for (size_t i = 0; error == DF_OK && i < most; i++) {
        const size_t query = index[i] / each;
        DfDetection *d = &out->v[out->n++];
        *d = (DfDetection){ .score = scores[index[i]], .label = labels[index[i]], .index = (uint32_t)query };
        df_detr_place(boxes->data + ((size_t)n * Q + query) * 4, meta, rescale, net->o.clip, d->box);
    }
    df_free(scores);
    df_free(labels);
    df_free(index);
    return error;
}

int df_detr_detect(DfCtx *c, const void *net, DfTensor *image, const DfImageMeta *metas, int n, bool rescale, DfDetections *results)
{
    DetrOutputs out;
    run(c, net, image, metas, false, &out);
    int error = df_ctx_error(c);
    for (int i = 0; error == DF_OK && i < n; i++)
        error = detections(net, &out, i, &metas[i], rescale, &results[i]);
    return error;
}

/* ---- the rest ------------------------------------------------------------------------------------------------------- */

void df_detr_losses(DfCtx *c, const void *self, DfTensor *image, const DfImageMeta *metas, const DfTargets *targets, DfLosses *out)
{
    const DetrBase *net = self;
    DetrOutputs outputs;
    run(c, net, image, metas, true, &outputs);
    df_detr_add_losses(c, &net->criterion, &outputs, targets, out);
}

const char *const *df_detr_ignorable(const void *self)
{
    const DetrBase *net = self;
    return net->ignorable;
}

int df_detr_classes(const void *self)
{
    const DetrBase *net = self;
    return net->o.classes;
}
