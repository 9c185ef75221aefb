/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/compare/compare.c -- scores several results on the same bootstrap samples of the images, for any kind of score.
 *
 * The bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 6 and 13) estimates how a
 * score would vary with another choice of images. It draws N of the N images with replacement, B times, and computes
 * the score of each sample. The interval of level 1 - a runs from the a/2 to the 1 - a/2 percentile of these B scores.
 * For the difference of two results both are scored on the same samples, which cancels what they have in common: hard
 * images lower both.
 *
 * A sample is a weight for every image, the number of times that it was drawn; detections are matched only once
 * (outcomes.c). Each replicate is a task with its own random stream, so the numbers do not depend on the number of
 * threads.
 */
#include "eval/compare/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eval/compare/data.h"

DfCompareParams df_compare_params(void)
{
    return (DfCompareParams){ .replicates = 1000, .confidence = 0.95 };
}

/* Numbers of one result: the metrics, then one of each class. */
static size_t row_size(const DfCompare *c)
{
    return c->n_metrics + c->n_classes;
}

/* ---- replicates ------------------------------------------------------------------------------------------------ */

typedef struct {
    const DfCompare *compare;
    const char *results;
    size_t size, room; /* bytes of a result, and of scratch memory for score() */
    CompareScore *score;
    double *rows;      /* [n][replicates][row_size]                            */
} Bootstrap;

static const void *result_at(const Bootstrap *b, size_t r)
{
    return b->results + r * b->size;
}

/* One sample: how often each of n images is drawn. */
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
    uint16_t *weight = (uint16_t *)((char *)scratch + b->room);
    draw(weight, c->n_images, c->seed, task);
    for (size_t r = 0; r < c->n; r++)
        b->score(result_at(b, r), weight, scratch, b->rows + (r * c->replicates + task) * row_size(c));
}

/* ---- intervals ------------------------------------------------------------------------------------------------- */

static int compare_numbers(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* numpy.percentile(): linear between the two nearest. */
static double percentile(const double *sorted, size_t n, double part)
{
    const double at = part * (double)(n - 1);
    const size_t below = (size_t)at;
    if (below + 1 >= n)
        return sorted[n - 1];
    return sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below]);
}

void df_compare_interval(double *values, size_t n, double confidence, double *low, double *high)
{
    *low = *high = (double)NAN;
    if (n == 0)
        return;
    qsort(values, n, sizeof *values, compare_numbers);
    *low = percentile(values, n, (1 - confidence) / 2);
    *high = percentile(values, n, 1 - (1 - confidence) / 2);
}

/* The intervals of number i of result r, from its replicates. Samples without ground truth for it are left out. */
static void summarize(DfCompare *c, const Bootstrap *b, size_t r, size_t i, double *room)
{
    const size_t row = row_size(c);
    DfCompared *out = &c->numbers[r * row + i];
    const double *mine = b->rows + r * c->replicates * row + i; /* every `row` numbers one */
    const double *first = b->rows + i;
    size_t n = 0;
    for (size_t j = 0; j < c->replicates; j++)
        if (mine[j * row] > -1)
            room[n++] = mine[j * row];
    df_compare_interval(room, n, c->confidence, &out->low, &out->high);
    n = 0;
    for (size_t j = 0; j < c->replicates; j++)
        if (mine[j * row] > -1 && first[j * row] > -1)
            room[n++] = mine[j * row] - first[j * row];
    df_compare_interval(room, n, c->confidence, &out->diff_low, &out->diff_high);
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
        error = df_parallel(pool, c->replicates, b->room + (c->n_images + 1) * sizeof(uint16_t), replicate, b);
    for (size_t r = 0; error == DF_OK && r < c->n; r++)
        for (size_t i = 0; i < row; i++)
            summarize(c, b, r, i, room);
    df_free(b->rows);
    df_free(room);
    return error;
}

/* ---- the comparison -------------------------------------------------------------------------------------------- */

