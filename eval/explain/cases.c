/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/explain/cases.c -- the single images, objects and detections that an explanation shows.
 */
#include "eval/explain/data.h"

const struct DfCocoEval *df_explain_eval(const DfExplain *e)
{
    return e->eval;
}

bool df_explain_of_masks(const DfExplain *e)
{
    return e->view->masks;
}

const char *const *df_explain_class_names(const DfExplain *e)
{
    return (const char *const *)e->view->class_names;
}

DfExplainImage df_explain_image(const DfExplain *e, size_t i)
{
    const CocoView *v = e->view;
    return (DfExplainImage){
        .name = v->images[i].name,
        .width = v->images[i].width,
        .height = v->images[i].height,
        .first_object = v->truths_start[i],
        .end_object = v->truths_start[i + 1],
        .first_detection = v->detections_start[i],
        .end_detection = v->detections_start[i + 1],
        .right = e->images[i].right,
        .wrong = e->images[i].wrong,
        .missed = e->images[i].missed,
    };
}

size_t df_explain_worst_image(const DfExplain *e, size_t rank)
{
    return e->by_errors[rank];
}

size_t df_explain_objects(const DfExplain *e)
{
    return e->view->n_truths;
}

DfExplainObject df_explain_object(const DfExplain *e, size_t i)
{
    const ViewTruth *truth = &e->view->truths[i];
    return (DfExplainObject){
        .box = { truth->box[0], truth->box[1], truth->box[2], truth->box[3] },
        .class_place = truth->class,
        .image = truth->image,
        .line = truth->line,
        .crowd = truth->crowd,
        .missed = df_truth_missed(&e->marks, e->view, i),
        .found_by = e->marks.truths[i].found_by,
        .nearly_found_by = e->marks.truths[i].fixed_by,
    };
}

size_t df_explain_detections(const DfExplain *e)
{
    return e->view->n_detections;
}

DfExplainDetection df_explain_detection(const DfExplain *e, size_t i)
{
    const ViewDetection *detection = &e->view->detections[i];
    const DetectionMark *mark = &e->marks.detections[i];
    return (DfExplainDetection){
        .box = { detection->box[0], detection->box[1], detection->box[2], detection->box[3] },
        .score = detection->score,
        .class_place = detection->class,
        .image = detection->image,
        .number = detection->number,
        .wrong = mark->outcome == MARK_FALSE,
        .kind = mark->kind,
        .object = mark->truth,
        .iou = mark->iou,
    };
}

int df_explain_object_mask(const DfExplain *e, size_t i, DfMask *out)
{
    const CocoView *v = e->view;
    *out = (DfMask){ 0 };
    if (!v->masks)
        return DF_OK;
    const CocoTruthMask *mask = &v->results->gt->masks[v->truths[i].annotation];
    return mask->runs ? df_coco_mask_of(mask, out) : DF_OK;
}

int df_explain_detection_mask(const DfExplain *e, size_t i, DfMask *out)
{
    const CocoTruthMask *mask = df_explain_mask(e, i);
    *out = (DfMask){ 0 };
    return mask ? df_coco_mask_of(mask, out) : DF_OK;
}

int df_explain_thumbnail(const DfExplain *e, size_t image, const double part[4], char **uri)
{
    *uri = NULL;
    return e->thumbnail ? e->thumbnail(e->thumbnail_user, e->view->images[image].name, part, uri) : DF_OK;
}
