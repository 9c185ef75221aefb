/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/view.c -- ground truth and detections image by image.
 */
#include "eval/coco/view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval/coco/evaluate.h"

/* ---- which images and classes ------------------------------------------------------------------------------------ */

typedef struct {
    DfId id;
    uint32_t index;
} Listed;

static int compare_listed(const void *a, const void *b)
{
    return df_id_compare(((const Listed *)a)->id, ((const Listed *)b)->id);
}

/* The listed ids in order, and the place of each in that order. */
static int number(const DfIds *ids, const bool *listed, Listed **list, size_t *n, uint32_t **place)
{
    *n = 0;
    *list = df_malloc(ids->n * sizeof **list);
    *place = df_malloc(ids->n * sizeof **place);
    if (!*list || !*place)
        return df_fail_memory("the view of the results");
    for (size_t i = 0; i < ids->n; i++) {
        (*place)[i] = VIEW_NONE;
        if (listed[i])
            (*list)[(*n)++] = (Listed){ ids->ids[i], (uint32_t)i };
    }
    qsort(*list, *n, sizeof **list, compare_listed);
    for (size_t i = 0; i < *n; i++)
        (*place)[(*list)[i].index] = (uint32_t)i;
    return DF_OK;
}

static char *id_text(DfArena *arena, DfId id)
{
    return id.text ? df_arena_copy(arena, id.text, strlen(id.text)) : df_arena_text(arena, "%" PRId64, id.number);
}

static int name_all(CocoView *v, const DfCoco *gt, const Listed *images, const Listed *classes)
{
    v->images = df_arena_alloc(v->arena, v->n_images + 1, sizeof *v->images);
    v->class_names = df_arena_alloc(v->arena, v->n_classes + 1, sizeof *v->class_names);
    v->class_ids = df_arena_alloc(v->arena, v->n_classes + 1, sizeof *v->class_ids);
    v->class_is_text = df_arena_alloc(v->arena, v->n_classes + 1, sizeof *v->class_is_text);
    if (!v->images || !v->class_names || !v->class_ids || !v->class_is_text)
        return df_fail_memory("names");
    for (size_t i = 0; i < v->n_images; i++) {
        v->images[i].number = images[i].id.number;
        v->images[i].is_text = df_id_is_text(images[i].id);
        if (!(v->images[i].name = v->images[i].id = id_text(v->arena, images[i].id)))
            return df_fail_memory("names");
    }
    for (size_t k = 0; k < v->n_classes; k++) {
        const char *name = gt->category_names[classes[k].index];
        v->class_is_text[k] = df_id_is_text(classes[k].id);
        v->class_ids[k] = id_text(v->arena, classes[k].id);
        v->class_names[k] = name && name[0] ? df_arena_copy(v->arena, name, strlen(name)) : v->class_ids[k];
        if (!v->class_ids[k] || !v->class_names[k])
            return df_fail_memory("names");
    }
    return DF_OK;
}

/* ---- by image ---------------------------------------------------------------------------------------------------- */

/* From counts per image in start[i + 1] to the place where each image begins. */
static void accumulate(size_t *start, size_t n)
{
    for (size_t i = 0; i < n; i++)
        start[i + 1] += start[i];
}

static bool to_truth(const DfCoco *gt, size_t i, const uint32_t *image, const uint32_t *class, ViewTruth *t)
{
    const CocoAnnotation *met = &gt->annotations[i];
    const CocoAnnotation *a = &gt->annotations[met->last];
    if (image[met->image] == VIEW_NONE || image[a->image] == VIEW_NONE || class[a->category] == VIEW_NONE)
        return false;
    *t = (ViewTruth){ .area = a->area,
                      .class = class[a->category],
                      .image = image[a->image],
                      .line = a->line,
                      .annotation = met->last,
                      .crowd = a->crowd,
                      .id_is_zero = a->id_is_zero };
    memcpy(t->box, a->box, sizeof t->box);
    return true;
}