/* The scores and differences, all without intervals yet. */
static int score_all(DfCompare *c, const Bootstrap *b)
{
    const double unknown = (double)NAN;
    const size_t row = row_size(c);
    void *room = df_malloc(b->room);
    double *values = df_malloc(c->n * row * sizeof *values);
    const int error = room && values ? DF_OK : df_fail_memory("the comparison");
    for (size_t r = 0; error == DF_OK && r < c->n; r++) {
        b->score(result_at(b, r), NULL, room, values + r * row);
        for (size_t i = 0; i < row; i++) {
            const double mine = values[r * row + i];
            const double first = values[i];
            DfCompared number = { mine, unknown, unknown, unknown, unknown, unknown, false };
            if (mine > -1 && first > -1)
                number.difference = mine - first;
            c->numbers[r * row + i] = number;
        }
    }
    df_free(room);
    df_free(values);
    return error;
}

int df_compare_run(DfCompare *c, const void *results, size_t size, CompareScore *score, size_t room, DfPool *pool)
{
    Bootstrap b = { .compare = c, .results = results, .size = size, .room = (room + 7) / 8 * 8, .score = score };
    if (!(c->numbers = df_arena_alloc(c->arena, c->n * row_size(c), sizeof *c->numbers)))
        return df_fail_memory("the comparison");
    const int error = score_all(c, &b);
    return error < 0 ? error : run_bootstrap(c, &b, pool);
}

static const char *keep(DfCompare *c, const char *text)
{
    return df_arena_copy(c->arena, text, strlen(text));
}

int df_compare_begin(DfCompare **out, const CompareKind *kind, const char *const *names, size_t n,
                     const DfCompareParams *p)
{
    *out = NULL;
    if (n < 1 || n > 1000 || p->replicates > 1000000 || !(p->confidence > 0 && p->confidence < 1))
        return df_fail(DF_EVALUE,
                       "want 1 to 1000 results, at most a million replicates, and a confidence between 0 and 1");
    DfCompare *c = df_calloc(1, sizeof *c);
    if (!c || !(c->arena = df_arena_new()) || !(c->names = df_arena_alloc(c->arena, n, sizeof *c->names))) {
        df_compare_free(c);
        return df_fail_memory("the comparison");
    }
    for (; c->n < n; c->n++)
        if (!(c->names[c->n] = keep(c, names[c->n]))) {
            df_compare_free(c);
            return df_fail_memory("the comparison");
        }
    c->metrics = kind->metrics;
    c->n_metrics = kind->n_metrics;
    c->class_key = kind->class_key;
    c->replicates = p->replicates;
    c->confidence = p->confidence;
    c->seed = p->seed;
    *out = c;
    return DF_OK;
}

int df_compare_name_classes(DfCompare *c, size_t n)
{
    c->n_classes = n;
    c->class_names = df_arena_alloc(c->arena, n + 1, sizeof *c->class_names);
    c->class_ids = df_arena_alloc(c->arena, n + 1, sizeof *c->class_ids);
    c->class_is_text = df_arena_alloc(c->arena, n + 1, sizeof *c->class_is_text);
    return c->class_names && c->class_ids && c->class_is_text ? DF_OK : df_fail_memory("the comparison");
}

int df_compare_name_class(DfCompare *c, size_t k, const char *id, const char *name, bool id_is_text)
{
    c->class_is_text[k] = id_is_text;
    c->class_ids[k] = keep(c, id);
    c->class_names[k] = keep(c, name);
    return c->class_ids[k] && c->class_names[k] ? DF_OK : df_fail_memory("the comparison");
}

void df_compare_free(DfCompare *c)
{
    if (!c)
        return;
    df_arena_free(c->arena);
    df_free(c);
}

size_t df_compare_metrics(const DfCompare *c, const DfCompareMetric **metrics)
{
    *metrics = c->metrics;
    return c->n_metrics;
}

size_t df_compare_image_count(const DfCompare *c)
{
    return c->n_images;
}

const char *df_compare_name(const DfCompare *c, size_t result)
{
    return c->names[result];
}

const char *df_compare_class_name(const DfCompare *c, size_t class_place)
{
    return c->class_names[class_place];
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
    return c->numbers[result * row_size(c) + c->n_metrics + class_place];
}
