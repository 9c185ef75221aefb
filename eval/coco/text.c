/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/text.c -- scores as tables and as JSON, and a sentence where there are none.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "eval/coco/evaluate.h"
#include "core/core.h"

/* lvis-api's own format. */
static int lvis_table(const DfCocoEval *e, char **out)
{
    DfTextbuf text = { 0 };
    for (int i = 0; i < DF_LVIS_STATS; i++) {
        const LvisLine *l = &df_lvis_lines[i];
        char iou[32];
        const char group[] = { l->frequency, 0 };
        const char size[] = { l->area[0], 0 };
        if (l->iou < 0)
            df_snprintf(iou, sizeof iou, "%0.2f:%0.2f", e->ious[0], e->ious[e->n_ious - 1]);
        else
            df_snprintf(iou, sizeof iou, "%0.2f", l->iou);
        df_textbuf_add(&text, " %-18s %s @[ IoU=%-9s | area=%6s | maxDets=%3d catIds=%3s] = %0.3f\n",
                       l->precision ? "Average Precision" : "Average Recall", l->precision ? "(AP)" : "(AR)", iou,
                       strcmp(l->area, "all") ? size : l->area,
                       e->max_dets[e->n_max_dets - 1], l->frequency ? group : "all", e->lvis[i]);
    }
    return df_textbuf_take(&text, out);
}

/* "0.50:0.95" or one threshold. */
static const char *iou_text(const DfCocoEval *e, double iou, char text[32])
{
    if (iou < 0)
        df_snprintf(text, 32, "%0.2f:%0.2f", e->ious[0], e->ious[e->n_ious - 1]);
    else
        df_snprintf(text, 32, "%0.2f", iou);
    return text;
}

/* crowdposetools calls its AP of a part of the images AR. */
static void append_row(DfTextbuf *t, const CocoRow *row, const char *iou)
{
    const bool precision = row->precision && !row->part;
    df_textbuf_add(t, " %-18s %s @[ IoU=%-9s | %s=%6s | maxDets=%3d ] = %0.3f\n",
                   precision ? "Average Precision" : "Average Recall", precision ? "(AP)" : "(AR)", iou,
                   row->part ? "type" : "area", row->part ? row->part : row->area, row->max_det, row->value);
}

/* pycocotools' own format, and in it what else was asked for. */
int df_coco_eval_table(const DfCocoEval *e, char **out)
{
    DfTextbuf text = { 0 };
    CocoRow *rows;
    size_t n;
    char iou[32];
    if (e->federated)
        return lvis_table(e, out);
    text.failed = df_coco_rows(e, &rows, &n) < 0;
    for (size_t i = 0; i < n; i++)
        append_row(&text, &rows[i], iou_text(e, rows[i].iou, iou));
    df_free(rows);
    return df_textbuf_take(&text, out);
}

/* Recall at every number of detections over all areas, then of each area at the largest number. */
int df_coco_eval_recall_table(const DfCocoEval *e, char **out)
{
    DfTextbuf text = { 0 };
    char iou[32];
    iou_text(e, -1, iou);
    const size_t most = e->n_max_dets - 1;
    for (size_t i = 0; i < e->n_max_dets + e->n_areas - 1 && !text.failed; i++) {
        const size_t area = i <= most ? 0 : i - most;
        const size_t max_det = i <= most ? i : most;
        double ar = -1;
        text.failed = df_coco_recall(e, area, max_det, &ar) < 0;
        df_textbuf_add(&text, " %-18s %s @[ IoU=%-9s | area=%6s | maxDets=%3d ] = %0.3f\n", "Average Recall", "(AR)",
                       iou, e->areas[area].name, e->max_dets[max_det], ar);
    }
    return df_textbuf_take(&text, out);
}

