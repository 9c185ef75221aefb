/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/dense/candidates.c -- turns the outputs of a dense head into boxes with scores. Only the chosen anchors are
 * made and decoded: about a thousand of a hundred thousand.
 */
#include "heads/dense/candidates.h"

#include <math.h>
#include <string.h>

/* The outputs of one image on one level. */
typedef struct {
    size_t n;            /* h * w * anchors of a cell */
    const float *logits; /* [n][columns]              */
    const float *deltas; /* [n][4]                    */
} Level;

static Level level_of(const DenseDecoder *d, const DfDense *dense, int level, int image)
{
    const DfTensor *cls = dense->cls_score[level];
    const size_t n = (size_t)df_dim(cls, 1) * (size_t)df_dim(cls, 2) * (size_t)d->anchors.per_cell;
    return (Level){
        .n = n,
        .logits = cls->data + (size_t)image * n * (size_t)d->columns,
        .deltas = dense->bbox_pred[level]->data + (size_t)image * n * 4,
    };
}

/* ---- scores ------------------------------------------------------------------------------------------------------ */

static float sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

static float largest(const float *x, int n)
{
    float most = x[0];
    for (int i = 1; i < n; i++)
        most = x[i] > most ? x[i] : most;
    return most;
}

/* logits[columns] -> scores[classes] */
static void scores_of(const DenseDecoder *d, const float *logits, float *scores)
{
    if (d->by_logit) {
        scores[0] = logits[0];
        return;
    }
    if (d->sigmoid) {
        for (int i = 0; i < d->classes; i++)
            scores[i] = sigmoid(logits[i]);
        return;
    }
    const float most = largest(logits, d->columns);
    float sum = 0;
    for (int i = 0; i < d->columns; i++)
        sum += expf(logits[i] - most);
    for (int i = 0; i < d->classes; i++)
        scores[i] = expf(logits[i] - most) / sum;
}

/* The score of an anchor's best class, by which it is chosen. The sigmoid grows with its argument, so one for each
 * anchor is enough: that of the largest logit. */
static float best_score(const DenseDecoder *d, const float *logits, float *scratch)
{
    if (d->sigmoid && !d->by_logit)
        return sigmoid(largest(logits, d->classes));
    scores_of(d, logits, scratch);
    return largest(scratch, d->classes);
}

/* ---- choosing ---------------------------------------------------------------------------------------------------- */

static int choose_best(const DenseDecoder *d, const Level *level, size_t wanted, uint32_t *chosen)
{
    float *best = df_malloc(level->n * sizeof *best);
    float *scratch = df_malloc((size_t)d->classes * sizeof *scratch);
    int error = best && scratch ? DF_OK : df_fail_memory("candidate boxes");
    for (size_t i = 0; error == DF_OK && i < level->n; i++)
        best[i] = best_score(d, level->logits + i * (size_t)d->columns, scratch);
    if (error == DF_OK)
        error = df_top_k(level->n, best, wanted, chosen);
    df_free(scratch);
    df_free(best);
    return error;
}

static int choose(const DenseDecoder *d, const Level *level, size_t wanted, uint32_t *chosen)
{
    if (wanted < level->n)
        return choose_best(d, level, wanted, chosen);
    for (size_t i = 0; i < level->n; i++)
        chosen[i] = (uint32_t)i;
    return DF_OK;
}

/* ---- boxes ------------------------------------------------------------------------------------------------------- */

int df_candidates_room(Candidates *k, size_t more, int classes)
{
    const size_t n = k->n + more;
    if (n <= k->capacity)
        return DF_OK;
    float *boxes = df_realloc(k->boxes, n * 4 * sizeof *boxes);
    if (boxes)
        k->boxes = boxes;
    float *scores = df_realloc(k->scores, n * (size_t)classes * sizeof *scores);
    if (scores)
        k->scores = scores;
    int *levels = df_realloc(k->levels, n * sizeof *levels);
    if (levels)
        k->levels = levels;
    if (!boxes || !scores || !levels)
        return df_fail_memory("candidate boxes");
    k->capacity = n;
    return DF_OK;
}

static bool large_enough(const DenseDecoder *d, const float box[4])
{
    const float least = (float)d->min_size;
    if (d->drop_empty && least >= 0)
        return box[2] - box[0] > least && box[3] - box[1] > least;
    return !(least > 0) || (box[2] - box[0] >= least && box[3] - box[1] >= least);
}

static int add_level(Candidates *k, const DenseDecoder *d, const DfDense *dense, int level, int image,
                     const DfImageMeta *meta)
{
    const Level of = level_of(d, dense, level, image);
    const int w = df_dim(dense->cls_score[level], 2);
    const size_t wanted = d->nms_pre > 0 && of.n > (size_t)d->nms_pre ? (size_t)d->nms_pre : of.n;
    uint32_t *chosen = df_malloc(wanted * sizeof *chosen);
    int error = chosen ? choose(d, &of, wanted, chosen) : df_fail_memory("candidate boxes");
    if (error == DF_OK)
        error = df_candidates_room(k, wanted, d->classes);
    for (size_t i = 0; error == DF_OK && i < wanted; i++) {
        float anchor[4];
        float *box = k->boxes + 4 * k->n;
        df_anchors_at(&d->anchors, level, w, chosen[i], anchor);
        df_delta_decode(&d->coder, 1, 1, anchor, of.deltas + 4 * (size_t)chosen[i], meta->img_h, meta->img_w, box);
        if (!large_enough(d, box))
            continue;
        scores_of(d, of.logits + chosen[i] * (size_t)d->columns, k->scores + k->n * (size_t)d->classes);
        k->levels[k->n++] = level;
    }
    df_free(chosen);
    return error;
}

