/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/federation.c -- LVIS is annotated class by class, and for each class in some of the images only (Gupta, Dollar
 * and Girshick, CVPR 2019). A detection counts where its class was looked for: an object of it is annotated in the image,
 * or the image is known to have none. Only the best 300 of an image are looked at.
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

/* The best of each image, whatever their class; equal scores as they were given. */
static int drop_beyond(CocoRun *run)
{
    const DfCocoResults *dt = run->results;
    const size_t most = (size_t)run->params.max_dets[run->params.n_max_dets - 1];
    uint32_t *order = df_malloc((dt->n + 1) * sizeof *order);
    uint64_t *key = df_malloc((dt->n + 1) * sizeof *key);
    size_t *found = df_calloc(dt->gt->images.n + 1, sizeof *found);
    int error = order && key && found ? DF_OK : df_fail_memory("the evaluation");
    for (size_t i = 0; error == DF_OK && i < dt->n; i++) {
        order[i] = (uint32_t)i;
        key[i] = df_sort_key(-df_coco_detection(dt, i)->score);
    }
    if (error == DF_OK)
        error = df_sort(order, dt->n, key);
    for (size_t i = 0; error == DF_OK && i < dt->n; i++)
        run->dropped[order[i]] = found[df_coco_detection(dt, order[i])->image]++ >= most;
    df_free(order);
    df_free(key);
    df_free(found);
    return error;
}

int df_coco_drop(CocoRun *run)
{
    const DfCocoResults *dt = run->results;
    size_t n;
    uint64_t *present = present_classes(dt->gt, &n);
    run->dropped = df_calloc(dt->n + 1, sizeof *run->dropped);
    int error = present && run->dropped ? drop_beyond(run) : df_fail_memory("the evaluation");
    for (size_t i = 0; error == DF_OK && i < dt->n; i++)
        run->dropped[i] = run->dropped[i] || !is_known(dt->gt, df_coco_detection(dt, i), present, n) ||
                          !(df_coco_area_of(run, (uint32_t)i) > 0);
    df_free(present);
    return error;
}
