/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/map/devkit.c -- voc_eval() of py-faster-rcnn and of DOTA_devkit, class by class:
 *
 *     for d in range(nd):                                      # best first
 *         R = class_recs[image_ids[d]]
 *         overlaps = ...                                       # with every object of the picture, difficult ones too
 *         if np.max(overlaps) > ovthresh:
 *             jmax = np.argmax(overlaps)
 *             if not R['difficult'][jmax]:
 *                 if not R['det'][jmax]: tp[d] = 1; R['det'][jmax] = 1
 *                 else: fp[d] = 1
 *         else: fp[d] = 1
 *     rec = cumsum(tp) / npos
 *     prec = tp / maximum(tp + fp, finfo(float64).eps)
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "boxes/boxes.h"
#include "eval/average_precision.h"
#include "eval/map/devkit_data.h"
#include "eval/matcher.h"
#include "eval/pairwise.h"

#define NONE UINT32_MAX

/* All classes: objects by class and picture, detections by class, best first. */
typedef struct {
    const DfDevkit *devkit;
    DfDevkitScores *out;
    uint32_t *rank;                     /* of each class: its place by name */
    uint32_t *objects, *found;
    size_t *objects_start, *found_start; /* of each place; and the end      */
    int *errors;                        /* of each place                    */
} Run;

/* One class at all thresholds. */
typedef struct {
    const Run *run;
    const uint32_t *objects, *found;
    size_t n_objects, n;
    DfDevkitClass *out;
    double *with;               /* [n_objects]: overlaps of one detection          */
    uint32_t *listed;           /* [n_objects]: 0, 1, ..                           */
    double *overlap;            /* [n]: with the best object                       */
    uint32_t *best;             /* [n]: it, by place in objects; NONE: there is none */
    uint8_t *taken;             /* [n_objects]                                     */
    double *precision, *recall; /* [n]                                             */
    double *room;               /* [n + 1]                                         */
} Class;

/* ---- overlaps --------------------------------------------------------------------------------------------------- */

/* With 1 for the last pixel; in the order of numpy's terms. */
static double overlap_of_pixels(const double a[4], const double b[4])
{
    const double width = fmax(fmin(b[2], a[2]) - fmax(b[0], a[0]) + 1, 0);
    const double height = fmax(fmin(b[3], a[3]) - fmax(b[1], a[1]) + 1, 0);
    const double both = width * height;
    const double area_a = (a[2] - a[0] + 1) * (a[3] - a[1] + 1);
    const double area_b = (b[2] - b[0] + 1) * (b[3] - b[1] + 1);
    return both / (area_a + area_b - both);
}

/* The upright box around four corners. */
static void surround(const double corner[8], double box[4])
{
    for (int axis = 0; axis < 2; axis++) {
        box[axis] = box[2 + axis] = corner[axis];
        for (int i = 1; i < 4; i++) {
            box[axis] = fmin(box[axis], corner[2 * i + axis]);
            box[2 + axis] = fmax(box[2 + axis], corner[2 * i + axis]);
        }
    }
}

/* DOTA looks at objects whose upright boxes overlap, by the pixels of VOC; the others are not even candidates. */
static double overlap_of_corners(const double a[8], const double b[8])
{
    double around_a[4], around_b[4];
    surround(a, around_a);
    surround(b, around_b);
    return overlap_of_pixels(around_a, around_b) > 0 ? df_quad_iou(a, b, false) : (double)-INFINITY;
}

static double overlap(const Run *run, const DevkitFound *f, const DevkitObject *o)
{
    return run->devkit->form == DF_DEVKIT_VOC ? overlap_of_pixels(f->box, o->box) : overlap_of_corners(f->box, o->box);
}

static const DevkitObject *object(const Class *c, size_t i)
{
    return &c->run->devkit->objects[c->objects[i]];
}

static const DevkitFound *found(const Class *c, size_t i)
{
    return &c->run->devkit->found[c->found[i]];
}

