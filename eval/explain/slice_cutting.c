/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/explain/slice_cutting.c -- makes the slices: everything; objects by area, shape and crowding; images by their
 * number of objects and by the keys of their records. A slice stores the outcomes (eval/compare/outcomes.h) of its
 * objects or of its images.
 */
#include "eval/explain/slice_cutting.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval/explain/slice_keys.h"

enum { FEW_NUMBERS = 8, QUARTERS = 4, MOST_TEXTS = 24 };

static size_t images_of(const Outcomes *o, size_t n_images, bool *seen)
{
    size_t n = 0;
    memset(seen, 0, n_images);
    for (size_t g = 0; g < o->truth_start[o->n_classes]; g++) {
        n += !seen[o->truth_image[g]];
        seen[o->truth_image[g]] = true;
    }
    return n;
}

/* `images`: NULL for a slice of objects, which has the images that have one. */
static int add_slice(SliceCutting *c, int range, const bool *images, const char *key, const char *name,
                     const char *detail)
{
    ExplainSlices *s = c->slices;
    if (s->n == MOST_SLICES)
        return df_fail(DF_EVALUE, "want at most %d slices", (int)MOST_SLICES);
    Outcomes *o = &c->outcomes[s->n];
    const int error = df_outcomes_select(o, &c->all, range, images);
    if (error < 0)
        return error;
    SliceAbout *about = &s->about[s->n++];
    *about = (SliceAbout){
        .key = key,
        .name = name,
        .detail = detail,
        .objects = o->truth_start[o->n_classes],
        .of_images = images != NULL,
        .chance = (double)NAN,
        .chance_low = (double)NAN,
        .chance_high = (double)NAN,
    };
    for (size_t i = 0; images && i < c->view->n_images; i++)
        about->images += images[i];
    if (!images) {
        bool *seen = df_calloc(c->view->n_images + 1, sizeof *seen);
        if (!seen)
            return df_fail_memory("slices");
        about->images = images_of(o, c->view->n_images, seen);
        df_free(seen);
    }
    return DF_OK;
}

/* ---- slices of objects ------------------------------------------------------------------------------------------- */

typedef struct {
    const char *key;
    OutcomeMeasure *measure;
    DfAreaRange ranges[OUTCOME_AREAS];
    const char *names[OUTCOME_AREAS], *details[OUTCOME_AREAS];
} Kind;

/* Width over height. */
static double aspect(const CocoView *v, size_t at, bool detection)
{
    const double *box = detection ? v->detections[at].box : v->truths[at].box;
    return box[3] > 0 ? box[2] / box[3] : HUGE_VAL;
}

/* The largest IoU of its box with an object of its image that is not itself. A detection may lie on one object, so of
 * its overlaps the second one counts. */
static double crowding(const CocoView *v, size_t at, bool detection)
{
    const double *box = detection ? v->detections[at].box : v->truths[at].box;
    const uint32_t image = detection ? v->detections[at].image : v->truths[at].image;
    double first = 0;
    double second = 0;
    for (size_t g = v->truths_start[image]; g < v->truths_start[image + 1]; g++) {
        if (v->truths[g].crowd || (!detection && g == at))
            continue;
        const double iou = df_box_iou(box, v->truths[g].box, false);
        second = fmax(second, fmin(first, iou));
        first = fmax(first, iou);
    }
    return detection ? second : first;
}

static const Kind kinds[] = {
    { "area",
      df_outcome_area,
      { { "all", 0, 1e10 }, { "small", 0, 32 * 32 }, { "medium", 32 * 32, 96 * 96 }, { "large", 96 * 96, 1e10 } },
      { NULL, "small", "medium", "large" },
      { NULL, "below 32² pixels", "32² to 96² pixels", "above 96² pixels" } },
    { "aspect",
      aspect,
      { { "all", 0, HUGE_VAL }, { "tall", 0, 0.5 }, { "square", 0.5, 2 }, { "wide", 2, HUGE_VAL } },
      { NULL, "tall", "neither", "wide" },
      { NULL, "at least twice as tall as wide", "", "at least twice as wide as tall" } },
    { "crowding",
      crowding,
      { { "all", 0, 1 }, { "alone", 0, 0.1 }, { "near", 0.1, 0.3 }, { "crowded", 0.3, 1 } },
      { NULL, "alone", "touched", "crowded" },
      { NULL, "IoU with others below 0.1", "IoU 0.1 to 0.3", "IoU above 0.3" } },
};

