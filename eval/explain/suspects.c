/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/explain/suspects.c -- finds likely mistakes of the ground truth.
 */
#include "eval/explain/suspects.h"

#include <stdlib.h>

#include "eval/explain/data.h"

static const double RIGHT_ON = 0.7, TWINS = 0.8, ON_ANOTHER = 0.5;

static int add(ExplainSuspects *s, DfSuspect suspect)
{
    if (!df_grow((void **)&s->at, &s->capacity, s->n, sizeof *s->at))
        return df_fail_memory("suspects");
    s->at[s->n++] = suspect;
    return DF_OK;
}

/* ---- detections -------------------------------------------------------------------------------------------------- */

/* Detections of an image come best first: one on another that was taken says nothing new. */
static bool said_already(const DfExplain *e, size_t from, size_t detection)
{
    const ExplainSuspects *s = &e->suspects;
    const ViewDetection *d = &e->view->detections[detection];
    for (size_t i = from; i < s->n; i++)
        if (s->at[i].detection != DF_NO_CASE &&
            df_box_iou(d->box, e->view->detections[s->at[i].detection].box, false) > ON_ANOTHER)
            return true;
    return false;
}

/* The class of an object that was found under its own name is not in doubt, unless that was less certain. */
static bool disputes(const DfExplain *e, size_t detection)
{
    const DetectionMark *mark = &e->marks.detections[detection];
    if (mark->kind != DF_TIDE_CLS || !(mark->iou >= RIGHT_ON))
        return false;
    const uint32_t found_by = e->marks.truths[mark->truth].found_by;
    return found_by == VIEW_NONE || e->view->detections[found_by].score < e->view->detections[detection].score;
}

static int look_at_detections(DfExplain *e, size_t image)
{
    const CocoView *v = e->view;
    const size_t from = e->suspects.n;
    int error = DF_OK;
    for (size_t d = v->detections_start[image]; error == DF_OK && d < v->detections_start[image + 1]; d++) {
        const DetectionMark *mark = &e->marks.detections[d];
        const bool counts = mark->outcome == MARK_FALSE && v->detections[d].score >= e->numbers.score_threshold;
        const bool unlabelled = mark->kind == DF_TIDE_BKG;
        if (!counts || !(unlabelled || disputes(e, d)) || said_already(e, from, d))
            continue;
        error = add(&e->suspects, (DfSuspect){
            .kind = unlabelled ? DF_SUSPECT_UNLABELLED : DF_SUSPECT_CLASS,
            .image = (uint32_t)image,
            .detection = (uint32_t)d,
            .object = unlabelled ? DF_NO_CASE : mark->truth,
            .other = DF_NO_CASE,
            .score = v->detections[d].score,
            .iou = mark->iou,
        });
    }
    return error;
}

/* ---- twins ------------------------------------------------------------------------------------------------------- */

/* Of masks, if there are any: things that are in front of one another may have one box. */
static int overlap(const DfExplain *e, size_t a, size_t b, double *iou)
{
    DfMask one = { 0 };
    DfMask other = { 0 };
    *iou = df_box_iou(e->view->truths[a].box, e->view->truths[b].box, false);
    if (!e->view->masks || *iou < ON_ANOTHER)
        return DF_OK;
    int error = df_explain_object_mask(e, a, &one);
    if (error == DF_OK)
        error = df_explain_object_mask(e, b, &other);
    if (error == DF_OK && one.n > 0 && other.n > 0)
        *iou = df_mask_iou(&one, &other, false);
    df_mask_done(&one);
    df_mask_done(&other);
    return error;
}

static int look_at_pair(DfExplain *e, size_t image, size_t a, size_t b)
{
    double iou;
    const int error = overlap(e, a, b, &iou);
    if (error < 0 || !(iou >= TWINS))
        return error;
    return add(&e->suspects, (DfSuspect){
        .kind = DF_SUSPECT_TWINS,
        .image = (uint32_t)image,
        .detection = DF_NO_CASE,
        .object = (uint32_t)a,
        .other = (uint32_t)b,
        .iou = iou,
    });
}

static int look_at_objects(DfExplain *e, size_t image)
{
    const CocoView *v = e->view;
    int error = DF_OK;
    for (size_t a = v->truths_start[image]; a < v->truths_start[image + 1]; a++)
        for (size_t b = a + 1; error == DF_OK && b < v->truths_start[image + 1]; b++)
            if (!v->truths[a].crowd && !v->truths[b].crowd)
                error = look_at_pair(e, image, a, b);
    return error;
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

static int by_weight(const void *a, const void *b)
{
    const DfSuspect *x = a;
    const DfSuspect *y = b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    if (x->kind == DF_SUSPECT_TWINS && x->iou != y->iou)
        return x->iou > y->iou ? -1 : 1;
    if (x->detection != y->detection)
        return x->detection < y->detection ? -1 : 1;
    if (x->object != y->object)
        return x->object < y->object ? -1 : 1;
    return (x->other > y->other) - (x->other < y->other);
}

int df_explain_suspect(DfExplain *e)
{
    int error = DF_OK;
    e->suspects.n = 0;
    for (size_t i = 0; error == DF_OK && i < e->view->n_images; i++) {
        error = look_at_detections(e, i);
        if (error == DF_OK)
            error = look_at_objects(e, i);
    }
    if (e->suspects.n > 1)
        qsort(e->suspects.at, e->suspects.n, sizeof *e->suspects.at, by_weight);
    return error;
}

size_t df_explain_suspects(const DfExplain *e)
{
    return e->suspects.n;
}

DfSuspect df_explain_suspect_at(const DfExplain *e, size_t i)
{
    return e->suspects.at[i];
}
