/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/cityscapes/average_precision.c -- the AP of each class at each IoU. Of all predictions that overlap an object
 * by more than the threshold, the best one finds it and the others are wrong. Predictions that overlap no object are
 * wrong, too, unless more than the threshold of their pixels is on regions that are not scored: void, groups, and
 * objects of few pixels.
 */
#include <math.h>
#include <stdlib.h>

#include "eval/cityscapes/data.h"
#include "eval/pairwise.h"

/* What decides at a threshold: scores with right or wrong, and objects that nothing overlaps enough. */
typedef struct {
    double score;
    bool right;
} Point;

typedef struct {
    const DfCityscapes *c;
    int class;
    double iou;
    double *best;    /* of each object the score that found it; NAN: none */
    Point *points;
    size_t n, missed, objects, predictions;
} Curve;

static double iou_of(const DfCityscapes *c, const Overlap *o)
{
    const double both = o->pixels;
    return both / ((double)c->truths[o->truth].pixels + (double)c->founds[o->found].pixels - both);
}

static void add_point(Curve *k, double score, bool right)
{
    k->points[k->n++] = (Point){ score, right };
}

/* The better of two that found one object; the other is wrong. */
static void find_object(Curve *k, size_t truth, double score)
{
    double *const best = &k->best[truth];
    if (isnan(*best)) {
        *best = score;
        return;
    }
    add_point(k, score < *best ? score : *best, false);
    *best = score > *best ? score : *best;
}

/* Pixels that are not scored, of a prediction that found nothing. */
static bool is_passed_over(const Curve *k, const Found *f)
{
    uint64_t ignored = f->on_void;
    for (size_t i = f->first; i < f->first + f->n; i++) {
        const Truth *const t = &k->c->truths[k->c->overlaps[i].truth];
        ignored += t->value < GROUPS ? k->c->overlaps[i].pixels : 0;
        ignored += t->pixels < LEAST_PIXELS ? k->c->overlaps[i].pixels : 0;
    }
    return (double)ignored / f->pixels > k->iou;
}

static void add_prediction(Curve *k, const Found *f)
{
    bool found = false;
    for (size_t i = f->first; i < f->first + f->n; i++) {
        const Overlap *const o = &k->c->overlaps[i];
        if (!(iou_of(k->c, o) > k->iou))
            continue;
        found = true; /* a group counts too: then it is neither right nor wrong */
        if (df_cityscapes_is_object(&k->c->truths[o->truth]))
            find_object(k, o->truth, f->score);
    }
    k->predictions++;
    if (!found && !is_passed_over(k, f))
        add_point(k, f->score, false);
}

static void collect(Curve *k)
{
    const DfCityscapes *const c = k->c;
    for (size_t t = 0; t < c->n_truths; t++)
        k->best[t] = (double)NAN;
    for (size_t i = 0; i < c->n_founds; i++)
        if (c->founds[i].class == k->class)
            add_prediction(k, &c->founds[i]);
    for (size_t t = 0; t < c->n_truths; t++) {
        if (c->truths[t].class != k->class || !df_cityscapes_is_object(&c->truths[t]))
            continue;
        k->objects++;
        if (isnan(k->best[t]))
            k->missed++;
        else
            add_point(k, k->best[t], true);
    }
}

static int by_score(const void *a, const void *b)
{
    const double x = ((const Point *)a)->score;
    const double y = ((const Point *)b)->score;
    return (x > y) - (x < y);
}

/* The sum of precision times half of the recall between its neighbours, over the different scores from the lowest on
 * and a last point of precision 1 and recall 0. The first point is its own neighbour. */
static double integrate(const Curve *k)
{
    double area = 0, before = 0, recall = 0, precision = 0;
    size_t right = 0, below = 0; /* of all points; of those with a lower score */
    bool begun = false;
    for (size_t i = 0; i < k->n; i++)
        right += k->points[i].right;
    for (size_t i = 0; i < k->n; i++) {
        if (i == 0 || k->points[i].score != k->points[i - 1].score) {
            const double tp = (double)(right - below);
            const double next = tp / (double)(right + k->missed);
            area += begun ? precision * (0.5 * before - 0.5 * next) : 0;
            before = begun ? recall : next;
            recall = next;
            precision = tp / (double)(k->n - i);
            begun = true;
        }
        below += k->points[i].right;
    }
    area += begun ? precision * (0.5 * before) : 0; /* to the last point, whose recall is 0 */
    return area + 0.5 * recall;
}

static double average_precision(Curve *k)
{
    k->n = k->missed = k->objects = k->predictions = 0;
    collect(k);
    if (k->objects == 0)
        return (double)NAN;
    if (k->n > 0)
        qsort(k->points, k->n, sizeof *k->points, by_score);
    return k->n > 0 ? integrate(k) : 0;
}

/* numpy.arange(0.5, 1, 0.05) */
static double threshold(int i)
{
    const double step = (0.5 + 0.05) - 0.5;
    return 0.5 + i * step;
}

static void average(DfCityscapesResult *r)
{
    double at_50[DF_CITYSCAPES_CLASSES];
    r->ap = df_nan_mean(&r->of[0][0], (size_t)DF_CITYSCAPES_CLASSES * DF_CITYSCAPES_IOUS);
    for (int k = 0; k < DF_CITYSCAPES_CLASSES; k++) {
        r->class_ap[k] = df_pairwise_sum(r->of[k], DF_CITYSCAPES_IOUS) / DF_CITYSCAPES_IOUS;
        r->class_ap50[k] = at_50[k] = r->of[k][0];
    }
    r->ap50 = df_nan_mean(at_50, DF_CITYSCAPES_CLASSES);
}

int df_cityscapes_result(DfCityscapesResult *r, const DfCityscapes *c)
{
    Curve k = { .c = c };
    *r = (DfCityscapesResult){ 0 };
    k.best = df_malloc((c->n_truths + 1) * sizeof *k.best);
    k.points = df_malloc((c->n_truths + c->n_founds + c->n_overlaps + 1) * sizeof *k.points);
    const int error = k.best && k.points ? DF_OK : df_fail_memory("the curves of instances");
    for (int i = 0; error == DF_OK && i < DF_CITYSCAPES_CLASSES * DF_CITYSCAPES_IOUS; i++) {
        k.class = i / DF_CITYSCAPES_IOUS;
        k.iou = threshold(i % DF_CITYSCAPES_IOUS);
        r->of[k.class][i % DF_CITYSCAPES_IOUS] = average_precision(&k);
        r->truths[k.class] = k.objects;
        r->found[k.class] = k.predictions;
    }
    df_free(k.best);
    df_free(k.points);
    if (error == DF_OK)
        average(r);
    return error;
}
