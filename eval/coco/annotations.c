/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/annotations.c -- the annotations of the ground truth. Fields that only some evaluation needs (bbox,
 * area, iscrowd, segmentation) may be absent here: df_coco_evaluate() asks for them. They are read by all threads;
 * ids are numbered when their pieces are joined, in the order of the file. Polygons are drawn as they are read
 * where the size of the image is known by then, as in all files that list images first.
 */
#include <stdatomic.h>
#include <string.h>

#include "eval/coco/builder.h"

/* An annotation as it is read, its ids not yet numbered. */
typedef struct {
    CocoAnnotation fields; /* image: DF_NO_ID if no list names it (so far) */
    CocoTruthMask mask;
    CocoShape shape;
    DfId id, image, category;
} Draft;

/* Annotations of a piece of the file. */
typedef struct {
    const DfCoco *coco;
    Draft *drafts;
    size_t n, capacity;
    CocoBytes bytes;      /* of their masks, and of those of the pieces that were here before */
    CocoUndrawn undrawn;
    DfCocoRecord record;
    CocoCompareRoom drawing;
    DfArena *texts;       /* of ids; or NULL */
} Slot;

typedef struct {
    CocoBuilder *builder;
    atomic_size_t n_joined; /* annotations so far, for messages                            */
    DfIds unlisted;         /* images that annotations name and no list did before: they are
                               numbered behind the others at the end                        */
    Slot slots[DF_JSON_SLOTS];
} Reader;

/* ---- one annotation, on any thread ----------------------------------------------------------------------------- */

static int keep_id(Slot *slot, DfId from, DfId *to)
{
    *to = from;
    if (!from.text)
        return DF_OK;
    if (!slot->texts && !(slot->texts = df_arena_new()))
        return df_fail_memory("ids");
    to->text = df_arena_copy(slot->texts, from.text, strlen(from.text));
    return to->text ? DF_OK : df_fail_memory("ids");
}

static int keep_ids(Slot *slot, const DfCocoRecord *r, Draft *d)
{
    int error = keep_id(slot, r->id, &d->id);
    if (error == DF_OK)
        error = keep_id(slot, r->image_id, &d->image);
    return error == DF_OK ? keep_id(slot, r->category_id, &d->category) : error;
}

static int keep_mask(Slot *slot, const DfCocoRecord *r, Draft *d)
{
    const CocoSize *const size = d->fields.image == DF_NO_ID ? NULL : &slot->coco->sizes[d->fields.image];
    const CocoMask mask = df_coco_mask(&r->segmentation);
    d->mask.form = (uint8_t)mask.form;
    if (mask.form == DF_MASK_POLYGONS && (!size || !size->given))
        return df_coco_put_aside(&slot->undrawn, &r->segmentation, slot->n - 1);
    if (mask.form == DF_MASK_POLYGONS && !df_coco_drawable(size))
        return DF_OK; /* df_coco_evaluate() complains where it is needed */
    return df_coco_fail_in(r, df_coco_keep_truth(slot->coco->boundary_ratio, &slot->drawing, &r->segmentation, &mask,
                                                 size, &slot->bytes, &d->mask));
}

static uint8_t what_it_has(const DfCocoRecord *r)
{
    const int box = r->has & DF_COCO_BBOX ? HAS_BOX : 0;
    const int area = r->has & DF_COCO_AREA ? HAS_AREA : 0;
    const int crowd = r->has & DF_COCO_ISCROWD ? HAS_CROWD : 0;
    const int keypoints = r->has & DF_COCO_NUM_POINTS ? HAS_NUM_KEYPOINTS : 0;
    return (uint8_t)(box | area | crowd | keypoints);
}

