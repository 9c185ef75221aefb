/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/evaluate.c -- computes the arrays of precision, recall and scores from ground truth, detections and
 * parameters.
 */
#include "eval/coco/evaluate.h"

#include <stdlib.h>
#include <string.h>

/* ---- parameters -------------------------------------------------------------------------------------------------- */

/* LVIS has one limit, of an image and all its classes. */
static int check_limits(const DfCocoParams *p, bool federated)
{
    if (p->n_max_dets < 1)
        return df_fail(DF_EVALUE, "COCO evaluation: want at least one number of detections");
    for (size_t m = 0; m < p->n_max_dets; m++)
        if (p->max_dets[m] < 1 && !(federated && p->max_dets[m] == -1))
            return df_fail(DF_EVALUE, "COCO evaluation: maxDets of %d, want at least 1", p->max_dets[m]);
    return DF_OK;
}

static int check(const DfCocoParams *p)
{
    if (p->n_ious < 1 || p->n_recalls < 1 || p->n_areas < 1)
        return df_fail(DF_EVALUE,
                       "COCO evaluation: want at least one IoU threshold, one recall threshold and one area range");
    if (p->n_ious > 10000 || p->n_recalls > 100000 || p->n_areas > 1000 || p->n_max_dets > 1000)
        return df_fail(DF_EVALUE, "COCO evaluation: too many thresholds or area ranges");
    return DF_OK;
}

/* Was read what this type compares? */
static int check_reading(const DfCoco *gt, DfCocoType type)
{
    if (type == DF_COCO_MASKS && !gt->with_masks)
        return df_fail(DF_EVALUE, "%s was read without its masks", gt->name);
    if (type == DF_COCO_BOUNDARIES && !(gt->boundary_ratio > 0))
        return df_fail(DF_EVALUE, "%s was read without the boundaries of its masks", gt->name);
    if (type == DF_COCO_KEYPOINTS && !gt->with_keypoints)
        return df_fail(DF_EVALUE, "%s was read without its keypoints", gt->name);
    if (type == DF_COCO_ORIENTED && !gt->with_oriented)
        return df_fail(DF_EVALUE, "%s was read without its oriented boxes", gt->name);
    return DF_OK;
}

