/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations/coco/record.c -- the records of a list, field by field.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "annotations/coco/reader.h"

void df_coco_record_done(DfCocoRecord *r)
{
    df_free(r->file_name.at);
    df_free(r->name.at);
    df_free(r->url.at);
    df_free(r->absent.at);
    df_free(r->incomplete.at);
    df_free(r->keypoints.at);
    df_coco_segmentation_done(&r->segmentation);
    df_free(r->segments.at);
    *r = (DfCocoRecord){ 0 };
}

/* ---- values of one kind ---------------------------------------------------------------------------------------- */

/* A value of the right type. */
static inline int met(DfCocoRecord *r, const DfCocoSink *sink, unsigned field)
{
    r->has |= field;
    return field & sink->watched ? sink->field(sink->arg, r, field) : DF_OK;
}

/* An integer beyond 64 bits, as its digits; of a number like 1e20 these are exact too. */
static int read_big_id(DfCocoRecord *r, const DfCocoSink *sink, unsigned field, const char *name, const DfJsonValue *v,
                       DfId *id, char text[256])
{
    const bool whole = v->length > 0;
    if (!whole && !(fabs(v->number) >= 0x1p63 && isfinite(v->number)))
        return df_coco_report_type(r, sink, field, DF_JSON_NUMBER, name, "an integer or a string");
    if (whole && v->length <= 255)
        memcpy(text, v->text, v->length);
    const int n = whole ? (int)(v->length < 256 ? v->length : 256) : snprintf(text, 256, "%.0f", v->number);
    if (n > 255) {
        const DfCocoProblem p = { .field = field, .met = DF_JSON_NUMBER, .of_its_type = true };
        return df_coco_report(r, sink, p, "%s is an integer of more than 255 digits", name);
    }
    text[n] = 0;
    *id = (DfId){ DF_BIG_ID, text };
    return met(r, sink, field);
}

/* An id that is no integer of 64 bits. */
static int read_text_id(DfCocoRecord *r, const DfCocoSink *sink, unsigned field, const char *name, DfJsonEvent event,
                        const DfJsonValue *v, DfId *id, char text[256])
{
    if (event == DF_JSON_NUMBER)
        return read_big_id(r, sink, field, name, v, id, text);
    if (event != DF_JSON_TEXT)
        return df_coco_report_type(r, sink, field, event, name, "an integer or a string");
    if (v->length > 255 || strlen(v->text) != v->length) {
        const DfCocoProblem p = { .field = field, .met = event, .of_its_type = true };
        return df_coco_report(r, sink, p, "%s is a string longer than 255 bytes or with a zero in it", name);
    }
    memcpy(text, v->text, v->length + 1);
    *id = (DfId){ 0, text };
    return met(r, sink, field);
}

static inline int read_id(DfCocoRecord *r, const DfCocoSink *sink, unsigned field, const char *name, DfId *id,
                          char text[256])
{
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(r->json, &v);
    if (event != DF_JSON_NUMBER || !v.is_integer)
        return read_text_id(r, sink, field, name, event, &v, id, text);
    *id = (DfId){ v.integer, NULL };
    return met(r, sink, field);
}

static inline int read_number(DfCocoRecord *r, const DfCocoSink *sink, unsigned field, const char *name, double *number)
{
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(r->json, &v);
    if (event != DF_JSON_NUMBER)
        return df_coco_report_type(r, sink, field, event, name, "a number");
    *number = v.number;
    return met(r, sink, field);
}

static int read_flag(DfCocoRecord *r, const DfCocoSink *sink, unsigned field, const char *name, bool *flag)
{
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(r->json, &v);
    if (event != DF_JSON_NUMBER && event != DF_JSON_TRUE && event != DF_JSON_FALSE)
        return df_coco_report_type(r, sink, field, event, name, "0 or 1");
    *flag = event == DF_JSON_TRUE || (event == DF_JSON_NUMBER && v.number != 0);
    return met(r, sink, field);
}

