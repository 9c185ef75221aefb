/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/results_kind.c -- the kind of detections: boxes, masks, keypoints or oriented boxes. All must be of the
 * kind of the first one.
 */
#include "eval/coco/results.h"

/* The first "bbox" that is neither null nor empty tells; without one a segmentation, and without both other fields. */
typedef struct {
    unsigned met;
} Kinds;

static int met_field(void *arg, DfCocoRecord *r, unsigned field)
{
    Kinds *const kinds = arg;
    (void)r;
    kinds->met |= field;
    return field == DF_COCO_BBOX ? DF_COCO_ENOUGH : DF_OK;
}

/* What is wrong with a value is found, and said, when it is read. */
static int met_other(void *arg, DfCocoRecord *r, const DfCocoProblem *p)
{
    const bool box = p->inside || p->count > 0 || p->met == DF_JSON_OBJECT;
    if (p->field != DF_COCO_BBOX)
        return met_field(arg, r, p->field);
    return box ? met_field(arg, r, DF_COCO_BBOX) : DF_OK;
}

static int met_end(void *arg, DfCocoRecord *r)
{
    (void)arg;
    (void)r;
    return DF_COCO_ENOUGH;
}

CocoKind df_coco_kind_of(unsigned met)
{
    if (met & DF_COCO_BBOX)
        return KIND_BOX;
    if (met & DF_COCO_SEGMENTATION)
        return KIND_MASK;
    if (met & DF_COCO_POINTS)
        return KIND_KEYPOINTS;
    return met & DF_COCO_OBB ? KIND_ORIENTED : KIND_MASK;
}

int df_coco_find_kind(DfCocoResults *results, const DfJson *at)
{
    Kinds kinds = { 0 };
    DfCocoRecord first = { 0 };
    DfCocoSink sink = { .arg = &kinds };
    sink.wanted = sink.watched = DF_COCO_BBOX | DF_COCO_SEGMENTATION | DF_COCO_POINTS | DF_COCO_OBB;
    sink.field = met_field;
    sink.problem = met_other;
    sink.record = met_end;
    DfJson *json;
    const int error = df_json_fork(&json, at);
    if (error < 0)
        return error;
    df_coco_stream_records(json, DF_COCO_RESULTS, 0, &first, &sink);
    if (first.line > 0) /* there is a record */
        results->kind = df_coco_kind_of(kinds.met | (first.has & sink.wanted));
    df_coco_record_done(&first);
    df_json_close(json);
    return DF_OK;
}