static int take_annotation(void *arg, DfCocoRecord *r)
{
    Slot *const slot = arg;
    if (!(r->has & DF_COCO_ID))
        return df_coco_record_fail(r, "has no id");
    if (!(r->has & DF_COCO_IMAGE_ID))
        return df_coco_record_fail(r, "has no image_id");
    if (!(r->has & DF_COCO_CATEGORY_ID))
        return df_coco_record_fail(r, "has no category_id");
    if (!df_grow((void **)&slot->drafts, &slot->capacity, slot->n, sizeof *slot->drafts))
        return df_fail_memory("the annotations");
    Draft *const d = &slot->drafts[slot->n++];
    *d = (Draft){ 0 };
    memcpy(d->fields.box, r->box, sizeof r->box);
    d->fields.area = r->area;
    d->fields.crowd = r->iscrowd && !slot->coco->federated; /* LVIS has none */
    d->fields.ignore = r->ignore;
    d->fields.no_keypoints = (r->has & DF_COCO_NUM_POINTS) && r->num_keypoints == 0;
    d->fields.has = what_it_has(r);
    d->fields.line = (uint32_t)r->line;
    d->fields.image = df_ids_find(&slot->coco->images, r->image_id);
    int error = keep_ids(slot, r, d);
    if (error == DF_OK && slot->coco->with_masks)
        error = keep_mask(slot, r, d);
    if (error == DF_OK && df_coco_has_shapes(slot->coco))
        error = df_coco_keep_shape(slot->coco, r, &slot->bytes, &d->shape);
    return error;
}

/* One piece of the list, on any thread. */
static int read_piece(void *arg, size_t i, DfJson *json)
{
    Reader *const reader = arg;
    Slot *const slot = &reader->slots[i];
    DfCocoSink sink = { .arg = slot, .record = take_annotation, .problem = df_coco_allow_empty };
    sink.wanted = DF_COCO_ID | DF_COCO_IMAGE_ID | DF_COCO_CATEGORY_ID | DF_COCO_BBOX | DF_COCO_AREA | DF_COCO_ISCROWD;
    slot->coco = reader->builder->coco;
    if (slot->coco->with_masks)
        sink.wanted |= DF_COCO_SEGMENTATION;
    if (slot->coco->with_keypoints)
        sink.wanted |= DF_COCO_POINTS | DF_COCO_NUM_POINTS;
    if (slot->coco->with_oriented)
        sink.wanted |= DF_COCO_OBB;
    if (slot->coco->federated || slot->coco->boundary_ratio > 0)
        sink.wanted |= DF_COCO_IGNORE;
    slot->n = 0;
    df_coco_undrawn_done(&slot->undrawn);
    return df_coco_stream_records(json, DF_COCO_ANNOTATIONS, atomic_load(&reader->n_joined), &slot->record, &sink);
}

/* ---- all of them, in order ------------------------------------------------------------------------------------- */

/* Room for annotation n, and for what is kept of its id. */
static bool make_room(CocoBuilder *b, size_t n, size_t n_ids)
{
    DfCoco *const coco = b->coco;
    if (coco->with_masks && !df_grow((void **)&coco->masks, &b->masks_capacity, n, sizeof *coco->masks))
        return false;
    if (df_coco_has_shapes(coco) && !df_grow((void **)&coco->shapes, &b->shapes_capacity, n, sizeof *coco->shapes))
        return false;
    return n < DF_NO_ID - 1 &&
           df_grow((void **)&coco->annotations, &b->annotations_capacity, n, sizeof *coco->annotations) &&
           df_grow((void **)&b->last, &b->last_capacity, n_ids, sizeof *b->last);
}

static int keep_annotation(Reader *reader, const Draft *d)
{
    CocoBuilder *const b = reader->builder;
    DfCoco *const coco = b->coco;
    const size_t n = coco->n_annotations;
    CocoAnnotation f = d->fields;
    uint32_t id;
    int error = make_room(b, n, b->annotation_ids.n) ? DF_OK : df_fail_memory("the annotations");
    if (error == DF_OK && f.image == DF_NO_ID) {
        error = df_ids_add(&reader->unlisted, d->image, &f.image);
        f.image += (uint32_t)coco->images.n;
    }
    if (error == DF_OK)
        error = df_coco_add_category(b, d->category, &f.category);
    if (error == DF_OK)
        error = df_ids_add(&b->annotation_ids, d->id, &id);
    if (error < 0)
        return error;
    f.last = id;
    f.id_is_zero = !d->id.text && d->id.number == 0;
    b->last[id] = (uint32_t)n;
    coco->annotations[n] = f;
    if (coco->with_masks)
        coco->masks[n] = d->mask;
    if (df_coco_has_shapes(coco))
        coco->shapes[n] = d->shape;
    coco->n_annotations++;
    return DF_OK;
}

/* As many as the first piece promises. If memory is short, they ask again when they come. */
static void expect(CocoBuilder *b, size_t n)
{
    if (n > 0 && n < DF_NO_ID && make_room(b, n, n))
        df_ids_reserve(&b->annotation_ids, n);
}