static int take_truths(CocoView *v, const DfCoco *gt, const uint32_t *image, const uint32_t *class)
{
    ViewTruth t;
    v->truths_start = df_arena_alloc(v->arena, v->n_images + 2, sizeof(size_t));
    v->truths = df_arena_alloc(v->arena, gt->n_annotations + 1, sizeof *v->truths);
    if (!v->truths_start || !v->truths)
        return df_fail_memory("the view of the results");
    size_t *start = v->truths_start + 1; /* moves on while filling, so that it ends one place ahead */
    for (size_t i = 0; i < gt->n_annotations; i++) {
        if (!to_truth(gt, i, image, class, &t))
            continue;
        const int error =
            df_coco_check_truth(gt, t.annotation, &(CocoNeeds){ .type = v->masks ? DF_COCO_MASKS : DF_COCO_BOXES });
        if (error < 0)
            return error;
        start[t.image + 1]++;
        v->n_truths++;
    }
    accumulate(start, v->n_images);
    for (size_t i = 0; i < gt->n_annotations; i++)
        if (to_truth(gt, i, image, class, &t))
            v->truths[start[t.image]++] = t;
    return DF_OK;
}

/* Areas are those of masks where results have masks alone, as in pycocotools. */
static ViewDetection to_detection(const DfCocoResults *dt, uint32_t i, uint32_t class, uint32_t image)
{
    const CocoDetection *d = df_coco_detection(dt, i);
    ViewDetection v = { .score = d->score, .class = class, .image = image, .number = i + 1 };
    v.area = dt->kind == KIND_MASK ? df_coco_compared(dt, i)->area : d->box[2] * d->box[3];
    memcpy(v.box, d->box, sizeof v.box);
    return v;
}

/* Detections that count, in the order of score, into the places of their images. */
static int take_detections(CocoView *v, const DfCocoResults *dt, const uint32_t *image, const uint32_t *class)
{
    uint32_t *order = df_malloc(dt->n * sizeof *order);
    uint64_t *key = df_malloc(dt->n * sizeof *key);
    v->detections_start = df_arena_alloc(v->arena, v->n_images + 2, sizeof(size_t));
    v->detections = df_arena_alloc(v->arena, dt->n + 1, sizeof *v->detections);
    int error =
        order && key && v->detections_start && v->detections ? DF_OK : df_fail_memory("the view of the results");
    for (size_t i = 0; error == DF_OK && i < dt->n; i++) {
        order[i] = (uint32_t)i;
        key[i] = df_sort_key(-df_coco_detection(dt, i)->score);
    }
    if (error == DF_OK)
        error = df_sort(order, dt->n, key);
    for (int fill = 0; error == DF_OK && fill < 2; fill++) {
        size_t *start = v->detections_start + 1;
        for (size_t i = 0; i < dt->n; i++) {
            const CocoDetection *d = df_coco_detection(dt, order[i]);
            const uint32_t k = d->category < dt->gt->categories.n ? class[d->category] : VIEW_NONE;
            const uint32_t at = image[d->image];
            if (k == VIEW_NONE || at == VIEW_NONE)
                continue;
            if (!fill) {
                start[at + 1]++;
                v->n_detections++;
                continue;
            }
            v->detections[start[at]++] = to_detection(dt, order[i], k, at);
        }
        if (!fill)
            accumulate(start, v->n_images);
    }
    df_free(order);
    df_free(key);
    return error;
}

/* Which of the listed images are wanted. */
static bool *choose_images(const DfCoco *gt, const int64_t *wanted, size_t n)
{
    bool *chosen = df_calloc(gt->images.n + 1, sizeof *chosen);
    for (size_t i = 0; chosen && !wanted && i < gt->images.n; i++)
        chosen[i] = gt->image_listed[i];
    for (size_t i = 0; chosen && wanted && i < n; i++) {
        const uint32_t at = df_ids_find(&gt->images, (DfId){ wanted[i], NULL });
        if (at != DF_NO_ID)
            chosen[at] = gt->image_listed[at];
    }
    return chosen;
}

int df_coco_view(CocoView **out, const DfCocoResults *dt, bool masks)
{
    return df_coco_view_of(out, dt, masks, NULL, 0);
}

