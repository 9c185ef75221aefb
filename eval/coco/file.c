/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/file.c -- selects the images and classes that are scored, and sorts ground truth and detections for
 * matching.
 */
#include "eval/coco/evaluate.h"

#include <stdlib.h>
#include <string.h>

/* ---- which images and classes ------------------------------------------------------------------------------------ */

typedef struct {
    DfId id;
    uint32_t index;
} Chosen;

static int compare_chosen(const void *a, const void *b)
{
    return df_id_compare(((const Chosen *)a)->id, ((const Chosen *)b)->id);
}

static bool ascending(const Chosen *list, size_t n)
{
    size_t i = 1;
    while (i < n && df_id_compare(list[i - 1].id, list[i].id) < 0)
        i++;
    return i >= n;
}

/* The listed ids, or those that are wanted, sorted and each once. Ids that are mentioned nowhere are kept with
 * DF_NO_ID: a class of nothing still has its place in the arrays. */
static int choose(const DfIds *ids, const bool *listed, const int64_t *wanted, size_t n_wanted, bool sorted,
                  Chosen **out, size_t *n)
{
    const size_t most = wanted ? n_wanted : ids->n;
    Chosen *list = df_calloc(most, sizeof *list);
    *n = 0;
    if (!list)
        return df_fail_memory("the evaluation");
    for (size_t i = 0; i < most; i++) {
        if (wanted)
            list[(*n)++] = (Chosen){ { wanted[i], NULL }, df_ids_find(ids, (DfId){ wanted[i], NULL }) };
        else if (listed[i])
            list[(*n)++] = (Chosen){ ids->ids[i], (uint32_t)i };
    }
    if ((!wanted || sorted) && !ascending(list, *n)) {
        qsort(list, *n, sizeof *list, compare_chosen);
        size_t kept = 0;
        for (size_t i = 0; i < *n; i++)
            if (kept == 0 || df_id_compare(list[kept - 1].id, list[i].id) != 0)
                list[kept++] = list[i];
        *n = kept;
    }
    *out = list;
    return DF_OK;
}

int df_coco_number_images(CocoRun *run, const DfCoco *gt)
{
    Chosen *chosen;
    const int error = choose(&gt->images, run->only ? run->only : gt->image_listed, run->params.image_ids,
                             run->params.n_image_ids, true, &chosen, &run->n_places);
    if (error < 0)
        return error;
    run->place_of_image = df_malloc(gt->images.n * sizeof(uint32_t));
    if (run->place_of_image) {
        memset(run->place_of_image, 0xff, gt->images.n * sizeof(uint32_t));
        for (size_t i = 0; i < run->n_places; i++)
            if (chosen[i].index != DF_NO_ID)
                run->place_of_image[chosen[i].index] = (uint32_t)i;
    }
    df_free(chosen);
    return run->place_of_image ? DF_OK : df_fail_memory("the evaluation");
}

static int name_classes(DfCocoEval *e, const DfCoco *gt, const Chosen *chosen, bool use_categories)
{
    e->class_ids = df_arena_alloc(e->arena, e->n_classes, sizeof *e->class_ids);
    e->class_names = df_arena_alloc(e->arena, e->n_classes, sizeof *e->class_names);
    e->frequency = df_arena_alloc(e->arena, e->n_classes + 1, 1);
    if (!e->class_ids || !e->class_names || !e->frequency)
        return df_fail_memory("the evaluation");
    for (size_t k = 0; k < e->n_classes; k++) {
        const Chosen *c = &chosen[k];
        const char *name = NULL;
        if (use_categories && c->index < gt->categories.n)
            name = df_id_is_text(c->id) ? c->id.text : gt->category_names[c->index];
        if (!name)
            name = "";
        e->class_ids[k] = use_categories ? c->id.number : -1; /* of a text 0, of an integer beyond 64 bits 1 */
        if (use_categories && gt->frequency && c->index < gt->categories.n)
            e->frequency[k] = gt->frequency[c->index];
        e->class_names[k] = df_arena_copy(e->arena, name, strlen(name));
        if (!e->class_names[k])
            return df_fail_memory("the evaluation");
    }
    return DF_OK;
}