static int compare_ints(const void *a, const void *b)
{
    const int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

static void *copy(DfArena *arena, const void *from, size_t n, size_t size)
{
    void *to = df_arena_alloc(arena, n, size);
    return to ? memcpy(to, from, n * size) : NULL;
}

/* The result keeps its own, sorted parameters, which the run uses. */
static int take_params(CocoRun *run, const DfCocoParams *p)
{
    DfCocoEval *e = run->eval;
    e->n_ious = p->n_ious;
    e->n_recalls = p->n_recalls;
    e->n_areas = p->n_areas;
    e->n_max_dets = p->n_max_dets;
    e->ious = copy(e->arena, p->ious, p->n_ious, sizeof *p->ious);
    e->recalls = copy(e->arena, p->recalls, p->n_recalls, sizeof *p->recalls);
    e->max_dets = copy(e->arena, p->max_dets, p->n_max_dets, sizeof *p->max_dets);
    e->areas = copy(e->arena, p->areas, p->n_areas, sizeof *p->areas);
    if (!e->ious || !e->recalls || !e->max_dets || !e->areas)
        return df_fail_memory("the evaluation");
    for (size_t a = 0; a < p->n_areas; a++)
        if (!(e->areas[a].name = df_arena_copy(e->arena, p->areas[a].name, strlen(p->areas[a].name))))
            return df_fail_memory("the evaluation");
    qsort(e->max_dets, e->n_max_dets, sizeof *e->max_dets, compare_ints);
    e->first_curve = p->arrays || p->all_curves ? 0 : df_coco_least_curve(e);
    const DfCocoParams challenge = df_coco_params();
    e->other_ious = p->n_ious != challenge.n_ious || memcmp(p->ious, challenge.ious, p->n_ious * sizeof *p->ious) != 0;
    run->params = *p;
    run->least = p->ious[0];
    for (size_t t = 1; t < p->n_ious; t++)
        run->least = p->ious[t] < run->least ? p->ious[t] : run->least;
    run->params.max_dets = e->max_dets;
    return DF_OK;
}

/* ---- one class --------------------------------------------------------------------------------------------------- */

static void ranking_done(CocoRanking *r)
{
    df_free(r->detection);
    df_free(r->place);
    df_free(r->rank);
    df_free(r->outcome);
    df_free(r->by_place);
}

/* Of each detection of a class what it is ordered by. Detections lie far from one another: they are looked at once. */
typedef struct {
    uint64_t *place, *score; /* of its image; as keys that ascend */
    uint32_t *order;
} Keys;

static void keys_done(Keys *k)
{
    df_free(k->place);
    df_free(k->score);
    df_free(k->order);
}

enum { AHEAD = 16 /* detections that are on their way from memory */ };

static int make_keys(const CocoRun *run, const uint32_t *given, size_t n, Keys *k)
{
    *k = (Keys){ df_malloc(n * sizeof *k->place), df_malloc(n * sizeof *k->score), df_malloc(n * sizeof *k->order) };
    if (!k->place || !k->score || !k->order)
        return df_fail_memory("ranking detections");
    for (size_t i = 0; i < n; i++) {
        if (i + AHEAD < n)
            df_prefetch(df_coco_detection(run->results, given[i + AHEAD]));
        const CocoDetection *const d = df_coco_detection(run->results, given[i]);
        k->order[i] = (uint32_t)i;
        k->place[i] = run->place_of_image[d->image];
        k->score[i] = df_sort_key(-d->score);
    }
    return DF_OK;
}

/* Best first; equal scores by image, and within an image as given. */
static int sort_detections(const uint32_t *given, CocoRanking *r, Keys *k)
{
    int error = df_sort(k->order, r->n, k->place);
    if (error == DF_OK)
        error = df_sort(k->order, r->n, k->score);
    for (size_t i = 0; error == DF_OK && i < r->n; i++) {
        r->detection[i] = given[k->order[i]];
        r->place[i] = (uint32_t)k->place[k->order[i]];
        r->by_place[i] = (uint32_t)i;
    }
    for (size_t i = 0; error == DF_OK && i < r->n; i++) /* from here on by rank */
        k->score[i] = r->place[i];
    return error == DF_OK ? df_sort(r->by_place, r->n, k->score) : error;
}

static int rank_detections(const CocoRun *run, size_t k, CocoRanking *r)
{
    const uint32_t *given = run->order + run->order_start[k];
    const size_t n = run->order_start[k + 1] - run->order_start[k];
    const size_t row = run->params.n_areas * run->params.n_ious;
    Keys keys = { 0 };
    *r = (CocoRanking){ n,
                        df_malloc(n * sizeof(uint32_t)),
                        df_malloc(n * sizeof(uint32_t)),
                        df_malloc(n * sizeof(uint32_t)),
                        n > SIZE_MAX / row ? NULL : df_malloc(n * row),
                        df_malloc(n * sizeof(uint32_t)) };
    const bool made = r->detection && r->place && r->rank && r->outcome && r->by_place;
    int error = made ? make_keys(run, given, n, &keys) : df_fail_memory("ranking detections");
    if (error == DF_OK)
        error = sort_detections(given, r, &keys);
    keys_done(&keys);
    return error;
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */

typedef struct {
    CocoRun *run;
    DfPool *pool;
    uint32_t *order; /* classes, those with most detections first */
    int *errors;     /* of each class                             */
} Work;

static void evaluate_class(void *arg, size_t task, void *scratch)
{
    (void)scratch;
    Work *work = arg;
    const size_t k = work->order[task];
    CocoRanking ranking;
    int error = rank_detections(work->run, k, &ranking);
    if (error == DF_OK)
        error = df_coco_match(work->run, k, &ranking, work->pool);
    if (error == DF_OK)
        error = df_coco_accumulate(work->run, k, &ranking);
    ranking_done(&ranking);
    work->errors[k] = error;
}

/* So that a long one is not left for the end, when the other threads are done. */
static int order_classes(const CocoRun *run, uint32_t *order)
{
    uint64_t *key = df_malloc(run->n_classes * sizeof *key);
    if (!key)
        return df_fail_memory("the evaluation");
    for (size_t k = 0; k < run->n_classes; k++) {
        order[k] = (uint32_t)k;
        key[k] = UINT64_MAX - (run->order_start[k + 1] - run->order_start[k]);
    }
    const int error = df_sort(order, run->n_classes, key);
    df_free(key);
    return error;
}

/* A single class is matched image by image in parallel, several are taken class by class. */
static int evaluate_classes(CocoRun *run, DfPool *pool)
{
    Work work = { run, pool, df_malloc(run->n_classes * sizeof(uint32_t)), df_calloc(run->n_classes, sizeof(int)) };
    int error = work.order && work.errors ? order_classes(run, work.order) : df_fail_memory("the evaluation");
    if (error == DF_OK && run->n_classes == 1)
        evaluate_class(&work, 0, NULL);
    else if (error == DF_OK)
        error = df_parallel(pool, run->n_classes, 0, evaluate_class, &work);
    for (size_t k = 0; error == DF_OK && k < run->n_classes; k++)
        if (work.errors[k] < 0) /* whose sentence is in another thread */
            error = work.errors[k] == DF_EINTERRUPT ? df_fail(DF_EINTERRUPT, "stopped") : df_fail_memory("the evaluation");
    df_free(work.order);
    df_free(work.errors);
    return error;
}

static void run_done(CocoRun *run)
{
    df_free(run->place_of_image);
    df_free(run->class_of_category);
    df_free(run->rank_of_category);
    df_free(run->truths);
    df_free(run->truths_start);
    df_free(run->order);
    df_free(run->order_start);
    df_free(run->dropped);
}

/* What the parameters ask of both files. */
static int check_match(const DfCocoResults *dt, const DfCocoParams *p)
{
    const bool masks = df_coco_compares_masks(p->type);
    if (masks && !p->use_categories && !dt->gt->across_classes)
        return df_fail(DF_EVALUE, "%s was read to compare masks within each class: want across_classes when reading",
                       dt->gt->name);
    if (masks && p->best_of_class && dt->some_drawn)
        return df_fail(DF_EVALUE, "fixed AP of masks: some detection has no segmentation of runs, of whose pixels it "
                                  "needs the area");
    if (p->type == DF_COCO_BOXES && dt->kind == KIND_ORIENTED)
        return df_fail(DF_EVALUE, "the detections have an obb and no bbox: want the type obb");
    if (masks && (dt->kind == KIND_ORIENTED || dt->kind == KIND_KEYPOINTS))
        return df_fail(DF_EVALUE, "the detections have neither a segmentation nor a bbox");
    if (dt->gt->federated && !masks && p->type != DF_COCO_BOXES)
        return df_fail(DF_EVALUE, "LVIS has rules for boxes, masks and boundaries alone");
    return DF_OK;
}

static int check_all(const DfCocoResults *dt, const DfCocoParams *params)
{
    int error = check(params);
    if (error == DF_OK)
        error = check_limits(params, dt->gt->federated);
    if (error == DF_OK)
        error = check_reading(dt->gt, params->type);
    return error == DF_OK ? check_match(dt, params) : error;
}

/* An evaluation of nothing yet; NULL if there is no memory. */
static DfCocoEval *eval_new(const DfCocoResults *dt, const DfCocoParams *params)
{
    DfCocoEval *e = df_calloc(1, sizeof *e);
    if (!e || !(e->arena = df_arena_new())) {
        df_free(e);
        return NULL;
    }
    e->type = params->type;
    e->crowdpose = params->crowdpose && params->type == DF_COCO_KEYPOINTS;
    e->federated = dt->gt->federated;
    return e;
}

/* From the parameters to the numbers. */
static int evaluate_run(CocoRun *run, const DfCocoParams *params, DfPool *pool)
{
    const DfCocoResults *dt = run->results;
    int error = take_params(run, params);
    if (error == DF_OK && params->type == DF_COCO_KEYPOINTS)
        error = df_coco_take_sigmas(run);
    if (error == DF_OK)
        error = df_coco_number_images(run, dt->gt);
    if (error == DF_OK)
        error = df_coco_number_classes(run, dt);
    if (error == DF_OK && dt->gt->federated)
        error = df_coco_drop(run);
    if (error == DF_OK)
        error = df_coco_file(run, dt, pool);
    if (error == DF_OK)
        error = df_coco_make_arrays(run->eval, params->arrays);
    if (error == DF_OK)
        error = df_coco_make_counts(run->eval, params);
    if (error == DF_OK)
        error = evaluate_classes(run, pool);
    return error == DF_OK ? df_coco_summarize(run->eval, pool) : error;
}

int df_coco_evaluate_images(DfCocoEval **out, const DfCocoResults *dt, const DfCocoParams *params, const bool *only,
                            DfPool *pool)
{
    const bool masks = df_coco_compares_masks(params->type);
    CocoRun run = {
        .results = dt, .annotations = dt->gt->annotations, .compare_masks = masks,
        .areas_of_masks = dt->kind == KIND_MASK || (masks && params->best_of_class),
    };
    run.similarity = df_coco_similarity(params->type);
    run.only = only;
    *out = NULL;
    int error = check_all(dt, params);
    if (error < 0)
        return error;
    run.eval = eval_new(dt, params);
    if (!run.eval)
        return df_fail_memory("the evaluation");
    error = evaluate_run(&run, params, pool);
    if (error == DF_OK)
        *out = run.eval;
    else
        df_coco_eval_free(run.eval);
    run_done(&run);
    return error;
}

int df_coco_evaluate(DfCocoEval **out, const DfCocoResults *dt, const DfCocoParams *params, DfPool *pool)
{
    int error = df_coco_evaluate_images(out, dt, params, NULL, pool);
    if (error == DF_OK && (*out)->crowdpose)
        error = df_coco_by_crowding((*out)->stats + 8, dt, params, pool);
    if (error < 0) {
        df_coco_eval_free(*out);
        *out = NULL;
    }
    return error;
}

void df_coco_eval_free(DfCocoEval *e)
{
    if (!e)
        return;
    df_free(e->precision);
    df_free(e->recall);
    df_free(e->scores);
    df_arena_free(e->arena);
    df_free(e);
}
