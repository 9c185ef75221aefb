/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/coco_read.c -- the annotation file, read as a stream. Unknown keys are passed over; of a key given twice the last holds.
 * Fields that only some evaluation needs (bbox, area, iscrowd, segmentation) may be absent here: df_coco_evaluate() asks for them.
 * Annotations are read by all threads; ids are numbered when their pieces are joined, in the order of the file. Polygons are drawn as
 * they are read where the size of the image is known by then, as in all files that list images first.
 */
#include <stdatomic.h>
#include <string.h>

#include "eval/coco/coco_undrawn.h"

/* An annotation as it is read, its ids not yet numbered. */
typedef struct {
    CocoAnnotation fields; /* image: NO_ID if no list names it (so far) */
    CocoTruthMask mask;
    CocoId id, image, category;
    bool has_id, has_image, has_category;
} Draft;

/* Annotations of a piece of the file. */
typedef struct {
    Draft *drafts;
    size_t n, capacity;
    CocoBytes bytes;      /* of their masks */
    CocoUndrawn undrawn;
    CocoMaskRoom room;
    CocoCompareRoom drawing;
    DfArena *texts;       /* of ids; or NULL */
} Slot;

/* What is being built: growing arrays beside the finished ones. */
typedef struct {
    DfCoco *coco;
    atomic_size_t n_joined;    /* annotations so far, for messages */
    CocoIds annotation_ids;
    CocoIds unlisted;          /* images that annotations name and no list did before: numbered behind the others at the end */
    uint32_t *last;            /* by annotation id: its latest annotation */
    CocoUndrawn undrawn;
    bool drawn;                /* masks, in the sizes known so far */
    size_t last_capacity, annotations_capacity, masks_capacity, images_capacity, sizes_capacity, categories_capacity, names_capacity;
    Slot slots[DF_JSON_SLOTS];
} Builder;

static int end_of(const CocoRecord *r, DfJsonEvent event)
{
    return event == DF_JSON_CLOSE ? DF_OK : df_json_error(r->json);
}

/* Adds an id to a table whose entries carry a `listed` flag each. */
static int add_id(CocoIds *ids, bool **listed, size_t *capacity, CocoId id, bool now_listed, uint32_t *place)
{
    const size_t before = ids->n;
    if (!df_grow((void **)listed, capacity, ids->n, sizeof **listed))
        return df_fail_memory("ids");
    const int error = df_coco_ids_add(ids, id, place);
    if (error < 0)
        return error;
    if (ids->n > before)
        (*listed)[*place] = false;
    (*listed)[*place] |= now_listed;
    return DF_OK;
}

/* ---- images and categories ---------------------------------------------------------------------------------------- */

static int add_image(Builder *b, CocoId id, bool listed, uint32_t *place)
{
    DfCoco *coco = b->coco;
    const size_t before = coco->images.n;
    if (!df_grow((void **)&coco->sizes, &b->sizes_capacity, before, sizeof *coco->sizes))
        return df_fail_memory("ids");
    const int error = add_id(&coco->images, &coco->image_listed, &b->images_capacity, id, listed, place);
    if (error == DF_OK && coco->images.n > before)
        coco->sizes[*place] = (CocoSize){ 0, 0, false };
    return error;
}

/* Heights and widths that are none count as not given: masks ask for them. */
static int read_side(const CocoRecord *r, uint32_t *side, bool *given)
{
    DfJson *const json = r->json;
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(json, &v);
    *given = event == DF_JSON_NUMBER && v.is_integer && v.integer >= 0 && v.integer <= UINT32_MAX;
    *side = *given ? (uint32_t)v.integer : 0;
    if (event == DF_JSON_ARRAY || event == DF_JSON_OBJECT)
        return df_coco_fail(r, "height or width is not a number");
    return event == DF_JSON_ERROR ? df_json_error(json) : DF_OK;
}

