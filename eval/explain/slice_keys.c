/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/explain/slice_keys.c -- reads any keys of the image records: text, numbers, true and false, lists of them, and
 * members of nested objects ("camera.id").
 *
 * Two readers go through the file in step: one reads records, for the id of each, and one looks for the keys.
 */
#include "eval/explain/slice_keys.h"

#include <stdio.h>
#include <string.h>

#include "annotations/annotations.h"

enum { PATH_ROOM = 256, SHOWN_ROOM = 400 };

typedef struct {
    KeyValues *out;
    const CocoView *view;
    const char *const *keys;
    size_t n_keys;
    bool *met;              /* [n_keys]                       */
    DfJson *keys_reader;
    char seen[SHOWN_ROOM];  /* keys of the first record       */
    size_t records;
} Reading;

/* ---- values ------------------------------------------------------------------------------------------------------ */

static int add(Reading *r, size_t key, uint32_t image, DfJsonEvent event, const DfJsonValue *v)
{
    KeyValues *k = r->out;
    KeyValue value = { .key = (uint32_t)key, .image = image };
    if (event == DF_JSON_TEXT)
        value.text = df_arena_copy(k->arena, v->text, strlen(v->text));
    else if (event == DF_JSON_TRUE || event == DF_JSON_FALSE)
        value.text = event == DF_JSON_TRUE ? "true" : "false";
    else if (event == DF_JSON_NUMBER)
        value = (KeyValue){ (uint32_t)key, image, true, v->number, df_arena_text(k->arena, "%.6g", v->number) };
    else
        return DF_OK;
    if (!value.text || !df_grow((void **)&k->at, &k->capacity, k->n, sizeof *k->at))
        return df_fail_memory("slices");
    r->met[key] = true;
    k->at[k->n++] = value;
    return DF_OK;
}

/* To the end of the list or object whose beginning was met. */
static int pass_over(DfJson *json)
{
    DfJsonValue v;
    for (int depth = 1; depth > 0;) {
        const DfJsonEvent event = df_json_next(json, &v);
        if (event == DF_JSON_ERROR)
            return df_json_error(json);
        depth += event == DF_JSON_ARRAY || event == DF_JSON_OBJECT;
        depth -= event == DF_JSON_CLOSE;
    }
    return DF_OK;
}

static int take_list(Reading *r, size_t key, uint32_t image)
{
    DfJsonValue v;
    int error = DF_OK;
    for (DfJsonEvent event; error == DF_OK && (event = df_json_next(r->keys_reader, &v)) != DF_JSON_CLOSE;) {
        if (event == DF_JSON_ERROR)
            return df_json_error(r->keys_reader);
        if (event == DF_JSON_ARRAY || event == DF_JSON_OBJECT)
            error = pass_over(r->keys_reader);
        else
            error = add(r, key, image, event, &v);
    }
    return error;
}

/* ---- one record -------------------------------------------------------------------------------------------------- */

/* Where the reader is inside of a record: the key, with those of the objects around it. */
typedef struct {
    char path[PATH_ROOM];
    size_t length[DF_JSON_DEPTH]; /* of the path outside of each level */
    int depth;
} Place;

static void enter_key(Place *p, const char *key)
{
    const size_t at = p->length[p->depth];
    snprintf(p->path + at, PATH_ROOM - at, "%s%s", at ? "." : "", key);
}

/* SIZE_MAX: it is none of the wanted ones. `around`: one of them lies inside of it. */
static size_t wanted_key(const Reading *r, const char *path, bool *around)
{
    const size_t length = strlen(path);
    size_t found = SIZE_MAX;
    *around = false;
    for (size_t k = 0; k < r->n_keys; k++) {
        if (strcmp(r->keys[k], path) == 0)
            found = k;
        *around |= strncmp(r->keys[k], path, length) == 0 && r->keys[k][length] == '.';
    }
    return found;
}

