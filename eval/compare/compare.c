/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/compare/compare.c -- scores of several results over the same bootstrap samples of the images.
 *
 * Matching is done once; a replicate is a weight for every image and a new run down each ranking. Replicates are tasks of their own
 * random stream, so the numbers do not depend on the number of threads.
 */
#include "eval/compare/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval/compare/compare_data.h"
#include "eval/compare/outcomes.h"

DfCompareParams df_compare_params(void)
{
    return (DfCompareParams){ .replicates = 1000, .confidence = 0.95 };
}

/* Numbers of one result: the metrics, then the AP of each class. */
static size_t row_size(const DfCompare *c)
{
    return DF_COMPARE_METRICS + c->n_classes;
}

/* ---- one set of images -------------------------------------------------------------------------------------------- */

typedef struct {
    double sum;
    size_t n;
} Mean;

static void take(Mean *m, double x)
{
    if (x > -1) {
        m->sum += x;
        m->n++;
    }
}

static void score(const Outcomes *o, const uint16_t *weight, double *room, double *row)
{
    Mean means[DF_COMPARE_METRICS] = { { 0, 0 } };
    for (size_t k = 0; k < o->n_classes; k++) {
        ClassScore s[OUTCOME_AREAS];
        df_outcomes_score(o, k, weight, room, s);
        const double values[DF_COMPARE_METRICS] = { s[0].ap, s[0].ap50, s[0].ap75, s[1].ap, s[2].ap, s[3].ap, s[0].ar };
        for (int i = 0; i < DF_COMPARE_METRICS; i++)
            take(&means[i], values[i]);
        row[DF_COMPARE_METRICS + k] = s[0].ap;
    }
    for (int i = 0; i < DF_COMPARE_METRICS; i++)
        row[i] = means[i].n ? means[i].sum / (double)means[i].n : -1;
}

/* ---- replicates --------------------------------------------------------------------------------------------------- */

typedef struct {
    const DfCompare *compare;
    const Outcomes *outcomes;
    double *rows;       /* [n][replicates][row_size] */
    size_t n_images, room;
    uint64_t seed;
} Bootstrap;

static void draw(uint16_t *weight, size_t n, uint64_t seed, size_t replicate)
{
    DfRandom random = df_random(seed, replicate + 1);
    memset(weight, 0, n * sizeof *weight);
    for (size_t i = 0; i < n; i++) {
        uint16_t *w = &weight[(size_t)(df_uniform(&random) * (double)n)];
        *w = (uint16_t)(*w + (*w < UINT16_MAX));
    }
}

static void replicate(void *arg, size_t task, void *scratch)
{
    const Bootstrap *b = arg;
    const DfCompare *c = b->compare;
    double *room = scratch;
    uint16_t *weight = (uint16_t *)(room + b->room);
    draw(weight, b->n_images, b->seed, task);
    for (size_t r = 0; r < c->n; r++)
        score(&b->outcomes[r], weight, room, b->rows + (r * c->replicates + task) * row_size(c));
}

/* ---- intervals ---------------------------------------------------------------------------------------------------- */

static int compare_numbers(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile(const double *sorted, size_t n, double part)
{
    const double at = part * (double)(n - 1);
    const size_t below = (size_t)at;
    return below + 1 < n ? sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below]) : sorted[n - 1];
}

static void interval(double *values, size_t n, double confidence, double *low, double *high)
{
    *low = *high = (double)NAN;
    if (n == 0)
        return;
    qsort(values, n, sizeof *values, compare_numbers);
    *low = percentile(values, n, (1 - confidence) / 2);
    *high = percentile(values, n, 1 - (1 - confidence) / 2);
}

/* Fills one number from its replicates; those in which either result has no ground truth are left out. */
static void summarize(DfCompare *c, const Bootstrap *b, size_t r, size_t i, double *room)
{
    const size_t row = row_size(c);
    DfCompared *out = &c->numbers[r * row + i];
    const double *mine = b->rows + r * c->replicates * row + i, *first = b->rows + i;
    size_t n = 0;
    for (size_t j = 0; j < c->replicates; j++)
        if (mine[j * row] > -1)
            room[n++] = mine[j * row];
    interval(room, n, c->confidence, &out->low, &out->high);
    n = 0;
    for (size_t j = 0; j < c->replicates; j++)
        if (mine[j * row] > -1 && first[j * row] > -1)
            room[n++] = mine[j * row] - first[j * row];
    interval(room, n, c->confidence, &out->diff_low, &out->diff_high);
    out->significant = r > 0 && (out->diff_low > 0 || out->diff_high < 0);
}

static int run_bootstrap(DfCompare *c, Bootstrap *b, DfPool *pool)
{
    const size_t row = row_size(c);
    if (c->replicates == 0)
        return DF_OK;
    if (c->n > SIZE_MAX / 8 / c->replicates / row)
        return df_fail_memory("replicates");
    b->rows = df_malloc(c->n * c->replicates * row * sizeof *b->rows);
    double *room = df_malloc(c->replicates * sizeof *room);
    int error = b->rows && room ? DF_OK : df_fail_memory("replicates");
    if (error == DF_OK)
        error = df_parallel(pool, c->replicates, b->room * sizeof(double) + (b->n_images + 1) * sizeof(uint16_t), replicate, b);
    for (size_t r = 0; error == DF_OK && r < c->n; r++)
        for (size_t i = 0; i < row; i++)
            summarize(c, b, r, i, room);
    df_free(b->rows);
    df_free(room);
    return error;
}

