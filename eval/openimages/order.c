/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/openimages/order.c -- objects and detections by class and image; boxes and masks of the same coordinates as one.
 */
#include <stdlib.h>
#include <string.h>

#include "eval/openimages/score.h"

/* ---- names ------------------------------------------------------------------------------------------------------ */

typedef struct {
    const char *name;
    uint32_t place;
} Named;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const Named *)a)->name, ((const Named *)b)->name);
}

static int rank_names(const DfIds *ids, bool as_given, uint32_t **rank)
{
    Named *named = df_malloc((ids->n + 1) * sizeof *named);
    *rank = df_malloc((ids->n + 1) * sizeof **rank);
    for (size_t i = 0; named && i < ids->n; i++)
        named[i] = (Named){ ids->ids[i].text, (uint32_t)i };
    if (named && ids->n && !as_given)
        qsort(named, ids->n, sizeof *named, by_name);
    for (size_t i = 0; named && *rank && i < ids->n; i++)
        (*rank)[named[i].place] = (uint32_t)i;
    const bool ranked = named && *rank;
    df_free(named);
    return ranked ? DF_OK : df_fail_memory("the scores of Open Images");
}

/* ---- boxes and masks as one ------------------------------------------------------------------------------------- */

static int compare_numbers(double a, double b)
{
    return (a > b) - (a < b);
}

/* By what makes a box and a segment the same object. */
static int compare_keys(const OiObject *a, const OiObject *b)
{
    static const int sides[] = { 0, 2, 1, 3 }; /* XMin, XMax, YMin, YMax */
    int order = (a->class > b->class) - (a->class < b->class);
    if (order == 0)
        order = (a->image > b->image) - (a->image < b->image);
    for (int i = 0; order == 0 && i < 4; i++)
        order = compare_numbers(a->box[sides[i]], b->box[sides[i]]);
    return order ? order : a->group - b->group;
}

static int by_key(const void *a, const void *b)
{
    const OiObject *x = a;
    const OiObject *y = b;
    const int order = compare_keys(x, y);
    return order ? order : (x->mask > y->mask) - (x->mask < y->mask);
}

/* A copy, with ranks. */
static OiObject *ranked(const OiRun *run, const OiObjects *list)
{
    OiObject *copy = df_malloc((list->n + 1) * sizeof *copy);
    for (size_t i = 0; copy && i < list->n; i++) {
        copy[i] = list->at[i];
        copy[i].class = run->class_rank[copy[i].class];
        copy[i].image = run->image_rank[copy[i].image];
    }
    return copy;
}

static size_t end_of_equal(const OiObject *list, size_t i, size_t n)
{
    size_t end = i + 1;
    while (end < n && compare_keys(&list[i], &list[end]) == 0)
        end++;
    return end;
}

enum { MOST_JOINED = 1 << 16 }; /* objects made of boxes and masks of one key: more are a mistake */

static int keep(OiRun *run, size_t *capacity, const OiObject *object, uint32_t mask)
{
    if (run->n_objects >= OI_NONE || !df_grow((void **)&run->objects, capacity, run->n_objects, sizeof *run->objects))
        return df_fail_memory("the scores of Open Images");
    run->objects[run->n_objects] = *object;
    run->objects[run->n_objects++].mask = mask;
    return DF_OK;
}

/* Objects of one key: boxes [b, b_end) and segments [s, s_end). Every box with every mask, as pandas joins them. */
static int keep_equal(OiRun *run, size_t *capacity, const OiObject *b, const OiObject *b_end, const OiObject *s,
                      const OiObject *s_end)
{
    const size_t n_boxes = (size_t)(b_end - b);
    const size_t n_masks = (size_t)(s_end - s);
    int error = DF_OK;
    if (n_boxes && n_masks > MOST_JOINED / n_boxes)
        return df_fail(DF_EVALUE,
                       "%zu boxes and %zu masks of one class are at the same place of one image: want each object once",
                       n_boxes, n_masks);
    for (const OiObject *i = b; error == DF_OK && i < b_end; i++) {
        if (s == s_end)
            error = keep(run, capacity, i, OI_NONE);
        for (const OiObject *k = s; error == DF_OK && k < s_end; k++)
            error = keep(run, capacity, i, k->mask);
    }
    for (const OiObject *k = s; error == DF_OK && b == b_end && k < s_end; k++)
        error = keep(run, capacity, k, k->mask);
    return error;
}

/* An outer join of two sorted lists. */
static int join(OiRun *run, const OiObject *boxes, size_t n_boxes, const OiObject *segments, size_t n_segments)
{
    size_t capacity = 0;
    int error = DF_OK;
    for (size_t b = 0, s = 0; error == DF_OK && (b < n_boxes || s < n_segments);) {
        int order = b < n_boxes ? -1 : 1;
        if (b < n_boxes && s < n_segments)
            order = compare_keys(&boxes[b], &segments[s]);
        const size_t b_end = order <= 0 ? end_of_equal(boxes, b, n_boxes) : b;
        const size_t s_end = order >= 0 ? end_of_equal(segments, s, n_segments) : s;
        error = keep_equal(run, &capacity, boxes + b, boxes + b_end, segments + s, segments + s_end);
        b = b_end;
        s = s_end;
    }
    return error;
}

