/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/map/map.c -- mean average precision, step by step as in mmdet's eval_map(), in its float32.
 *     precision = tp / max(tp + fp, eps),  recall = tp / objects,        over all detections of a class, best first
 *     area:       sum of (recall step) x (highest precision from there on)
 *     11 points:  mean over t = 0, 0.1, .., 1 of the highest precision at a recall of at least t
 */
#include "eval/map/map.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval/average_precision.h"
#include "eval/coco/evaluate.h"
#include "eval/coco/view.h"
#include "eval/matcher.h"
#include "eval/pairwise.h"

/* ---- what is compared ------------------------------------------------------------------------------------------- */

/* A detection in the order of the images, and of score within one. */
typedef struct {
    uint32_t at, image; /* in view->detections */
} Found;

/* Detections of all classes, class by class. */
typedef struct {
    const CocoView *view;
    const DfMapParams *params;
    DfMapScores *out;
    Found *found;
    size_t *start;       /* [classes + 1] */
} Run;

/* One class at all thresholds. */
typedef struct {
    const Run *run;
    uint32_t class;
    const Found *found;
    size_t n;
    uint32_t *truth;     /* of one image: those that count, then the crowds           */
    size_t n_truths, n_counting;
    uint32_t *listed;    /* [most truths of an image]: 0, 1, ..                       */
    double *with;        /* likewise: overlaps of one detection, of float32           */
    double *overlap;     /* [n]: with the best one                                    */
    uint32_t *best;      /* [n]: it, by place in view->truths; VIEW_NONE: there is none */
    uint32_t *order;     /* [n]: best first                                           */
    uint8_t *taken;      /* [all truths]                                              */
    uint8_t *outcome;    /* [n]: of the present threshold                             */
    double *precision, *recall, *room; /* precision: of float32 */
} Class;
enum { WRONG, RIGHT, NEITHER };

static int sort_by_class(Run *run)
{
    const CocoView *v = run->view;
    run->found = df_malloc((v->n_detections + 1) * sizeof *run->found);
    run->start = df_calloc(v->n_classes + 2, sizeof *run->start);
    if (!run->found || !run->start)
        return df_fail_memory("the scores of boxes");
    size_t *next = run->start + 1; /* moves on while filling, so that it ends one place ahead */
    for (size_t i = 0; i < v->n_detections; i++)
        next[v->detections[i].class + 1]++;
    for (size_t k = 0; k < v->n_classes; k++)
        next[k + 1] += next[k];
    for (size_t image = 0; image < v->n_images; image++)
        for (size_t i = v->detections_start[image]; i < v->detections_start[image + 1]; i++)
            run->found[next[v->detections[i].class]++] = (Found){ (uint32_t)i, (uint32_t)image };
    return DF_OK;
}

/* ---- overlaps, in float32 --------------------------------------------------------------------------------------- */

typedef struct {
    float x1, y1, x2, y2;
} Corners;

static Corners corners(const double box[4])
{
    return (Corners){ (float)box[0], (float)box[1], (float)(box[0] + box[2]), (float)(box[1] + box[3]) };
}

static float area(const Corners *b, float extra)
{
    return (b->x2 - b->x1 + extra) * (b->y2 - b->y1 + extra);
}

static float overlap(const Corners *a, const Corners *b, float extra)
{
    const float width = fmaxf(fminf(a->x2, b->x2) - fmaxf(a->x1, b->x1) + extra, 0);
    const float height = fmaxf(fminf(a->y2, b->y2) - fmaxf(a->y1, b->y1) + extra, 0);
    const float both = width * height;
    return both / fmaxf(area(a, extra) + area(b, extra) - both, 1e-6F);
}

/* The objects of an image and this class. */
static void list_truths(Class *c, uint32_t image)
{
    const CocoView *v = c->run->view;
    c->n_truths = c->n_counting = 0;
    for (int crowd = 0; crowd < 2; crowd++) {
        for (size_t i = v->truths_start[image]; i < v->truths_start[image + 1]; i++)
            if (v->truths[i].class == c->class && v->truths[i].crowd == crowd)
                c->truth[c->n_truths++] = (uint32_t)i;
        c->n_counting = crowd ? c->n_counting : c->n_truths;
    }
}

