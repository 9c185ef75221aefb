/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/results.c -- detections: from a results file, read in pieces by all threads, or image by image from memory.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "eval/coco/data.h"

int df_coco_results_new(DfCocoResults **out, const DfCoco *gt)
{
    *out = df_calloc(1, sizeof **out);
    if (!*out)
        return df_fail_memory("the detections");
    (*out)->gt = gt;
    return DF_OK;
}

void df_coco_results_free(DfCocoResults *results)
{
    if (!results)
        return;
    df_ids_done(&results->unknown);
    for (size_t i = 0; i < results->n_blocks; i++) {
        df_free(results->blocks[i].detections);
        df_free(results->blocks[i].masks);
    }
    df_free(results->blocks);
    df_coco_bytes_done(&results->bytes);
    df_coco_mask_room_done(&results->read_room);
    df_coco_compare_room_done(&results->compare_room);
    df_free(results);
}

size_t df_coco_results_count(const DfCocoResults *results)
{
    return results->n;
}

uint32_t df_coco_find_category(const DfCocoResults *results, DfId id)
{
    const uint32_t known = df_ids_find(&results->gt->categories, id);
    if (known != DF_NO_ID)
        return known;
    const uint32_t unknown = df_ids_find(&results->unknown, id);
    return unknown == DF_NO_ID ? DF_NO_ID : (uint32_t)results->gt->categories.n + unknown;
}

static int number_category(DfCocoResults *results, DfId id, uint32_t *number)
{
    *number = df_ids_find(&results->gt->categories, id);
    if (*number != DF_NO_ID)
        return DF_OK;
    const int error = df_ids_add(&results->unknown, id, number);
    *number += (uint32_t)results->gt->categories.n;
    return error;
}

static bool keeps_masks(const DfCocoResults *results)
{
    return results->kind == KIND_MASK || results->gt->with_masks;
}

static int add_block(DfCocoResults *results)
{
    if (!df_grow((void **)&results->blocks, &results->capacity, results->n_blocks, sizeof *results->blocks))
        return df_fail_memory("the detections");
    CocoBlock *const block = &results->blocks[results->n_blocks++];
    *block = (CocoBlock){ df_malloc(DETECTIONS_BLOCK * sizeof *block->detections),
                          keeps_masks(results) ? df_malloc(DETECTIONS_BLOCK * sizeof *block->masks) : NULL };
    return block->detections && (block->masks || !keeps_masks(results)) ? DF_OK : df_fail_memory("the detections");
}

static int keep(DfCocoResults *results, const CocoDetection *detections, const CocoCompared *masks, size_t n)
{
    if (n > DF_NO_ID - 1 - results->n)
        return df_fail(DF_EVALUE, "more than %u detections", (unsigned)DF_NO_ID - 1);
    for (size_t some; n > 0; n -= some, detections += some, results->n += some) {
        const size_t place = results->n % DETECTIONS_BLOCK;
        some = DETECTIONS_BLOCK - place < n ? DETECTIONS_BLOCK - place : n;
        const int error = place == 0 ? add_block(results) : DF_OK;
        if (error < 0)
            return error;
        memcpy(df_coco_detection(results, results->n), detections, some * sizeof *detections);
        if (keeps_masks(results)) {
            memcpy(df_coco_compared(results, results->n), masks, some * sizeof *masks);
            masks += some;
        }
    }
    return DF_OK;
}

/* ---- from memory --------------------------------------------------------------------------------------------------- */

static int take_mask(DfCocoResults *results, const DfMask *from, CocoMask *to)
{
    DfRunList *const runs = &results->read_room.runs;
    const DfRunFacts facts = df_runs_facts(from->runs, from->n, from->height, from->width);
    *to = (CocoMask){ .height = from->height, .width = from->width, .area = facts.area, .form = MASK_RUNS, .plain = facts.plain };
    memcpy(to->box, facts.box, sizeof to->box);
    if (!df_runs_grow(runs, from->n))
        return df_fail_memory("masks");
    if (from->n)
        memcpy(runs->at, from->runs, from->n * sizeof *runs->at);
    runs->n = from->n;
    return DF_OK;
}

