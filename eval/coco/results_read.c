/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/results_read.c -- reads a results file in pieces by all threads; and takes the same records from memory.
 */
#include "eval/coco/results.h"

#include <string.h>

/* Detections of a piece of the file; categories that the ground truth does not have are numbered behind its own,
 * by piece. */
typedef struct {
    const DfCocoResults *results;
    CocoDetection *detections;
    CocoCompared *masks;
    CocoShape *shapes;
    size_t n, capacity, masks_capacity, shapes_capacity;
    DfIds unknown;
    bool some_drawn;
    CocoBytes bytes; /* of what is left of masks, and of shapes, also of those of the pieces that were here before */
    DfCocoRecord record;
    CocoCompareRoom compare_room;
    int64_t image_before;   /* most detections follow another of the same image */
    uint32_t place_before;  /* DF_NO_ID: none, or its id is a text              */
    uint32_t image;         /* place of the image that was named last           */
    bool repeated;          /* that image is one of an earlier file             */
    size_t n_taken;         /* detections with those of such images             */
    uint32_t *repeated_images;
    size_t n_repeated, repeated_capacity;
} Slot;

typedef struct {
    DfCocoResults *results;
    atomic_size_t number; /* of detections in the file so far, for messages */
    Slot slots[DF_JSON_SLOTS];
} Reader;

/* ---- records --------------------------------------------------------------------------------------------------- */

/* Looks the image up as soon as it is named. */
static int find_image(void *arg, DfCocoRecord *r, unsigned field)
{
    Slot *const slot = arg;
    const DfCoco *const gt = slot->results->gt;
    const DfId id = r->image_id;
    (void)field;
    if (!id.text && slot->place_before != DF_NO_ID && id.number == slot->image_before) {
        slot->image = slot->place_before;
        return DF_OK;
    }
    slot->image = df_ids_find(&gt->images, id);
    if (slot->image == DF_NO_ID || !gt->image_listed[slot->image])
        return df_coco_record_fail(r, "image_id %s is not an image of %s", df_id_text(id), gt->name);
    slot->repeated = df_coco_is_in_earlier_shard(slot->results, slot->image);
    slot->image_before = id.number;
    slot->place_before = id.text ? DF_NO_ID : slot->image;
    return DF_OK;
}

static int find_category(Slot *slot, DfId id, uint32_t *category)
{
    const DfIds *const known = &slot->results->gt->categories;
    *category = df_ids_find(known, id);
    if (*category != DF_NO_ID)
        return DF_OK;
    const int error = df_ids_add(&slot->unknown, id, category);
    *category += (uint32_t)known->n;
    return error;
}

/* What a detection must have, as the first one has it. */
static int check(const DfCocoResults *results, const DfCocoRecord *r)
{
    if (!(r->has & DF_COCO_IMAGE_ID))
        return df_coco_record_fail(r, "has no image_id");
    if (!(r->has & DF_COCO_CATEGORY_ID))
        return df_coco_record_fail(r, "has no category_id");
    if (!(r->has & DF_COCO_SCORE))
        return df_coco_record_fail(r, "has no score");
    if (results->kind == KIND_BOX)
        return r->has & DF_COCO_BBOX ? DF_OK : df_coco_record_fail(r, "has no bbox, but the first detection has one");
    if (results->kind == KIND_KEYPOINTS)
        return r->keypoints.n > 0 ? DF_OK
                                  : df_coco_record_fail(r, "has no keypoints, but the first detection has some");
    if (results->kind == KIND_ORIENTED)
        return r->has & DF_COCO_OBB ? DF_OK : df_coco_record_fail(r, "has no obb, but the first detection has one");
    const DfCocoSegmentation *const s = &r->segmentation;
    return s->form != DF_MASK_NONE && s->compressed ? DF_OK :
           df_coco_record_fail(r,
                               "want a segmentation of size and compressed counts, since the first detection has no "
                               "bbox");
}