static void note_key(Reading *r, const Place *p)
{
    const size_t n = strlen(r->seen);
    if (r->records == 1 && p->depth == 0 && n + strlen(p->path) + 3 < SHOWN_ROOM)
        snprintf(r->seen + n, SHOWN_ROOM - n, "%s%s", n ? ", " : "", p->path);
}

/* The value behind a key. */
static int take_value(Reading *r, Place *p, uint32_t image)
{
    DfJsonValue v;
    bool around;
    const size_t key = wanted_key(r, p->path, &around);
    if (key == SIZE_MAX && !around)
        return df_json_skip(r->keys_reader);
    const DfJsonEvent event = df_json_next(r->keys_reader, &v);
    if (event == DF_JSON_ERROR)
        return df_json_error(r->keys_reader);
    if (event == DF_JSON_OBJECT && around && p->depth + 1 < DF_JSON_DEPTH) {
        p->length[++p->depth] = strlen(p->path);
        return DF_OK;
    }
    if (event == DF_JSON_OBJECT || (event == DF_JSON_ARRAY && key == SIZE_MAX))
        return pass_over(r->keys_reader);
    if (event == DF_JSON_ARRAY)
        return take_list(r, key, image);
    return key == SIZE_MAX ? DF_OK : add(r, key, image, event, &v);
}

/* From the '{' to the '}'. */
static int read_keys(Reading *r, uint32_t image)
{
    Place place = { .depth = 0 };
    DfJsonValue v;
    int error = DF_OK;
    if (df_json_next(r->keys_reader, &v) != DF_JSON_OBJECT)
        return df_json_fail(r->keys_reader, DF_EFORMAT, "want an image record");
    while (error == DF_OK && place.depth >= 0) {
        const DfJsonEvent event = df_json_next(r->keys_reader, &v);
        if (event == DF_JSON_ERROR)
            return df_json_error(r->keys_reader);
        if (event == DF_JSON_CLOSE) {
            place.depth--;
            continue;
        }
        enter_key(&place, v.text);
        note_key(r, &place);
        error = take_value(r, &place, image);
    }
    return error;
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

static int take_record(void *arg, DfCocoRecord *record)
{
    Reading *r = arg;
    const uint32_t image = df_view_find_image(r->view, record->id);
    r->records++;
    const size_t before = r->out->n;
    const int error = read_keys(r, image);
    if (image == VIEW_NONE)
        r->out->n = before;
    return error;
}

static int read_list(void *arg, DfCocoList list, DfJson *json)
{
    Reading *r = arg;
    DfCocoRecord record = { 0 };
    DfCocoSink sink = { .arg = arg };
    int error = DF_OK;
    if (list == DF_COCO_IMAGES) {
        sink.wanted = DF_COCO_ID;
        sink.record = take_record;
        error = df_json_fork(&r->keys_reader, json);
    }
    if (error == DF_OK)
        error = df_coco_stream_records(json, list, 0, &record, &sink);
    df_coco_record_done(&record);
    if (r->keys_reader)
        df_json_close(r->keys_reader);
    r->keys_reader = NULL;
    return error;
}

int df_key_values(KeyValues *out, const CocoView *view, const char *const *keys, size_t n_keys, DfJson *json)
{
    Reading r = { .out = out, .view = view, .keys = keys, .n_keys = n_keys };
    *out = (KeyValues){ .arena = df_arena_new() };
    r.met = df_calloc(n_keys + 1, sizeof *r.met);
    int error = out->arena && r.met ? DF_OK : df_fail_memory("slices");
    if (error == DF_OK)
        error = df_coco_stream_truth(json, &(DfCocoFile){ .arg = &r, .list = read_list });
    for (size_t k = 0; error == DF_OK && k < n_keys; k++)
        if (!r.met[k])
            error = df_fail(DF_EVALUE, "%s: no image has the key '%s': want one of the keys of its image records: %s",
                            df_json_name(json), keys[k], r.seen);
    df_free(r.met);
    return error < 0 ? error : DF_OK;
}

void df_key_values_done(KeyValues *v)
{
    df_arena_free(v->arena);
    df_free(v->at);
    *v = (KeyValues){ 0 };
}