static int join_masks(OiRun *run)
{
    const DfOpenImages *o = run->data;
    OiObject *boxes = ranked(run, &o->boxes);
    OiObject *segments = ranked(run, &o->segments);
    int error = boxes && segments ? DF_OK : df_fail_memory("the scores of Open Images");
    if (error == DF_OK && o->boxes.n)
        qsort(boxes, o->boxes.n, sizeof *boxes, by_key);
    if (error == DF_OK && o->segments.n)
        qsort(segments, o->segments.n, sizeof *segments, by_key);
    if (error == DF_OK)
        error = join(run, boxes, o->boxes.n, segments, o->segments.n);
    df_free(boxes);
    df_free(segments);
    return error;
}

/* ---- in order --------------------------------------------------------------------------------------------------- */

/* Boxes alone keep the order of the file within an image. */
static int order_boxes(OiRun *run)
{
    const size_t n = run->data->boxes.n;
    OiObject *given = ranked(run, &run->data->boxes);
    uint32_t *order = df_malloc((n + 1) * sizeof *order);
    uint64_t *key = df_malloc((n + 1) * sizeof *key);
    run->objects = df_malloc((n + 1) * sizeof *run->objects);
    int error = given && order && key && run->objects ? DF_OK : df_fail_memory("the scores of Open Images");
    for (size_t i = 0; error == DF_OK && i < n; i++) {
        order[i] = (uint32_t)i;
        key[i] = oi_pair(given[i].class, given[i].image);
    }
    if (error == DF_OK)
        error = df_sort(order, n, key);
    for (size_t i = 0; error == DF_OK && i < n; i++)
        run->objects[run->n_objects++] = given[order[i]];
    df_free(given);
    df_free(order);
    df_free(key);
    return error;
}

/* In the challenges something is known of its class in the image: a label, or an object. */
static bool is_known(const OiRun *run, const OiFound *f)
{
    const uint64_t wanted = oi_pair(f->image, f->class);
    const OiPairs *labels = &run->data->labels;
    size_t from = 0;
    for (size_t n = labels->n; n > 0;) {
        const size_t half = n / 2;
        if (labels->at[from + half] < wanted) {
            from += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    if (from < labels->n && labels->at[from] == wanted)
        return true;
    const OiObject object = { .class = run->class_rank[f->class], .image = run->image_rank[f->image] };
    size_t at = run->objects_start[object.class];
    for (size_t n = run->objects_start[object.class + 1] - at; n > 0;) {
        const size_t half = n / 2;
        if (run->objects[at + half].image < object.image) {
            at += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return at < run->objects_start[object.class + 1] && run->objects[at].image == object.image;
}

static int order_found(OiRun *run)
{
    const DfOpenImages *o = run->data;
    uint64_t *key = df_malloc((o->n_found + 1) * sizeof *key);
    run->found = df_malloc((o->n_found + 1) * sizeof *run->found);
    int error = key && run->found ? DF_OK : df_fail_memory("the scores of Open Images");
    for (size_t i = 0; error == DF_OK && i < o->n_found; i++) {
        key[i] = df_sort_key(-o->found[i].score);
        if (!run->params->challenge || is_known(run, &o->found[i]))
            run->found[run->n_found++] = (uint32_t)i;
    }
    if (error == DF_OK)
        error = df_sort(run->found, run->n_found, key);
    for (size_t i = 0; error == DF_OK && i < o->n_found; i++)
        key[i] = oi_pair(run->class_rank[o->found[i].class], run->image_rank[o->found[i].image]);
    if (error == DF_OK)
        error = df_sort(run->found, run->n_found, key);
    df_free(key);
    return error;
}

static void start_objects(OiRun *run, size_t n_classes)
{
    for (size_t i = 0; i < run->n_objects; i++)
        run->objects_start[run->objects[i].class + 1]++;
    for (size_t k = 0; k < n_classes; k++)
        run->objects_start[k + 1] += run->objects_start[k];
}

static void start_found(OiRun *run, size_t n_classes)
{
    for (size_t i = 0; i < run->n_found; i++)
        run->found_start[run->class_rank[run->data->found[run->found[i]].class] + 1]++;
    for (size_t k = 0; k < n_classes; k++)
        run->found_start[k + 1] += run->found_start[k];
}

int df_openimages_order(OiRun *run)
{
    const DfOpenImages *o = run->data;
    const size_t n = o->classes.n;
    int error = rank_names(&o->classes, o->listed, &run->class_rank);
    if (error == DF_OK)
        error = rank_names(&o->images, false, &run->image_rank);
    run->objects_start = df_calloc(n + 2, sizeof *run->objects_start);
    run->found_start = df_calloc(n + 2, sizeof *run->found_start);
    if (error == DF_OK && !(run->objects_start && run->found_start))
        error = df_fail_memory("the scores of Open Images");
    if (error == DF_OK)
        error = o->with_masks ? join_masks(run) : order_boxes(run);
    if (error == DF_OK) {
        start_objects(run, n);
        error = order_found(run);
    }
    if (error == DF_OK)
        start_found(run, n);
    return error;
}