/* A box that is not given is that of the mask. */
static int keep_mask(Slot *slot, DfCocoRecord *r, CocoDetection *d)
{
    if (!df_grow((void **)&slot->masks, &slot->masks_capacity, slot->n, sizeof *slot->masks))
        return df_fail_memory("the detections");
    const DfCocoResults *const results = slot->results;
    const DfCoco *const gt = results->gt;
    const CocoMask mask = df_coco_mask(&r->segmentation);
    for (int k = 0; k < 4 && results->kind == KIND_MASK && !(r->has & DF_COCO_BBOX); k++)
        d->box[k] = mask.box[k];
    CocoCompared *const kept = &slot->masks[slot->n];
    slot->some_drawn |= mask.form != DF_MASK_RUNS;
    return df_coco_fail_in(r, df_coco_compare(gt, &slot->compare_room, &r->segmentation, &mask, d, &slot->bytes, kept));
}

/* Notes the image, once if its detections follow one another. */
static int pass_repeated(Slot *slot)
{
    if (slot->n_repeated && slot->repeated_images[slot->n_repeated - 1] == slot->image)
        return DF_OK;
    if (!df_grow((void **)&slot->repeated_images, &slot->repeated_capacity, slot->n_repeated,
                 sizeof *slot->repeated_images))
        return df_fail_memory("images of several files");
    slot->repeated_images[slot->n_repeated++] = slot->image;
    return DF_OK;
}

/* A box that is not given is what the keypoints span, whether they are seen or not. */
static void span_points(const DfCocoRecord *r, double box[4])
{
    for (size_t k = 0; k < 2; k++) {
        double low = r->keypoints.at[k];
        double high = low;
        for (size_t i = k; i < r->keypoints.n; i += 3) {
            const double at = r->keypoints.at[i];
            low = at < low ? at : low;
            high = at > high ? at : high;
        }
        box[k] = low;
        box[k + 2] = high - low;
    }
}

static int keep_shape(Slot *slot, const DfCocoRecord *r)
{
    if (!df_grow((void **)&slot->shapes, &slot->shapes_capacity, slot->n, sizeof *slot->shapes))
        return df_fail_memory("the detections");
    return df_coco_keep_shape(slot->results->gt, r, &slot->bytes, &slot->shapes[slot->n]);
}

static int take_detection(void *arg, DfCocoRecord *r)
{
    Slot *const slot = arg;
    int error = check(slot->results, r);
    if (error < 0)
        return error;
    slot->n_taken++;
    if (slot->repeated)
        return pass_repeated(slot);
    if (!df_grow((void **)&slot->detections, &slot->capacity, slot->n, sizeof *slot->detections))
        return df_fail_memory("the detections");
    CocoDetection *const d = &slot->detections[slot->n];
    memcpy(d->box, r->box, sizeof d->box);
    if (slot->results->kind == KIND_KEYPOINTS)
        span_points(r, d->box);
    d->score = r->score;
    d->image = slot->image;
    error = find_category(slot, r->category_id, &d->category);
    if (error == DF_OK && df_coco_keeps_masks(slot->results))
        error = keep_mask(slot, r, d);
    if (error == DF_OK && df_coco_has_shapes(slot->results->gt))
        error = keep_shape(slot, r);
    slot->n += error == DF_OK;
    return error;
}

/* One piece of the array, on any thread. */
static int read_piece(void *arg, size_t i, DfJson *json)
{
    Reader *const reader = arg;
    Slot *const slot = &reader->slots[i];
    DfCocoSink sink = { .arg = slot, .record = take_detection, .problem = df_coco_allow_empty };
    sink.watched = DF_COCO_IMAGE_ID;
    sink.field = find_image;
    sink.wanted = DF_COCO_IMAGE_ID | DF_COCO_CATEGORY_ID | DF_COCO_BBOX | DF_COCO_SCORE;
    if (df_coco_keeps_masks(reader->results))
        sink.wanted |= DF_COCO_SEGMENTATION;
    if (reader->results->gt->with_keypoints || reader->results->kind == KIND_KEYPOINTS)
        sink.wanted |= DF_COCO_POINTS;
    if (reader->results->gt->with_oriented || reader->results->kind == KIND_ORIENTED)
        sink.wanted |= DF_COCO_OBB;
    slot->results = reader->results;
    slot->place_before = DF_NO_ID;
    slot->n = slot->n_taken = slot->n_repeated = 0;
    df_ids_done(&slot->unknown);
    return df_coco_stream_records(json, DF_COCO_RESULTS, atomic_load(&reader->number), &slot->record, &sink);
}