int df_coco_view_of(CocoView **out, const DfCocoResults *dt, bool masks, const int64_t *image_ids, size_t n)
{
    const DfCoco *gt = dt->gt;
    Listed *images = NULL, *classes = NULL;
    uint32_t *image_place = NULL, *class_place = NULL;
    CocoView *v = df_calloc(1, sizeof *v);
    *out = NULL;
    if (!v || !(v->arena = df_arena_new())) {
        df_free(v);
        return df_fail_memory("the view of the results");
    }
    v->results = dt;
    v->masks = masks;
    bool *chosen = choose_images(gt, image_ids, n);
    int error = chosen ? DF_OK : df_fail_memory("the view of the results");
    if (error == DF_OK && masks)
        error = df_coco_check_masks(dt);
    if (error == DF_OK)
        error = number(&gt->images, chosen, &images, &v->n_images, &image_place);
    if (error == DF_OK)
        error = number(&gt->categories, gt->category_listed, &classes, &v->n_classes, &class_place);
    if (error == DF_OK)
        error = name_all(v, gt, images, classes);
    if (error == DF_OK)
        error = take_truths(v, gt, image_place, class_place);
    if (error == DF_OK)
        error = take_detections(v, dt, image_place, class_place);
    df_free(chosen);
    df_free(images);
    df_free(classes);
    df_free(image_place);
    df_free(class_place);
    if (error < 0)
        df_coco_view_free(v);
    else
        *out = v;
    return error;
}

size_t df_view_most_truths(const CocoView *v)
{
    size_t most = 0;
    for (size_t i = 0; i < v->n_images; i++) {
        const size_t n = v->truths_start[i + 1] - v->truths_start[i];
        most = n > most ? n : most;
    }
    return most;
}

int df_view_sort(const CocoView *v, uint32_t *order)
{
    uint64_t *key = df_malloc(v->n_detections * sizeof *key);
    if (!key)
        return df_fail_memory("sorting detections");
    for (size_t i = 0; i < v->n_detections; i++)
        key[i] = df_sort_key(-v->detections[i].score);
    const int error = df_sort(order, v->n_detections, key);
    df_free(key);
    return error;
}

void df_coco_view_free(CocoView *v)
{
    if (!v)
        return;
    df_arena_free(v->arena);
    df_free(v);
}

/* ---- overlaps ---------------------------------------------------------------------------------------------------- */

/* Those that are not 0 are kept by annotation. */
static double kept_overlap(const CocoCompared *c, uint32_t annotation)
{
    size_t from = 0, to = c->n;
    while (from < to) {
        const size_t middle = from + (to - from) / 2;
        if (c->overlaps[middle].annotation == annotation)
            return c->overlaps[middle].iou;
        if (c->overlaps[middle].annotation < annotation)
            from = middle + 1;
        else
            to = middle;
    }
    return 0;
}

double df_view_overlap(const CocoView *v, size_t detection, size_t truth)
{
    const ViewDetection *d = &v->detections[detection];
    const ViewTruth *g = &v->truths[truth];
    return v->masks ? kept_overlap(df_coco_compared(v->results, d->number - 1), g->annotation)
                    : df_box_iou(d->box, g->box, g->crowd);
}

/* ---- file names -------------------------------------------------------------------------------------------------- */

static DfId id_of(const ViewImage *image)
{
    return (DfId){ image->number, image->is_text ? image->id : NULL };
}

uint32_t df_view_find_image(const CocoView *v, DfId id)
{
    size_t from = 0, to = v->n_images;
    while (from < to) {
        const size_t middle = from + (to - from) / 2;
        const int order = df_id_compare(id_of(&v->images[middle]), id);
        if (order == 0)
            return (uint32_t)middle;
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return VIEW_NONE;
}

/* One record of `images`. */
static int take_picture(void *arg, DfCocoRecord *r)
{
    enum { LONGEST = 511 };
    CocoView *const v = arg;
    const uint32_t at = df_view_find_image(v, r->id);
    if (at == VIEW_NONE)
        return DF_OK;
    ViewImage *const image = &v->images[at];
    image->width = r->width;
    image->height = r->height;
    const size_t n = r->has & DF_COCO_FILE_NAME ? strlen(r->file_name.at) : 0;
    if (n > 0)
        image->name = df_arena_copy(v->arena, r->file_name.at, n < LONGEST ? n : LONGEST);
    return image->name ? DF_OK : df_fail_memory("names");
}

static int read_list(void *arg, DfCocoList list, DfJson *json)
{
    DfCocoRecord record = { 0 };
    DfCocoSink sink = { .arg = arg };
    if (list == DF_COCO_IMAGES) {
        sink.wanted = DF_COCO_ID | DF_COCO_WIDTH | DF_COCO_HEIGHT | DF_COCO_FILE_NAME;
        sink.record = take_picture;
    }
    const int error = df_coco_stream_records(json, list, 0, &record, &sink);
    df_coco_record_done(&record);
    return error;
}

int df_coco_view_pictures(CocoView *v, DfJson *json)
{
    return df_coco_stream_truth(json, &(DfCocoFile){ .arg = v, .list = read_list });
}