/* Gives the chosen categories their classes and ranks; of a category named twice the first counts. */
static int fill_classes(CocoRun *run, const DfCocoResults *dt, const Chosen *chosen, size_t n)
{
    const size_t categories = dt->gt->categories.n + dt->unknown.n;
    run->class_of_category = df_malloc(categories * sizeof(uint32_t));
    run->rank_of_category = df_malloc(categories * sizeof(uint32_t));
    if (!run->class_of_category || !run->rank_of_category)
        return df_fail_memory("the evaluation");
    memset(run->class_of_category, 0xff, categories * sizeof(uint32_t));
    memset(run->rank_of_category, 0xff, categories * sizeof(uint32_t));
    for (size_t i = 0; i < n; i++) {
        const uint32_t category = chosen[i].index;
        if (category == DF_NO_ID || run->rank_of_category[category] != DF_NO_ID)
            continue;
        run->rank_of_category[category] = (uint32_t)i;
        run->class_of_category[category] = run->params.use_categories ? (uint32_t)i : 0;
    }
    return DF_OK;
}

int df_coco_number_classes(CocoRun *run, const DfCocoResults *dt)
{
    const DfCoco *gt = dt->gt;
    const bool use = run->params.use_categories;
    Chosen *chosen;
    size_t n;
    int error = choose(&gt->categories, gt->category_listed, run->params.category_ids, run->params.n_category_ids,
                       use, &chosen, &n);
    if (error < 0)
        return error;
    for (size_t i = 0; i < n; i++)
        chosen[i].index = df_coco_find_category(dt, chosen[i].id);
    run->n_classes = run->eval->n_classes = use ? n : 1;
    run->n_ranks = n;
    error = fill_classes(run, dt, chosen, n);
    if (error == DF_OK)
        error = name_classes(run->eval, gt, chosen, use);
    df_free(chosen);
    return error;
}

/* ---- ground truth by class and image ----------------------------------------------------------------------------- */

static int check_size(const DfCoco *gt, uint32_t image, bool drawn)
{
    const CocoSize *size = &gt->sizes[image];
    if (!size->given)
        return df_fail(DF_EFORMAT, "%s: image %s has no height and width, which masks need", gt->name,
                       df_id_text(gt->images.ids[image]));
    if (drawn && (uint64_t)size->height * size->width > INT32_MAX)
        return df_fail(DF_EVALUE, "%s: image %s has 2^31 pixels or more: too many for polygons", gt->name,
                       df_id_text(gt->images.ids[image]));
    return DF_OK;
}

/* The first field that is missing; NULL: none. */
static const char *missing_field(const DfCoco *gt, uint32_t annotation, const CocoNeeds *needs)
{
    const CocoAnnotation *a = &gt->annotations[annotation];
    const CocoShape *shape = df_coco_has_shapes(gt) ? &gt->shapes[annotation] : NULL;
    const bool masks = df_coco_compares_masks(needs->type);
    const bool keypoints = needs->type == DF_COCO_KEYPOINTS;
    const bool box = needs->type == DF_COCO_BOXES || keypoints;
    if (!(a->has & HAS_AREA) && !needs->crowdpose)
        return "area";
    if (!(a->has & HAS_CROWD) && !gt->federated)
        return "iscrowd";
    if (box && !(a->has & HAS_BOX))
        return "bbox";
    if (masks && gt->masks[annotation].form == DF_MASK_NONE)
        return "segmentation";
    if (keypoints && !(a->has & HAS_NUM_KEYPOINTS))
        return "num_keypoints";
    if (keypoints && !shape->points)
        return "keypoints";
    return needs->type == DF_COCO_ORIENTED && !shape->oriented ? "obb" : NULL;
}

/* Where nothing is labelled, nothing is compared point by point. */
static int check_points(const DfCoco *gt, uint32_t annotation, size_t wanted)
{
    const CocoShape *shape = &gt->shapes[annotation];
    char what[64];
    if (shape->n_points == wanted || shape->n_labelled == 0)
        return DF_OK;
    df_snprintf(what, sizeof what, "has %u keypoints, and there are sigmas for %zu", shape->n_points, wanted);
    return df_coco_fail_annotation(gt, annotation, DF_EVALUE, what);
}

int df_coco_check_truth(const DfCoco *gt, uint32_t annotation, const CocoNeeds *needs)
{
    const CocoAnnotation *a = &gt->annotations[annotation];
    const char *const missing = missing_field(gt, annotation, needs);
    if (missing) {
        char what[64];
        df_snprintf(what, sizeof what, "has no %s, which scores need", missing);
        return df_coco_fail_annotation(gt, annotation, DF_EFORMAT, what);
    }
    if (needs->type == DF_COCO_KEYPOINTS && needs->n_keypoints > 0)
        return check_points(gt, annotation, needs->n_keypoints);
    if (!df_coco_compares_masks(needs->type))
        return DF_OK;
    return check_size(gt, a->image, gt->masks[annotation].form == DF_MASK_POLYGONS);
}

