/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco_results.c -- detections: from a results file, read as a stream, or image by image from memory.
 */
#include <inttypes.h>
#include <string.h>

#include "eval/coco_data.h"

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
    df_coco_ids_done(&results->unknown);
    df_free(results->detections);
    df_free(results);
}

size_t df_coco_results_count(const DfCocoResults *results)
{
    return results->n;
}

uint32_t df_coco_find_category(const DfCocoResults *results, CocoId id)
{
    const uint32_t known = df_coco_ids_find(&results->gt->categories, id);
    if (known != NO_ID)
        return known;
    const uint32_t unknown = df_coco_ids_find(&results->unknown, id);
    return unknown == NO_ID ? NO_ID : (uint32_t)results->gt->categories.n + unknown;
}

static int number_category(DfCocoResults *results, CocoId id, uint32_t *number)
{
    *number = df_coco_ids_find(&results->gt->categories, id);
    if (*number != NO_ID)
        return DF_OK;
    const int error = df_coco_ids_add(&results->unknown, id, number);
    *number += (uint32_t)results->gt->categories.n;
    return error;
}

static int keep(DfCocoResults *results, const CocoDetection *detection)
{
    if (results->n >= NO_ID - 1 || !df_grow((void **)&results->detections, &results->capacity, results->n, sizeof *detection))
        return df_fail_memory("the detections");
    results->detections[results->n++] = *detection;
    return DF_OK;
}

int df_coco_results_add(DfCocoResults *results, int64_t image_id, size_t n, const double (*boxes)[4], const double *scores, const int64_t *category_ids)
{
    const DfCoco *gt = results->gt;
    const uint32_t image = df_coco_ids_find(&gt->images, (CocoId){ image_id, NULL });
    if (image == NO_ID || !gt->image_listed[image])
        return df_fail(DF_EVALUE, "image_id %" PRId64 " is not an image of %s", image_id, gt->name);
    int error = DF_OK;
    for (size_t i = 0; error == DF_OK && i < n; i++) {
        CocoDetection d = { .score = scores[i], .image = image };
        memcpy(d.box, boxes[i], sizeof d.box);
        error = number_category(results, (CocoId){ category_ids[i], NULL }, &d.category);
        if (error == DF_OK)
            error = keep(results, &d);
    }
    return error;
}

/* ---- the file ----------------------------------------------------------------------------------------------------- */

typedef struct {
    CocoRecord record;
    DfCocoResults *results;
    CocoId image_before;    /* most detections follow another of the same image */
    uint32_t place_before;
} Reader;

typedef struct {
    CocoDetection fields;
    bool has_image, has_category, has_box, has_score, has_mask;
} Draft;

static int read_image_id(Reader *reader, Draft *d)
{
    char text[256];
    CocoId id;
    int error = df_coco_read_id(&reader->record, "image_id", &id, text);
    if (error < 0)
        return error;
    const DfCoco *gt = reader->results->gt;
    if (id.text || reader->place_before == NO_ID || id.number != reader->image_before.number) {
        const uint32_t place = df_coco_ids_find(&gt->images, id);
        if (place == NO_ID || !gt->image_listed[place])
            return df_coco_fail(&reader->record, "image_id %s is not an image of %s", df_coco_id_text(id), gt->name);
        reader->image_before = id;
        reader->place_before = id.text ? NO_ID : place;
        d->fields.image = place;
    } else {
        d->fields.image = reader->place_before;
    }
    d->has_image = true;
    return DF_OK;
}

static int read_category_id(Reader *reader, Draft *d)
{
    char text[256];
    CocoId id;
    const int error = df_coco_read_id(&reader->record, "category_id", &id, text);
    d->has_category = true;
    return error < 0 ? error : number_category(reader->results, id, &d->fields.category);
}

static int read_field(Reader *reader, const DfJsonValue *key, Draft *d)
{
    if (strcmp(key->text, "image_id") == 0)
        return read_image_id(reader, d);
    if (strcmp(key->text, "category_id") == 0)
        return read_category_id(reader, d);
    if (strcmp(key->text, "bbox") == 0)
        return df_coco_read_box(&reader->record, d->fields.box, &d->has_box);
    if (strcmp(key->text, "score") == 0) {
        d->has_score = true;
        return df_coco_read_number(&reader->record, "score", &d->fields.score);
    }
    d->has_mask |= strcmp(key->text, "segmentation") == 0;
    return df_json_skip(reader->record.json);
}

static int read_detection(Reader *reader)
{
    const CocoRecord *r = &reader->record;
    DfJsonValue v;
    DfJsonEvent event;
    Draft d = { 0 };
    while ((event = df_json_next(r->json, &v)) == DF_JSON_KEY) {
        const int error = read_field(reader, &v, &d);
        if (error < 0)
            return error;
    }
    if (event != DF_JSON_CLOSE)
        return df_json_error(r->json);
    if (!d.has_image || !d.has_category || !d.has_score)
        return df_coco_fail(r, "has no %s", !d.has_image ? "image_id" : !d.has_category ? "category_id" : "score");
    if (!d.has_box)
        return df_coco_fail(r, "has no bbox%s", d.has_mask ? ", only a segmentation: boxes are not made from masks" : "");
    return keep(reader->results, &d.fields);
}

int df_coco_results_read_json(DfCocoResults *results, DfJson *json)
{
    Reader reader = { .record = { json, "detection", 0 }, .results = results, .place_before = NO_ID };
    DfJsonValue v;
    DfJsonEvent event = df_json_next(json, &v);
    if (event != DF_JSON_ARRAY && event != DF_JSON_ERROR)
        return df_json_fail(json, DF_EFORMAT, "want COCO results: an array of detections");
    while (event > DF_JSON_END && (event = df_json_next(json, &v)) == DF_JSON_OBJECT) {
        reader.record.number++;
        const int error = read_detection(&reader);
        if (error < 0)
            return error;
    }
    reader.record.number++;
    if (event > DF_JSON_END && event != DF_JSON_CLOSE)
        return df_coco_fail(&reader.record, "is not an object");
    return event == DF_JSON_ERROR || df_json_next(json, &v) != DF_JSON_END ? df_json_error(json) : DF_OK;
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
