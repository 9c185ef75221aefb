/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/check/record.c -- a tolerant sink of the JSON reader: it records a value of the wrong type as a finding, and
 * reading continues after it.
 */
#include <stdio.h>

#include "eval/check/data.h"

enum {
    OF_OBJECTS = DF_COCO_IMAGE_ID | DF_COCO_CATEGORY_ID | DF_COCO_BBOX | DF_COCO_SEGMENTATION | DF_COCO_POINTS |
    DF_COCO_OBB
};

typedef struct {
    DfCheck *check;
    CheckLook *look;
    void *arg;
} Sink;

/* true and false are numbers here, as they are in Python. */
static bool take_bool(DfCocoRecord *r, const DfCocoProblem *p)
{
    double *number;
    switch (p->field) {
    case DF_COCO_AREA: number = &r->area; break;
    case DF_COCO_SCORE: number = &r->score; break;
    case DF_COCO_WIDTH: number = &r->width; break;
    case DF_COCO_HEIGHT: number = &r->height; break;
    default: return false;
    }
    if (p->met != DF_JSON_TRUE && p->met != DF_JSON_FALSE)
        return false;
    *number = p->met == DF_JSON_TRUE;
    r->has |= p->field;
    return true;
}

/* An entry of a list is no object: that is no file of COCO. */
static int no_record(const DfCocoRecord *r)
{
    static const char *const lists[] = { "images", "categories", "annotations" };
    if (r->list == DF_COCO_RESULTS)
        return df_json_fail(r->json, DF_EFORMAT, "detection %zu is not an object", r->number);
    return df_json_fail(r->json, DF_EFORMAT, "\"%s\" has an entry that is not an object", lists[r->list]);
}

static int note_problem(void *arg, DfCocoRecord *r, const DfCocoProblem *p)
{
    DfCheck *c = ((Sink *)arg)->check;
    const bool null = p->met == DF_JSON_NULL && !p->inside;
    if (p->field == 0)
        return no_record(r);
    if (take_bool(r, p) || (null && (p->field & (DF_COCO_BBOX | DF_COCO_SEGMENTATION | DF_COCO_POINTS))))
        return DF_OK;
    if (p->field != DF_COCO_SEGMENTATION || !p->of_its_type)
        c->odd |= p->field;
    else if (r->segmentation.undecoded) /* mask.c finds out by itself which other values cannot be */
        snprintf(c->undecoded, sizeof c->undecoded, "%.255s", df_error());
    return DF_OK;
}

static int take_record(void *arg, DfCocoRecord *r)
{
    Sink *s = arg;
    if ((r->has & DF_COCO_SEGMENTATION) && r->segmentation.listed) /* other programs know no such form */
        s->check->odd |= DF_COCO_SEGMENTATION;
    const int error = s->look(s->arg, r);
    s->check->odd = 0;
    return error;
}

int df_check_stream(DfCheck *c, DfJson *json, DfCocoList list, CheckLook *look, void *arg)
{
    static const unsigned wanted[] = {
        [DF_COCO_IMAGES] = DF_COCO_ID | DF_COCO_FILE_NAME | DF_COCO_URL | DF_COCO_WIDTH | DF_COCO_HEIGHT |
                           DF_COCO_ABSENT | DF_COCO_INCOMPLETE | DF_COCO_CROWD_INDEX,
        [DF_COCO_CATEGORIES] = DF_COCO_ID | DF_COCO_NAME | DF_COCO_FREQUENCY,
        [DF_COCO_ANNOTATIONS] = DF_COCO_ID | OF_OBJECTS | DF_COCO_AREA | DF_COCO_ISCROWD | DF_COCO_NUM_POINTS,
        [DF_COCO_RESULTS] = OF_OBJECTS | DF_COCO_SCORE,
    };
    Sink s = { c, look, arg };
    DfCocoRecord record = { 0 };
    const DfCocoSink sink = { .arg = &s, .wanted = wanted[list], .record = take_record, .problem = note_problem };
    c->odd = 0;
    const int error = df_coco_stream_records(json, list, 0, &record, &sink);
    df_coco_record_done(&record);
    return error;
}

int df_check_wanted(DfCheck *c, const DfCocoRecord *r, const CheckWanted *wanted, size_t n)
{
    int error = DF_OK;
    for (size_t i = 0; error == DF_OK && i < n; i++) {
        const char *how = c->odd & wanted[i].field ? "a value of the wrong type for" : "no";
        if (!(r->has & wanted[i].field))
            error = df_check_record(c, DF_CHECK_ERROR, wanted[i].code, r, "has %s %s", how, wanted[i].key);
    }
    return error;
}
