/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/explain/explain.c -- gathers an explanation, and writes it as JSON. The page is in report/.
 */
#include "eval/explain/explain.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

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
    *out = NULL;
    if (!(score_threshold >= 0 && score_threshold <= 1))
        return df_fail(DF_EVALUE, "score threshold %g: want 0 to 1", score_threshold);
    DfExplain *e = df_calloc(1, sizeof *e);
    if (!e)
        return df_fail_memory("the explanation");
    e->eval = eval;
    e->numbers.score_threshold = score_threshold;
    int error = df_tide_view(&e->view, dt, eval->type == DF_COCO_MASKS);
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

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static void add_number(DfTextbuf *t, const char *key, double x)
{
    df_textbuf_add(t, ", \"%s\": ", key);
    df_textbuf_number(t, x);
}

static void add_tide(DfTextbuf *t, const DfTide *tide)
{
    df_textbuf_add(t, "\"tide\": {\"ap50\": ");
    df_textbuf_number(t, tide->ap50);
    df_textbuf_add(t, ", \"errors\": {");
    for (int i = 0; i < DF_TIDE_KINDS; i++) {
        df_textbuf_add(t, "%s\"%s\": {\"count\": %zu", i ? ", " : "", df_tide_name((DfTideKind)i), tide->count[i]);
        add_number(t, "dap", tide->cost[i]);
        df_textbuf_add(t, "}");
    }
    df_textbuf_add(t, "}");
    add_number(t, "false_positives", tide->false_positives);
    add_number(t, "false_negatives", tide->false_negatives);
    df_textbuf_add(t, "}");
}

static void add_bins(DfTextbuf *t, const char *key, const DfScoreBin *bins, int n)
{
    df_textbuf_add(t, ",\n \"%s\": [", key);
    for (int b = 0; b < n; b++) {
        df_textbuf_add(t, "%s{\"n\": %zu, \"right\": %zu", b ? ", " : "", bins[b].n, bins[b].right);
        add_number(t, "mean_score", bins[b].n ? bins[b].score / (double)bins[b].n : (double)NAN);
        df_textbuf_add(t, "}");
    }
    df_textbuf_add(t, "]");
}

static void add_id(DfTextbuf *t, const char *id, bool is_text)
{
    if (is_text)
        df_textbuf_json(t, id);
    else
        df_textbuf_add(t, "%s", id);
}

static void add_classes(DfTextbuf *t, const DfExplain *e)
{
    df_textbuf_add(t, ",\n \"per_class\": [");
    for (size_t k = 0; k < e->numbers.n_classes; k++) {
        const DfExplainClass *c = &e->numbers.classes[k];
        df_textbuf_add(t, "%s{\"id\": ", k ? ",\n  " : "\n  ");
        add_id(t, e->view->class_ids[k], e->view->class_is_text[k]);
        df_textbuf_add(t, ", \"name\": ");
        df_textbuf_json(t, e->view->class_names[k]);
        df_textbuf_add(t, ", \"truths\": %zu, \"detections\": %zu, \"tp\": %zu, \"fp\": %zu, \"fn\": %zu", c->truths,
                       c->detections, c->true_positives, c->false_positives, c->false_negatives);
        add_number(t, "best_f1", c->best_f1);
        add_number(t, "best_f1_score", c->best_f1_score);
        add_number(t, "ece", c->ece);
        df_textbuf_add(t, "}");
    }
    df_textbuf_add(t, "]");
}

static void add_confusion(DfTextbuf *t, const DfExplainNumbers *n)
{
    df_textbuf_add(t, ",\n \"confusion\": [");
    for (size_t r = 0; r <= n->n_classes; r++) {
        df_textbuf_add(t, "%s[", r ? ",\n  " : "\n  ");
        for (size_t c = 0; c <= n->n_classes; c++)
            df_textbuf_add(t, "%s%" PRIu64, c ? ", " : "", n->confusion[r * (n->n_classes + 1) + c]);
        df_textbuf_add(t, "]");
    }
    df_textbuf_add(t, "]");
}

static void add_images(DfTextbuf *t, const DfExplain *e)
{
    df_textbuf_add(t, ",\n \"worst_images\": [");
    for (size_t i = 0; i < e->view->n_images && i < 50; i++) {
        const uint32_t at = e->by_errors[i];
        const ImageCounts *c = &e->images[at];
        if (c->wrong + c->missed == 0)
            break;
        df_textbuf_add(t, "%s{\"id\": ", i ? ",\n  " : "\n  ");
        add_id(t, e->view->images[at].id, e->view->images[at].is_text);
        df_textbuf_add(t, ", \"file_name\": ");
        df_textbuf_json(t, e->view->images[at].name);
        df_textbuf_add(t, ", \"tp\": %u, \"fp\": %u, \"fn\": %u}", c->right, c->wrong, c->missed);
    }
    df_textbuf_add(t, "]");
}

int df_explain_json(const DfExplain *e, char **out)
{
    const DfExplainNumbers *n = &e->numbers;
    DfTextbuf t = { 0 };
    df_textbuf_add(&t, "{\"type\": \"%s\", ", e->view->masks ? "segm" : "bbox");
    add_tide(&t, &n->tide);
    df_textbuf_add(&t, ",\n \"score_threshold\": ");
    df_textbuf_number(&t, n->score_threshold);
    add_number(&t, "ece", n->ece);
    add_bins(&t, "calibration", n->bins, DF_CALIBRATION_BINS);
    add_bins(&t, "score_histogram", n->histogram, DF_SCORE_BINS);
    add_classes(&t, e);
    add_confusion(&t, n);
    add_images(&t, e);
    df_textbuf_add(&t, "}");
    return df_textbuf_take(&t, out);
}
