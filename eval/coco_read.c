/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco_read.c -- the annotation file, read as a stream. Unknown keys are passed over; of a key given twice the last holds.
 * Fields that only some evaluation needs (bbox, area, iscrowd) may be absent here: df_coco_evaluate() asks for them.
 */
#include <string.h>

#include "eval/coco_data.h"

/* What is being built: growing arrays beside the finished ones. */
typedef struct {
    DfCoco *coco;
    CocoIds annotation_ids;
    uint32_t *last;            /* by annotation id: its latest annotation */
    size_t last_capacity, annotations_capacity, images_capacity, categories_capacity, names_capacity;
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

static int read_image(Builder *b, const CocoRecord *r)
{
    DfJsonValue v;
    DfJsonEvent event;
    CocoId id = { 0, NULL };
    char text[256];
    bool given = false;
    int error = DF_OK;
    while (error == DF_OK && (event = df_json_next(r->json, &v)) == DF_JSON_KEY) {
        if (strcmp(v.text, "id") == 0) {
            error = df_coco_read_id(r, "id", &id, text);
            given = true;
        } else {
            error = df_json_skip(r->json);
        }
    }
    if (error < 0 || (error = end_of(r, event)) < 0)
        return error;
    if (!given)
        return df_coco_fail(r, "has no id");
    uint32_t place;
    return add_id(&b->coco->images, &b->coco->image_listed, &b->images_capacity, id, true, &place);
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
        if (strcmp(v.text, "id") == 0) {
            error = df_coco_read_id(r, "id", &id, text);
            given = true;
        } else if (strcmp(v.text, "name") == 0) {
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

typedef struct {
    CocoAnnotation fields;
    CocoId id, image, category;
    char id_text[256], image_text[256], category_text[256];
    bool has_id, has_image, has_category;
} Draft;

static int read_annotation_field(const CocoRecord *r, const char *key, Draft *d)
{
    CocoAnnotation *f = &d->fields;
    bool given = true;
    int error;
    if (strcmp(key, "id") == 0) {
        d->has_id = true;
        return df_coco_read_id(r, "id", &d->id, d->id_text);
    }
    if (strcmp(key, "image_id") == 0) {
        d->has_image = true;
        return df_coco_read_id(r, "image_id", &d->image, d->image_text);
    }
    if (strcmp(key, "category_id") == 0) {
        d->has_category = true;
        return df_coco_read_id(r, "category_id", &d->category, d->category_text);
    }
    if (strcmp(key, "area") == 0) {
        f->has |= HAS_AREA;
        return df_coco_read_number(r, "area", &f->area);
    }
    if (strcmp(key, "iscrowd") == 0) {
        f->has |= HAS_CROWD;
        return df_coco_read_flag(r, "iscrowd", &f->crowd);
    }
    if (strcmp(key, "bbox") != 0)
        return df_json_skip(r->json);
    error = df_coco_read_box(r, f->box, &given);
    f->has = (uint8_t)(given ? f->has | HAS_BOX : f->has & ~HAS_BOX);
    return error;
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

static int keep_annotation(Builder *b, Draft *d)
{
    DfCoco *coco = b->coco;
    CocoAnnotation *f = &d->fields;
    uint32_t id;
    int error;
    if (coco->n_annotations >= NO_ID - 1 || !df_grow((void **)&coco->annotations, &b->annotations_capacity, coco->n_annotations, sizeof *f))
        return df_fail_memory("the annotations");
    if (!df_grow((void **)&b->last, &b->last_capacity, b->annotation_ids.n, sizeof *b->last))
        return df_fail_memory("the annotations");
    if ((error = add_id(&coco->images, &coco->image_listed, &b->images_capacity, d->image, false, &f->image)) < 0 ||
        (error = add_category(b, d->category, &f->category)) < 0 || (error = df_coco_ids_add(&b->annotation_ids, d->id, &id)) < 0)
        return error;
    f->last = id;
    f->id_is_zero = !d->id.text && d->id.number == 0;
    b->last[id] = (uint32_t)coco->n_annotations;
    coco->annotations[coco->n_annotations++] = *f;
    return DF_OK;
}

static int read_annotation(Builder *b, const CocoRecord *r)
{
    DfJsonValue v;
    DfJsonEvent event;
    Draft d;
    int error = DF_OK;
    d.fields = (CocoAnnotation){ .line = (uint32_t)df_json_line(r->json) };
    d.has_id = d.has_image = d.has_category = false;
    while (error == DF_OK && (event = df_json_next(r->json, &v)) == DF_JSON_KEY) {
        char key[16] = "";
        if (v.length < sizeof key)
            memcpy(key, v.text, v.length + 1);
        error = read_annotation_field(r, key, &d);
    }
    if (error < 0 || (error = end_of(r, event)) < 0)
        return error;
    if (!d.has_id || !d.has_image || !d.has_category)
        return df_coco_fail(r, "has no %s", !d.has_id ? "id" : !d.has_image ? "image_id" : "category_id");
    return keep_annotation(b, &d);
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
        if (strcmp(v.text, "images") == 0) {
            forget(coco->image_listed, coco->images.n);
            images = true;
            error = read_list(b, json, "images", "image", read_image);
        } else if (strcmp(v.text, "categories") == 0) {
            forget(coco->category_listed, coco->categories.n);
            categories = true;
            error = read_list(b, json, "categories", "category", read_category);
        } else if (strcmp(v.text, "annotations") == 0) {
            coco->n_annotations = 0;
            error = read_list(b, json, "annotations", "annotation", read_annotation);
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

int df_coco_read(DfCoco **out, DfJson *json)
{
    *out = NULL;
    DfCoco *coco = df_calloc(1, sizeof *coco);
    if (!coco)
        return df_fail_memory("the annotations");
    Builder b = { .coco = coco };
    const size_t length = strlen(df_json_name(json)) + 1;
    coco->names = df_arena_new();
    coco->name = df_malloc(length);
    int error = coco->names && coco->name ? DF_OK : df_fail_memory("the annotations");
    if (error == DF_OK) {
        memcpy(coco->name, df_json_name(json), length);
        error = read_top(&b, json);
    }
    for (size_t i = 0; error == DF_OK && i < coco->n_annotations; i++)
        coco->annotations[i].last = b.last[coco->annotations[i].last];
    df_coco_ids_done(&b.annotation_ids);
    df_free(b.last);
    if (error < 0) {
        df_coco_free(coco);
        return error;
    }
    *out = coco;
    return DF_OK;
}

int df_coco_open(DfCoco **out, const char *path)
{
    DfJson *json;
    *out = NULL;
    int error = df_json_open(&json, path);
    if (error < 0)
        return error;
    error = df_coco_read(out, json);
    df_json_close(json);
    return error;
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