/* The first object of a picture from then on, by place. */
static size_t first_of(const Class *c, uint32_t picture)
{
    size_t from = 0;
    for (size_t n = c->n_objects; n > 0;) {
        const size_t half = n / 2;
        if (object(c, from + half)->picture < picture) {
            from += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return from;
}

static void find_best(const Class *c, size_t i)
{
    const DevkitFound *f = found(c, i);
    const size_t first = first_of(c, f->picture);
    size_t n = 0;
    for (; first + n < c->n_objects && object(c, first + n)->picture == f->picture; n++)
        c->with[n] = overlap(c->run, f, object(c, first + n));
    const size_t best = df_largest_overlap(c->with, c->listed, n, (double)-INFINITY, FIRST_OF_EQUAL);
    c->best[i] = best == NO_MATCH ? NONE : (uint32_t)(first + best);
    c->overlap[i] = best == NO_MATCH ? (double)-INFINITY : c->with[best];
}

/* ---- a threshold ------------------------------------------------------------------------------------------------ */

static void draw_curve(const Class *c, double threshold)
{
    double right = 0;
    double wrong = 0;
    memset(c->taken, 0, c->n_objects);
    for (size_t i = 0; i < c->n; i++) {
        const bool meets = c->best[i] != NONE && c->overlap[i] > threshold;
        const bool counts = !meets || !object(c, c->best[i])->difficult;
        const bool hits = meets && counts && !c->taken[c->best[i]];
        if (hits)
            c->taken[c->best[i]] = 1;
        right += hits;
        wrong += counts && !hits;
        c->recall[i] = right / (double)c->out->objects;
        c->precision[i] = right / fmax(right + wrong, DBL_EPSILON);
    }
}

static void score_class(const Class *c)
{
    for (size_t i = 0; i < c->n; i++)
        find_best(c, i);
    for (size_t t = 0; t < c->run->out->n_ious; t++) {
        draw_curve(c, c->run->out->ious[t]);
        c->out->ap[DF_DEVKIT_07][t] = df_eleven_points(c->recall, c->precision, c->n);
        c->out->ap[DF_DEVKIT_12][t] = df_area_below(c->recall, c->precision, c->n, c->room);
        c->out->recall[t] = c->n ? c->recall[c->n - 1] : 0;
        if (c->out->objects == 0)
            c->out->recall[t] = (double)NAN;
    }
}

static void class_done(Class *c)
{
    df_free(c->with);
    df_free(c->listed);
    df_free(c->overlap);
    df_free(c->best);
    df_free(c->taken);
    df_free(c->precision);
    df_free(c->recall);
    df_free(c->room);
}

static int class_init(Class *c, const Run *run, size_t k)
{
    const size_t n = run->found_start[k + 1] - run->found_start[k];
    const size_t n_objects = run->objects_start[k + 1] - run->objects_start[k];
    *c = (Class){ .run = run, .out = &run->out->classes[k], .n = n, .n_objects = n_objects,
                  .objects = run->objects + run->objects_start[k], .found = run->found + run->found_start[k],
                  .with = df_malloc((n_objects + 1) * sizeof *c->with),
                  .listed = df_malloc((n_objects + 1) * sizeof *c->listed),
                  .overlap = df_malloc((n + 1) * sizeof *c->overlap),
                  .best = df_malloc((n + 1) * sizeof *c->best),
                  .taken = df_malloc(n_objects + 1),
                  .precision = df_malloc((n + 1) * sizeof *c->precision),
                  .recall = df_malloc((n + 1) * sizeof *c->recall),
                  .room = df_malloc((n + 1) * sizeof *c->room) };
    for (size_t g = 0; c->listed && g < n_objects; g++)
        c->listed[g] = (uint32_t)g;
    const bool room = c->with && c->listed && c->overlap && c->best && c->taken && c->precision && c->recall && c->room;
    return room ? DF_OK : df_fail_memory("the scores of boxes");
}

static void score_one(void *arg, size_t k, void *scratch)
{
    const Run *run = arg;
    Class c;
    (void)scratch;
    run->errors[k] = class_init(&c, run, k);
    if (run->errors[k] == DF_OK)
        score_class(&c);
    class_done(&c);
}

/* ---- in order --------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    uint32_t class;
} Named;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const Named *)a)->name, ((const Named *)b)->name);
}

static int rank_classes(Run *run)
{
    const DfIds *classes = &run->devkit->classes;
    Named *named = df_malloc((classes->n + 1) * sizeof *named);
    run->rank = df_malloc((classes->n + 1) * sizeof *run->rank);
    for (size_t k = 0; named && k < classes->n; k++)
        named[k] = (Named){ classes->ids[k].text, (uint32_t)k };
    if (named && classes->n)
        qsort(named, classes->n, sizeof *named, by_name);
    for (size_t k = 0; named && run->rank && k < classes->n; k++)
        run->rank[named[k].class] = (uint32_t)k;
    const bool ranked = named && run->rank;
    df_free(named);
    return ranked ? DF_OK : df_fail_memory("the scores of boxes");
}

/* Indices 0..n-1, and where each class begins once they are sorted by class. */
static int begin(uint32_t **order, size_t n, size_t **start, size_t n_classes)
{
    *order = df_malloc((n + 1) * sizeof **order);
    *start = df_calloc(n_classes + 1, sizeof **start);
    for (size_t i = 0; *order && i < n; i++)
        (*order)[i] = (uint32_t)i;
    return *order && *start ? DF_OK : df_fail_memory("the scores of boxes");
}

static void add_up(size_t *start, size_t n_classes)
{
    for (size_t k = 0; k < n_classes; k++)
        start[k + 1] += start[k];
}

static int order_objects(Run *run, uint64_t *key)
{
    const DfDevkit *d = run->devkit;
    int error = begin(&run->objects, d->n_objects, &run->objects_start, d->classes.n);
    for (size_t i = 0; error == DF_OK && i < d->n_objects; i++) {
        const DevkitObject *o = &d->objects[i];
        DfDevkitClass *c = &run->out->classes[run->rank[o->class]];
        key[i] = (uint64_t)run->rank[o->class] << 32 | o->picture;
        run->objects_start[run->rank[o->class] + 1]++;
        c->objects += !o->difficult;
        c->difficult += o->difficult;
    }
    if (error < 0)
        return error;
    add_up(run->objects_start, d->classes.n);
    return df_sort(run->objects, d->n_objects, key);
}

static int order_found(Run *run, uint64_t *key)
{
    const DfDevkit *d = run->devkit;
    int error = begin(&run->found, d->n_found, &run->found_start, d->classes.n);
    for (size_t i = 0; error == DF_OK && i < d->n_found; i++)
        key[i] = df_sort_key(-d->found[i].score);
    if (error == DF_OK)
        error = df_sort(run->found, d->n_found, key);
    for (size_t i = 0; error == DF_OK && i < d->n_found; i++) {
        key[i] = run->rank[d->found[i].class];
        run->found_start[key[i] + 1]++;
        run->out->classes[key[i]].detections++;
    }
    if (error < 0)
        return error;
    add_up(run->found_start, d->classes.n);
    return df_sort(run->found, d->n_found, key);
}

static int order_all(Run *run)
{
    const DfDevkit *d = run->devkit;
    const size_t most = d->n_found > d->n_objects ? d->n_found : d->n_objects;
    uint64_t *key = df_malloc((most + 1) * sizeof *key);
    run->errors = df_calloc(d->classes.n + 1, sizeof *run->errors);
    int error = key && run->errors ? order_objects(run, key) : df_fail_memory("the scores of boxes");
    if (error == DF_OK)
        error = order_found(run, key);
    df_free(key);
    return error;
}

/* ---- all classes ------------------------------------------------------------------------------------------------ */

static int make_scores(Run *run, size_t n_ious, const double *ious)
{
    DfDevkitScores *s = run->out;
    const DfIds *classes = &run->devkit->classes;
    *s = (DfDevkitScores){ .arena = df_arena_new(), .form = run->devkit->form, .n_ious = n_ious,
                           .n_pictures = run->devkit->pictures.n, .n_classes = classes->n };
    if (!s->arena)
        return df_fail_memory("the scores of boxes");
    s->classes = df_arena_alloc(s->arena, classes->n + 1, sizeof *s->classes);
    s->ious = df_arena_alloc(s->arena, n_ious, sizeof *s->ious);
    bool made = s->classes && s->ious;
    for (int rule = 0; rule < DF_DEVKIT_RULES; rule++)
        made = (s->mean[rule] = df_arena_alloc(s->arena, n_ious, sizeof(double))) && made;
    for (size_t k = 0; made && k < classes->n; k++) {
        DfDevkitClass *c = &s->classes[run->rank[k]];
        c->name = df_arena_copy(s->arena, classes->ids[k].text, strlen(classes->ids[k].text));
        c->recall = df_arena_alloc(s->arena, n_ious, sizeof *c->recall);
        made = c->name && c->recall;
        for (int rule = 0; rule < DF_DEVKIT_RULES; rule++)
            made = (c->ap[rule] = df_arena_alloc(s->arena, n_ious, sizeof(double))) && made;
    }
    if (made)
        memcpy(s->ious, ious, n_ious * sizeof *ious);
    return made ? DF_OK : df_fail_memory("the scores of boxes");
}

static int take_means(DfDevkitScores *s)
{
    double *ap = df_malloc((s->n_classes + 1) * sizeof *ap);
    if (!ap)
        return df_fail_memory("the scores of boxes");
    for (int rule = 0; rule < DF_DEVKIT_RULES; rule++) {
        for (size_t t = 0; t < s->n_ious; t++) {
            size_t n = 0;
            for (size_t k = 0; k < s->n_classes; k++)
                if (s->classes[k].objects > 0)
                    ap[n++] = s->classes[k].ap[rule][t];
            s->mean[rule][t] = n > 0 ? df_pairwise_sum(ap, n) / (double)n : (double)NAN;
        }
        s->average[rule] = df_pairwise_sum(s->mean[rule], s->n_ious) / (double)s->n_ious;
    }
    df_free(ap);
    return DF_OK;
}

static void run_done(Run *run)
{
    df_free(run->rank);
    df_free(run->objects);
    df_free(run->found);
    df_free(run->objects_start);
    df_free(run->found_start);
    df_free(run->errors);
}

int df_devkit_score(DfDevkitScores *out, const DfDevkit *d, size_t n_ious, const double *ious, DfPool *pool)
{
    Run run = { .devkit = d, .out = out };
    *out = (DfDevkitScores){ 0 };
    if (n_ious < 1)
        return df_fail(DF_EVALUE, "no IoU threshold: want at least one");
    int error = rank_classes(&run);
    if (error == DF_OK)
        error = make_scores(&run, n_ious, ious);
    if (error == DF_OK)
        error = order_all(&run);
    if (error == DF_OK)
        error = df_parallel(pool, out->n_classes, 0, score_one, &run);
    for (size_t k = 0; error == DF_OK && k < out->n_classes; k++)
        if (run.errors[k] < 0) /* whose sentence is in another thread; nothing else can fail there */
            error = df_fail_memory("the scores of boxes");
    if (error == DF_OK)
        error = take_means(out);
    run_done(&run);
    if (error < 0)
        df_devkit_scores_done(out);
    return error;
}

void df_devkit_scores_done(DfDevkitScores *s)
{
    df_arena_free(s->arena);
    *s = (DfDevkitScores){ 0 };
}
