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
        df_free(results->blocks[i].shapes);
    }
    df_free(results->blocks);
    df_free(results->shard_of);
    df_coco_bytes_done(&results->bytes);
    df_coco_segmentation_done(&results->given);
    df_coco_compare_room_done(&results->compare_room);
    df_free(results);
}

size_t df_coco_results_count(const DfCocoResults *results)
{
    return results->n;
}

DfCocoRepeats df_coco_results_repeats(const DfCocoResults *results)
{
    return results->repeats;
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
    const bool shapes = df_coco_has_shapes(results->gt);
    CocoBlock *const block = &results->blocks[results->n_blocks++];
    *block = (CocoBlock){ df_malloc(DETECTIONS_BLOCK * sizeof *block->detections),
                          keeps_masks(results) ? df_malloc(DETECTIONS_BLOCK * sizeof *block->masks) : NULL,
                          shapes ? df_malloc(DETECTIONS_BLOCK * sizeof *block->shapes) : NULL };
    const bool room = block->detections && (block->masks || !keeps_masks(results)) && (block->shapes || !shapes);
    return room ? DF_OK : df_fail_memory("the detections");
}

static int keep(DfCocoResults *results, const CocoDetection *detections, const CocoCompared *masks,
                const CocoShape *shapes, size_t n)
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
        if (df_coco_has_shapes(results->gt)) {
            memcpy(df_coco_shape(results, results->n), shapes, some * sizeof *shapes);
            shapes += some;
        }
    }
    return DF_OK;
}

/* ---- from memory ----------------------------------------------------------------------------------------------- */

static int take_mask(DfCocoResults *results, const DfMask *from, CocoMask *to)
{
    DfRunList *const runs = &results->given.runs;
    const DfRunFacts facts = df_runs_facts(from->runs, from->n, from->height, from->width);
    *to = (CocoMask){ .form = DF_MASK_RUNS, .height = from->height, .width = from->width };
    to->area = facts.area;
    to->plain = facts.plain;
    memcpy(to->box, facts.box, sizeof to->box);
    if (!df_runs_grow(runs, from->n))
        return df_fail_memory("masks");
    if (from->n)
        memcpy(runs->at, from->runs, from->n * sizeof *runs->at);
    runs->n = from->n;
    return DF_OK;
}

static int add(DfCocoResults *results, int64_t image_id, size_t n, const DfMask *masks, const double (*boxes)[4],
               const double *scores, const int64_t *category_ids)
{
    const DfCoco *gt = results->gt;
    const uint32_t image = df_ids_find(&gt->images, (DfId){ image_id, NULL });
    if (image == DF_NO_ID || !gt->image_listed[image])
        return df_fail(DF_EVALUE, "image_id %" PRId64 " is not an image of %s", image_id, gt->name);
    if (n > 0 && results->kind == KIND_UNKNOWN)
        results->kind = boxes ? KIND_BOX : KIND_MASK;
    if (n > 0 && (boxes ? KIND_BOX : KIND_MASK) != results->kind)
        return df_fail(DF_EVALUE, "some detections have a box and others do not: want either in one evaluation");
    results->some_drawn |= n > 0 && !masks;
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
            error = df_coco_compare(gt, &results->compare_room, &results->given, &mask, &d, &results->bytes,
                                    &compared);
        if (error == DF_OK)
            error = keep(results, &d, &compared, &(CocoShape){ 0 }, 1);
    }
    return error;
}

int df_coco_results_add(DfCocoResults *results, int64_t image_id, size_t n, const double (*boxes)[4],
                        const double *scores, const int64_t *category_ids)
{
    return add(results, image_id, n, NULL, boxes, scores, category_ids);
}

int df_coco_results_add_masks(DfCocoResults *results, int64_t image_id, size_t n, const DfMask *masks,
                              const double (*boxes)[4], const double *scores, const int64_t *category_ids)
{
    return add(results, image_id, n, masks, boxes, scores, category_ids);
}

/* ---- the file -------------------------------------------------------------------------------------------------- */

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

/* ---- shards ---------------------------------------------------------------------------------------------------- */

#define REPEATED 0x80000000u /* beside the number of the file: a later file has the image too */

/* Does an earlier file have the image? That never changes while a file is read. */
static bool belongs_elsewhere(const DfCocoResults *results, uint32_t image)
{
    if (!results->shard_of)
        return false;
    const unsigned shard = atomic_load(&results->shard_of[image]) & ~REPEATED;
    return shard != 0 && shard != results->n_files;
}