static int add(DfCocoResults *results, int64_t image_id, size_t n, const DfMask *masks, const double (*boxes)[4], const double *scores, const int64_t *category_ids)
{
    const DfCoco *gt = results->gt;
    const uint32_t image = df_ids_find(&gt->images, (DfId){ image_id, NULL });
    if (image == DF_NO_ID || !gt->image_listed[image])
        return df_fail(DF_EVALUE, "image_id %" PRId64 " is not an image of %s", image_id, gt->name);
    if (n > 0 && results->kind == KIND_UNKNOWN)
        results->kind = boxes ? KIND_BOX : KIND_MASK;
    if (n > 0 && (boxes ? KIND_BOX : KIND_MASK) != results->kind)
        return df_fail(DF_EVALUE, "some detections have a box and others do not: want either in one evaluation");
    int error = DF_OK;
    for (size_t i = 0; error == DF_OK && i < n; i++) {
        CocoDetection d = { .score = scores[i], .image = image };
        CocoMask mask = { 0 };
        CocoCompared compared;
        if (masks)
            error = take_mask(results, &masks[i], &mask);
        for (int k = 0; k < 4; k++)
            d.box[k] = boxes ? boxes[i][k] : mask.box[k];
        if (error == DF_OK)
            error = number_category(results, (DfId){ category_ids[i], NULL }, &d.category);
        if (error == DF_OK)
            error = df_coco_compare(gt, &results->compare_room, &results->read_room, &mask, &d, &results->bytes, &compared);
        if (error == DF_OK)
            error = keep(results, &d, &compared, 1);
    }
    return error;
}

int df_coco_results_add(DfCocoResults *results, int64_t image_id, size_t n, const double (*boxes)[4], const double *scores, const int64_t *category_ids)
{
    return add(results, image_id, n, NULL, boxes, scores, category_ids);
}

int df_coco_results_add_masks(DfCocoResults *results, int64_t image_id, size_t n, const DfMask *masks, const double (*boxes)[4], const double *scores,
                              const int64_t *category_ids)
{
    return add(results, image_id, n, masks, boxes, scores, category_ids);
}

/* ---- the file ----------------------------------------------------------------------------------------------------- */

/* Detections of a piece of the file; categories that the ground truth does not have are numbered behind its own, by piece. */
typedef struct {
    CocoDetection *detections;
    CocoCompared *masks;
    size_t n, capacity, masks_capacity;
    DfIds unknown;
    CocoBytes bytes; /* of what is left of masks, also of those of the pieces that were here before */
    CocoMaskRoom room;
    CocoCompareRoom compare_room;
} Slot;

typedef struct {
    DfCocoResults *results;
    atomic_size_t number; /* of detections in the file so far, for messages */
    Slot slots[DF_JSON_SLOTS];
} Reader;

typedef struct {
    CocoRecord record;
    const DfCocoResults *results;
    Slot *slot;
    DfId image_before;    /* most detections follow another of the same image */
    uint32_t place_before;
} Piece;

typedef struct {
    CocoDetection fields;
    CocoMask mask;
    bool has_image, has_category, has_box, has_score, has_mask, compressed;
} Draft;

static int read_image_id(Piece *piece, Draft *d)
{
    char text[256];
    DfId id;
    int error = df_coco_read_id(&piece->record, "image_id", &id, text);
    if (error < 0)
        return error;
    const DfCoco *gt = piece->results->gt;
    if (id.text || piece->place_before == DF_NO_ID || id.number != piece->image_before.number) {
        const uint32_t place = df_ids_find(&gt->images, id);
        if (place == DF_NO_ID || !gt->image_listed[place])
            return df_coco_fail(&piece->record, "image_id %s is not an image of %s", df_id_text(id), gt->name);
        piece->image_before = id;
        piece->place_before = id.text ? DF_NO_ID : place;
        d->fields.image = place;
    } else {
        d->fields.image = piece->place_before;
    }
    d->has_image = true;
    return DF_OK;
}

