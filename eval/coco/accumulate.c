/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/accumulate.c -- precision over recall of one class (eval/average_precision.h has the equations).
 *
 * Precision rises and recall grows at true positives only, so these are all that is kept of the curve: for each, how
 * many false positives came before it and which detection it is.
 */
#include <float.h>
#include <string.h>

#include "eval/average_precision.h"
#include "eval/coco/evaluate.h"

typedef struct {
    uint32_t false_before, at; /* at: place in the ranking */
} Hit;

/* The curves of one class and max_dets, for every area and threshold. */
typedef struct {
    size_t n, first;       /* detections that count, and the best of them in the ranking */
    uint32_t *false_so_far; /* [areas * ious] */
    uint32_t *n_hits;       /* [areas * ious] */
    size_t *hits_start;     /* [areas]        */
    size_t *npig;           /* [areas]: ground truths that are not to be ignored */
    size_t *needed;         /* [areas][recalls]: hits */
    Hit *hits;              /* [areas][ious][npig] */
    double *precision;      /* [largest npig] */
} Curves;

static void curves_done(Curves *c)
{
    df_free(c->false_so_far);
    df_free(c->n_hits);
    df_free(c->hits_start);
    df_free(c->npig);
    df_free(c->needed);
    df_free(c->hits);
    df_free(c->precision);
}

static int curves_init(Curves *c, const CocoRun *run, size_t k)
{
    const DfCocoParams *p = &run->params;
    const size_t cells = p->n_areas * p->n_ious;
    const size_t truths = run->truths_start[k + 1] - run->truths_start[k];
    size_t total = 0;
    *c = (Curves){
        .false_so_far = df_malloc(cells * sizeof *c->false_so_far),
        .n_hits = df_malloc(cells * sizeof *c->n_hits),
        .hits_start = df_malloc(p->n_areas * sizeof *c->hits_start),
        .npig = df_calloc(p->n_areas, sizeof *c->npig),
        .needed = df_malloc(p->n_areas * p->n_recalls * sizeof *c->needed),
        .precision = df_malloc(truths * sizeof *c->precision),
    };
    if (!c->false_so_far || !c->n_hits || !c->hits_start || !c->npig || !c->needed || !c->precision)
        return df_fail_memory("precision curves");
    for (size_t a = 0; a < p->n_areas; a++) {
        for (size_t i = run->truths_start[k]; i < run->truths_start[k + 1]; i++) {
            const CocoAnnotation *g = &run->annotations[run->truths[i].annotation];
            c->npig[a] += !df_coco_is_ignored(run, g) && df_area_within(df_coco_truth_area(run, g), &p->areas[a]);
        }
        for (size_t i = 0; c->npig[a] > 0 && i < p->n_recalls; i++)
            c->needed[a * p->n_recalls + i] = df_hits_needed(p->recalls[i], c->npig[a]);
        c->hits_start[a] = total;
        total += c->npig[a] * p->n_ious;
    }
    c->hits = df_calloc(total, sizeof(Hit));
    return c->hits ? DF_OK : df_fail_memory("precision curves");
}

/* Eight outcomes at a time: only TRUE_POSITIVE is odd. */
static bool any_true(const uint8_t *outcome, size_t n)
{
    uint64_t all = 0, eight;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        memcpy(&eight, outcome + i, sizeof eight);
        all |= eight;
    }
    for (; i < n; i++)
        all |= outcome[i];
    return all & UINT64_MAX / 255;
}

/* So many detections are counted before it is asked whether to stop. */
enum { AT_ONCE = 4096 };

/* Runs down the ranking, over the first max_det of each image. */
static int count(Curves *c, const CocoRun *run, const CocoRanking *r, uint32_t max_det)
{
    const size_t ious = run->params.n_ious;
    const size_t cells = run->params.n_areas * ious;
    uint32_t *const false_so_far = c->false_so_far;
    for (size_t i = 0; i < cells; i++)
        false_so_far[i] = c->n_hits[i] = 0;
    c->n = c->first = 0;
    for (size_t d = 0; d < r->n; d++) {
        if (d % AT_ONCE == AT_ONCE - 1 && df_check_patience() < 0)
            return DF_EINTERRUPT;
        if (r->rank[d] >= max_det)
            continue;
        if (c->n++ == 0)
            c->first = d;
        const uint8_t *const outcome = r->outcome + d * cells;
        for (size_t i = 0; i < cells; i++)
            false_so_far[i] += outcome[i] == FALSE_POSITIVE;
        for (size_t i = 0; i < cells && (i > 0 || any_true(outcome, cells)); i++)
            if (outcome[i] == TRUE_POSITIVE) {
                Hit *hits = c->hits + c->hits_start[i / ious] + i % ious * c->npig[i / ious];
                hits[c->n_hits[i]++] = (Hit){ false_so_far[i], (uint32_t)d };
            }
    }
    return DF_OK;
}