static int join_piece(void *arg, size_t i, size_t lines_before, size_t pieces)
{
    Reader *const reader = arg;
    CocoBuilder *const b = reader->builder;
    Slot *const slot = &reader->slots[i];
    if (b->coco->n_annotations == 0 && slot->n <= DF_NO_ID / pieces)
        expect(b, slot->n * pieces);
    int error = df_coco_undrawn_move(&b->undrawn, &slot->undrawn, b->coco->n_annotations);
    for (size_t k = 0; error == DF_OK && k < slot->n; k++) {
        slot->drafts[k].fields.line += (uint32_t)lines_before;
        error = keep_annotation(reader, &slot->drafts[k]);
    }
    atomic_fetch_add(&reader->n_joined, slot->n);
    return error;
}

static void reader_done(Reader *reader)
{
    for (size_t i = 0; i < DF_JSON_SLOTS; i++) {
        Slot *const slot = &reader->slots[i];
        df_free(slot->drafts);
        df_coco_bytes_done(&slot->bytes);
        df_coco_undrawn_done(&slot->undrawn);
        df_coco_record_done(&slot->record);
        df_coco_compare_room_done(&slot->drawing);
        df_arena_free(slot->texts);
    }
    df_ids_done(&reader->unlisted);
    df_free(reader);
}

static int number_unlisted(CocoBuilder *b, const DfIds *unlisted)
{
    uint32_t place;
    int error = DF_OK;
    for (size_t i = 0; error == DF_OK && i < unlisted->n; i++)
        error = df_coco_add_image(b, unlisted->ids[i], false, &place);
    return error;
}

/* A list begins. */
static Reader *reader_new(CocoBuilder *b)
{
    Reader *const reader = df_calloc(1, sizeof *reader);
    if (!reader)
        return NULL;
    reader->builder = b;
    b->coco->n_annotations = 0;
    b->drawn = b->coco->with_masks;
    df_coco_undrawn_done(&b->undrawn);
    return reader;
}

/* And ends. */
static int finish_list(Reader *reader, int error)
{
    CocoBuilder *const b = reader->builder;
    if (error == DF_OK)
        error = number_unlisted(b, &reader->unlisted);
    for (size_t i = 0; error == DF_OK && i < DF_JSON_SLOTS; i++)
        error = df_coco_bytes_move(&b->coco->bytes, &reader->slots[i].bytes);
    reader_done(reader);
    return error;
}

int df_coco_read_annotations(CocoBuilder *b, DfJson *json)
{
    Reader *const reader = reader_new(b);
    if (!reader)
        return df_fail_memory("the annotations");
    const DfJsonRecords records = { reader, read_piece, join_piece };
    return finish_list(reader, df_json_records(json, b->coco->pool, &records));
}

/* ---- from memory ------------------------------------------------------------------------------------------------- */

enum { TOLD_PIECE = 4096 };

static int take_told(void *arg, DfCocoRecord *r)
{
    Reader *const reader = arg;
    Slot *const slot = &reader->slots[0];
    int error = take_annotation(slot, r);
    if (error == DF_OK && slot->n == TOLD_PIECE) {
        error = join_piece(reader, 0, 0, 1);
        slot->n = 0;
        df_coco_undrawn_done(&slot->undrawn);
    }
    return error;
}

int df_coco_told_annotations(CocoBuilder *b, const DfCocoTeller *teller)
{
    Reader *const reader = reader_new(b);
    if (!reader)
        return df_fail_memory("the annotations");
    Slot *const slot = &reader->slots[0];
    slot->coco = b->coco;
    int error = df_coco_take_told(teller, DF_COCO_ANNOTATIONS, &slot->record, take_told, reader);
    if (error == DF_OK)
        error = join_piece(reader, 0, 0, 1);
    return finish_list(reader, error);
}

int df_coco_finish_annotations(CocoBuilder *b)
{
    DfCoco *const coco = b->coco;
    for (size_t i = 0; i < coco->n_annotations; i++)
        coco->annotations[i].last = b->last[coco->annotations[i].last];
    const int error = coco->with_masks ? df_coco_draw_undrawn(coco, &b->undrawn) : DF_OK;
    return error == DF_OK && coco->with_masks ? df_coco_file_by_image(coco) : error;
}