/* 1 and true alone are things. */
static int read_isthing(DfCocoRecord *r, const DfCocoSink *sink)
{
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(r->json, &v);
    if (event != DF_JSON_NUMBER && event != DF_JSON_TRUE && event != DF_JSON_FALSE)
        return df_coco_report_type(r, sink, DF_COCO_ISTHING, event, "isthing", "0 or 1");
    r->isthing = event == DF_JSON_TRUE || (event == DF_JSON_NUMBER && v.number == 1);
    return met(r, sink, DF_COCO_ISTHING);
}

static int read_text(DfCocoRecord *r, const DfCocoSink *sink, unsigned field, const char *name, DfCocoText *text)
{
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(r->json, &v);
    if (event != DF_JSON_TEXT)
        return df_coco_report_type(r, sink, field, event, name, "a string");
    if (!df_grow((void **)&text->at, &text->capacity, v.length, 1))
        return df_fail_memory("names");
    memcpy(text->at, v.text, v.length + 1);
    text->n = v.length;
    return met(r, sink, field);
}

/* A list of integers. */
static int read_ids(DfCocoRecord *r, const DfCocoSink *sink, unsigned field, const char *name, DfCocoIdList *list)
{
    DfJsonValue v;
    DfCocoProblem p = { .field = field };
    char sentence[96];
    df_snprintf(sentence, sizeof sentence, "%s is not an array of integers", name);
    list->n = 0;
    if ((p.met = df_json_next(r->json, &v)) != DF_JSON_ARRAY)
        return df_coco_report_and_pass(r, sink, p, 0, sentence);
    while ((p.met = df_json_next(r->json, &v)) == DF_JSON_NUMBER && v.is_integer) {
        if (!df_grow((void **)&list->at, &list->capacity, list->n, sizeof *list->at))
            return df_fail_memory("classes of an image");
        list->at[list->n++] = v.integer;
    }
    p.inside = p.met != DF_JSON_CLOSE;
    return p.inside ? df_coco_report_and_pass(r, sink, p, 1, sentence) : met(r, sink, field);
}

static int read_frequency(DfCocoRecord *r, const DfCocoSink *sink)
{
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(r->json, &v);
    if (event != DF_JSON_TEXT)
        return df_coco_report_type(r, sink, DF_COCO_FREQUENCY, event, "frequency", "a string");
    r->frequency = v.text[0];
    return met(r, sink, DF_COCO_FREQUENCY);
}

/* So many numbers; `wanted` says which. */
static inline int read_tuple(DfCocoRecord *r, const DfCocoSink *sink, unsigned field, const char *name, double *to,
                             size_t size, const char *wanted)
{
    DfJsonValue v;
    DfCocoProblem p = { .field = field };
    double numbers[6]; /* one more than there should be */
    char sentence[64];
    size_t n;
    p.met = df_json_next(r->json, &v);
    if (p.met != DF_JSON_ARRAY) {
        df_snprintf(sentence, sizeof sentence, "%s is not an array", name);
        return df_coco_report_and_pass(r, sink, p, 0, sentence);
    }
    p.met = df_json_numbers(r->json, numbers, size + 1, &n);
    for (p.count = n; p.met == DF_JSON_NUMBER; p.count += n)
        p.met = df_json_numbers(r->json, numbers + size, 1, &n);
    p.inside = p.met != DF_JSON_CLOSE;
    if (p.inside) {
        df_snprintf(sentence, sizeof sentence, "%s is not an array of numbers", name);
        return df_coco_report_and_pass(r, sink, p, 1, sentence);
    }
    if (p.count != size) {
        p.of_its_type = true;
        return df_coco_report(r, sink, p, "%s has %zu numbers, want %s", name, p.count, wanted);
    }
    memcpy(to, numbers, size * sizeof *to);
    return met(r, sink, field);
}