static double score_at(const CocoRun *run, const CocoRanking *r, size_t at)
{
    return df_coco_detection(run->results, r->detection[at])->score;
}

/* Precision and scores of one curve. */
static void sample(const Curves *c, const CocoRun *run, const CocoRanking *r, size_t a, size_t m, size_t t, size_t k)
{
    const DfCocoEval *e = run->eval;
    const size_t place = df_coco_curve_place(e, k, a, m, t);
    const size_t *const needed = c->needed + a * e->n_recalls;
    const Hit *hits = c->hits + c->hits_start[a] + t * c->npig[a];
    PrecisionCurve curve = { .n = c->n_hits[a * e->n_ious + t], .precision = c->precision };
    for (size_t i = 0; i < curve.n; i++)
        curve.precision[i] = df_precision((double)(i + 1), (double)hits[i].false_before, DBL_EPSILON);
    df_precision_envelope(&curve);
    df_precision_at(&curve, needed, e->n_recalls, e->precision + place);
    for (size_t i = 0; e->scores && i < e->n_recalls; i++) {
        if (needed[i] > curve.n || c->n == 0)
            e->scores[place + i] = 0;
        else /* recall 0 is reached by the first detection, hit or not */
            e->scores[place + i] = score_at(run, r, needed[i] > 0 ? hits[needed[i] - 1].at : c->first);
    }
}

static void fill(double *array, size_t place, size_t n)
{
    for (size_t i = 0; array && i < n; i++)
        array[place + i] = -1;
}

/* What is kept at one area and number of detections. */
static void sample_area(const Curves *c, const CocoRun *run, const CocoRanking *r, size_t a, size_t m, size_t k)
{
    const DfCocoEval *e = run->eval;
    const size_t npig = c->npig[a];
    const size_t recalls = df_coco_recall_place(e, k, a, m);
    for (size_t t = 0; t < e->n_ious; t++)
        e->recall[recalls + t] = npig > 0 ? (double)c->n_hits[a * e->n_ious + t] / (double)npig : -1;
    if (m < e->first_curve)
        return;
    for (size_t t = 0; npig > 0 && t < e->n_ious; t++)
        sample(c, run, r, a, m, t, k);
    if (npig == 0) {
        fill(e->precision, df_coco_curve_place(e, k, a, m, 0), e->n_ious * e->n_recalls);
        fill(e->scores, df_coco_curve_place(e, k, a, m, 0), e->n_ious * e->n_recalls);
    }
}

static uint32_t most_in_an_image(const CocoRanking *r)
{
    uint32_t most = 0;
    for (size_t d = 0; d < r->n; d++)
        most = r->rank[d] >= most ? r->rank[d] + 1 : most;
    return most;
}

int df_coco_accumulate(const CocoRun *run, size_t k, const CocoRanking *r)
{
    const DfCocoParams *p = &run->params;
    const uint32_t most = most_in_an_image(r);
    Curves c;
    int error = curves_init(&c, run, k);
    for (size_t m = 0; error == DF_OK && m < p->n_max_dets; m++) {
        /* else there are no more detections than before in any image */
        if (m == 0 || (uint32_t)p->max_dets[m - 1] < most)
            error = count(&c, run, r, (uint32_t)p->max_dets[m]);
        for (size_t a = 0; error == DF_OK && a < p->n_areas; a++) {
            sample_area(&c, run, r, a, m, k);
            error = df_check_patience();
        }
    }
    if (error == DF_OK && run->eval->counts)
        df_coco_count(run, k, r, c.npig[0]);
    curves_done(&c);
    return error;
}
