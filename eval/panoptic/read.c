/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/panoptic/read.c -- keeps what the ground truth and the results say of their maps.
 */
#include <stdlib.h>
#include <string.h>

#include "eval/panoptic/data.h"

/* One file being read. */
typedef struct {
    DfPanoptic *p;
    bool truth;
    bool has_annotations, has_categories;
    DfCocoRecord record;
} Reader;

/* ---- segments ---------------------------------------------------------------------------------------------------- */

/* A place in a list of segments, by id. */
typedef struct {
    int64_t id;
    size_t at;
} Place;

static int by_id(const void *a, const void *b)
{
    const Place *const x = a;
    const Place *const y = b;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

/* Of an id that is listed twice the first place holds and the last content, as in a dict of Python. */
static int unite_twins(Map *map)
{
    Segment *const s = map->segments;
    Place *const order = df_malloc((map->n_segments + 1) * sizeof *order);
    bool *const twin = df_calloc(map->n_segments + 1, sizeof *twin);
    const int error = order && twin ? DF_OK : df_fail_memory("segments");
    for (size_t i = 0; error == DF_OK && i < map->n_segments; i++)
        order[i] = (Place){ s[i].id, i };
    if (error == DF_OK && map->n_segments > 1)
        qsort(order, map->n_segments, sizeof *order, by_id);
    for (size_t i = 1, first = 0; error == DF_OK && i < map->n_segments; i++) {
        if (order[i].id != order[first].id) {
            first = i;
            continue;
        }
        s[order[first].at] = s[order[i].at];
        twin[order[i].at] = true;
    }
    size_t n = 0;
    for (size_t i = 0; error == DF_OK && i < map->n_segments; i++)
        if (!twin[i])
            s[n++] = s[i];
    map->n_segments = error == DF_OK ? n : map->n_segments;
    df_free(order);
    df_free(twin);
    return error;
}

static int check_segment(const DfCocoRecord *r, const DfCocoSegment *s)
{
    if (!s->has_iscrowd)
        return df_coco_record_fail(r, "segments_info: a segment has no iscrowd");
    return s->has_area ? DF_OK : df_coco_record_fail(r, "segments_info: a segment has no area");
}

static int take_map(const Reader *reader, const DfCocoRecord *r, Map *map)
{
    const DfCocoSegmentList *const list = &r->segments;
    DfArena *const arena = reader->p->arena;
    if (memchr(r->file_name.at, 0, r->file_name.n))
        return df_coco_record_fail(r, "file_name has a zero in it");
    map->file_name = df_arena_copy(arena, r->file_name.at, r->file_name.n);
    map->segments = df_arena_alloc(arena, list->n + 1, sizeof *map->segments);
    map->n_segments = list->n;
    if (!map->file_name || !map->segments)
        return df_fail_memory("segments");
    for (size_t i = 0; i < list->n; i++) {
        const DfCocoSegment *const s = &list->at[i];
        const int error = reader->truth ? check_segment(r, s) : DF_OK;
        if (error < 0)
            return error;
        map->segments[i] = (Segment){ s->id, s->category_id, s->area, s->iscrowd };
    }
    return unite_twins(map);
}

/* ---- annotations ------------------------------------------------------------------------------------------------- */

static int take_truth(Reader *reader, const DfCocoRecord *r)
{
    DfPanoptic *const p = reader->p;
    if (!df_grow((void **)&p->truths, &p->truths_capacity, p->n_truths, sizeof *p->truths))
        return df_fail_memory("segments");
    Truth *const truth = &p->truths[p->n_truths];
    *truth = (Truth){ 0 };
    const int error = df_ids_add(&p->images, r->image_id, &truth->image);
    p->n_truths += error == DF_OK;
    return error == DF_OK ? take_map(reader, r, &truth->map) : error;
}

static int take_found(Reader *reader, const DfCocoRecord *r)
{
    DfPanoptic *const p = reader->p;
    const uint32_t image = df_ids_find(&p->images, r->image_id);
    if (image == DF_NO_ID)
        return DF_OK;
    Found *const found = &p->found[image];
    if (found->file < p->n_files) {
        p->repeated++;
        return DF_OK;
    }
    found->file = p->n_files;
    return take_map(reader, r, &found->map);
}

static int take_annotation(void *arg, DfCocoRecord *r)
{
    Reader *const reader = arg;
    if (!(r->has & DF_COCO_IMAGE_ID))
        return df_coco_record_fail(r, "has no image_id");
    if (!(r->has & DF_COCO_SEGMENTS))
        return df_coco_record_fail(r, "has no segments_info, which panoptic annotations have");
    if (!(r->has & DF_COCO_FILE_NAME))
        return df_coco_record_fail(r, "has no file_name, which is the name of its PNG");
    return reader->truth ? take_truth(reader, r) : take_found(reader, r);
}

static int take_category(void *arg, DfCocoRecord *r)
{
    Reader *const reader = arg;
    DfPanoptic *const p = reader->p;
    uint32_t place;
    if (!(r->has & DF_COCO_ID))
        return df_coco_record_fail(r, "has no id");
    if (!(r->has & DF_COCO_ISTHING))
        return df_coco_record_fail(r, "has no isthing, which tells things (1) from stuff (0)");
    const int error = df_ids_add(&p->categories, r->id, &place);
    if (error < 0)
        return error;
    if (!df_grow((void **)&p->classes, &p->classes_capacity, place, sizeof *p->classes))
        return df_fail_memory("classes");
    const bool named = r->has & DF_COCO_NAME;
    char *const name = df_arena_copy(p->arena, named ? r->name.at : "", named ? strlen(r->name.at) : 0);
    if (!name)
        return df_fail_memory("classes");
    p->classes[place] = (Class){ name, r->isthing };
    return DF_OK;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static int read_list(void *arg, DfCocoList list, DfJson *json)
{
    Reader *const reader = arg;
    DfCocoSink sink = { .arg = reader };
    if (list == DF_COCO_ANNOTATIONS) {
        sink.wanted = DF_COCO_IMAGE_ID | DF_COCO_FILE_NAME | DF_COCO_SEGMENTS;
        sink.record = take_annotation;
        reader->has_annotations = true;
    }
    if (list == DF_COCO_CATEGORIES && reader->truth) {
        sink.wanted = DF_COCO_ID | DF_COCO_NAME | DF_COCO_ISTHING;
        sink.record = take_category;
        reader->has_categories = true;
    }
    return df_coco_stream_records(json, list, 0, &reader->record, &sink);
}

static int read_file(Reader *reader, DfJson *json)
{
    int error = df_coco_stream_truth(json, &(DfCocoFile){ .arg = reader, .list = read_list });
    df_coco_record_done(&reader->record);
    if (error == DF_OK && !reader->has_annotations)
        error =
            df_fail(DF_EFORMAT, "%s has no annotations: want panoptic ones, with segments_info", df_json_name(json));
    if (error == DF_OK && reader->truth && !reader->has_categories)
        error = df_fail(DF_EFORMAT, "%s has no categories", df_json_name(json));
    return error;
}

static int make_room_for_found(DfPanoptic *p)
{
    p->found = df_arena_alloc(p->arena, p->images.n + 1, sizeof *p->found);
    if (!p->found)
        return df_fail_memory("predictions");
    for (size_t i = 0; i < p->images.n; i++)
        p->found[i].file = SIZE_MAX;
    return DF_OK;
}

int df_panoptic_read(DfPanoptic **out, DfJson *json)
{
    *out = NULL;
    DfPanoptic *const p = df_calloc(1, sizeof *p);
    if (p)
        p->arena = df_arena_new();
    const char *const name = df_json_name(json);
    if (p && p->arena)
        p->name = df_arena_copy(p->arena, name, strlen(name));
    int error = p && p->name ? DF_OK : df_fail_memory("segments");
    if (error == DF_OK)
        error = read_file(&(Reader){ .p = p, .truth = true }, json);
    if (error == DF_OK)
        error = make_room_for_found(p);
    if (error == DF_OK)
        *out = p;
    else
        df_panoptic_free(p);
    return error;
}

int df_panoptic_add_json(DfPanoptic *p, DfJson *json)
{
    const int error = read_file(&(Reader){ .p = p }, json);
    p->n_files++;
    return error;
}

/* A file by its name. */
static int with_file(const char *path, int (*read)(void *, DfJson *), void *arg)
{
    DfJson *json;
    int error = df_json_open(&json, path);
    if (error < 0)
        return error;
    error = read(arg, json);
    df_json_close(json);
    return error;
}

static int read_truth(void *out, DfJson *json)
{
    return df_panoptic_read(out, json);
}

static int add_found(void *p, DfJson *json)
{
    return df_panoptic_add_json(p, json);
}

int df_panoptic_open(DfPanoptic **out, const char *path)
{
    *out = NULL;
    return with_file(path, read_truth, out);
}

int df_panoptic_add(DfPanoptic *p, const char *path)
{
    return with_file(path, add_found, p);
}

void df_panoptic_free(DfPanoptic *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n_truths; i++)
        df_free(p->truths[i].events);
    df_free(p->truths);
    df_free(p->classes);
    df_ids_done(&p->images);
    df_ids_done(&p->categories);
    df_arena_free(p->arena);
    df_free(p);
}