/* ---- pairs of an anchor and a class ------------------------------------------------------------------------------ */

/* mmdet's filter_scores_and_topk(): of all scores of a level that are above the threshold, the best nms_pre. */
typedef struct {
    size_t n, capacity, score_capacity;
    uint64_t *at;   /* [n]: anchor times classes, plus class */
    float *score;   /* [n]                                   */
} Pairs;

static bool add_pair(Pairs *pairs, uint64_t at, float score)
{
    if (!df_grow((void **)&pairs->at, &pairs->capacity, pairs->n, sizeof *pairs->at) ||
        !df_grow((void **)&pairs->score, &pairs->score_capacity, pairs->n, sizeof *pairs->score))
        return false;
    pairs->at[pairs->n] = at;
    pairs->score[pairs->n++] = score;
    return true;
}

/* A sigmoid is above the threshold only if its argument is about above this: most need not be computed. */
static float logit_of(float threshold)
{
    if (!(threshold > 0.0f))
        return -INFINITY;
    return threshold < 1.0f ? logf(threshold / (1.0f - threshold)) - 0.01f : INFINITY;
}

static int find_pairs(Pairs *pairs, const DenseDecoder *d, const Level *level, float *row)
{
    const float threshold = (float)d->score_thr;
    const float least = d->sigmoid ? logit_of(threshold) : -INFINITY;
    for (size_t i = 0; i < level->n; i++) {
        const float *logits = level->logits + i * (size_t)d->columns;
        if (largest(logits, d->columns) < least)
            continue;
        scores_of(d, logits, row);
        for (int c = 0; c < d->classes; c++)
            if (row[c] > threshold && !add_pair(pairs, i * (uint64_t)d->classes + (uint64_t)c, row[c]))
                return df_fail_memory("candidate boxes");
    }
    return DF_OK;
}

static void take_pair(Candidates *k, const DenseDecoder *d, const Level *of, int level, int w, uint64_t at, float score,
                      const DfImageMeta *meta)
{
    const size_t i = (size_t)(at / (uint64_t)d->classes);
    float *box = k->boxes + 4 * k->n;
    float *row = k->scores + k->n * (size_t)d->classes;
    float anchor[4];
    df_anchors_at(&d->anchors, level, w, i, anchor);
    df_delta_decode(&d->coder, 1, 1, anchor, of->deltas + 4 * i, meta->img_h, meta->img_w, box);
    memset(row, 0, (size_t)d->classes * sizeof *row); /* its other classes are pairs of their own */
    row[at % (uint64_t)d->classes] = score;
    k->levels[k->n++] = level;
}

/* Python's scores[:nms_pre] of n, which is how mmdet cuts: -1, its default, leaves the worst out. */
static size_t pairs_wanted(const DenseDecoder *d, size_t n)
{
    const size_t most = (size_t)(d->nms_pre < 0 ? -d->nms_pre : d->nms_pre);
    if (d->nms_pre < 0)
        return n > most ? n - most : 0;
    return n > most ? most : n;
}

static int add_pairs(Candidates *k, const DenseDecoder *d, const DfDense *dense, int level, int image,
                     const DfImageMeta *meta)
{
    const Level of = level_of(d, dense, level, image);
    const int w = df_dim(dense->cls_score[level], 2);
    Pairs pairs = { 0 };
    float *row = df_malloc((size_t)d->classes * sizeof *row);
    int error = row ? find_pairs(&pairs, d, &of, row) : df_fail_memory("candidate boxes");
    const size_t wanted = pairs_wanted(d, pairs.n);
    uint32_t *chosen = df_malloc((wanted + 1) * sizeof *chosen);
    if (error == DF_OK)
        error = chosen ? df_top_k(pairs.n, pairs.score, wanted, chosen) : df_fail_memory("candidate boxes");
    if (error == DF_OK)
        error = df_candidates_room(k, wanted, d->classes);
    for (size_t i = 0; error == DF_OK && i < wanted; i++)
        take_pair(k, d, &of, level, w, pairs.at[chosen[i]], pairs.score[chosen[i]], meta);
    df_free(chosen);
    df_free(row);
    df_free(pairs.at);
    df_free(pairs.score);
    return error;
}

int df_candidates_add(Candidates *k, const DenseDecoder *d, const DfDense *dense, int image, const DfImageMeta *meta)
{
    int h[DF_LEVELS], w[DF_LEVELS], strides[2 * DF_LEVELS];
    DenseDecoder fitted = *d;
    for (int i = 0; i < dense->n; i++) {
        h[i] = df_dim(dense->cls_score[i], 1);
        w[i] = df_dim(dense->cls_score[i], 2);
    }
    df_anchors_fit(&fitted.anchors, &d->anchors, h, w, strides);
    int error = DF_OK;
    for (int level = 0; error == DF_OK && level < dense->n; level++)
        error = d->pairs ? add_pairs(k, &fitted, dense, level, image, meta)
                         : add_level(k, &fitted, dense, level, image, meta);
    return error;
}

void df_candidates_drop_small(Candidates *k, int classes, double size)
{
    const float least = (float)size;
    const size_t columns = (size_t)classes;
    size_t n = 0;
    for (size_t i = 0; i < k->n; i++) {
        const float *box = k->boxes + 4 * i;
        if (!(box[2] - box[0] > least && box[3] - box[1] > least))
            continue;
        memmove(k->boxes + 4 * n, box, 4 * sizeof *box);
        memmove(k->scores + columns * n, k->scores + columns * i, columns * sizeof *k->scores);
        k->levels[n++] = k->levels[i];
    }
    k->n = n;
}

void df_candidates_done(Candidates *k)
{
    df_free(k->boxes);
    df_free(k->scores);
    df_free(k->levels);
    *k = (Candidates){ 0 };
}
