/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations/coco/record.c -- reads the records of a list, field by field.
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

/* ---- fields ---------------------------------------------------------------------------------------------------- */

/* A key that is known, how its value is read, and where it goes. */
typedef struct Field Field;
struct Field {
    unsigned field; /* DF_COCO_* */
    const char *name;
    size_t length;
    int (*read)(DfCocoRecord *, const DfCocoSink *, const Field *);
    size_t to;           /* its place in a DfCocoRecord             */
    size_t n;            /* of ids: which id_text; of numbers: how many */
    const char *wanted;  /* of numbers                              */
};

/* Where the value goes. */
static inline void *place(DfCocoRecord *r, const Field *f)
{
    return (char *)r + f->to;
}

/* A value of the right type. */
static inline int met(DfCocoRecord *r, const DfCocoSink *sink, const Field *f)
{
    r->has |= f->field;
    return f->field & sink->watched ? sink->field(sink->arg, r, f->field) : DF_OK;
}

/* ---- values of one kind ---------------------------------------------------------------------------------------- */

/* An integer beyond 64 bits, as its digits; of a number like 1e20 these are exact too. */
static int read_big_id(DfCocoRecord *r, const DfCocoSink *sink, const Field *f, const DfJsonValue *v)
{
    char *const text = r->id_text[f->n];
    const bool whole = v->length > 0;
    if (!whole && !(fabs(v->number) >= 0x1p63 && isfinite(v->number)))
        return df_coco_report_type(r, sink, f->field, DF_JSON_NUMBER, f->name, "an integer or a string");
    if (whole && v->length <= 255)
        memcpy(text, v->text, v->length);
    const int n = whole ? (int)(v->length < 256 ? v->length : 256) : snprintf(text, 256, "%.0f", v->number);
    if (n > 255) {
        const DfCocoProblem p = { .field = f->field, .met = DF_JSON_NUMBER, .of_its_type = true };
        return df_coco_report(r, sink, p, "%s is an integer of more than 255 digits", f->name);
    }
    text[n] = 0;
    *(DfId *)place(r, f) = (DfId){ DF_BIG_ID, text };
    return met(r, sink, f);
}

/* An id that is no integer of 64 bits. */
static int read_text_id(DfCocoRecord *r, const DfCocoSink *sink, const Field *f, DfJsonEvent event,
                        const DfJsonValue *v)
{
    if (event == DF_JSON_NUMBER)
        return read_big_id(r, sink, f, v);
    if (event != DF_JSON_TEXT)
        return df_coco_report_type(r, sink, f->field, event, f->name, "an integer or a string");
    if (v->length > 255 || strlen(v->text) != v->length) {
        const DfCocoProblem p = { .field = f->field, .met = event, .of_its_type = true };
        return df_coco_report(r, sink, p, "%s is a string longer than 255 bytes or with a zero in it", f->name);
    }
    memcpy(r->id_text[f->n], v->text, v->length + 1);
    *(DfId *)place(r, f) = (DfId){ 0, r->id_text[f->n] };
    return met(r, sink, f);
}

static int read_id(DfCocoRecord *r, const DfCocoSink *sink, const Field *f)
{
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(r->json, &v);
    if (event != DF_JSON_NUMBER || !v.is_integer)
        return read_text_id(r, sink, f, event, &v);
    *(DfId *)place(r, f) = (DfId){ v.integer, NULL };
    return met(r, sink, f);
}

static int read_number(DfCocoRecord *r, const DfCocoSink *sink, const Field *f)
{
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(r->json, &v);
    if (event != DF_JSON_NUMBER)
        return df_coco_report_type(r, sink, f->field, event, f->name, "a number");
    *(double *)place(r, f) = v.number;
    return met(r, sink, f);
}

static int read_flag(DfCocoRecord *r, const DfCocoSink *sink, const Field *f)
{
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(r->json, &v);
    if (event != DF_JSON_NUMBER && event != DF_JSON_TRUE && event != DF_JSON_FALSE)
        return df_coco_report_type(r, sink, f->field, event, f->name, "0 or 1");
    *(bool *)place(r, f) = event == DF_JSON_TRUE || (event == DF_JSON_NUMBER && v.number != 0);
    return met(r, sink, f);
}

