/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations/coco/segments.c -- reads "segments_info" of panoptic files: [{"id": 3226956, "category_id": 1,
 * "iscrowd": 0, "area": 2840}, ...]. Other keys of a segment are skipped.
 */
#include <string.h>

#include "annotations/coco/reader.h"

enum { IN_LIST = 1, IN_SEGMENT = 2 }; /* how many lists and objects are around what is read */

/* A value that is not wanted here; the rest of all segments is passed over. */
static int wrong(DfCocoRecord *r, const DfCocoSink *sink, DfJsonEvent met, int around, const char *sentence)
{
    return df_coco_report_and_pass(
        r, sink, (DfCocoProblem){ .field = DF_COCO_SEGMENTS, .met = met, .inside = around > 0 }, around, sentence);
}

/* What a segment has, while it is read. */
typedef struct {
    DfCocoSegment *segment;
    bool has_id, has_category;
    int ended; /* not DF_OK, or `over`: what the sink wants after a problem */
    bool over; /* a problem was told, and the rest of the list passed over  */
} Reading;

static void refuse(DfCocoRecord *r, const DfCocoSink *sink, Reading *o, DfJsonEvent met, const char *sentence)
{
    o->over = true;
    o->ended = wrong(r, sink, met, IN_SEGMENT, sentence);
}

static void read_id(DfCocoRecord *r, const DfCocoSink *sink, Reading *o, int64_t *id, const char *sentence)
{
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(r->json, &v);
    if (event == DF_JSON_NUMBER && v.is_integer)
        *id = v.integer;
    else
        refuse(r, sink, o, event, sentence);
}

static void read_area(DfCocoRecord *r, const DfCocoSink *sink, Reading *o)
{
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(r->json, &v);
    o->segment->area = v.number;
    o->segment->has_area = event == DF_JSON_NUMBER;
    if (event != DF_JSON_NUMBER)
        refuse(r, sink, o, event, "segments_info: the area of a segment is not a number");
}

static void read_crowd(DfCocoRecord *r, const DfCocoSink *sink, Reading *o)
{
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(r->json, &v);
    o->segment->iscrowd = event == DF_JSON_TRUE || (event == DF_JSON_NUMBER && v.number == 1);
    o->segment->has_iscrowd = event == DF_JSON_NUMBER || event == DF_JSON_TRUE || event == DF_JSON_FALSE;
    if (!o->segment->has_iscrowd)
        refuse(r, sink, o, event, "segments_info: iscrowd of a segment is not 0 or 1");
}

static void read_key(DfCocoRecord *r, const DfCocoSink *sink, Reading *o, const DfJsonValue *key)
{
    if (df_coco_is(key, "id")) {
        o->has_id = true;
        read_id(r, sink, o, &o->segment->id, "segments_info: the id of a segment is not an integer of 64 bits");
    } else if (df_coco_is(key, "category_id")) {
        o->has_category = true;
        read_id(r, sink, o, &o->segment->category_id,
                "segments_info: the category_id of a segment is not an integer of 64 bits");
    } else if (df_coco_is(key, "area")) {
        read_area(r, sink, o);
    } else if (df_coco_is(key, "iscrowd")) {
        read_crowd(r, sink, o);
    } else {
        o->ended = df_json_skip(r->json);
    }
}

static int read_segment(DfCocoRecord *r, const DfCocoSink *sink, Reading *o)
{
    DfJsonValue v;
    DfJsonEvent event = DF_JSON_KEY;
    *o->segment = (DfCocoSegment){ 0 };
    o->has_id = o->has_category = false;
    while (o->ended == DF_OK && !o->over && (event = df_json_next(r->json, &v)) == DF_JSON_KEY)
        read_key(r, sink, o, &v);
    if (o->ended != DF_OK || o->over)
        return o->ended;
    if (event != DF_JSON_CLOSE)
        return df_json_error(r->json);
    if (o->has_id && o->has_category)
        return DF_OK;
    o->over = true;
    return wrong(r, sink, DF_JSON_CLOSE, IN_LIST,
                 o->has_id ? "segments_info: a segment has no category_id" : "segments_info: a segment has no id");
}

int df_coco_read_segments(DfCocoRecord *r, const DfCocoSink *sink)
{
    DfJsonValue v;
    DfCocoSegmentList *const list = &r->segments;
    Reading o = { 0 };
    list->n = 0;
    DfJsonEvent event = df_json_next(r->json, &v);
    if (event != DF_JSON_ARRAY)
        return wrong(r, sink, event, 0, "segments_info is not an array");
    while ((event = df_json_next(r->json, &v)) == DF_JSON_OBJECT) {
        if (!df_grow((void **)&list->at, &list->capacity, list->n, sizeof *list->at))
            return df_fail_memory("segments");
        o.segment = &list->at[list->n];
        const int error = read_segment(r, sink, &o);
        if (error != DF_OK || o.over)
            return error;
        list->n++;
    }
    if (event != DF_JSON_CLOSE)
        return wrong(r, sink, event, IN_LIST, "segments_info holds something that is not a segment");
    r->has |= DF_COCO_SEGMENTS;
    return sink->watched & DF_COCO_SEGMENTS ? sink->field(sink->arg, r, DF_COCO_SEGMENTS) : DF_OK;
}