static int read_category_id(Piece *piece, Draft *d)
{
    char text[256];
    DfId id;
    const int error = df_coco_read_id(&piece->record, "category_id", &id, text);
    d->has_category = true;
    if (error < 0)
        return error;
    const DfIds *known = &piece->results->gt->categories;
    d->fields.category = df_ids_find(known, id);
    if (d->fields.category != DF_NO_ID)
        return DF_OK;
    const int added = df_ids_add(&piece->slot->unknown, id, &d->fields.category);
    d->fields.category += (uint32_t)known->n;
    return added;
}

static int read_mask(Piece *piece, Draft *d)
{
    if (!keeps_masks(piece->results))
        return df_json_skip(piece->record.json);
    const int error = df_coco_read_mask(&piece->record, &piece->slot->room, &d->mask, &d->compressed);
    d->has_mask = d->mask.form != NO_MASK;
    return error;
}

static int read_field(Piece *piece, const DfJsonValue *key, Draft *d)
{
    if (df_coco_key(key, "image_id"))
        return read_image_id(piece, d);
    if (df_coco_key(key, "category_id"))
        return read_category_id(piece, d);
    if (df_coco_key(key, "bbox"))
        return df_coco_read_box(&piece->record, d->fields.box, &d->has_box);
    if (df_coco_key(key, "score")) {
        d->has_score = true;
        return df_coco_read_number(&piece->record, "score", &d->fields.score);
    }
    return df_coco_key(key, "segmentation") ? read_mask(piece, d) : df_json_skip(piece->record.json);
}

static int check_draft(const Piece *piece, Draft *d)
{
    const CocoRecord *r = &piece->record;
    if (!d->has_image || !d->has_category || !d->has_score)
        return df_coco_fail(r, "has no %s", !d->has_image ? "image_id" : !d->has_category ? "category_id" : "score");
    if (piece->results->kind == KIND_BOX)
        return d->has_box ? DF_OK : df_coco_fail(r, "has no bbox, but the first detection has one");
    if (!d->has_mask || !d->compressed)
        return df_coco_fail(r, "want a segmentation of size and compressed counts, since the first detection has no bbox");
    for (int k = 0; k < 4 && !d->has_box; k++)
        d->fields.box[k] = d->mask.box[k];
    return DF_OK;
}

static int keep_in_slot(const Piece *piece, const Draft *d)
{
    Slot *const slot = piece->slot;
    const DfCocoResults *const results = piece->results;
    if (!df_grow((void **)&slot->detections, &slot->capacity, slot->n, sizeof d->fields))
        return df_fail_memory("the detections");
    if (keeps_masks(results)) {
        if (!df_grow((void **)&slot->masks, &slot->masks_capacity, slot->n, sizeof *slot->masks))
            return df_fail_memory("the detections");
        const int error = df_coco_compare(results->gt, &slot->compare_room, &slot->room, &d->mask, &d->fields, &slot->bytes, &slot->masks[slot->n]);
        if (error < 0)
            return df_coco_fail_in(&piece->record, error);
    }
    slot->detections[slot->n++] = d->fields;
    return DF_OK;
}

static int read_detection(Piece *piece)
{
    DfJson *const json = piece->record.json;
    DfJsonValue v;
    DfJsonEvent event;
    Draft d;
    memset(&d, 0, sizeof d);
    while ((event = df_json_next(json, &v)) == DF_JSON_KEY) {
        const int error = read_field(piece, &v, &d);
        if (error < 0)
            return error;
    }
    if (event != DF_JSON_CLOSE)
        return df_json_error(json);
    const int error = check_draft(piece, &d);
    return error < 0 ? error : keep_in_slot(piece, &d);
}

/* One piece of the array, on any thread. */
static int read_piece(void *arg, size_t i, DfJson *json)
{
    Reader *const reader = arg;
    Piece piece = { .record = { json, "detection", atomic_load(&reader->number) }, .results = reader->results, .slot = &reader->slots[i], .place_before = DF_NO_ID };
    DfJsonValue v;
    DfJsonEvent event;
    piece.slot->n = 0;
    df_ids_done(&piece.slot->unknown);
    while ((event = df_json_next(json, &v)) == DF_JSON_OBJECT) {
        piece.record.number++;
        const int error = read_detection(&piece);
        if (error < 0)
            return error;
    }
    piece.record.number++;
    return event == DF_JSON_CLOSE ? DF_OK : event == DF_JSON_ERROR ? df_json_error(json) : df_coco_fail(&piece.record, "is not an object");
}