/* The annotations as pycocotools meets them: image by image, each standing for the last one with its id, which is
 * filed under its own image and class. mention[i] is the place of the image where it is met. */
static int gather_truths(CocoRun *run, const DfCoco *gt, uint32_t *mention)
{
    size_t *const n = &run->n_truths;
    const CocoNeeds needs = { run->params.type, run->params.crowdpose, run->n_keypoints };
    for (size_t i = 0; i < gt->n_annotations; i++) {
        const CocoAnnotation *met = &gt->annotations[i];
        const CocoAnnotation *a = &gt->annotations[met->last];
        if (run->place_of_image[met->image] == DF_NO_ID ||
            (run->params.use_categories && run->class_of_category[met->category] == DF_NO_ID))
            continue;
        if (run->place_of_image[a->image] == DF_NO_ID || run->class_of_category[a->category] == DF_NO_ID)
            continue;
        const int error = df_coco_check_truth(gt, met->last, &needs);
        if (error < 0)
            return error;
        if (gt->federated && !(a->area > 0)) /* lvis-api asks for areas within (0, inf) */
            continue;
        mention[*n] = run->place_of_image[met->image];
        run->truths[(*n)++] = (CocoTruth){ met->last, run->place_of_image[a->image] };
    }
    return DF_OK;
}

static uint32_t class_of(const CocoRun *run, const CocoTruth *t)
{
    return run->class_of_category[run->annotations[t->annotation].category];
}

static int sort_truths(CocoRun *run, const uint32_t *mention)
{
    const size_t n = run->n_truths;
    bool same = true; /* both orders: no id is given twice, and each class is one category */
    uint32_t *order = df_malloc(n * sizeof *order);
    uint64_t *key = df_malloc(n * sizeof *key);
    CocoTruth *sorted = df_malloc(n * sizeof *sorted);
    int error = order && key && sorted ? DF_OK : df_fail_memory("the evaluation");
    for (size_t i = 0; error == DF_OK && i < n; i++) {
        order[i] = (uint32_t)i;
        key[i] =
            (uint64_t)run->rank_of_category[run->annotations[run->truths[i].annotation].category] << 32 | mention[i];
    }
    if (error == DF_OK)
        error = df_sort(order, n, key);
    for (size_t i = 0; error == DF_OK && i < n; i++) {
        const uint64_t by_place = (uint64_t)class_of(run, &run->truths[i]) << 32 | run->truths[i].place;
        same &= key[i] == by_place;
        key[i] = by_place;
    }
    if (error == DF_OK && !same)
        error = df_sort(order, n, key);
    for (size_t i = 0; error == DF_OK && i < n; i++)
        sorted[i] = run->truths[order[i]];
    if (error == DF_OK) {
        CocoTruth *const unsorted = run->truths;
        run->truths = sorted;
        sorted = unsorted;
    }
    df_free(order);
    df_free(key);
    df_free(sorted);
    return error;
}

/* By class and place. */
static int file_truths(CocoRun *run, const uint32_t *mention)
{
    const int error = sort_truths(run, mention);
    for (size_t i = 0; error == DF_OK && i < run->n_truths; i++)
        run->truths_start[class_of(run, &run->truths[i]) + 1]++;
    for (size_t k = 0; error == DF_OK && k < run->n_classes; k++)
        run->truths_start[k + 1] += run->truths_start[k];
    return error;
}

/* ---- detections by class ----------------------------------------------------------------------------------------- */

static int no_such(const DfCocoResults *dt, size_t i, const char *what)
{
    return df_fail(DF_EFORMAT, "detection %zu, of image %s, has no %s", i + 1,
                   df_id_text(dt->gt->images.ids[df_coco_detection(dt, i)->image]), what);
}

