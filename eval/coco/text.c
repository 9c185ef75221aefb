/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/text.c -- scores as tables, as JSON, and in words where there are none.
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

/* pycocotools' own format. */
int df_coco_eval_table(const DfCocoEval *e, char **out)
{
    DfTextbuf text = { 0 };
    if (e->federated)
        return lvis_table(e, out);
    for (int i = 0; i < DF_COCO_STATS; i++) {
        const CocoLine *l = &df_coco_lines[i];
        char iou[32];
        if (l->iou < 0)
            df_snprintf(iou, sizeof iou, "%0.2f:%0.2f", e->ious[0], e->ious[e->n_ious - 1]);
        else
            df_snprintf(iou, sizeof iou, "%0.2f", l->iou);
        df_textbuf_add(&text, " %-18s %s @[ IoU=%-9s | area=%6s | maxDets=%3d ] = %0.3f\n",
                       l->precision ? "Average Precision" : "Average Recall", l->precision ? "(AP)" : "(AR)", iou,
                       l->area, l->max_det < 0 ? 100 : e->max_dets[l->max_det], e->stats[i]);
    }
    return df_textbuf_take(&text, out);
}

/* Recall at every number of detections over all areas, then of each area at the largest number. */
int df_coco_eval_recall_table(const DfCocoEval *e, char **out)
{
    DfTextbuf text = { 0 };
    char iou[32];
    df_snprintf(iou, sizeof iou, "%0.2f:%0.2f", e->ious[0], e->ious[e->n_ious - 1]);
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
    df_textbuf_add(&text, " %-*s %8s %7s %7s %7s %7s\n", (int)widest, "category", "id", "AP", "AP50", "AP75", "AR");
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
        df_textbuf_add(&text, " %8" PRId64 " %7.3f %7.3f %7.3f %7.3f\n", e->class_ids[k], ap[0], ap[1], ap[2], ar);
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

/* The twelve ask for thresholds, areas and a number of detections that the parameters may not have. */
static void note_parameters(DfTextbuf *t, const DfCocoEval *e)
{
    static const double ious[] = { 0.5, 0.75 };
    static const int of_areas[] = { 0, 3, 4, 5 };
    for (size_t i = 0; i < 2; i++) {
        bool there = false;
        for (size_t k = 0; k < e->n_ious; k++)
            there |= e->ious[k] == ious[i];
        if (!there)
            df_textbuf_add(t, "-1 at IoU=%.2f: it is not among the IoU thresholds\n", ious[i]);
    }
    for (size_t i = 0; i < 4; i++) {
        size_t area, max_det;
        df_coco_place(e, &df_coco_lines[of_areas[i]], &area, &max_det);
        if (area == e->n_areas)
            df_textbuf_add(t, "-1 at area=%s: no area range has that name\n", df_coco_lines[of_areas[i]].area);
        if (i == 0 && max_det == e->n_max_dets)
            df_textbuf_add(t, "-1 as the AP of all areas: it needs 100 in maxDets\n");
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
    if (of_classes)
        note_classes(&text, e);
    return df_textbuf_take(&text, out);
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

/* Of a class at the largest number of detections. */
static void append_recall(DfTextbuf *t, const DfCocoEval *e, size_t k)
{
    static const char *const names[] = { "ar", "ar_small", "ar_medium", "ar_large" };
    for (int i = 0; i < 4 && !t->failed; i++) {
        size_t area, max_det;
        double ar = -1;
        if (df_coco_place(e, &df_coco_lines[8 + i], &area, &max_det))
            t->failed = df_coco_ar(e, k, -1, area, e->n_max_dets - 1, &ar) < 0;
        df_textbuf_add(t, ", \"%s\": %.17g", names[i], ar);
    }
}

/* {"1": 0.25, "10": ...} over all areas. */
static void append_recalls(DfTextbuf *t, const DfCocoEval *e)
{
    for (size_t m = 0; m < e->n_max_dets && !t->failed; m++) {
        double ar = -1;
        t->failed = df_coco_recall(e, 0, m, &ar) < 0;
        df_textbuf_add(t, "%s\"%d\": %.17g", m ? ", " : "], \"ar_at\": {", e->max_dets[m], ar);
    }
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

int df_coco_eval_json(const DfCocoEval *e, char **out)
{
    static const char *const names[] = { "ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large" };
    DfTextbuf text = { 0 };
    df_textbuf_add(&text, "{\"stats\": [");
    for (int i = 0; i < (e->federated ? DF_LVIS_STATS : DF_COCO_STATS); i++)
        df_textbuf_add(&text, "%s%.17g", i ? ", " : "", e->federated ? e->lvis[i] : e->stats[i]);
    append_recalls(&text, e);
    df_textbuf_add(&text, "}");
    if (e->federated)
        append_lvis(&text, e);
    df_textbuf_add(&text, ",\n \"per_class\": [");
    for (size_t k = 0; k < e->n_classes; k++) {
        df_textbuf_add(&text, "%s{\"id\": %" PRId64 ", \"name\": ", k ? ",\n  " : "\n  ", e->class_ids[k]);
        df_textbuf_json(&text, e->class_names[k]);
        for (int i = 0; i < 6 && !text.failed; i++) {
            size_t area, max_det;
            double ap = -1;
            if (df_coco_place(e, &df_coco_lines[i], &area, &max_det))
                text.failed = df_coco_ap(e, k, df_coco_lines[i].iou, area, e->n_max_dets - 1, &ap) < 0;
            df_textbuf_add(&text, ", \"%s\": %.17g", names[i], ap);
        }
        append_recall(&text, e, k);
        df_textbuf_add(&text, "}");
    }
    df_textbuf_add(&text, "]");
    append_notes(&text, e);
    df_textbuf_add(&text, "}");
    return df_textbuf_take(&text, out);
}