static int read_keypoints(DfCocoRecord *r, const DfCocoSink *sink)
{
    DfJsonValue v;
    DfCocoProblem p = { .field = DF_COCO_POINTS };
    DfCocoNumbers *const k = &r->keypoints;
    k->n = 0;
    if ((p.met = df_json_next(r->json, &v)) != DF_JSON_ARRAY)
        return df_coco_report_and_pass(r, sink, p, 0, "keypoints are not an array");
    do {
        size_t n;
        if (!df_grow((void **)&k->at, &k->capacity, k->n, sizeof *k->at))
            return df_fail_memory("keypoints");
        p.met = df_json_numbers(r->json, k->at + k->n, k->capacity - k->n, &n);
        k->n += n;
    } while (p.met == DF_JSON_NUMBER);
    p.inside = p.met != DF_JSON_CLOSE;
    if (p.inside)
        return df_coco_report_and_pass(r, sink, p, 1, "keypoints are not an array of numbers");
    p.of_its_type = true;
    if (k->n % 3 != 0)
        return df_coco_report(r, sink, p, "keypoints has %zu numbers, want x, y and visibility of each point", k->n);
    return met(r, sink, DF_COCO_POINTS);
}

/* ---- fields ---------------------------------------------------------------------------------------------------- */

/* Is this the key of a field that is wanted? */
static inline bool is(const DfCocoSink *sink, const DfJsonValue *key, unsigned field, const char *name)
{
    return (sink->wanted & field) && df_coco_is(key, name);
}

/* What keypoints, LVIS and panoptic files have beside. */
static int read_special(DfCocoRecord *r, const DfCocoSink *sink, const DfJsonValue *key)
{
    if (is(sink, key, DF_COCO_ISTHING, "isthing"))
        return read_isthing(r, sink);
    if (is(sink, key, DF_COCO_FREQUENCY, "frequency"))
        return read_frequency(r, sink);
    if (is(sink, key, DF_COCO_CROWD_INDEX, "crowdIndex"))
        return read_number(r, sink, DF_COCO_CROWD_INDEX, "crowdIndex", &r->crowd_index);
    if (is(sink, key, DF_COCO_NUM_POINTS, "num_keypoints"))
        return read_number(r, sink, DF_COCO_NUM_POINTS, "num_keypoints", &r->num_keypoints);
    if (is(sink, key, DF_COCO_SEGMENTS, "segments_info"))
        return df_coco_read_segments(r, sink);
    if (is(sink, key, DF_COCO_ABSENT, "neg_category_ids"))
        return read_ids(r, sink, DF_COCO_ABSENT, "neg_category_ids", &r->absent);
    if (is(sink, key, DF_COCO_INCOMPLETE, "not_exhaustive_category_ids"))
        return read_ids(r, sink, DF_COCO_INCOMPLETE, "not_exhaustive_category_ids", &r->incomplete);
    return df_json_skip(r->json);
}

/* Images, {"id": 139, "file_name": "000000000139.jpg", "height": 426, "width": 640}; categories, {"id": 18,
 * "name": "dog"}; and what annotations have beside the fields of detections, {"id": 1768, "area": 702.1,
 * "iscrowd": 0, "ignore": 0}. */
static int read_truth(DfCocoRecord *r, const DfCocoSink *sink, const DfJsonValue *key)
{
    switch (key->length) {
    case 2:
        if (is(sink, key, DF_COCO_ID, "id"))
            return read_id(r, sink, DF_COCO_ID, "id", &r->id, r->id_text[0]);
        break;
    case 4:
        if (is(sink, key, DF_COCO_AREA, "area"))
            return read_number(r, sink, DF_COCO_AREA, "area", &r->area);
        if (is(sink, key, DF_COCO_NAME, "name"))
            return read_text(r, sink, DF_COCO_NAME, "name", &r->name);
        break;
    case 5:
        if (is(sink, key, DF_COCO_WIDTH, "width"))
            return read_number(r, sink, DF_COCO_WIDTH, "width", &r->width);
        break;
    case 6:
        if (is(sink, key, DF_COCO_HEIGHT, "height"))
            return read_number(r, sink, DF_COCO_HEIGHT, "height", &r->height);
        if (is(sink, key, DF_COCO_IGNORE, "ignore"))
            return read_flag(r, sink, DF_COCO_IGNORE, "ignore", &r->ignore);
        break;
    case 7:
        if (is(sink, key, DF_COCO_ISCROWD, "iscrowd"))
            return read_flag(r, sink, DF_COCO_ISCROWD, "iscrowd", &r->iscrowd);
        break;
    case 9:
        if (is(sink, key, DF_COCO_FILE_NAME, "file_name"))
            return read_text(r, sink, DF_COCO_FILE_NAME, "file_name", &r->file_name);
        break;
    }
    return read_special(r, sink, key);
}