static int read_image(Builder *b, const CocoRecord *r)
{
    DfJsonValue v;
    DfJsonEvent event;
    CocoId id = { 0, NULL };
    CocoSize size = { 0, 0, false };
    char text[256];
    bool given = false, height = false, width = false;
    int error = DF_OK;
    while (error == DF_OK && (event = df_json_next(r->json, &v)) == DF_JSON_KEY) {
        if (df_coco_key(&v, "id")) {
            error = df_coco_read_id(r, "id", &id, text);
            given = true;
        } else if (df_coco_key(&v, "height")) {
            error = read_side(r, &size.height, &height);
        } else if (df_coco_key(&v, "width")) {
            error = read_side(r, &size.width, &width);
        } else {
            error = df_json_skip(r->json);
        }
    }
    if (error < 0 || (error = end_of(r, event)) < 0)
        return error;
    if (!given)
        return df_coco_fail(r, "has no id");
    uint32_t place;
    size.given = height && width;
    error = add_image(b, id, true, &place);
    if (error < 0)
        return error;
    CocoSize *const known = &b->coco->sizes[place];
    if (b->drawn && known->given && (known->height != size.height || known->width != size.width))
        return df_coco_fail(r, "gives image %s another size, behind the annotations", df_coco_id_text(id));
    *known = size;
    return DF_OK;
}

static int keep_name(Builder *b, const char *name, const char **kept)
{
    *kept = df_arena_copy(b->coco->names, name, strlen(name));
    return *kept ? DF_OK : df_fail_memory("category names");
}

static int read_category(Builder *b, const CocoRecord *r)
{
    DfJsonValue v;
    DfJsonEvent event;
    CocoId id = { 0, NULL };
    char text[256];
    const char *name = NULL;
    bool given = false;
    int error = DF_OK;
    while (error == DF_OK && (event = df_json_next(r->json, &v)) == DF_JSON_KEY) {
        if (df_coco_key(&v, "id")) {
            error = df_coco_read_id(r, "id", &id, text);
            given = true;
        } else if (df_coco_key(&v, "name")) {
            const DfJsonEvent value = df_json_next(r->json, &v);
            if (value == DF_JSON_TEXT)
                error = keep_name(b, v.text, &name);
            else
                error = value == DF_JSON_ERROR ? df_json_error(r->json) : df_coco_fail(r, "name is not a text");
        } else {
            error = df_json_skip(r->json);
        }
    }
    if (error < 0 || (error = end_of(r, event)) < 0)
        return error;
    if (!given)
        return df_coco_fail(r, "has no id");
    DfCoco *coco = b->coco;
    uint32_t place;
    const size_t before = coco->categories.n;
    if (!df_grow((void **)&coco->category_names, &b->names_capacity, before, sizeof *coco->category_names))
        return df_fail_memory("category names");
    error = add_id(&coco->categories, &coco->category_listed, &b->categories_capacity, id, true, &place);
    if (error == DF_OK)
        coco->category_names[place] = name;
    return error;
}

/* ---- annotations -------------------------------------------------------------------------------------------------- */

static int read_id(const CocoRecord *r, Slot *slot, const char *key, CocoId *id)
{
    char text[256];
    const int error = df_coco_read_id(r, key, id, text);
    if (error < 0 || !id->text)
        return error;
    if (!slot->texts && !(slot->texts = df_arena_new()))
        return df_fail_memory("ids");
    id->text = df_arena_copy(slot->texts, text, strlen(text));
    return id->text ? DF_OK : df_fail_memory("ids");
}

static int read_annotation_field(const CocoRecord *r, const DfJsonValue *key, Slot *slot, Draft *d, CocoMask *mask)
{
    CocoAnnotation *f = &d->fields;
    bool given = true;
    int error;
    if (df_coco_key(key, "id")) {
        d->has_id = true;
        return read_id(r, slot, "id", &d->id);
    }
    if (df_coco_key(key, "image_id")) {
        d->has_image = true;
        return read_id(r, slot, "image_id", &d->image);
    }
    if (df_coco_key(key, "category_id")) {
        d->has_category = true;
        return read_id(r, slot, "category_id", &d->category);
    }
    if (df_coco_key(key, "area")) {
        f->has |= HAS_AREA;
        return df_coco_read_number(r, "area", &f->area);
    }
    if (df_coco_key(key, "iscrowd")) {
        f->has |= HAS_CROWD;
        return df_coco_read_flag(r, "iscrowd", &f->crowd);
    }
    if (mask && df_coco_key(key, "segmentation"))
        return df_coco_read_mask(r, &slot->room, mask, &given);
    if (!df_coco_key(key, "bbox"))
        return df_json_skip(r->json);
    error = df_coco_read_box(r, f->box, &given);
    f->has = (uint8_t)(given ? f->has | HAS_BOX : f->has & ~HAS_BOX);
    return error;
}