/* ---- the comparison ----------------------------------------------------------------------------------------------- */

static int score_all(DfCompare *c, const Outcomes *outcomes, size_t room_size)
{
    const size_t row = row_size(c);
    double *room = df_malloc(room_size * sizeof *room), *values = df_malloc(c->n * row * sizeof *values);
    const int error = room && values ? DF_OK : df_fail_memory("the comparison");
    for (size_t r = 0; error == DF_OK && r < c->n; r++) {
        score(&outcomes[r], NULL, room, values + r * row);
        for (size_t i = 0; i < row; i++) {
            const double mine = values[r * row + i], first = values[i];
            c->numbers[r * row + i] = (DfCompared){ mine, (double)NAN, (double)NAN, mine > -1 && first > -1 ? mine - first : (double)NAN, (double)NAN, (double)NAN, false };
        }
    }
    df_free(room);
    df_free(values);
    return error;
}

static int take_names(DfCompare *c, const CocoView *v, const char *const *names)
{
    c->n_classes = v->n_classes;
    c->n_images = v->n_images;
    c->names = df_arena_alloc(c->arena, c->n, sizeof *c->names);
    c->class_names = df_arena_alloc(c->arena, v->n_classes + 1, sizeof *c->class_names);
    c->class_ids = df_arena_alloc(c->arena, v->n_classes + 1, sizeof *c->class_ids);
    c->class_is_text = df_arena_alloc(c->arena, v->n_classes + 1, sizeof *c->class_is_text);
    c->numbers = df_arena_alloc(c->arena, c->n * row_size(c), sizeof *c->numbers);
    if (!c->names || !c->class_names || !c->class_ids || !c->class_is_text || !c->numbers)
        return df_fail_memory("the comparison");
    for (size_t r = 0; r < c->n; r++)
        if (!(c->names[r] = df_arena_copy(c->arena, names[r], strlen(names[r]))))
            return df_fail_memory("the comparison");
    for (size_t k = 0; k < v->n_classes; k++) {
        c->class_is_text[k] = v->class_is_text[k];
        c->class_names[k] = df_arena_copy(c->arena, v->class_names[k], strlen(v->class_names[k]));
        c->class_ids[k] = df_arena_copy(c->arena, v->class_ids[k], strlen(v->class_ids[k]));
        if (!c->class_names[k] || !c->class_ids[k])
            return df_fail_memory("the comparison");
    }
    return DF_OK;
}

static int match_all(DfCompare *c, Outcomes *outcomes, const struct DfCocoResults *const *results, const char *const *names, size_t *room)
{
    int error = DF_OK;
    *room = 1;
    for (size_t r = 0; error == DF_OK && r < c->n; r++) {
        CocoView *view;
        if ((error = df_coco_view(&view, results[r])) < 0)
            break;
        if (r == 0)
            error = take_names(c, view, names);
        if (error == DF_OK)
            error = df_outcomes_of(&outcomes[r], view);
        if (error == DF_OK && df_outcomes_room(&outcomes[r]) > *room)
            *room = df_outcomes_room(&outcomes[r]);
        df_coco_view_free(view);
    }
    return error;
}

int df_compare_new(DfCompare **out, const struct DfCocoResults *const *results, const char *const *names, size_t n, const DfCompareParams *p, DfPool *pool)
{
    *out = NULL;
    if (n < 1 || n > 1000 || p->replicates > 1000000 || !(p->confidence > 0 && p->confidence < 1))
        return df_fail(DF_EVALUE, "want 1 to 1000 results, at most a million replicates, and a confidence between 0 and 1");
    DfCompare *c = df_calloc(1, sizeof *c);
    Outcomes *outcomes = df_calloc(n, sizeof *outcomes);
    size_t room;
    int error = c && outcomes && (c->arena = df_arena_new()) ? DF_OK : df_fail_memory("the comparison");
    if (error == DF_OK) {
        c->n = n;
        c->replicates = p->replicates;
        c->confidence = p->confidence;
        c->seed = p->seed;
        error = match_all(c, outcomes, results, names, &room);
    }
    if (error == DF_OK)
        error = score_all(c, outcomes, room);
    if (error == DF_OK)
        error = run_bootstrap(c, &(Bootstrap){ c, outcomes, NULL, c->n_images, room, p->seed }, pool);
    for (size_t r = 0; outcomes && r < n; r++)
        df_outcomes_done(&outcomes[r]);
    df_free(outcomes);
    if (error < 0)
        df_compare_free(c);
    else
        *out = c;
    return error;
}

void df_compare_free(DfCompare *c)
{
    if (!c)
        return;
    df_arena_free(c->arena);
    df_free(c);
}

size_t df_compare_classes(const DfCompare *c)
{
    return c->n_classes;
}

DfCompared df_compare_metric(const DfCompare *c, size_t result, size_t metric)
{
    return c->numbers[result * row_size(c) + metric];
}

DfCompared df_compare_class(const DfCompare *c, size_t result, size_t class_place)
{
    return c->numbers[result * row_size(c) + DF_COMPARE_METRICS + class_place];
}
