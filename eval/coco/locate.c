/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/locate.c -- finds the line of an annotation in its file, for a message, by reading the file again: lines
 * are not stored.
 */
#include <inttypes.h>
#include <string.h>

#include "eval/coco/data.h"

typedef struct {
    const DfCoco *coco;
    uint32_t annotation;
    char name[DF_COCO_NAME_ROOM];
    size_t line;
    uint64_t byte;
    bool found;
} Search;

static int pass_over(void *arg, DfCocoRecord *r, const DfCocoProblem *p)
{
    (void)arg;
    (void)r;
    (void)p;
    return DF_OK;
}

/* A list that is given again replaces the one before, so the last one holds. */
static int look_at(void *arg, DfCocoRecord *r)
{
    Search *const s = arg;
    if (r->number != (size_t)s->annotation + 1)
        return DF_OK;
    const DfId image = s->coco->images.ids[s->coco->annotations[s->annotation].image];
    /* else it is another file by now */
    s->found = (r->has & DF_COCO_IMAGE_ID) && df_id_compare(image, r->image_id) == 0;
    s->line = r->line;
    s->byte = r->offset;
    df_coco_record_name(r, s->name);
    return DF_OK;
}

static int look_at_list(void *arg, DfCocoList list, DfJson *json)
{
    const bool annotations = list == DF_COCO_ANNOTATIONS;
    DfCocoSink sink = { .arg = arg, .problem = pass_over };
    DfCocoRecord record = { 0 };
    sink.record = annotations ? look_at : NULL;
    sink.wanted = annotations ? DF_COCO_ID | DF_COCO_IMAGE_ID : 0;
    const int error = df_coco_stream_records(json, list, 0, &record, &sink);
    df_coco_record_done(&record);
    return error;
}

int df_coco_fail_annotation(const DfCoco *coco, uint32_t annotation, int code, const char *what)
{
    const CocoAnnotation *a = &coco->annotations[annotation];
    Search s = { .coco = coco, .annotation = annotation };
    DfJson *json;
    if (df_is_file(coco->name) && df_json_open(&json, coco->name) == DF_OK) {
        df_coco_stream_truth(json, &(DfCocoFile){ .arg = &s, .list = look_at_list });
        df_json_close(json);
    }
    if (s.found)
        return df_fail(code, "%s: line %zu, byte %" PRIu64 ": %s %s", coco->name, s.line, s.byte, s.name, what);
    return df_fail(code, "%s: line %u: an annotation of image %s %s", coco->name, a->line,
                   df_id_text(coco->images.ids[a->image]), what);
}
