/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/set/detr_decode.c -- from the last layer's logits and boxes to detections: the best candidates, without
 * suppression. By softmax (DETR) a query is one candidate, of its likeliest class; else (Deformable DETR) each pair
 * of a query and a class is one.
 */
#include <math.h>

#include "heads/set/detr_parts.h"

/* ---- scores ---------------------------------------------------------------------------------------------------- */

/* The likeliest class of a query and its share of the softmax. The last of logits[classes + 1], "nothing", is no
 * candidate. */
static float softmax_score(const float *logits, size_t classes, int *label)
{
    size_t best = 0;
    float top = logits[classes];
    float sum = 0;
    for (size_t i = 0; i < classes; i++) {
        if (logits[i] > logits[best])
            best = i;
        top = fmaxf(top, logits[i]);
    }
    for (size_t i = 0; i <= classes; i++)
        sum += expf(logits[i] - top);
    *label = (int)best;
    return expf(logits[best] - top) / sum;
}

typedef struct {
    size_t n;           /* candidates            */
    size_t each;        /* of every query        */
    float *scores;      /* [n]                   */
    int *labels;        /* [n]                   */
    uint32_t *index;    /* the best of them      */
} Candidates;

static void score_candidates(const DfDetrOptions *o, const float *logits, Candidates *k)
{
    const size_t classes = (size_t)o->classes;
    for (size_t i = 0; i < k->n; i++) {
        if (o->criterion.matcher.softmax) {
            k->scores[i] = softmax_score(logits + i * (classes + 1), classes, &k->labels[i]);
        } else {
            k->scores[i] = 1 / (1 + expf(-logits[i]));
            k->labels[i] = (int)(i % classes);
        }
    }
}

/* ---- boxes ----------------------------------------------------------------------------------------------------- */

/* From cx cy w h in [0, 1] of an image to x1 y1 x2 y2 in pixels: of the original if `rescale`. The official code
 * takes boxes straight there; mmdet (`clip`) takes them to the network's picture, where they end, and then back. */
static void box_in_pixels(const float box[4], const DfImageMeta *meta, bool rescale, bool clip, float out[4])
{
    const bool straight = rescale && !clip;
    const float width = (float)(straight ? meta->ori_w : meta->img_w);
    const float height = (float)(straight ? meta->ori_h : meta->img_h);
    for (int i = 0; i < 4; i++) {
        const float centre = box[i % 2];
        const float size = box[i % 2 + 2];
        const float side = i < 2 ? -0.5f : 0.5f;
        const float pixels = i % 2 ? height : width;
        out[i] = (centre + side * size) * pixels;
        if (clip)
            out[i] = df_clamp_float(out[i], 0, pixels);
        if (clip && rescale)
            out[i] /= meta->scale_factor[i];
    }
}

/* ---- detections ------------------------------------------------------------------------------------------------ */

/* The best of the candidates, at most `most`; boxes[Q][4]. */
static int take_best(const DfDetrOptions *o, const Candidates *k, size_t most, const float *boxes,
                     const DfImageMeta *meta, bool rescale, DfDetections *out)
{
    const int error = df_top_k(k->n, k->scores, most, k->index);
    for (size_t i = 0; error == DF_OK && i < most; i++) {
        const size_t at = k->index[i];
        const size_t query = at / k->each;
        DfDetection *d = &out->v[out->n++];
        *d = (DfDetection){ .score = k->scores[at], .label = k->labels[at], .index = (uint32_t)query };
        box_in_pixels(boxes + query * 4, meta, rescale, o->clip, d->box);
    }
    return error;
}

int df_detr_decode(const void *self, const DfSetOutputs *outputs, int n, const DfImageMeta *meta, bool rescale,
                   DfDetections *out)
{
    const DfDetrOptions *o = self;
    const DfTensor *logits = outputs->logits[outputs->n - 1];                         /* N Q classes (+ 1) */
    const DfTensor *boxes = outputs->boxes[outputs->n - 1];                           /* N Q 4             */
    const size_t Q = (size_t)df_dim(logits, 1);
    const size_t columns = (size_t)df_dim(logits, 2);
    const size_t first = (size_t)n * Q;                                               /* query of the image */
    const size_t each = o->criterion.matcher.softmax ? 1 : (size_t)o->classes;
    const size_t most = df_clamp_size((size_t)o->max_per_img, 0, Q * each);
    Candidates k = { .n = Q * each, .each = each };
    k.scores = df_malloc(k.n * sizeof *k.scores);
    k.labels = df_malloc(k.n * sizeof *k.labels);
    k.index = df_malloc(most * sizeof *k.index);
    out->v = df_calloc(most, sizeof *out->v);
    out->each_query = each == 1 && most == Q && !o->clip;
    out->by_query = out->each_query && o->by_query;
    int error = k.scores && k.labels && k.index && out->v ? DF_OK : df_fail_memory("detections");
    if (error == DF_OK) {
        score_candidates(o, logits->data + first * columns, &k);
        error = take_best(o, &k, most, boxes->data + first * 4, meta, rescale, out);
    }
    df_free(k.scores);
    df_free(k.labels);
    df_free(k.index);
    return error;
}

int df_detr_classes(const void *self)
{
    const DfDetrOptions *o = self;
    return o->classes;
}