static int keep_mask(const DfCoco *coco, const CocoRecord *r, Slot *slot, Draft *d, const CocoMask *mask)
{
    const CocoSize *const size = d->fields.image == NO_ID ? NULL : &coco->sizes[d->fields.image];
    d->mask.form = mask->form;
    if (mask->form == MASK_POLYGONS && (!size || !size->given))
        return df_coco_put_aside(&slot->undrawn, &slot->room, slot->n - 1);
    if (mask->form == MASK_POLYGONS && !df_coco_drawable(size))
        return DF_OK; /* df_coco_evaluate() complains where it is needed */
    return df_coco_fail_in(r, df_coco_keep_truth(&slot->drawing, &slot->room, mask, size, &slot->bytes, &d->mask));
}

static int read_annotation(const CocoRecord *r, Slot *slot, const DfCoco *coco)
{
    DfJsonValue v;
    DfJsonEvent event;
    CocoMask mask = { 0 };
    int error = DF_OK;
    if (!df_grow((void **)&slot->drafts, &slot->capacity, slot->n, sizeof *slot->drafts))
        return df_fail_memory("the annotations");
    Draft *const d = &slot->drafts[slot->n++];
    *d = (Draft){ .fields = { .line = (uint32_t)df_json_line(r->json) } };
    while (error == DF_OK && (event = df_json_next(r->json, &v)) == DF_JSON_KEY)
        error = read_annotation_field(r, &v, slot, d, coco->with_masks ? &mask : NULL);
    if (error < 0 || (error = end_of(r, event)) < 0)
        return error;
    if (!d->has_id || !d->has_image || !d->has_category)
        return df_coco_fail(r, "has no %s", !d->has_id ? "id" : !d->has_image ? "image_id" : "category_id");
    d->fields.image = df_coco_ids_find(&coco->images, d->image);
    return coco->with_masks ? keep_mask(coco, r, slot, d, &mask) : DF_OK;
}

/* One piece of the list, on any thread. */
static int read_piece(void *arg, size_t i, DfJson *json)
{
    Builder *const b = arg;
    Slot *const slot = &b->slots[i];
    CocoRecord record = { json, "annotation", atomic_load(&b->n_joined) };
    DfJsonValue v;
    DfJsonEvent event;
    slot->n = 0;
    df_coco_bytes_done(&slot->bytes);
    df_coco_undrawn_done(&slot->undrawn);
    while ((event = df_json_next(json, &v)) == DF_JSON_OBJECT) {
        record.number++;
        const int error = read_annotation(&record, slot, b->coco);
        if (error < 0)
            return error;
    }
    record.number++;
    return event == DF_JSON_CLOSE ? DF_OK : event == DF_JSON_ERROR ? df_json_error(json) : df_coco_fail(&record, "is not an object");
}

/* The category table grows by annotations too, so its names do. */
static int add_category(Builder *b, CocoId id, uint32_t *place)
{
    DfCoco *coco = b->coco;
    if (!df_grow((void **)&coco->category_names, &b->names_capacity, coco->categories.n, sizeof *coco->category_names))
        return df_fail_memory("category names");
    const size_t before = coco->categories.n;
    const int error = add_id(&coco->categories, &coco->category_listed, &b->categories_capacity, id, false, place);
    if (error == DF_OK && coco->categories.n > before)
        coco->category_names[*place] = NULL;
    return error;
}

static int keep_annotation(Builder *b, const Draft *d)
{
    DfCoco *coco = b->coco;
    CocoAnnotation f = d->fields;
    const size_t n = coco->n_annotations;
    uint32_t id;
    int error;
    if (n >= NO_ID - 1 || !df_grow((void **)&coco->annotations, &b->annotations_capacity, n, sizeof f) ||
        (coco->with_masks && !df_grow((void **)&coco->masks, &b->masks_capacity, n, sizeof *coco->masks)) ||
        !df_grow((void **)&b->last, &b->last_capacity, b->annotation_ids.n, sizeof *b->last))
        return df_fail_memory("the annotations");
    if ((error = f.image == NO_ID ? df_coco_ids_add(&b->unlisted, d->image, &f.image) : DF_OK) < 0 ||
        (error = add_category(b, d->category, &f.category)) < 0 || (error = df_coco_ids_add(&b->annotation_ids, d->id, &id)) < 0)
        return error;
    if (d->fields.image == NO_ID)
        f.image += (uint32_t)coco->images.n;
    f.last = id;
    f.id_is_zero = !d->id.text && d->id.number == 0;
    b->last[id] = (uint32_t)n;
    coco->annotations[n] = f;
    if (coco->with_masks)
        coco->masks[n] = d->mask;
    coco->n_annotations++;
    return DF_OK;
}

