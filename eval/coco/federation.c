/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/federation.c -- the rules of LVIS, which is annotated class by class, and for each class in some of the
 * images only (Gupta, Dollar and Girshick, CVPR 2019). A detection counts only if its class was annotated in the
 * image: an object of it is there, or the image is known to have none. Only the best 300 detections of an image are
 * used; for fixed AP, the best 10000 of each class in all images (Dave et al., "Evaluating large-vocabulary object
 * detectors: the devil is in the details", 2021).
 */
#include <stdlib.h>
#include <string.h>

#include "eval/coco/evaluate.h"

/* An image and a category by their places, so that a set of them can be searched. */
static uint64_t pair(uint32_t image, uint32_t category)
{
    return (uint64_t)image << 32 | category;
}

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static bool lists(const int64_t *ids, size_t n, int64_t id)
{
    size_t i = 0;
    while (i < n && ids[i] != id)
        i++;
    return i < n;
}

bool df_coco_is_incomplete(const DfCocoResults *results, uint32_t detection)
{
    const CocoDetection *d = df_coco_detection(results, detection);
    const CocoFederation *f = &results->gt->federation[d->image];
    return lists(f->incomplete, f->n_incomplete, results->gt->categories.ids[d->category].number);
}

/* Classes with an object that exists: lvis-api knows none without an area. */
static uint64_t *present_classes(const DfCoco *gt, size_t *n)
{
    uint64_t *present = df_malloc((gt->n_annotations + 1) * sizeof *present);
    *n = 0;
    for (size_t i = 0; present && i < gt->n_annotations; i++)
        if (gt->annotations[i].area > 0)
            present[(*n)++] = pair(gt->annotations[i].image, gt->annotations[i].category);
    if (present && *n)
        qsort(present, *n, sizeof *present, by_value);
    return present;
}

static bool is_known(const DfCoco *gt, const CocoDetection *d, const uint64_t *present, size_t n)
{
    const uint64_t wanted = pair(d->image, d->category);
    if (d->category >= gt->categories.n)
        return false;
    if (n && bsearch(&wanted, present, n, sizeof wanted, by_value))
        return true;
    const CocoFederation *f = &gt->federation[d->image];
    return lists(f->absent, f->n_absent, gt->categories.ids[d->category].number);
}

/* The detections that are left are counted by image or by category, and those that are too many dropped: the worst, and
 * of equal scores the last given. */
typedef struct {
    CocoRun *run;
    size_t most, groups;
    bool by_category;
    uint32_t *order; /* detections of crowded groups, best first */
    size_t n;
    size_t *found;   /* of each group                            */
} Limit;

static size_t group_of(const Limit *l, size_t detection)
{
    const CocoDetection *d = df_coco_detection(l->run->results, detection);
    return l->by_category ? d->category : d->image;
}

static void count_groups(const Limit *l)
{
    for (size_t i = 0; i < l->run->results->n; i++)
        l->found[group_of(l, i)] += !l->run->dropped[i];
}

/* Most groups have few, which need no order. */
static int sort_crowded(Limit *l)
{
    const DfCocoResults *dt = l->run->results;
    uint64_t *key = df_malloc((dt->n + 1) * sizeof *key);
    int error = key ? DF_OK : df_fail_memory("the evaluation");
    for (size_t i = 0; error == DF_OK && i < dt->n; i++)
        if (!l->run->dropped[i] && l->found[group_of(l, i)] > l->most) {
            l->order[l->n] = (uint32_t)i;
            l->n++;
            key[i] = df_sort_key(-df_coco_detection(dt, i)->score);
        }
    if (error == DF_OK)
        error = df_sort(l->order, l->n, key);
    df_free(key);
    return error;
}

static int drop_beyond(CocoRun *run, size_t most, bool by_category)
{
    const DfCocoResults *dt = run->results;
    Limit l = { .run = run, .most = most, .by_category = by_category };
    l.groups = by_category ? dt->gt->categories.n + dt->unknown.n : dt->gt->images.n;
    l.order = df_malloc((dt->n + 1) * sizeof *l.order);
    l.found = df_calloc(l.groups + 1, sizeof *l.found);
    int error = l.order && l.found ? DF_OK : df_fail_memory("the evaluation");
    if (error == DF_OK) {
        count_groups(&l);
        error = sort_crowded(&l);
    }
    if (error == DF_OK)
        memset(l.found, 0, l.groups * sizeof *l.found);
    for (size_t i = 0; error == DF_OK && i < l.n; i++)
        run->dropped[l.order[i]] = l.found[group_of(&l, l.order[i])]++ >= most;
    df_free(l.order);
    df_free(l.found);
    return error;
}

static int drop_worst(CocoRun *run)
{
    const DfCocoParams *p = &run->params;
    const int most = p->max_dets[p->n_max_dets - 1];
    const int error = p->best_of_class ? drop_beyond(run, p->best_of_class, true) : DF_OK;
    return error == DF_OK && most > 0 ? drop_beyond(run, (size_t)most, false) : error;
}

int df_coco_drop(CocoRun *run)
{
    const DfCocoResults *dt = run->results;
    size_t n;
    uint64_t *present = present_classes(dt->gt, &n);
    run->dropped = df_calloc(dt->n + 1, sizeof *run->dropped);
    int error = present && run->dropped ? drop_worst(run) : df_fail_memory("the evaluation");
    for (size_t i = 0; error == DF_OK && i < dt->n; i++)
        run->dropped[i] = run->dropped[i] || !is_known(dt->gt, df_coco_detection(dt, i), present, n) ||
                          !(df_coco_area_of(run, (uint32_t)i) > 0);
    df_free(present);
    return error;
}