/* Has the detection what is compared? The first of the file told that all have their boxes or masks. */
static int check_detection(const CocoRun *run, const DfCocoResults *dt, size_t i)
{
    const uint32_t image = df_coco_detection(dt, i)->image;
    if (run->compare_masks) /* drawn in the size of the image where they are not runs, which bring their own */
        return df_coco_compared(dt, i)->n == NOT_DRAWN ? check_size(dt->gt, image, true) : DF_OK;
    const CocoShape *const shape = df_coco_shape(dt, i);
    if (run->params.type == DF_COCO_ORIENTED)
        return shape->oriented ? DF_OK : no_such(dt, i, "obb");
    if (!shape->points)
        return no_such(dt, i, "keypoints");
    if (shape->n_points == run->n_keypoints)
        return DF_OK;
    return df_fail(DF_EVALUE, "detection %zu, of image %s, has %u keypoints, and there are sigmas for %zu", i + 1,
                   df_id_text(dt->gt->images.ids[image]), shape->n_points, run->n_keypoints);
}

static int check_detections(const CocoRun *run, const DfCocoResults *dt)
{
    int error = DF_OK;
    for (size_t i = 0; error == DF_OK && run->params.type != DF_COCO_BOXES && i < dt->n; i++)
        if (run->place_of_image[df_coco_detection(dt, i)->image] != DF_NO_ID)
            error = check_detection(run, dt, i);
    return error;
}

int df_coco_check_masks(const DfCocoResults *dt)
{
    int error = dt->gt->with_masks ? DF_OK : df_fail(DF_EVALUE, "%s was read without its masks", dt->gt->name);
    for (size_t i = 0; error == DF_OK && i < dt->n; i++)
        if (df_coco_compared(dt, i)->n == NOT_DRAWN && dt->gt->image_listed[df_coco_detection(dt, i)->image])
            error = check_size(dt->gt, df_coco_detection(dt, i)->image, true);
    return error;
}

static bool counts(const CocoRun *run, size_t i, const CocoDetection *d)
{
    return run->class_of_category[d->category] != DF_NO_ID && run->place_of_image[d->image] != DF_NO_ID &&
           !(run->dropped && run->dropped[i]);
}

/* Fills order with the detections of each rank in turn, as given within one. A class is one rank, or all of them. */
static int file_detections(CocoRun *run, const DfCocoResults *dt)
{
    size_t *at = df_calloc(run->n_ranks + 1, sizeof *at);
    run->order = df_malloc(dt->n * sizeof *run->order);
    run->order_start = df_calloc(run->n_classes + 1, sizeof *run->order_start);
    if (!at || !run->order || !run->order_start) {
        df_free(at);
        return df_fail_memory("the evaluation");
    }
    for (size_t i = 0; i < dt->n; i++) {
        const CocoDetection *d = df_coco_detection(dt, i);
        if (!counts(run, i, d))
            continue;
        at[run->rank_of_category[d->category] + 1]++;
        run->order_start[run->class_of_category[d->category] + 1]++;
    }
    for (size_t r = 0; r < run->n_ranks; r++)
        at[r + 1] += at[r];
    for (size_t k = 0; k < run->n_classes; k++)
        run->order_start[k + 1] += run->order_start[k];
    for (size_t i = 0; i < dt->n; i++) {
        const CocoDetection *d = df_coco_detection(dt, i);
        if (counts(run, i, d))
            run->order[at[run->rank_of_category[d->category]]++] = (uint32_t)i;
    }
    df_free(at);
    return DF_OK;
}

/* ---- both -------------------------------------------------------------------------------------------------------- */

typedef struct {
    CocoRun *run;
    const DfCocoResults *dt;
    const uint32_t *mention;
    int errors[2];
} Filing;

static void file_one(void *arg, size_t task, void *scratch)
{
    Filing *const f = arg;
    (void)scratch;
    f->errors[task] = task == 0 ? file_truths(f->run, f->mention) : file_detections(f->run, f->dt);
}

int df_coco_file(CocoRun *run, const DfCocoResults *dt, DfPool *pool)
{
    const DfCoco *gt = dt->gt;
    uint32_t *mention = df_malloc(gt->n_annotations * sizeof *mention);
    run->truths = df_malloc(gt->n_annotations * sizeof *run->truths);
    run->truths_start = df_calloc(run->n_classes + 1, sizeof *run->truths_start);
    Filing f = { run, dt, mention, { DF_OK, DF_OK } };
    int error = mention && run->truths && run->truths_start ? gather_truths(run, gt, mention)
                                                            : df_fail_memory("the evaluation");
    if (error == DF_OK && (error = check_detections(run, dt)) == DF_OK)
        error = df_parallel(pool, 2, 0, file_one, &f);
    if (f.errors[0] < 0 || f.errors[1] < 0) /* whose sentence is in another thread; nothing else can fail there */
        error = df_fail_memory("the evaluation");
    df_free(mention);
    return error;
}