static int renumber_categories(DfCocoResults *results, Slot *slot)
{
    const uint32_t known = (uint32_t)results->gt->categories.n;
    for (size_t i = 0; i < slot->n && slot->unknown.n > 0; i++) {
        uint32_t *const category = &slot->detections[i].category;
        if (*category < known)
            continue;
        const int error = number_category(results, slot->unknown.ids[*category - known], category);
        if (error < 0)
            return error;
    }
    return DF_OK;
}

static int join_piece(void *arg, size_t i, size_t lines_before, size_t pieces)
{
    Reader *const reader = arg;
    DfCocoResults *const results = reader->results;
    Slot *const slot = &reader->slots[i];
    (void)lines_before;
    (void)pieces;
    atomic_fetch_add(&reader->number, slot->n);
    int error = renumber_categories(results, slot);
    if (error == DF_OK)
        error = keep(results, slot->detections, slot->masks, slot->n);
    return error;
}

static void reader_done(Reader *reader)
{
    for (size_t i = 0; i < DF_JSON_SLOTS; i++) {
        Slot *const slot = &reader->slots[i];
        df_free(slot->detections);
        df_free(slot->masks);
        df_ids_done(&slot->unknown);
        df_coco_bytes_done(&slot->bytes);
        df_coco_mask_room_done(&slot->room);
        df_coco_compare_room_done(&slot->compare_room);
    }
    df_free(reader);
}

/* Looks ahead at the first detection. What is wrong with it is found, and said, when it is read. */
static int find_kind(DfCocoResults *results, const DfJson *at)
{
    DfJson *json;
    DfJsonValue v;
    int error = df_json_fork(&json, at);
    if (error < 0)
        return error;
    bool box = false, empty = df_json_next(json, &v) != DF_JSON_OBJECT;
    while (!empty && error == DF_OK && df_json_next(json, &v) == DF_JSON_KEY) {
        if (strcmp(v.text, "bbox") != 0) {
            error = df_json_skip(json);
            continue;
        }
        const DfJsonEvent event = df_json_next(json, &v);
        box = event == DF_JSON_ARRAY && df_json_next(json, &v) != DF_JSON_CLOSE;
        if (event == DF_JSON_OBJECT || box)
            break;
    }
    df_json_close(json);
    if (!empty)
        results->kind = box ? KIND_BOX : KIND_MASK;
    return DF_OK;
}

int df_coco_results_read_json(DfCocoResults *results, DfJson *json)
{
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(json, &v);
    if (event != DF_JSON_ARRAY)
        return event == DF_JSON_ERROR ? df_json_error(json) : df_json_fail(json, DF_EFORMAT, "want COCO results: an array of detections");
    int error = results->kind == KIND_UNKNOWN ? find_kind(results, json) : DF_OK;
    if (error < 0)
        return error;
    Reader *const reader = df_calloc(1, sizeof *reader);
    if (!reader)
        return df_fail_memory("the detections");
    const size_t n_before = results->n;
    reader->results = results;
    error = df_json_records(json, results->gt->pool, &(DfJsonRecords){ reader, read_piece, join_piece });
    for (size_t i = 0; i < DF_JSON_SLOTS; i++) /* even after an error: what was kept points there */
        if (df_coco_bytes_move(&results->bytes, &reader->slots[i].bytes) < 0) {
            error = DF_ENOMEM;
            results->n = n_before;
        }
    reader_done(reader);
    if (error < 0)
        return error;
    return df_json_next(json, &v) != DF_JSON_END ? df_json_error(json) : DF_OK;
}

int df_coco_results_read(DfCocoResults *results, const char *path)
{
    DfJson *json;
    int error = df_json_open(&json, path);
    if (error < 0)
        return error;
    error = df_coco_results_read_json(results, json);
    df_json_close(json);
    return error;
}