static void find_best(Class *c, size_t i)
{
    const CocoView *v = c->run->view;
    const float extra = c->run->params->wide ? 1 : 0;
    const Corners box = corners(v->detections[c->found[i].at].box);
    for (size_t g = 0; g < c->n_truths; g++) {
        const Corners object = corners(v->truths[c->truth[g]].box);
        c->with[g] = (double)overlap(&box, &object, extra);
    }
    const size_t best = df_largest_overlap(c->with, c->listed, c->n_truths, -1, FIRST_OF_EQUAL);
    c->best[i] = best == NO_MATCH ? VIEW_NONE : c->truth[best];
    c->overlap[i] = best == NO_MATCH ? -1 : c->with[best];
}

static void compare(Class *c)
{
    for (size_t i = 0; i < c->n; i++) {
        if (i == 0 || c->found[i].image != c->found[i - 1].image)
            list_truths(c, c->found[i].image);
        find_best(c, i);
    }
}

static int count_objects(const Class *c)
{
    const CocoView *v = c->run->view;
    int n = 0;
    for (size_t i = 0; i < v->n_truths; i++)
        n += v->truths[i].class == c->class && !v->truths[i].crowd;
    return n;
}

/* ---- a threshold ------------------------------------------------------------------------------------------------ */

/* Within an image detections come best first. */
static void match(Class *c, double threshold)
{
    const CocoView *v = c->run->view;
    memset(c->taken, 0, v->n_truths + 1);
    for (size_t i = 0; i < c->n; i++) {
        c->outcome[i] = WRONG;
        if (c->best[i] == VIEW_NONE || c->overlap[i] < threshold)
            continue;
        if (v->truths[c->best[i]].crowd)
            c->outcome[i] = NEITHER;
        else if (!c->taken[c->best[i]])
            c->outcome[i] = RIGHT;
        c->taken[c->best[i]] = 1;
    }
}

static void curve(Class *c, int objects)
{
    float right = 0;
    float wrong = 0;
    for (size_t i = 0; i < c->n; i++) {
        const uint8_t outcome = c->outcome[c->order[i]];
        right += outcome == RIGHT;
        wrong += outcome == WRONG;
        c->recall[i] = (double)right / fmax(objects, (double)FLT_EPSILON);
        c->precision[i] = (double)(right / fmaxf(right + wrong, FLT_EPSILON));
    }
}

static double eleven_points(const Class *c)
{
    float ap = 0;
    for (int t = 0; t <= 10; t++) {
        float highest = 0;
        for (size_t i = 0; i < c->n; i++)
            if (c->recall[i] >= t * 0.1 && (float)c->precision[i] > highest)
                highest = (float)c->precision[i];
        ap += highest;
    }
    return (double)(ap / 11);
}

static double area_below(const Class *c)
{
    return (double)(float)df_area_below(c->recall, c->precision, c->n, c->room);
}

static void score_class(Class *c, DfMapClass *out)
{
    out->objects = count_objects(c);
    out->detections = (int)c->n;
    compare(c);
    for (int t = 0; t < c->run->params->n_ious; t++) {
        match(c, c->run->params->iou[t]);
        curve(c, out->objects);
        out->ap[t] = c->run->params->eleven_points ? eleven_points(c) : area_below(c);
        out->recall[t] = c->n ? c->recall[c->n - 1] : 0;
    }
}

/* ---- all classes ------------------------------------------------------------------------------------------------ */

static void class_done(Class *c)
{
    df_free(c->truth);
    df_free(c->listed);
    df_free(c->with);
    df_free(c->overlap);
    df_free(c->best);
    df_free(c->order);
    df_free(c->taken);
    df_free(c->outcome);
    df_free(c->precision);
    df_free(c->recall);
    df_free(c->room);
}

static int class_init(Class *c, const Run *run, size_t k)
{
    const CocoView *v = run->view;
    const size_t n = run->start[k + 1] - run->start[k];
    const size_t most = df_view_most_truths(v);
    uint64_t *key = df_malloc((n + 1) * sizeof *key);
    *c = (Class){ .run = run, .class = (uint32_t)k, .found = run->found + run->start[k], .n = n,
                  .truth = df_malloc((most + 1) * sizeof *c->truth),
                  .listed = df_malloc((most + 1) * sizeof *c->listed),
                  .with = df_malloc((most + 1) * sizeof *c->with),
                  .overlap = df_malloc((n + 1) * sizeof *c->overlap),
                  .best = df_malloc((n + 1) * sizeof *c->best),
                  .order = df_malloc((n + 1) * sizeof *c->order),
                  .taken = df_malloc(v->n_truths + 1),
                  .outcome = df_malloc(n + 1),
                  .precision = df_malloc((n + 1) * sizeof *c->precision),
                  .recall = df_malloc((n + 1) * sizeof *c->recall),
                  .room = df_malloc((n + 2) * sizeof *c->room) };
    for (size_t g = 0; c->listed && g < most; g++)
        c->listed[g] = (uint32_t)g;
    const bool room = key && c->truth && c->listed && c->with && c->overlap && c->best && c->order && c->taken &&
                      c->outcome && c->precision && c->recall && c->room;
    int error = room ? DF_OK : df_fail_memory("the scores of boxes");
    for (size_t i = 0; error == DF_OK && i < n; i++) {
        c->order[i] = (uint32_t)i;
        key[i] = df_sort_key(-v->detections[c->found[i].at].score);
    }
    if (error == DF_OK)
        error = df_sort(c->order, n, key);
    df_free(key);
    return error;
}