/* A piece of the file is joined: images that no file had are this one's. */
static void note_shard(DfCocoResults *results, const Slot *slot)
{
    results->repeats.detections += slot->n_taken - slot->n;
    if (!results->shard_of)
        return;
    for (size_t i = 0; i < slot->n; i++) {
        unsigned none = 0;
        atomic_compare_exchange_strong(&results->shard_of[slot->detections[i].image], &none, results->n_files);
    }
    for (size_t i = 0; i < slot->n_repeated; i++)
        atomic_fetch_or(&results->shard_of[slot->repeated_images[i]], REPEATED);
}

/* A file begins. Of the first one nothing is noted until there is a second. */
static int begin_shard(DfCocoResults *results)
{
    if (++results->n_files < 2 || results->shard_of)
        return DF_OK;
    if (!(results->shard_of = df_calloc(results->gt->images.n + 1, sizeof *results->shard_of)))
        return df_fail_memory("the images of several files");
    for (size_t i = 0; i < results->n; i++)
        atomic_init(&results->shard_of[df_coco_detection(results, i)->image], 1);
    return DF_OK;
}

static void end_shard(DfCocoResults *results)
{
    size_t images = 0;
    for (size_t i = 0; results->shard_of && i < results->gt->images.n; i++)
        images += (atomic_load(&results->shard_of[i]) & REPEATED) != 0;
    results->repeats.images = images;
}

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
    slot->repeated = belongs_elsewhere(slot->results, slot->image);
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
    if (error == DF_OK && keeps_masks(slot->results))
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
    if (keeps_masks(reader->results))
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
    atomic_fetch_add(&reader->number, slot->n_taken);
    note_shard(results, slot);
    results->some_drawn |= slot->some_drawn;
    int error = renumber_categories(results, slot);
    if (error == DF_OK)
        error = keep(results, slot->detections, slot->masks, slot->shapes, slot->n);
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

/* ---- boxes, masks or keypoints? -------------------------------------------------------------------------------- */

/* The first "bbox" that is neither null nor empty tells; without one a segmentation, and without both other fields. */
typedef struct {
    unsigned met;
} Kinds;

static int met_field(void *arg, DfCocoRecord *r, unsigned field)
{
    Kinds *const kinds = arg;
    (void)r;
    kinds->met |= field;
    return field == DF_COCO_BBOX ? DF_COCO_ENOUGH : DF_OK;
}

/* What is wrong with a value is found, and said, when it is read. */
static int met_other(void *arg, DfCocoRecord *r, const DfCocoProblem *p)
{
    const bool box = p->inside || p->count > 0 || p->met == DF_JSON_OBJECT;
    if (p->field != DF_COCO_BBOX)
        return met_field(arg, r, p->field);
    return box ? met_field(arg, r, DF_COCO_BBOX) : DF_OK;
}

static int met_end(void *arg, DfCocoRecord *r)
{
    (void)arg;
    (void)r;
    return DF_COCO_ENOUGH;
}

static CocoKind kind_of(unsigned met)
{
    if (met & DF_COCO_BBOX)
        return KIND_BOX;
    if (met & DF_COCO_SEGMENTATION)
        return KIND_MASK;
    if (met & DF_COCO_POINTS)
        return KIND_KEYPOINTS;
    return met & DF_COCO_OBB ? KIND_ORIENTED : KIND_MASK;
}

/* Looks ahead at the first detection. */
static int find_kind(DfCocoResults *results, const DfJson *at)
{
    Kinds kinds = { 0 };
    DfCocoRecord first = { 0 };
    DfCocoSink sink = { .arg = &kinds };
    sink.wanted = sink.watched = DF_COCO_BBOX | DF_COCO_SEGMENTATION | DF_COCO_POINTS | DF_COCO_OBB;
    sink.field = met_field;
    sink.problem = met_other;
    sink.record = met_end;
    DfJson *json;
    const int error = df_json_fork(&json, at);
    if (error < 0)
        return error;
    df_coco_stream_records(json, DF_COCO_RESULTS, 0, &first, &sink);
    if (first.line > 0) /* there is a record */
        results->kind = kind_of(kinds.met | (first.has & sink.wanted));
    df_coco_record_done(&first);
    df_json_close(json);
    return DF_OK;
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
    int error = results->kind == KIND_UNKNOWN ? find_kind(results, json) : DF_OK;
    if (error < 0)
        return error;
    Reader *const reader = df_calloc(1, sizeof *reader);
    if (!reader)
        return df_fail_memory("the detections");
    (void)list;
    reader->results = results;
    const DfJsonRecords records = { reader, read_piece, join_piece };
    error = begin_shard(results);
    if (error == DF_OK)
        error = df_json_records(json, results->gt->pool, &records);
    error = finish_list(reader, n_before, error);
    end_shard(results);
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
        reader->results->kind = kind_of(r->has);
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
