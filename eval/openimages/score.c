/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/openimages/score.c -- from the tables to AP, class by class.
 */
#include "eval/openimages/score.h"

#include <math.h>
#include <string.h>

#include "eval/average_precision.h"
#include "eval/pairwise.h"

DfOpenImagesParams df_openimages_params(bool challenge)
{
    return (DfOpenImagesParams){ .iou = 0.5, .group_weight = challenge ? 1 : 0, .challenge = challenge };
}

/* ---- one class -------------------------------------------------------------------------------------------------- */

/* Image by image. With masks, what has none is not missed. */
static double count_objects(const OiRun *run, size_t k)
{
    double sum = 0;
    for (size_t i = run->objects_start[k]; i < run->objects_start[k + 1];) {
        const uint32_t image = run->objects[i].image;
        size_t single = 0;
        size_t groups = 0;
        for (; i < run->objects_start[k + 1] && run->objects[i].image == image; i++) {
            const bool counts = !run->data->with_masks || run->objects[i].mask != OI_NONE;
            single += counts && !run->objects[i].group;
            groups += counts && run->objects[i].group;
        }
        sum += (double)single + run->params->group_weight * (double)groups;
    }
    return sum;
}

static uint32_t image_of(const OiRun *run, size_t found)
{
    return run->image_rank[run->data->found[run->found[found]].image];
}

static int match_class(const OiRun *run, size_t k, OiOutcomes *out)
{
    const size_t end = run->found_start[k + 1];
    const size_t objects_end = run->objects_start[k + 1];
    size_t first = run->objects_start[k];
    int error = DF_OK;
    for (size_t from = run->found_start[k], to; error == DF_OK && from < end; from = to) {
        const uint32_t image = image_of(run, from);
        for (to = from; to < end && image_of(run, to) == image; to++)
            ;
        while (first < objects_end && run->objects[first].image < image)
            first++;
        size_t last = first;
        while (last < objects_end && run->objects[last].image == image)
            last++;
        error = df_openimages_match(run, from, to, first, last, out);
        first = last;
    }
    return error;
}

static int draw_curve(const OiOutcomes *o, DfOpenImagesClass *class)
{
    uint32_t *order = df_malloc((o->n + 1) * sizeof *order);
    uint64_t *key = df_malloc((o->n + 1) * sizeof *key);
    double *number = df_malloc((3 * o->n + 1) * sizeof *number); /* precision, recall, room */
    double right = 0;
    double wrong = 0;
    size_t n = 0; /* points up to recall 1, which rounded weights may pass */
    int error = order && key && number ? DF_OK : df_fail_memory("the scores of Open Images");
    for (size_t i = 0; error == DF_OK && i < o->n; i++) {
        order[i] = (uint32_t)i;
        key[i] = df_sort_key(-o->score[i]);
    }
    if (error == DF_OK)
        error = df_sort(order, o->n, key);
    for (size_t i = 0; error == DF_OK && i < o->n; i++) {
        const double label = o->label[order[i]];
        right += label;
        wrong += label <= 0;
        number[i] = right / (right + wrong);
        number[o->n + i] = right / class->objects;
        n += number[o->n + i] <= 1;
    }
    if (error == DF_OK && class->objects > 0) {
        class->ap = df_area_below(number + o->n, number, n, number + 2 * o->n);
        class->recall = n ? number[o->n + n - 1] : 0;
    }
    class->found = right;
    df_free(order);
    df_free(key);
    df_free(number);
    return error;
}

static int score_class(const OiRun *run, size_t k)
{
    const size_t most =
        run->found_start[k + 1] - run->found_start[k] + run->objects_start[k + 1] - run->objects_start[k];
    DfOpenImagesClass *class = &run->out->classes[k];
    OiOutcomes o = { df_malloc((most + 1) * sizeof *o.score), df_malloc((most + 1) * sizeof *o.label), 0 };
    int error = o.score && o.label ? match_class(run, k, &o) : df_fail_memory("the scores of Open Images");
    class->objects = count_objects(run, k);
    class->detections = o.n;
    class->ap = class->recall = (double)NAN;
    if (error == DF_OK)
        error = draw_curve(&o, class);
    df_free(o.score);
    df_free(o.label);
    return error;
}