/* 1 and true alone are things. */
static int read_isthing(DfCocoRecord *r, const DfCocoSink *sink, const Field *f)
{
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(r->json, &v);
    if (event != DF_JSON_NUMBER && event != DF_JSON_TRUE && event != DF_JSON_FALSE)
        return df_coco_report_type(r, sink, f->field, event, f->name, "0 or 1");
    r->isthing = event == DF_JSON_TRUE || (event == DF_JSON_NUMBER && v.number == 1);
    return met(r, sink, f);
}

static int read_text(DfCocoRecord *r, const DfCocoSink *sink, const Field *f)
{
    DfJsonValue v;
    DfCocoText *const text = place(r, f);
    const DfJsonEvent event = df_json_next(r->json, &v);
    if (event != DF_JSON_TEXT)
        return df_coco_report_type(r, sink, f->field, event, f->name, "a string");
    if (!df_grow((void **)&text->at, &text->capacity, v.length, 1))
        return df_fail_memory("names");
    memcpy(text->at, v.text, v.length + 1);
    text->n = v.length;
    return met(r, sink, f);
}

/* A list of integers. */
static int read_ids(DfCocoRecord *r, const DfCocoSink *sink, const Field *f)
{
    DfJsonValue v;
    DfCocoIdList *const list = place(r, f);
    DfCocoProblem p = { .field = f->field };
    char sentence[96];
    df_snprintf(sentence, sizeof sentence, "%s is not an array of integers", f->name);
    list->n = 0;
    if ((p.met = df_json_next(r->json, &v)) != DF_JSON_ARRAY)
        return df_coco_report_and_pass(r, sink, p, 0, sentence);
    while ((p.met = df_json_next(r->json, &v)) == DF_JSON_NUMBER && v.is_integer) {
        if (!df_grow((void **)&list->at, &list->capacity, list->n, sizeof *list->at))
            return df_fail_memory("classes of an image");
        list->at[list->n++] = v.integer;
    }
    p.inside = p.met != DF_JSON_CLOSE;
    return p.inside ? df_coco_report_and_pass(r, sink, p, 1, sentence) : met(r, sink, f);
}

static int read_frequency(DfCocoRecord *r, const DfCocoSink *sink, const Field *f)
{
    DfJsonValue v;
    const DfJsonEvent event = df_json_next(r->json, &v);
    if (event != DF_JSON_TEXT)
        return df_coco_report_type(r, sink, f->field, event, f->name, "a string");
    r->frequency = v.text[0];
    return met(r, sink, f);
}

/* So many numbers; `wanted` says which. */
static int read_tuple(DfCocoRecord *r, const DfCocoSink *sink, const Field *f)
{
    DfJsonValue v;
    DfCocoProblem p = { .field = f->field };
    double numbers[6]; /* one more than there should be */
    char sentence[64];
    size_t n;
    p.met = df_json_next(r->json, &v);
    if (p.met != DF_JSON_ARRAY) {
        df_snprintf(sentence, sizeof sentence, "%s is not an array", f->name);
        return df_coco_report_and_pass(r, sink, p, 0, sentence);
    }
    p.met = df_json_numbers(r->json, numbers, f->n + 1, &n);
    for (p.count = n; p.met == DF_JSON_NUMBER; p.count += n)
        p.met = df_json_numbers(r->json, numbers + f->n, 1, &n);
    p.inside = p.met != DF_JSON_CLOSE;
    if (p.inside) {
        df_snprintf(sentence, sizeof sentence, "%s is not an array of numbers", f->name);
        return df_coco_report_and_pass(r, sink, p, 1, sentence);
    }
    if (p.count != f->n) {
        p.of_its_type = true;
        return df_coco_report(r, sink, p, "%s has %zu numbers, want %s", f->name, p.count, f->wanted);
    }
    memcpy(place(r, f), numbers, f->n * sizeof *numbers);
    return met(r, sink, f);
}

static int read_keypoints(DfCocoRecord *r, const DfCocoSink *sink, const Field *f)
{
    DfJsonValue v;
    DfCocoProblem p = { .field = f->field };
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
    return met(r, sink, f);
}

static int read_segmentation(DfCocoRecord *r, const DfCocoSink *sink, const Field *f)
{
    (void)f;
    return df_coco_read_segmentation(r, sink);
}

static int read_segments(DfCocoRecord *r, const DfCocoSink *sink, const Field *f)
{
    (void)f;
    return df_coco_read_segments(r, sink);
}