static int score_classes(Run *run)
{
    DfMapScores *out = run->out;
    int error = DF_OK;
    for (int k = 0; error == DF_OK && k < out->n_classes; k++) {
        const char *name = run->view->class_names[k];
        Class c;
        error = class_init(&c, run, (size_t)k);
        out->classes[k].id = strtoll(run->view->class_ids[k], NULL, 10);
        out->classes[k].name = df_arena_copy(out->arena, name, strlen(name));
        if (error == DF_OK && !out->classes[k].name)
            error = df_fail_memory("class names");
        if (error == DF_OK)
            score_class(&c, &out->classes[k]);
        class_done(&c);
    }
    return error;
}

/* numpy's mean of float32: eight sums side by side up to 128 numbers. */
static float sum_f32(const float *x, size_t n)
{
    float side[8];
    float sum = 0;
    if (n > 128) {
        const size_t half = n / 2 - n / 2 % 8;
        return sum_f32(x, half) + sum_f32(x + half, n - half);
    }
    size_t i = 0;
    if (n >= 8) {
        memcpy(side, x, sizeof side);
        for (i = 8; i + 8 <= n; i += 8)
            for (size_t k = 0; k < 8; k++)
                side[k] += x[i + k];
        sum = ((side[0] + side[1]) + (side[2] + side[3])) + ((side[4] + side[5]) + (side[6] + side[7]));
    }
    for (; i < n; i++)
        sum += x[i];
    return sum;
}

static int take_means(DfMapScores *out)
{
    float *ap = df_malloc(((size_t)out->n_classes + 1) * sizeof *ap);
    double sum = 0;
    if (!ap)
        return df_fail_memory("the scores of boxes");
    for (int t = 0; t < out->params.n_ious; t++) {
        size_t n = 0;
        for (int k = 0; k < out->n_classes; k++)
            if (out->classes[k].objects)
                ap[n++] = (float)out->classes[k].ap[t];
        out->ap[t] = n ? (double)(sum_f32(ap, n) / (float)n) : 0;
        sum += out->ap[t];
    }
    out->mean = sum / out->params.n_ious;
    df_free(ap);
    return DF_OK;
}

static int score_view(DfMapScores *out, const CocoView *view)
{
    Run run = { .view = view, .params = &out->params, .out = out };
    out->n_classes = (int)view->n_classes;
    out->arena = df_arena_new();
    out->classes = out->arena ? df_arena_alloc(out->arena, view->n_classes + 1, sizeof *out->classes) : NULL;
    int error = out->classes ? sort_by_class(&run) : df_fail_memory("the scores of boxes");
    if (error == DF_OK)
        error = score_classes(&run);
    if (error == DF_OK)
        error = take_means(out);
    df_free(run.found);
    df_free(run.start);
    return error;
}

int df_map_score(DfMapScores *out, const DfCocoScoring *scoring, const DfMapParams *params, DfPool *pool)
{
    DfCoco *truth = NULL;
    DfCocoResults *results = NULL;
    CocoView *view = NULL;
    *out = (DfMapScores){ .params = *params };
    if (params->n_ious < 1 || params->n_ious > DF_MAP_IOUS)
        return df_fail(DF_EVALUE, "%d IoU thresholds: want 1 to %d", params->n_ious, DF_MAP_IOUS);
    int error = df_coco_read_scored(&truth, &results, scoring, pool);
    if (error == DF_OK)
        error = df_coco_view_of(&view, results, false, scoring->image_ids, scoring->n_image_ids);
    if (error == DF_OK)
        error = score_view(out, view);
    df_coco_view_free(view);
    df_coco_results_free(results);
    df_coco_free(truth);
    if (error < 0)
        df_map_scores_done(out);
    return error;
}

void df_map_scores_done(DfMapScores *s)
{
    df_arena_free(s->arena);
    *s = (DfMapScores){ 0 };
}