/* Detections, {"image_id": 139, "category_id": 18, "bbox": [473.07, 395.93, 38.65, 28.67], "score": 0.92,
 * "segmentation": {"size": [426, 640], "counts": "PPYo0..."}}; and all others. Lengths tell most keys apart. */
static int read_value(DfCocoRecord *r, const DfCocoSink *sink, const DfJsonValue *key)
{
    switch (key->length) {
    case 3:
        if (is(sink, key, DF_COCO_OBB, "obb"))
            return read_tuple(r, sink, DF_COCO_OBB, "obb", r->obb, 5, "cx, cy, width, height and angle");
        break;
    case 4:
        if (is(sink, key, DF_COCO_BBOX, "bbox"))
            return read_tuple(r, sink, DF_COCO_BBOX, "bbox", r->box, 4, "x, y, width and height");
        break;
    case 5:
        if (is(sink, key, DF_COCO_SCORE, "score"))
            return read_number(r, sink, DF_COCO_SCORE, "score", &r->score);
        break;
    case 8:
        if (is(sink, key, DF_COCO_IMAGE_ID, "image_id"))
            return read_id(r, sink, DF_COCO_IMAGE_ID, "image_id", &r->image_id, r->id_text[1]);
        if (is(sink, key, DF_COCO_URL, "coco_url"))
            return read_text(r, sink, DF_COCO_URL, "coco_url", &r->url);
        break;
    case 9:
        if (is(sink, key, DF_COCO_POINTS, "keypoints"))
            return read_keypoints(r, sink);
        break;
    case 11:
        if (is(sink, key, DF_COCO_CATEGORY_ID, "category_id"))
            return read_id(r, sink, DF_COCO_CATEGORY_ID, "category_id", &r->category_id, r->id_text[2]);
        break;
    case 12:
        if (is(sink, key, DF_COCO_SEGMENTATION, "segmentation"))
            return df_coco_read_segmentation(r, sink);
        break;
    }
    return read_truth(r, sink, key);
}

/* ---- records --------------------------------------------------------------------------------------------------- */

/* Behind the '{' of a record. */
static void begin(DfCocoRecord *r)
{
    memset(&r->has, 0, offsetof(DfCocoRecord, file_name) - offsetof(DfCocoRecord, has));
    r->line = df_json_line(r->json);
    r->offset = df_json_offset(r->json) - 1;
    r->segmentation.form = DF_MASK_NONE;
    r->frequency = 0;
    r->absent.n = r->incomplete.n = r->keypoints.n = 0;
    r->segments.n = 0;
}

static int read_record(DfCocoRecord *r, const DfCocoSink *sink)
{
    DfJsonValue v;
    DfJsonEvent event;
    int error = DF_OK;
    begin(r);
    while (error == DF_OK && (event = df_json_next(r->json, &v)) == DF_JSON_KEY)
        error = read_value(r, sink, &v);
    if (error != DF_OK)
        return error;
    if (event != DF_JSON_CLOSE)
        return df_json_error(r->json);
    return sink->record ? sink->record(sink->arg, r) : DF_OK;
}

int df_coco_stream_records(DfJson *json, DfCocoList list, size_t before, DfCocoRecord *r, const DfCocoSink *sink)
{
    DfJsonValue v;
    DfJsonEvent event;
    r->json = json;
    r->list = list;
    r->number = before;
    while ((event = df_json_next(json, &v)) == DF_JSON_OBJECT) {
        r->number++;
        const int error = read_record(r, sink);
        if (error != DF_OK)
            return error;
    }
    r->number++;
    if (event == DF_JSON_CLOSE)
        return DF_OK;
    r->offset = DF_COCO_NO_RECORD;
    return df_coco_report(r, sink, (DfCocoProblem){ .met = event }, "is not an object");
}