/* As many as the first piece promises. If memory is short, they ask again when they come. */
static void expect(Builder *b, size_t n)
{
    DfCoco *const coco = b->coco;
    if (n > 0 && n < NO_ID && df_grow((void **)&coco->annotations, &b->annotations_capacity, n, sizeof *coco->annotations) &&
        df_grow((void **)&b->last, &b->last_capacity, n, sizeof *b->last) && df_coco_ids_reserve(&b->annotation_ids, n) && coco->with_masks)
        df_grow((void **)&coco->masks, &b->masks_capacity, n, sizeof *coco->masks);
}

static int join_piece(void *arg, size_t i, size_t lines_before, size_t pieces)
{
    Builder *const b = arg;
    Slot *const slot = &b->slots[i];
    if (b->coco->n_annotations == 0 && slot->n <= NO_ID / pieces)
        expect(b, slot->n * pieces);
    int error = df_coco_bytes_move(&b->coco->bytes, &slot->bytes);
    if (error == DF_OK)
        error = df_coco_undrawn_move(&b->undrawn, &slot->undrawn, b->coco->n_annotations);
    for (size_t k = 0; error == DF_OK && k < slot->n; k++) {
        slot->drafts[k].fields.line += (uint32_t)lines_before;
        error = keep_annotation(b, &slot->drafts[k]);
    }
    atomic_fetch_add(&b->n_joined, slot->n);
    return error;
}

static void slots_done(Builder *b)
{
    for (size_t i = 0; i < DF_JSON_SLOTS; i++) {
        df_free(b->slots[i].drafts);
        df_coco_bytes_done(&b->slots[i].bytes);
        df_coco_undrawn_done(&b->slots[i].undrawn);
        df_coco_mask_room_done(&b->slots[i].room);
        df_coco_compare_room_done(&b->slots[i].drawing);
        df_arena_free(b->slots[i].texts);
    }
}

static int number_unlisted(Builder *b)
{
    uint32_t place;
    int error = DF_OK;
    for (size_t i = 0; error == DF_OK && i < b->unlisted.n; i++)
        error = add_image(b, b->unlisted.ids[i], false, &place);
    df_coco_ids_done(&b->unlisted);
    return error;
}

static int read_annotations(Builder *b, DfJson *json)
{
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(json, &v);
    if (event != DF_JSON_ARRAY)
        return event == DF_JSON_ERROR ? df_json_error(json) : df_json_fail(json, DF_EFORMAT, "\"annotations\" is not an array");
    b->coco->n_annotations = 0;
    df_coco_undrawn_done(&b->undrawn);
    atomic_store(&b->n_joined, 0);
    b->drawn = b->coco->with_masks;
    const int error = df_json_records(json, b->coco->pool, &(DfJsonRecords){ b, read_piece, join_piece });
    return error < 0 ? error : number_unlisted(b);
}

/* ---- the file ----------------------------------------------------------------------------------------------------- */

typedef int ReadRecord(Builder *, const CocoRecord *);

static int read_list(Builder *b, DfJson *json, const char *key, const char *kind, ReadRecord *read)
{
    DfJsonValue v;
    DfJsonEvent event = df_json_next(json, &v);
    CocoRecord record = { json, kind, 0 };
    if (event != DF_JSON_ARRAY)
        return event == DF_JSON_ERROR ? df_json_error(json) : df_json_fail(json, DF_EFORMAT, "\"%s\" is not an array", key);
    while ((event = df_json_next(json, &v)) == DF_JSON_OBJECT) {
        record.number++;
        const int error = read(b, &record);
        if (error < 0)
            return error;
    }
    record.number++;
    return event == DF_JSON_CLOSE ? DF_OK : event == DF_JSON_ERROR ? df_json_error(json) : df_coco_fail(&record, "is not an object");
}

/* A list that is given again replaces the one before. */
static void forget(bool *listed, size_t n)
{
    for (size_t i = 0; i < n; i++)
        listed[i] = false;
}

