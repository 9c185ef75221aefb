/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/read.c -- the annotation file, read as a stream: images and categories. Unknown keys are passed over; of a key given
 * twice the last holds.
 */
#include <string.h>

#include "eval/coco/builder.h"

/* Adds an id to a table whose entries carry a `listed` flag each. */
static int add_id(DfIds *ids, bool **listed, size_t *capacity, DfId id, bool now_listed, uint32_t *place)
{
    const size_t before = ids->n;
    if (!df_grow((void **)listed, capacity, ids->n, sizeof **listed))
        return df_fail_memory("ids");
    const int error = df_ids_add(ids, id, place);
    if (error < 0)
        return error;
    if (ids->n > before)
        (*listed)[*place] = false;
    (*listed)[*place] |= now_listed;
    return DF_OK;
}

/* ---- images and categories ---------------------------------------------------------------------------------------- */

int df_coco_add_image(CocoBuilder *b, DfId id, bool listed, uint32_t *place)
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

static int read_image(CocoBuilder *b, const CocoRecord *r)
{
    DfJsonValue v;
    DfJsonEvent event;
    DfId id = { 0, NULL };
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
    if (error < 0 || (error = df_coco_close(r, event)) < 0)
        return error;
    if (!given)
        return df_coco_fail(r, "has no id");
    uint32_t place;
    size.given = height && width;
    error = df_coco_add_image(b, id, true, &place);
    if (error < 0)
        return error;
    CocoSize *const known = &b->coco->sizes[place];
    if (b->drawn && known->given && (known->height != size.height || known->width != size.width))
        return df_coco_fail(r, "gives image %s another size, after the annotations", df_id_text(id));
    *known = size;
    return DF_OK;
}

static int keep_name(CocoBuilder *b, const char *name, const char **kept)
{
    *kept = df_arena_copy(b->coco->names, name, strlen(name));
    return *kept ? DF_OK : df_fail_memory("category names");
}

static int read_category(CocoBuilder *b, const CocoRecord *r)
{
    DfJsonValue v;
    DfJsonEvent event;
    DfId id = { 0, NULL };
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
                error = value == DF_JSON_ERROR ? df_json_error(r->json) : df_coco_fail(r, "name is not a string");
        } else {
            error = df_json_skip(r->json);
        }
    }
    if (error < 0 || (error = df_coco_close(r, event)) < 0)
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

/* The category table grows by annotations too, so its names do. */
int df_coco_add_category(CocoBuilder *b, DfId id, uint32_t *place)
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

/* ---- the file ----------------------------------------------------------------------------------------------------- */

typedef int ReadRecord(CocoBuilder *, const CocoRecord *);

static int read_list(CocoBuilder *b, DfJson *json, const char *key, const char *kind, ReadRecord *read)
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

static int read_top(CocoBuilder *b, DfJson *json)
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
            error = df_coco_read_annotations(b, json);
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
    CocoBuilder *b = df_calloc(1, sizeof *b);
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
    if (error == DF_OK)
        error = df_coco_finish_annotations(b);
    if (b) {
        df_coco_undrawn_done(&b->undrawn);
        df_ids_done(&b->annotation_ids);
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
    df_ids_done(&coco->images);
    df_ids_done(&coco->categories);
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