int df_coco_eval_class_table(const DfCocoEval *e, char **out)
{
    DfTextbuf text = { 0 };
    size_t widest = 8;
    for (size_t k = 0; k < e->n_classes; k++)
        widest = df_shown_length(e->class_names[k]) > widest ? df_shown_length(e->class_names[k]) : widest;
    widest = widest > 40 ? 40 : widest;
    df_textbuf_add(&text, " %-*s %8s %7s %7s %7s %7s%s\n", (int)widest, "category", "id", "AP", "AP50", "AP75", "AR",
                   e->federated ? " frequency" : "");
    for (size_t k = 0; k < e->n_classes; k++) {
        double ap[3] = { -1, -1, -1 };
        static const double ious[] = { -1, 0.5, 0.75 };
        for (int i = 0; i < 3 && !text.failed; i++)
            text.failed = df_coco_ap(e, k, ious[i], 0, e->n_max_dets - 1, &ap[i]) < 0;
        double ar = -1;
        if (!text.failed)
            text.failed = df_coco_ar(e, k, -1, 0, e->n_max_dets - 1, &ar) < 0;
        df_textbuf_add(&text, " ");
        df_textbuf_shown(&text, e->class_names[k], (int)widest);
        df_textbuf_add(&text, " %8" PRId64 " %7.3f %7.3f %7.3f %7.3f", e->class_ids[k], ap[0], ap[1], ap[2], ar);
        if (e->federated)
            df_textbuf_add(&text, " %.1s", &e->frequency[k]);
        df_textbuf_add(&text, "\n");
    }
    return df_textbuf_take(&text, out);
}

/* ---- why a number is -1 ------------------------------------------------------------------------------------------ */

enum { NAMED = 8 };

static bool nothing_counts(const DfCocoEval *e, size_t from, size_t to, size_t area)
{
    bool nothing = true;
    for (size_t k = from; k < to; k++)
        nothing &= e->recall[df_coco_recall_place(e, k, area, 0)] == -1;
    return nothing;
}

static void note_areas(DfTextbuf *t, const DfCocoEval *e)
{
    for (size_t a = 0; a < e->n_areas; a++)
        if (nothing_counts(e, 0, e->n_classes, a))
            df_textbuf_add(t, "-1 at area=%s: no object to score has an area from %.10g to %.10g square pixels\n",
                           e->areas[a].name, e->areas[a].low, e->areas[a].high);
}

static void note_thresholds(DfTextbuf *t, const DfCocoEval *e)
{
    static const double ious[] = { 0.5, 0.75 };
    for (size_t i = 0; i < 2; i++) {
        bool there = false;
        for (size_t k = 0; k < e->n_ious; k++)
            there |= e->ious[k] == ious[i];
        if (!there)
            df_textbuf_add(t, "-1 at IoU=%.2f: it is not among the IoU thresholds\n", ious[i]);
    }
}

/* Has a line before this one the same area, or the same number? */
static bool is_first(const CocoLine *lines, size_t i, bool of_area)
{
    bool first = true;
    for (size_t k = 0; k < i; k++)
        first &= of_area ? !lines[k].area || strcmp(lines[k].area, lines[i].area) != 0
                         : lines[k].max_det != lines[i].max_det;
    return first;
}

/* The lines ask for thresholds, areas and numbers of detections that the parameters may not have. */
static void note_parameters(DfTextbuf *t, const DfCocoEval *e)
{
    size_t n;
    const CocoLine *const lines = df_coco_lines(e, &n);
    note_thresholds(t, e);
    for (size_t i = 0; i < n; i++) {
        size_t area, max_det;
        df_coco_place(e, &lines[i], &area, &max_det);
        if (!lines[i].area || lines[i].part)
            continue;
        if (area == e->n_areas && is_first(lines, i, true))
            df_textbuf_add(t, "-1 at area=%s: no area range has that name\n", lines[i].area);
        if (max_det < e->n_max_dets || !is_first(lines, i, false))
            continue;
        if (lines[i].max_det < 0)
            df_textbuf_add(t, "-1 %s: it needs %d in maxDets\n",
                           i == 0 && n == DF_COCO_STATS ? "as the AP of all areas" : "at maxDets=20",
                           -lines[i].max_det);
        else
            df_textbuf_add(t, "-1 at number %d of maxDets: there %s %zu\n", lines[i].max_det + 1,
                           e->n_max_dets == 1 ? "is" : "are", e->n_max_dets);
    }
}

static void name_class(DfTextbuf *t, const DfCocoEval *e, size_t k, const char *before)
{
    df_textbuf_add(t, "%s", before);
    if (e->class_names[k][0])
        df_textbuf_shown(t, e->class_names[k], 0);
    else
        df_textbuf_add(t, "%" PRId64, e->class_ids[k]);
}

static void note_classes(DfTextbuf *t, const DfCocoEval *e)
{
    size_t n = 0;
    for (size_t k = 0; k < e->n_classes; k++)
        n += nothing_counts(e, k, k + 1, 0);
    if (n == 0 || n == e->n_classes)
        return;
    df_textbuf_add(t, "-1 for %zu of %zu classes, which have no object to score:", n, e->n_classes);
    for (size_t k = 0, named = 0; k < e->n_classes && named <= NAMED; k++)
        if (nothing_counts(e, k, k + 1, 0)) {
            if (named == NAMED)
                df_textbuf_add(t, " and %zu more", n - NAMED);
            else
                name_class(t, e, k, named ? ", " : " ");
            named++;
        }
    df_textbuf_add(t, "\n");
}