static int cut_objects(SliceCutting *c, const Kind *kind)
{
    const OutcomeRanges ranges = { kind->ranges, kind->measure };
    int error = df_outcomes_by(&c->all, c->view, &ranges);
    for (int a = 1; error == DF_OK && a < OUTCOME_AREAS; a++)
        error = add_slice(c, a, NULL, kind->key, kind->names[a], kind->details[a]);
    df_outcomes_done(&c->all);
    return error;
}

/* ---- slices of images -------------------------------------------------------------------------------------------- */

static int cut_by_objects_in_image(SliceCutting *c)
{
    static const struct {
        size_t least, most;
        const char *name;
    } parts[] = { { 0, 0, "none" },
                  { 1, 3, "1 to 3" },
                  { 4, 10, "4 to 10" },
                  { 11, 30, "11 to 30" },
                  { 31, SIZE_MAX, "more than 30" } };
    const CocoView *v = c->view;
    int error = DF_OK;
    for (size_t p = 0; error == DF_OK && p < sizeof parts / sizeof *parts; p++) {
        size_t n = 0;
        for (size_t i = 0; i < v->n_images; i++) {
            const size_t objects = v->truths_start[i + 1] - v->truths_start[i];
            c->in[i] = objects >= parts[p].least && objects <= parts[p].most;
            n += c->in[i];
        }
        if (n > 0 && parts[p].most > 0) /* where there is nothing to find there is no score */
            error = add_slice(c, 0, c->in, "objects in the image", parts[p].name, "");
    }
    return error;
}

/* Numbers by value, texts by name; of one key. */
static int by_value(const void *a, const void *b)
{
    const KeyValue *x = a;
    const KeyValue *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    if (x->is_number != y->is_number)
        return x->is_number ? -1 : 1;
    if (x->is_number)
        return (x->number > y->number) - (x->number < y->number);
    return strcmp(x->text, y->text);
}

static bool same(const KeyValue *a, const KeyValue *b)
{
    return a->is_number == b->is_number && (a->is_number ? a->number == b->number : strcmp(a->text, b->text) == 0);
}

/* A run of values in the sorted list: [from, end). */
typedef struct {
    const KeyValue *at;
    size_t from, end;
} Run;

static int cut_run(SliceCutting *c, const Run *run, const char *key, const char *name)
{
    memset(c->in, 0, c->view->n_images * sizeof *c->in);
    for (size_t i = run->from; i < run->end; i++)
        c->in[run->at[i].image] = true;
    return name ? add_slice(c, 0, c->in, key, name, "") : df_fail_memory("slices");
}

static size_t end_of_same(const KeyValue *at, size_t from, size_t end)
{
    size_t i = from;
    while (i < end && same(&at[from], &at[i]))
        i++;
    return i;
}

/* Many different numbers: four parts with as many images, as far as equal ones stay together. */
static int cut_quarters(SliceCutting *c, const Run *all, const char *key)
{
    int error = DF_OK;
    size_t from = all->from;
    for (size_t q = 1; error == DF_OK && q <= QUARTERS && from < all->end; q++) {
        size_t end = all->from + (all->end - all->from) * q / QUARTERS;
        if (end <= from)
            continue;
        end = end_of_same(all->at, end - 1, all->end);
        const Run run = { all->at, from, end };
        const char *low = all->at[from].text;
        const char *high = all->at[end - 1].text;
        error = cut_run(c, &run, key, df_arena_text(c->slices->arena, "%s to %s", low, high));
        from = end;
    }
    return error;
}

static char *keep(const SliceCutting *c, const char *text)
{
    return df_arena_copy(c->slices->arena, text, strlen(text));
}

/* Equal values: [from, end) of the sorted list. */
typedef struct {
    size_t from, end;
} Part;

static int by_size(const void *a, const void *b)
{
    const Part *x = a;
    const Part *y = b;
    const size_t one = x->end - x->from;
    const size_t other = y->end - y->from;
    if (one != other)
        return one < other ? 1 : -1;
    return (x->from > y->from) - (x->from < y->from);
}

static int by_place(const void *a, const void *b)
{
    const Part *x = a;
    const Part *y = b;
    return (x->from > y->from) - (x->from < y->from);
}