static int read_top(Builder *b, DfJson *json)
{
    DfCoco *coco = b->coco;
    DfJsonValue v;
    DfJsonEvent event;
    bool images = false, categories = false;
    int error = DF_OK;
    event = df_json_next(json, &v);
    if (event != DF_JSON_OBJECT)
        return event == DF_JSON_ERROR ? df_json_error(json) : df_json_fail(json, DF_EFORMAT, "want a COCO annotation file: an object with images, annotations and categories");
    while (error == DF_OK && (event = df_json_next(json, &v)) == DF_JSON_KEY) {
        if (df_coco_key(&v, "images")) {
            forget(coco->image_listed, coco->images.n);
            images = true;
            error = read_list(b, json, "images", "image", read_image);
        } else if (df_coco_key(&v, "categories")) {
            forget(coco->category_listed, coco->categories.n);
            categories = true;
            error = read_list(b, json, "categories", "category", read_category);
        } else if (df_coco_key(&v, "annotations")) {
            error = read_annotations(b, json);
        } else {
            error = df_json_skip(json);
        }
    }
    if (error < 0)
        return error;
    if (event != DF_JSON_CLOSE || df_json_next(json, &v) != DF_JSON_END)
        return df_json_error(json);
    if (!images || !categories)
        return df_json_fail(json, DF_EFORMAT, "has no \"%s\", want a COCO annotation file", images ? "categories" : "images");
    return DF_OK;
}

int df_coco_read_with(DfCoco **out, DfJson *json, const DfCocoReading *how)
{
    *out = NULL;
    DfCoco *coco = df_calloc(1, sizeof *coco);
    Builder *b = df_calloc(1, sizeof *b);
    const size_t length = strlen(df_json_name(json)) + 1;
    int error = coco && b && (coco->names = df_arena_new()) && (coco->name = df_malloc(length)) ? DF_OK : df_fail_memory("the annotations");
    if (error == DF_OK) {
        memcpy(coco->name, df_json_name(json), length);
        coco->pool = how->pool;
        coco->with_masks = how->masks;
        coco->across_classes = how->across_classes;
        b->coco = coco;
        error = read_top(b, json);
    }
    for (size_t i = 0; error == DF_OK && i < coco->n_annotations; i++)
        coco->annotations[i].last = b->last[coco->annotations[i].last];
    if (error == DF_OK && coco->with_masks && (error = df_coco_draw_undrawn(coco, &b->undrawn)) == DF_OK)
        error = df_coco_file_by_image(coco);
    if (b) {
        slots_done(b);
        df_coco_undrawn_done(&b->undrawn);
        df_coco_ids_done(&b->annotation_ids);
        df_coco_ids_done(&b->unlisted);
        df_free(b->last);
        df_free(b);
    }
    if (error < 0) {
        df_coco_free(coco);
        return error;
    }
    *out = coco;
    return DF_OK;
}

int df_coco_read(DfCoco **out, DfJson *json)
{
    return df_coco_read_with(out, json, &(DfCocoReading){ NULL, false, false });
}

int df_coco_open_with(DfCoco **out, const char *path, const DfCocoReading *how)
{
    DfJson *json;
    *out = NULL;
    int error = df_json_open(&json, path);
    if (error < 0)
        return error;
    error = df_coco_read_with(out, json, how);
    df_json_close(json);
    return error;
}

int df_coco_open(DfCoco **out, const char *path)
{
    return df_coco_open_with(out, path, &(DfCocoReading){ NULL, false, false });
}

void df_coco_free(DfCoco *coco)
{
    if (!coco)
        return;
    df_coco_ids_done(&coco->images);
    df_coco_ids_done(&coco->categories);
    df_free(coco->image_listed);
    df_free(coco->category_listed);
    df_free(coco->category_names);
    df_arena_free(coco->names);
    df_free(coco->annotations);
    df_free(coco->masks);
    df_free(coco->sizes);
    df_free(coco->of_image);
    df_free(coco->of_image_start);
    df_coco_bytes_done(&coco->bytes);
    df_free(coco->name);
    df_free(coco);
}

static size_t count(const bool *listed, size_t n)
{
    size_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += listed[i];
    return sum;
}

size_t df_coco_images(const DfCoco *coco)
{
    return count(coco->image_listed, coco->images.n);
}

size_t df_coco_categories(const DfCoco *coco)
{
    return count(coco->category_listed, coco->categories.n);
}

size_t df_coco_annotations(const DfCoco *coco)
{
    return coco->n_annotations;
}
