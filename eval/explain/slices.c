/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/explain/slices.c -- compares the score of each slice with that of all data, and with chance.
 *
 * Matching at COCO's thresholds is stored as bits (eval/compare/outcomes.h). A slice has the bits of its objects, or
 * of its images (slice_cutting.c), and is one more result in a comparison whose first result is all data.
 */
#include "eval/explain/slices.h"

#include <string.h>

#include "eval/compare/data.h"
#include "eval/explain/slice_cutting.h"

DfSlicing df_slicing(void)
{
    return (DfSlicing){ .replicates = 200, .confidence = 0.95 };
}

/* ---- scores ------------------------------------------------------------------------------------------------------ */

enum { AP, AP50, AR, METRICS };

static const DfCompareMetric metrics[METRICS] = {
    [AP] = { "AP", "ap" },
    [AP50] = { "AP50", "ap50" },
    [AR] = { "AR100", "ar100" },
};

/* The mean over the classes that have an object in the slice. */
static void score(const void *slice, const uint16_t *weight, void *room, double *row)
{
    const Outcomes *o = slice;
    double sum[METRICS] = { 0 };
    size_t n = 0;
    for (size_t k = 0; k < o->n_classes; k++) {
        ClassScore s;
        df_outcomes_score_in(o, k, 0, weight, room, &s);
        if (!(s.ap > -1))
            continue;
        sum[AP] += s.ap;
        sum[AP50] += s.ap50;
        sum[AR] += s.ar;
        n++;
    }
    for (int i = 0; i < METRICS; i++)
        row[i] = n ? sum[i] / (double)n : -1;
}

static int compare(SliceCutting *c, const DfSlicing *s, DfPool *pool)
{
    static const CompareKind kind = { metrics, METRICS, "ap" };
    const DfCompareParams params = { .replicates = s->replicates, .seed = s->seed, .confidence = s->confidence };
    ExplainSlices *slices = c->slices;
    const char *names[MOST_SLICES];
    size_t room = 1;
    for (size_t i = 0; i < slices->n; i++) {
        names[i] = slices->about[i].name;
        const size_t mine = df_outcomes_room(&c->outcomes[i]);
        room = mine > room ? mine : room;
    }
    const int error = df_compare_begin(&slices->compare, &kind, names, slices->n, &params);
    if (error < 0)
        return error;
    slices->compare->n_images = c->view->n_images;
    return df_compare_run(slices->compare, c->outcomes, sizeof *c->outcomes, score, room, pool);
}

/* ---- chance ------------------------------------------------------------------------------------------------------ */

/* As many images as a slice has, drawn at random, score this and that: `values` [n_slices][replicates]. */
typedef struct {
    const SliceCutting *cutting;
    const DfSlicing *slicing;
    size_t room;
    double *values;
} Chance;

/* Each of n images once, the first `taken` of a shuffled order: weights of 0 and 1. */
static void choose_images(uint16_t *weight, uint32_t *order, size_t n, size_t taken, DfRandom *random)
{
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    memset(weight, 0, n * sizeof *weight);
    for (size_t i = 0; i < taken; i++) {
        const size_t other = i + (size_t)(df_uniform(random) * (double)(n - i));
        const uint32_t image = order[other];
        order[other] = order[i];
        weight[image] = 1;
    }
}

static void try_chance(void *arg, size_t task, void *scratch)
{
    const Chance *c = arg;
    const size_t slice = task / c->slicing->replicates;
    const SliceAbout *about = &c->cutting->slices->about[slice];
    const size_t n = c->cutting->view->n_images;
    uint32_t *order = (uint32_t *)((char *)scratch + c->room);
    uint16_t *weight = (uint16_t *)(order + n);
    DfRandom random = df_random(c->slicing->seed, task + 1);
    double row[METRICS];
    c->values[task] = -1;
    if (!about->of_images || about->images >= n)
        return;
    choose_images(weight, order, n, about->images, &random);
    score(&c->cutting->outcomes[0], weight, scratch, row);
    c->values[task] = row[AP];
}

static void keep_chance(SliceAbout *about, double *values, const DfSlicing *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->replicates; i++)
        if (values[i] > -1)
            values[n++] = values[i];
    df_compare_interval(values, n, s->confidence, &about->chance_low, &about->chance_high);
    if (n > 0)
        about->chance = values[n / 2];
}

static int hold_against_chance(SliceCutting *c, const DfSlicing *s, DfPool *pool)
{
    ExplainSlices *slices = c->slices;
    const size_t n = c->view->n_images;
    Chance chance = { .cutting = c, .slicing = s, .room = (df_outcomes_room(&c->outcomes[0]) + 7) / 8 * 8 };
    chance.values = df_malloc(slices->n * s->replicates * sizeof *chance.values);
    int error = chance.values ? DF_OK : df_fail_memory("slices");
    if (error == DF_OK && s->replicates > 0)
        error = df_parallel(pool, slices->n * s->replicates,
                            chance.room + (n + 1) * (sizeof(uint32_t) + sizeof(uint16_t)), try_chance, &chance);
    for (size_t i = 0; error == DF_OK && i < slices->n; i++)
        keep_chance(&slices->about[i], chance.values + i * s->replicates, s);
    df_free(chance.values);
    return error;
}

static int begin(SliceCutting *c, DfExplain *e)
{
    ExplainSlices *s = df_calloc(1, sizeof *s);
    df_explain_slices_free(e->slices);
    e->slices = s;
    if (!s)
        return df_fail_memory("slices");
    c->slices = s;
    c->view = e->view;
    c->in = df_calloc(e->view->n_images + 1, sizeof *c->in);
    s->arena = df_arena_new();
    s->about = df_calloc(MOST_SLICES, sizeof *s->about);
    return c->in && s->arena && s->about ? DF_OK : df_fail_memory("slices");
}

static void end(SliceCutting *c)
{
    for (size_t i = 0; c->slices && i < c->slices->n; i++)
        df_outcomes_done(&c->outcomes[i]);
    df_free(c->in);
    df_free(c);
}

int df_explain_slice(DfExplain *e, const DfSlicing *s, DfJson *gt, DfPool *pool)
{
    SliceCutting *c = df_calloc(1, sizeof *c);
    if (!c)
        return df_fail_memory("slices");
    int error = begin(c, e);
    if (error == DF_OK)
        error = df_slice_cut(c, s, gt);
    if (error == DF_OK)
        error = compare(c, s, pool);
    if (error == DF_OK)
        error = hold_against_chance(c, s, pool);
    end(c);
    if (error < 0) {
        df_explain_slices_free(e->slices);
        e->slices = NULL;
    }
    return error;
}

void df_explain_slices_free(ExplainSlices *s)
{
    if (!s)
        return;
    df_compare_free(s->compare);
    df_arena_free(s->arena);
    df_free(s->about);
    df_free(s);
}

size_t df_explain_slices(const DfExplain *e)
{
    return e->slices ? e->slices->n : 0;
}

DfSlice df_explain_slice_at(const DfExplain *e, size_t i)
{
    const SliceAbout *about = &e->slices->about[i];
    return (DfSlice){
        .key = about->key,
        .name = about->name,
        .images = about->images,
        .detail = about->detail,
        .objects = about->objects,
        .chance = about->chance,
        .chance_low = about->chance_low,
        .chance_high = about->chance_high,
        .ap = df_compare_metric(e->slices->compare, i, AP),
        .ap50 = df_compare_metric(e->slices->compare, i, AP50),
        .ar = df_compare_metric(e->slices->compare, i, AR),
    };
}