/* What is left of too many different values. */
static int cut_others(SliceCutting *c, const Run *all, const Part *parts, size_t n, const char *key)
{
    char *name = df_arena_text(c->slices->arena, "%zu other values", n);
    memset(c->in, 0, c->view->n_images * sizeof *c->in);
    for (size_t k = 0; k < n; k++)
        for (size_t i = parts[k].from; i < parts[k].end; i++)
            c->in[all->at[i].image] = true;
    return name ? add_slice(c, 0, c->in, key, name, "") : df_fail_memory("slices");
}

/* A slice for each value; of many values the most frequent ones, and one for all others. */
static int cut_values(SliceCutting *c, const Run *all, const char *key)
{
    Part *parts = df_malloc((all->end - all->from + 1) * sizeof *parts);
    size_t n = 0;
    if (!parts)
        return df_fail_memory("slices");
    for (size_t from = all->from; from < all->end; from = parts[n++].end)
        parts[n] = (Part){ from, end_of_same(all->at, from, all->end) };
    const size_t kept = n > MOST_TEXTS ? MOST_TEXTS - 1 : n;
    int error = DF_OK;
    if (kept < n)
        qsort(parts, n, sizeof *parts, by_size);
    if (kept > 1)
        qsort(parts, kept, sizeof *parts, by_place);
    for (size_t k = 0; error == DF_OK && k < kept; k++)
        error = cut_run(c, &(Run){ all->at, parts[k].from, parts[k].end }, key, keep(c, all->at[parts[k].from].text));
    if (error == DF_OK && kept < n)
        error = cut_others(c, all, parts + kept, n - kept, key);
    df_free(parts);
    return error;
}

static int cut_missing(SliceCutting *c, const Run *all, const char *key)
{
    size_t missing = 0;
    for (size_t i = 0; i < c->view->n_images; i++)
        c->in[i] = true;
    for (size_t i = all->from; i < all->end; i++)
        c->in[all->at[i].image] = false;
    for (size_t i = 0; i < c->view->n_images; i++)
        missing += c->in[i];
    return missing ? add_slice(c, 0, c->in, key, "not given", "") : DF_OK;
}

static int cut_key(SliceCutting *c, const Run *all, const char *key)
{
    size_t different = 0;
    bool numbers = true;
    for (size_t i = all->from; i < all->end; i++) {
        different += i == all->from || !same(&all->at[i - 1], &all->at[i]);
        numbers &= all->at[i].is_number;
    }
    const int error = numbers && different > FEW_NUMBERS ? cut_quarters(c, all, key) : cut_values(c, all, key);
    return error < 0 ? error : cut_missing(c, all, key);
}

static int cut_keys(SliceCutting *c, const DfSlicing *s, DfJson *gt)
{
    KeyValues values = { 0 };
    size_t from = 0;
    int error = df_key_values(&values, c->view, s->keys, s->n_keys, gt);
    if (error == DF_OK && values.n > 1)
        qsort(values.at, values.n, sizeof *values.at, by_value);
    for (size_t k = 0; error == DF_OK && k < s->n_keys; k++) {
        size_t end = from;
        while (end < values.n && values.at[end].key == k)
            end++;
        const char *key = keep(c, s->keys[k]);
        const Run run = { values.at, from, end };
        error = key ? cut_key(c, &run, key) : df_fail_memory("slices");
        from = end;
    }
    df_key_values_done(&values);
    return error;
}

/* Areas are there already, for everything. */
static int cut_images(SliceCutting *c, const DfSlicing *s, DfJson *gt)
{
    const OutcomeRanges areas = { kinds[0].ranges, kinds[0].measure };
    int error = df_outcomes_by(&c->all, c->view, &areas);
    if (error == DF_OK)
        error = cut_by_objects_in_image(c);
    if (error == DF_OK && s->n_keys > 0)
        error = cut_keys(c, s, gt);
    df_outcomes_done(&c->all);
    return error;
}

static int cut_everything(SliceCutting *c)
{
    const OutcomeRanges areas = { kinds[0].ranges, kinds[0].measure };
    int error = df_outcomes_by(&c->all, c->view, &areas);
    memset(c->in, 1, c->view->n_images * sizeof *c->in);
    if (error == DF_OK)
        error = add_slice(c, 0, c->in, "", "everything", "");
    df_outcomes_done(&c->all);
    return error;
}

int df_slice_cut(SliceCutting *c, const DfSlicing *s, DfJson *gt)
{
    int error = cut_everything(c);
    for (size_t k = 0; error == DF_OK && k < sizeof kinds / sizeof *kinds; k++)
        error = cut_objects(c, &kinds[k]);
    return error < 0 ? error : cut_images(c, s, gt);
}