int df_coco_eval_notes(const DfCocoEval *e, bool of_classes, char **out)
{
    DfTextbuf text = { 0 };
    bool nothing = true;
    for (size_t a = 0; a < e->n_areas; a++)
        nothing &= nothing_counts(e, 0, e->n_classes, a);
    if (nothing)
        df_textbuf_add(
            &text, "-1: there is no object to score in these images, classes and areas (crowds are not scored)\n");
    else
        note_areas(&text, e);
    note_parameters(&text, e);
    if (e->crowdpose)
        df_textbuf_add(&text, "easy, medium and hard are AP, which CrowdPose's own table calls AR\n");
    if (of_classes)
        note_classes(&text, e);
    return df_textbuf_take(&text, out);
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

typedef int Mean(const DfCocoEval *, size_t class_place, double iou, size_t area, size_t max_det, double *);

/* Keys that boxes and masks always have. */
static void append_missing(DfTextbuf *t, const DfCocoEval *e, const char *name)
{
    static const char *const areas[] = { "small", "medium", "large" };
    for (size_t i = 0; e->type != DF_COCO_KEYPOINTS && i < 3; i++) {
        bool there = false;
        for (size_t a = 1; a < e->n_areas; a++)
            there |= strcmp(e->areas[a].name, areas[i]) == 0;
        if (!there)
            df_textbuf_add(t, ", \"%s_%s\": -1", name, areas[i]);
    }
}

/* Of a class at the largest number of detections: "ap", "ap50", "ap75", and "ap_small" of every area but the first. */
static void append_class(DfTextbuf *t, const DfCocoEval *e, size_t k, const char *name, Mean *mean)
{
    static const struct {
        double iou;
        const char *suffix;
    } of[] = { { -1, "" }, { 0.5, "50" }, { 0.75, "75" } };
    const size_t last = e->n_max_dets - 1;
    double value = -1;
    for (size_t i = 0; i < 3 && !t->failed; i++) {
        t->failed = mean(e, k, of[i].iou, 0, last, &value) < 0;
        df_textbuf_add(t, ", \"%s%s\": %.17g", name, of[i].suffix, value);
    }
    for (size_t a = 1; a < e->n_areas && !t->failed; a++) {
        char key[64];
        df_snprintf(key, sizeof key, "%s_%s", name, e->areas[a].name);
        t->failed = mean(e, k, -1, a, last, &value) < 0;
        df_textbuf_add(t, ", ");
        df_textbuf_json(t, key);
        df_textbuf_add(t, ": %.17g", value);
    }
    append_missing(t, e, name);
}

/* {"1": 0.25, "10": ...} of an area, for precision from the first number that has curves. */
static void append_numbers(DfTextbuf *t, const DfCocoEval *e, const char *name, size_t area, bool precision)
{
    const size_t from = precision ? e->first_curve : 0;
    df_textbuf_add(t, "\"%s\": {", name);
    for (size_t m = from; m < e->n_max_dets && !t->failed; m++) {
        double value = -1;
        t->failed = (precision ? df_coco_precision(e, -1, area, m, &value) : df_coco_recall(e, area, m, &value)) < 0;
        df_textbuf_add(t, "%s\"%d\": %.17g", m > from ? ", " : "", e->max_dets[m], value);
    }
    df_textbuf_add(t, "}");
}

/* Every area, and every threshold at the largest number of detections. */
static void append_parts(DfTextbuf *t, const DfCocoEval *e)
{
    df_textbuf_add(t, ",\n \"by_area\": [");
    for (size_t a = 0; a < e->n_areas && !t->failed; a++) {
        df_textbuf_add(t, "%s{\"area\": ", a ? ",\n  " : "\n  ");
        df_textbuf_json(t, e->areas[a].name);
        df_textbuf_add(t, ", \"low\": %.17g, \"high\": %.17g, ", e->areas[a].low, e->areas[a].high);
        append_numbers(t, e, "ap_at", a, true);
        df_textbuf_add(t, ", ");
        append_numbers(t, e, "ar_at", a, false);
        df_textbuf_add(t, "}");
    }
    df_textbuf_add(t, "],\n \"by_iou\": [");
    for (size_t i = 0; i < e->n_ious && !t->failed; i++) {
        double ap = -1, ar = -1;
        t->failed = df_coco_precision(e, e->ious[i], 0, e->n_max_dets - 1, &ap) < 0 ||
                    df_coco_recall_at(e, e->ious[i], 0, e->n_max_dets - 1, &ar) < 0;
        df_textbuf_add(t, "%s{\"iou\": %.17g, \"ap\": %.17g, \"ar\": %.17g}", i ? ", " : "", e->ious[i], ap, ar);
    }
    df_textbuf_add(t, "]");
}

/* The rows of the table. */
static void append_rows(DfTextbuf *t, const DfCocoEval *e)
{
    CocoRow *rows;
    size_t n;
    char iou[32];
    t->failed = t->failed || df_coco_rows(e, &rows, &n) < 0;
    if (t->failed)
        return;
    df_textbuf_add(t, ",\n \"table\": [");
    for (size_t i = 0; i < n; i++) {
        df_textbuf_add(t, "%s{\"metric\": \"%s\", \"iou\": \"%s\", \"area\": ", i ? ",\n  " : "\n  ",
                       rows[i].precision ? "AP" : "AR", iou_text(e, rows[i].iou, iou));
        df_textbuf_json(t, rows[i].area);
        if (rows[i].part)
            df_textbuf_add(t, ", \"images\": \"%s\"", rows[i].part);
        df_textbuf_add(t, ", \"max_dets\": %d, \"value\": %.17g}", rows[i].max_det, rows[i].value);
    }
    df_textbuf_add(t, "]");
    df_free(rows);
}

/* The lines of df_coco_eval_notes(). */
static void append_notes(DfTextbuf *t, const DfCocoEval *e)
{
    char *notes = NULL, *rest;
    t->failed = t->failed || df_coco_eval_notes(e, true, &notes) < 0;
    if (t->failed)
        return;
    df_textbuf_add(t, ",\n \"notes\": [");
    for (char *line = strtok_r(notes, "\n", &rest), *first = line; line; line = strtok_r(NULL, "\n", &rest)) {
        df_textbuf_add(t, "%s", line == first ? "" : ", ");
        df_textbuf_json(t, line);
    }
    df_textbuf_add(t, "]");
    df_free(notes);
}

/* "AP": .., "AR@300": .. */
static void append_lvis(DfTextbuf *t, const DfCocoEval *e)
{
    char limit[16];
    df_snprintf(limit, sizeof limit, "@%d", e->max_dets[e->n_max_dets - 1]);
    for (int i = 0; i < DF_LVIS_STATS; i++)
        df_textbuf_add(t, "%s\"%s%s\": %.17g", i ? ", " : ",\n ", df_lvis_lines[i].name,
                       df_lvis_lines[i].precision ? "" : limit, e->lvis[i]);
}

static void append_classes(DfTextbuf *t, const DfCocoEval *e)
{
    df_textbuf_add(t, ",\n \"per_class\": [");
    for (size_t k = 0; k < e->n_classes; k++) {
        df_textbuf_add(t, "%s{\"id\": %" PRId64 ", \"name\": ", k ? ",\n  " : "\n  ", e->class_ids[k]);
        df_textbuf_json(t, e->class_names[k]);
        if (e->federated)
            df_textbuf_add(t, ", \"frequency\": \"%.1s\"", &e->frequency[k]);
        append_class(t, e, k, "ap", df_coco_ap);
        append_class(t, e, k, "ar", df_coco_ar);
        df_textbuf_add(t, "}");
    }
    df_textbuf_add(t, "]");
}

int df_coco_eval_json(const DfCocoEval *e, char **out)
{
    DfTextbuf text = { 0 };
    const size_t n = e->federated ? DF_LVIS_STATS : e->n_stats;
    df_textbuf_add(&text, "{\"stats\": [");
    for (size_t i = 0; i < n; i++)
        df_textbuf_add(&text, "%s%.17g", i ? ", " : "", e->federated ? e->lvis[i] : e->stats[i]);
    df_textbuf_add(&text, "], ");
    append_numbers(&text, e, "ap_at", 0, true);
    df_textbuf_add(&text, ", ");
    append_numbers(&text, e, "ar_at", 0, false);
    if (e->federated)
        append_lvis(&text, e);
    else
        append_rows(&text, e);
    append_parts(&text, e);
    if (e->counts)
        df_coco_append_f1(&text, e);
    append_classes(&text, e);
    append_notes(&text, e);
    df_textbuf_add(&text, "}");
    return df_textbuf_take(&text, out);
}