static void score_one(void *arg, size_t k, void *scratch)
{
    const OiRun *run = arg;
    (void)scratch;
    run->errors[k] = score_class(run, k);
}

/* ---- all classes ------------------------------------------------------------------------------------------------ */

static const char *copy(DfArena *arena, const char *text)
{
    return df_arena_copy(arena, text, strlen(text));
}

static int make_scores(OiRun *run)
{
    DfOpenImagesScores *s = run->out;
    const DfOpenImages *o = run->data;
    *s = (DfOpenImagesScores){ .arena = df_arena_new(), .params = *run->params, .masks = o->with_masks,
                               .n_images = o->images.n, .n_classes = o->classes.n, .labels = o->n_labels,
                               .unseen = o->unseen };
    s->classes = s->arena ? df_arena_alloc(s->arena, o->classes.n + 1, sizeof *s->classes) : NULL;
    run->errors = df_calloc(o->classes.n + 1, sizeof *run->errors);
    return s->classes && run->errors ? DF_OK : df_fail_memory("the scores of Open Images");
}

static int name_classes(OiRun *run)
{
    const DfOpenImages *o = run->data;
    bool named = true;
    for (size_t i = 0; named && i < o->classes.n; i++) {
        DfOpenImagesClass *class = &run->out->classes[run->class_rank[i]];
        class->name = copy(run->out->arena, o->classes.ids[i].text);
        class->called = copy(run->out->arena, o->called[i] ? o->called[i] : "");
        named = class->name && class->called;
    }
    return named ? DF_OK : df_fail_memory("the scores of Open Images");
}

/* numpy.nanmean() */
static int take_mean(DfOpenImagesScores *s)
{
    double *ap = df_malloc((s->n_classes + 1) * sizeof *ap);
    size_t n = 0;
    if (!ap)
        return df_fail_memory("the scores of Open Images");
    for (size_t k = 0; k < s->n_classes; k++) {
        ap[k] = isnan(s->classes[k].ap) ? 0 : s->classes[k].ap;
        n += isnan(s->classes[k].ap) ? 0 : 1;
    }
    s->mean = n > 0 ? df_pairwise_sum(ap, s->n_classes) / (double)n : (double)NAN;
    df_free(ap);
    return DF_OK;
}

static int score_classes(OiRun *run, DfPool *pool)
{
    int error = df_parallel(pool, run->out->n_classes, 0, score_one, run);
    for (size_t k = 0; error == DF_OK && k < run->out->n_classes; k++)
        if (run->errors[k] < 0) /* whose sentence is in another thread; nothing else can fail there */
            error = df_fail_memory("the scores of Open Images");
    return error;
}

int df_openimages_score(DfOpenImagesScores *out, const DfOpenImages *o, const DfOpenImagesParams *params, DfPool *pool)
{
    OiRun run = { .data = o, .params = params, .out = out };
    int error = make_scores(&run);
    if (error == DF_OK &&
        !(params->iou >= 0 && params->iou <= 1 && params->group_weight >= 0 && isfinite(params->group_weight)))
        error = df_fail(DF_EVALUE, "IoU %g and weight %g: want an IoU from 0 to 1 and a weight from 0 on", params->iou,
                        params->group_weight);
    if (error == DF_OK)
        error = df_openimages_order(&run);
    if (error == DF_OK)
        error = name_classes(&run);
    if (error == DF_OK)
        error = score_classes(&run, pool);
    if (error == DF_OK)
        error = take_mean(out);
    out->boxes = run.n_objects;
    df_free(run.class_rank);
    df_free(run.image_rank);
    df_free(run.objects);
    df_free(run.found);
    df_free(run.objects_start);
    df_free(run.found_start);
    df_free(run.errors);
    if (error < 0)
        df_openimages_scores_done(out);
    return error;
}

void df_openimages_scores_done(DfOpenImagesScores *s)
{
    df_arena_free(s->arena);
    *s = (DfOpenImagesScores){ 0 };
}
