/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/explain/explain_json.c -- an explanation as JSON. Its keys are in docs/metrics.md.
 */
#include "eval/explain/explain.h"

#include <inttypes.h>
#include <math.h>

#include "eval/explain/data.h"

enum { MOST_SUSPECTS = 200 };

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

/* {"value": 0.31, "low": 0.29, "high": 0.33} */
static void add_interval(DfTextbuf *t, const char *key, double value, double low, double high)
{
    df_textbuf_add(t, ", \"%s\": {\"value\": ", key);
    df_textbuf_number(t, value);
    add_number(t, "low", low);
    add_number(t, "high", high);
    df_textbuf_add(t, "}");
}

static void add_slices(DfTextbuf *t, const DfExplain *e)
{
    df_textbuf_add(t, ",\n \"slices\": [");
    for (size_t i = 0; i < df_explain_slices(e); i++) {
        const DfSlice s = df_explain_slice_at(e, i);
        df_textbuf_add(t, "%s{\"key\": ", i ? ",\n  " : "\n  ");
        df_textbuf_json(t, s.key);
        df_textbuf_add(t, ", \"name\": ");
        df_textbuf_json(t, s.name);
        df_textbuf_add(t, ", \"images\": %zu, \"objects\": %zu", s.images, s.objects);
        add_interval(t, "ap", s.ap.value, s.ap.low, s.ap.high);
        add_interval(t, "ap50", s.ap50.value, s.ap50.low, s.ap50.high);
        add_interval(t, "ar100", s.ar.value, s.ar.low, s.ar.high);
        add_interval(t, "chance", s.chance, s.chance_low, s.chance_high);
        df_textbuf_add(t, "}");
    }
    df_textbuf_add(t, "]");
}

static void add_box(DfTextbuf *t, const double box[4])
{
    df_textbuf_add(t, ", \"bbox\": [");
    for (int i = 0; i < 4; i++) {
        df_textbuf_add(t, i ? ", " : "");
        df_textbuf_number(t, box[i]);
    }
    df_textbuf_add(t, "]");
}

static void add_labelled(DfTextbuf *t, const DfExplain *e, const char *key, size_t at)
{
    const DfExplainObject object = df_explain_object(e, at);
    df_textbuf_add(t, ", \"%s\": {\"class\": ", key);
    df_textbuf_json(t, e->view->class_names[object.class_place]);
    df_textbuf_add(t, ", \"line\": %u, \"annotation\": %u", object.line, e->view->truths[at].annotation + 1);
    add_box(t, object.box);
    df_textbuf_add(t, "}");
}

static void add_suspect(DfTextbuf *t, const DfExplain *e, const DfSuspect *s)
{
    static const char *const names[DF_SUSPECT_KINDS] = { "unlabelled", "class", "twins" };
    const ViewImage *image = &e->view->images[s->image];
    df_textbuf_add(t, "{\"kind\": \"%s\", \"image_id\": ", names[s->kind]);
    add_id(t, image->id, image->is_text);
    df_textbuf_add(t, ", \"file_name\": ");
    df_textbuf_json(t, image->name);
    add_number(t, "iou", s->iou);
    if (s->detection != DF_NO_CASE) {
        const DfExplainDetection d = df_explain_detection(e, s->detection);
        df_textbuf_add(t, ", \"detection\": {\"class\": ");
        df_textbuf_json(t, e->view->class_names[d.class_place]);
        df_textbuf_add(t, ", \"record\": %u", d.number);
        add_number(t, "score", d.score);
        add_box(t, d.box);
        df_textbuf_add(t, "}");
    }
    if (s->object != DF_NO_CASE)
        add_labelled(t, e, "object", s->object);
    if (s->other != DF_NO_CASE)
        add_labelled(t, e, "twin", s->other);
    df_textbuf_add(t, "}");
}

/* Of each kind the first ones. */
static void add_suspects(DfTextbuf *t, const DfExplain *e)
{
    size_t listed[DF_SUSPECT_KINDS] = { 0 };
    bool any = false;
    df_textbuf_add(t, ",\n \"label_errors\": [");
    for (size_t i = 0; i < e->suspects.n; i++) {
        const DfSuspect *s = &e->suspects.at[i];
        if (listed[s->kind]++ >= MOST_SUSPECTS)
            continue;
        df_textbuf_add(t, any ? ",\n  " : "\n  ");
        add_suspect(t, e, s);
        any = true;
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
    add_slices(&t, e);
    add_suspects(&t, e);
    df_textbuf_add(&t, "}");
    return df_textbuf_take(&t, out);
}
