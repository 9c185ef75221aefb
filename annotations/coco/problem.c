/* SPDX-License-Identifier: Apache-2.0
 *
 * annotations/coco/problem.c -- handles deviations from the schema: reports them to the sink, and skips them if the
 * sink is patient.
 */
#include <stdarg.h>
#include <stdio.h>

#include "annotations/coco/reader.h"

enum { SENTENCE = 512 };

/* ---- what a record is called ----------------------------------------------------------------------------------- */

void df_coco_record_name(const DfCocoRecord *r, char name[DF_COCO_NAME_ROOM])
{
    static const char *const kinds[] = { "image", "category", "annotation", "detection" };
    const bool id = (r->has & DF_COCO_ID) && r->list != DF_COCO_RESULTS;
    const bool image = r->has & DF_COCO_IMAGE_ID;
    char ids[DF_COCO_NAME_ROOM - 64] = "";
    if (id && image)
        snprintf(ids, sizeof ids, " (id %s, image %s)", df_id_text(r->id), df_id_text(r->image_id));
    else if (id || image)
        snprintf(ids, sizeof ids, " (%s %s)", id ? "id" : "image", df_id_text(id ? r->id : r->image_id));
    snprintf(name, DF_COCO_NAME_ROOM, "%s %zu%s", kinds[r->list], r->number, ids);
}

static int pass_over(void *arg, DfCocoRecord *r, const DfCocoProblem *p)
{
    (void)arg;
    (void)r;
    (void)p;
    return DF_OK;
}

static int enough(void *arg, DfCocoRecord *r)
{
    (void)arg;
    (void)r;
    return DF_COCO_ENOUGH;
}

/* In most files the ids come last, so they are read before the others. */
static void name_whole(const DfCocoRecord *r, char name[DF_COCO_NAME_ROOM])
{
    const DfCocoSink sink = { .wanted = DF_COCO_ID | DF_COCO_IMAGE_ID, .record = enough, .problem = pass_over };
    DfCocoRecord ids = { 0 };
    DfJson *json;
    if (r->offset != DF_COCO_NO_RECORD && df_json_fork_value(&json, r->json, r->offset) == DF_OK) {
        df_coco_stream_records(json, r->list, r->number - 1, &ids, &sink);
        df_json_close(json);
    }
    ids.list = r->list;
    ids.number = r->number;
    df_coco_record_name(&ids, name);
    df_coco_record_done(&ids);
}

/* ---- failures and problems ------------------------------------------------------------------------------------- */

int df_coco_record_fail(const DfCocoRecord *r, const char *format, ...)
{
    char sentence[SENTENCE];
    char name[DF_COCO_NAME_ROOM];
    va_list args;
    va_start(args, format);
    df_vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    if (!r->json) {
        df_coco_record_name(r, name);
        return df_fail(DF_EFORMAT, "%s: %s", name, sentence);
    }
    name_whole(r, name);
    return df_json_fail(r->json, DF_EFORMAT, "%s: %s", name, sentence);
}

int df_coco_refuse(void *arg, DfCocoRecord *r, const DfCocoProblem *problem)
{
    (void)arg;
    return df_coco_record_fail(r, "%s", problem->sentence);
}

int df_coco_allow_empty(void *arg, DfCocoRecord *r, const DfCocoProblem *p)
{
    const bool no_box = p->field == DF_COCO_BBOX && p->of_its_type && p->count == 0;
    const bool null = (p->field & (DF_COCO_BBOX | DF_COCO_SEGMENTATION)) && p->met == DF_JSON_NULL && !p->inside;
    if (!no_box && !null)
        return df_coco_refuse(arg, r, p);
    r->has &= ~p->field;
    return DF_OK;
}

int df_coco_report(DfCocoRecord *r, const DfCocoSink *sink, DfCocoProblem p, const char *format, ...)
{
    if (p.met == DF_JSON_ERROR)
        return df_json_error(r->json);
    char sentence[SENTENCE];
    va_list args;
    va_start(args, format);
    df_vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    p.sentence = sentence;
    return sink->problem ? sink->problem(sink->arg, r, &p) : df_coco_refuse(NULL, r, &p);
}

/* Passes over what is left of `depth` lists and objects. */
static int leave(DfJson *json, int depth)
{
    DfJsonValue v;
    while (depth > 0) {
        const DfJsonEvent event = df_json_next(json, &v);
        if (event == DF_JSON_ERROR || event == DF_JSON_END)
            return df_json_error(json);
        if (event == DF_JSON_ARRAY || event == DF_JSON_OBJECT)
            depth++;
        if (event == DF_JSON_CLOSE)
            depth--;
    }
    return DF_OK;
}

int df_coco_report_and_pass(DfCocoRecord *r, const DfCocoSink *sink, DfCocoProblem p, int around, const char *sentence)
{
    const bool opens = p.met == DF_JSON_ARRAY || p.met == DF_JSON_OBJECT;
    const int error = df_coco_report(r, sink, p, "%s", sentence);
    return error != DF_OK ? error : leave(r->json, around + opens);
}

int df_coco_report_type(DfCocoRecord *r, const DfCocoSink *sink, unsigned field, DfJsonEvent met, const char *name,
                        const char *wanted)
{
    char sentence[96];
    snprintf(sentence, sizeof sentence, "%s is not %s", name, wanted);
    return df_coco_report_and_pass(r, sink, (DfCocoProblem){ .field = field, .met = met }, 0, sentence);
}