/* ---- members --------------------------------------------------------------------------------------------------- */

#define FIELD(bit, name, read, to) { bit, name, sizeof name - 1, read, offsetof(DfCocoRecord, to), 0, NULL }
#define FIELD_OF(bit, name, read, to, n, wanted) \
    { bit, name, sizeof name - 1, read, offsetof(DfCocoRecord, to), n, wanted }

/* Of detections, of annotations, of images and categories; of LVIS, keypoints and panoptic files. */
static const Field fields[] = {
    FIELD_OF(DF_COCO_IMAGE_ID, "image_id", read_id, image_id, 1, NULL),
    FIELD_OF(DF_COCO_CATEGORY_ID, "category_id", read_id, category_id, 2, NULL),
    FIELD_OF(DF_COCO_BBOX, "bbox", read_tuple, box, 4, "x, y, width and height"),
    FIELD(DF_COCO_SCORE, "score", read_number, score),
    FIELD(DF_COCO_SEGMENTATION, "segmentation", read_segmentation, segmentation),
    FIELD_OF(DF_COCO_ID, "id", read_id, id, 0, NULL),
    FIELD(DF_COCO_AREA, "area", read_number, area),
    FIELD(DF_COCO_ISCROWD, "iscrowd", read_flag, iscrowd),
    FIELD(DF_COCO_IGNORE, "ignore", read_flag, ignore),
    FIELD(DF_COCO_WIDTH, "width", read_number, width),
    FIELD(DF_COCO_HEIGHT, "height", read_number, height),
    FIELD(DF_COCO_FILE_NAME, "file_name", read_text, file_name),
    FIELD(DF_COCO_NAME, "name", read_text, name),
    FIELD(DF_COCO_URL, "coco_url", read_text, url),
    FIELD(DF_COCO_FREQUENCY, "frequency", read_frequency, frequency),
    FIELD(DF_COCO_ABSENT, "neg_category_ids", read_ids, absent),
    FIELD(DF_COCO_INCOMPLETE, "not_exhaustive_category_ids", read_ids, incomplete),
    FIELD(DF_COCO_POINTS, "keypoints", read_keypoints, keypoints),
    FIELD(DF_COCO_NUM_POINTS, "num_keypoints", read_number, num_keypoints),
    FIELD(DF_COCO_CROWD_INDEX, "crowdIndex", read_number, crowd_index),
    FIELD_OF(DF_COCO_OBB, "obb", read_tuple, obb, 5, "cx, cy, width, height and angle"),
    FIELD(DF_COCO_SEGMENTS, "segments_info", read_segments, segments),
    FIELD(DF_COCO_ISTHING, "isthing", read_isthing, isthing),
};
enum { FIELDS = sizeof fields / sizeof *fields };

static const Field *field_named(const DfJsonValue *key)
{
    for (size_t i = 0; i < FIELDS; i++)
        if (fields[i].length == key->length && memcmp(fields[i].name, key->text, key->length) == 0)
            return &fields[i];
    return NULL;
}

/* The key of member i, and its field, NULL if it is none that is known. Records of a file have the same keys in the
 * same order: so the one that stood there in the record before is tried first. */
static DfJsonEvent next_key(DfCocoRecord *r, size_t i, const Field **field, DfJsonValue *key)
{
    const size_t expected = i < sizeof r->order ? r->order[i] : 0;
    *field = expected ? &fields[expected - 1] : NULL;
    if (expected && df_json_key(r->json, (*field)->name, (*field)->length)) {
        key->text = (*field)->name;
        key->length = (*field)->length;
        return DF_JSON_KEY;
    }
    const DfJsonEvent event = df_json_next(r->json, key);
    if (event != DF_JSON_KEY)
        return event;
    *field = field_named(key);
    if (i < sizeof r->order)
        r->order[i] = *field ? (unsigned char)(*field - fields + 1) : 0;
    return event;
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
    const Field *field;
    DfJsonValue key;
    DfJsonEvent event;
    int error = DF_OK;
    begin(r);
    for (size_t i = 0; error == DF_OK && (event = next_key(r, i, &field, &key)) == DF_JSON_KEY; i++) {
        if (field && (sink->wanted & field->field))
            error = field->read(r, sink, field);
        else
            error = sink->other ? sink->other(sink->arg, r, &key) : df_json_skip(r->json);
    }
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