static int renumber_categories(DfCocoResults *results, Slot *slot)
{
    const uint32_t known = (uint32_t)results->gt->categories.n;
    for (size_t i = 0; i < slot->n && slot->unknown.n > 0; i++) {
        uint32_t *const category = &slot->detections[i].category;
        if (*category < known)
            continue;
        const int error = df_coco_number_category(results, slot->unknown.ids[*category - known], category);
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
    atomic_fetch_add(&reader->number, slot->n_taken);
    df_coco_note_shard(results, slot->detections, slot->n);
    df_coco_note_repeated(results, slot->repeated_images, slot->n_repeated, slot->n_taken - slot->n);
    results->some_drawn |= slot->some_drawn;
    int error = renumber_categories(results, slot);
    if (error == DF_OK)
        error = df_coco_results_keep(results, slot->detections, slot->masks, slot->shapes, slot->n);
    return error;
}

static void reader_done(Reader *reader)
{
    for (size_t i = 0; i < DF_JSON_SLOTS; i++) {
        Slot *const slot = &reader->slots[i];
        df_free(slot->detections);
        df_free(slot->masks);
        df_free(slot->shapes);
        df_free(slot->repeated_images);
        df_ids_done(&slot->unknown);
        df_coco_bytes_done(&slot->bytes);
        df_coco_record_done(&slot->record);
        df_coco_compare_room_done(&slot->compare_room);
    }
    df_free(reader);
}

/* ---- the file, whole ------------------------------------------------------------------------------------------- */

/* What was kept points into the memory of the slots, even after an error. */
static int finish_list(Reader *reader, size_t n_before, int error)
{
    DfCocoResults *const results = reader->results;
    for (size_t i = 0; i < DF_JSON_SLOTS; i++)
        if (df_coco_bytes_move(&results->bytes, &reader->slots[i].bytes) < 0) {
            error = DF_ENOMEM;
            results->n = n_before;
        }
    reader_done(reader);
    return error;
}

static int read_list(void *arg, DfCocoList list, DfJson *json)
{
    DfCocoResults *const results = arg;
    const size_t n_before = results->n;
    int error = results->kind == KIND_UNKNOWN ? df_coco_find_kind(results, json) : DF_OK;
    if (error < 0)
        return error;
    Reader *const reader = df_calloc(1, sizeof *reader);
    if (!reader)
        return df_fail_memory("the detections");
    (void)list;
    reader->results = results;
    const DfJsonRecords records = { reader, read_piece, join_piece };
    error = df_coco_begin_shard(results);
    if (error == DF_OK)
        error = df_json_records(json, results->gt->pool, &records);
    error = finish_list(reader, n_before, error);
    df_coco_end_shard(results);
    return error;
}

int df_coco_results_read_json(DfCocoResults *results, DfJson *json)
{
    return df_coco_stream_results(json, &(DfCocoFile){ .arg = results, .list = read_list });
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

/* ---- records from memory ----------------------------------------------------------------------------------------- */

enum { TOLD_PIECE = 4096 };

static int take_told(void *arg, DfCocoRecord *r)
{
    Reader *const reader = arg;
    Slot *const slot = &reader->slots[0];
    if (reader->results->kind == KIND_UNKNOWN)
        reader->results->kind = df_coco_kind_of(r->has);
    int error = r->has & DF_COCO_IMAGE_ID ? find_image(slot, r, DF_COCO_IMAGE_ID) : DF_OK;
    if (error == DF_OK)
        error = take_detection(slot, r);
    if (error == DF_OK && slot->n == TOLD_PIECE) {
        error = join_piece(reader, 0, 0, 1);
        slot->n = slot->n_taken = slot->n_repeated = 0;
    }
    return error;
}

int df_coco_results_tell(DfCocoResults *results, const DfCocoTeller *teller)
{
    const size_t n_before = results->n;
    Reader *const reader = df_calloc(1, sizeof *reader);
    if (!reader)
        return df_fail_memory("the detections");
    Slot *const slot = &reader->slots[0];
    reader->results = results;
    slot->results = results;
    slot->place_before = DF_NO_ID;
    int error = df_coco_take_told(teller, DF_COCO_RESULTS, &slot->record, take_told, reader);
    if (error == DF_OK)
        error = join_piece(reader, 0, 0, 1);
    return finish_list(reader, n_before, error);
}
