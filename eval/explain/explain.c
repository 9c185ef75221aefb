/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/explain/explain.c -- computes all parts of an explanation. explain_json.c writes its JSON, report/ its page.
 */
#include "eval/explain/explain.h"

#include "eval/explain/data.h"
#include "core/core.h"

static int rank_images(DfExplain *e)
{
    const size_t n = e->view->n_images;
    uint64_t *key = df_malloc(n * sizeof *key);
    if (!key)
        return df_fail_memory("the ranking of images");
    for (size_t i = 0; i < n; i++) {
        const ImageCounts *c = &e->images[i];
        const uint64_t errors = (uint64_t)c->wrong + c->missed;
        e->by_errors[i] = (uint32_t)i;
        key[i] = UINT64_MAX - (errors << 32 | c->missed);
    }
    const int error = df_sort(e->by_errors, n, key);
    df_free(key);
    return error;
}

static int take_aps(DfExplain *e)
{
    const DfCocoEval *eval = e->eval;
    if (eval->n_classes != e->numbers.n_classes)
        return df_fail(DF_EVALUE,
                       "an evaluation of %zu classes cannot explain results of %zu: want one with all classes",
                       eval->n_classes, e->numbers.n_classes);
    const size_t det = eval->n_max_dets - 1, areas = eval->n_areas;
    int error = DF_OK;
    for (size_t k = 0; error == DF_OK && k < e->numbers.n_classes; k++) {
        DfExplainClass *c = &e->numbers.classes[k];
        c->ap_small = c->ap_medium = c->ap_large = -1;
        if ((error = df_coco_ap(eval, k, -1, 0, det, &c->ap)) == DF_OK &&
            (error = df_coco_ap(eval, k, 0.5, 0, det, &c->ap50)) == DF_OK &&
            (error = df_coco_ap(eval, k, 0.75, 0, det, &c->ap75)) == DF_OK && areas == 4 &&
            (error = df_coco_ap(eval, k, -1, 1, det, &c->ap_small)) == DF_OK &&
            (error = df_coco_ap(eval, k, -1, 2, det, &c->ap_medium)) == DF_OK)
            error = df_coco_ap(eval, k, -1, 3, det, &c->ap_large);
    }
    return error;
}

static int make_room(DfExplain *e)
{
    const size_t n = e->numbers.n_classes = e->view->n_classes;
    e->numbers.n_images = e->view->n_images;
    e->numbers.classes = df_calloc(n + 1, sizeof *e->numbers.classes);
    e->numbers.confusion = df_calloc((n + 1) * (n + 1), sizeof *e->numbers.confusion);
    e->images = df_calloc(e->view->n_images + 1, sizeof *e->images);
    e->by_errors = df_calloc(e->view->n_images + 1, sizeof *e->by_errors);
    if (!e->numbers.classes || !e->numbers.confusion || !e->images || !e->by_errors)
        return df_fail_memory("the explanation");
    for (size_t k = 0; k < n; k++)
        e->numbers.classes[k].best_f1_score = 1;
    return DF_OK;
}

int df_explain_new(DfExplain **out, const struct DfCocoResults *dt, const struct DfCocoEval *eval,
                   double score_threshold)
{
    return df_explain_new_of(out, dt, eval, score_threshold, NULL, 0);
}

int df_explain_new_of(DfExplain **out, const struct DfCocoResults *dt, const struct DfCocoEval *eval,
                      double score_threshold, const int64_t *image_ids, size_t n)
{
    *out = NULL;
    if (!(score_threshold >= 0 && score_threshold <= 1))
        return df_fail(DF_EVALUE, "score threshold %g: want 0 to 1", score_threshold);
    DfExplain *e = df_calloc(1, sizeof *e);
    if (!e)
        return df_fail_memory("the explanation");
    e->eval = eval;
    e->numbers.score_threshold = score_threshold;
    int error = df_tide_view(&e->view, dt, eval->type == DF_COCO_MASKS, image_ids, n);
    if (error == DF_OK && (error = make_room(e)) == DF_OK && (error = df_tide_mark(&e->marks, e->view)) == DF_OK &&
        (error = df_tide_costs(&e->numbers.tide, e->view, &e->marks)) == DF_OK &&
        (error = df_explain_confusion(e)) == DF_OK && (error = df_explain_calibration(e)) == DF_OK &&
        (error = take_aps(e)) == DF_OK)
        error = rank_images(e);
    if (error < 0)
        df_explain_free(e);
    else
        *out = e;
    return error;
}

void df_explain_free(DfExplain *e)
{
    if (!e)
        return;
    df_coco_view_free(e->view);
    df_tide_marks_done(&e->marks);
    df_explain_masks_done(&e->masks);
    df_explain_slices_free(e->slices);
    df_free(e->suspects.at);
    df_free(e->numbers.classes);
    df_free(e->numbers.confusion);
    df_free(e->images);
    df_free(e->by_errors);
    df_free(e);
}

const DfExplainNumbers *df_explain_numbers(const DfExplain *e)
{
    return &e->numbers;
}

int df_explain_pictures(DfExplain *e, DfJson *json)
{
    return df_coco_view_pictures(e->view, json);
}

void df_explain_thumbnails(DfExplain *e, DfExplainThumbnail *thumbnail, void *user)
{
    e->thumbnail = thumbnail;
    e->thumbnail_user = user;
}
