/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/coco_summary.c -- the twelve numbers, the number of each class, and their forms as text and JSON.
 *
 * Means add in numpy's order (2.3 and later: one pairwise sum), so that they agree to the last bit.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "eval/coco/coco_evaluate.h"
#include "eval/pairwise.h"

/* A part of precision or recall: the thresholds (one, or all if `iou` < 0) and classes [from, to) at an area and max_det. */
typedef struct {
    bool precision;
    double iou;
    size_t from, to, area, max_det;
} Slice;

/* Mean of what is > -1 in it, added in the order of pycocotools: thresholds, then recalls, then classes; -1 if nothing is. `room` holds
 * one number more than all. */
static double mean(const DfCocoEval *e, const Slice *s, double *room)
{
    const size_t recalls = s->precision ? e->n_recalls : 1, begin = s->precision ? df_coco_curve_place(e, 0, s->area, s->max_det, 0) : df_coco_recall_place(e, 0, s->area, s->max_det);
    const size_t step = s->precision ? df_coco_curve_place(e, 1, s->area, s->max_det, 0) - begin : df_coco_recall_place(e, 1, s->area, s->max_det) - begin;
    const double *const array = (s->precision ? e->precision : e->recall) + begin;
    size_t n = 0;
    for (size_t t = 0; t < e->n_ious; t++) {
        if (s->iou >= 0 && e->ious[t] != s->iou)
            continue;
        for (size_t r = t * recalls; r < (t + 1) * recalls; r++)
            for (size_t k = s->from; k < s->to; k++) {
                room[n] = array[k * step + r];
                n += room[n] > -1;
            }
    }
    return n ? df_pairwise_sum(room, n) / (double)n : -1;
}

/* ---- the twelve --------------------------------------------------------------------------------------------------- */

/* One line of the table. */
typedef struct {
    bool precision;
    double iou;        /* -1: all                              */
    const char *area;
    int max_det;       /* place in max_dets; -1: the value 100 */
} Line;

static const Line lines[DF_COCO_STATS] = {
    { true, -1, "all", -1 },    { true, 0.5, "all", 2 },     { true, 0.75, "all", 2 },
    { true, -1, "small", 2 },   { true, -1, "medium", 2 },   { true, -1, "large", 2 },
    { false, -1, "all", 0 },    { false, -1, "all", 1 },     { false, -1, "all", 2 },
    { false, -1, "small", 2 },  { false, -1, "medium", 2 },  { false, -1, "large", 2 }
};

/* Places of the named area and of the number of detections; false if the parameters have no such. */
static bool place(const DfCocoEval *e, const Line *line, size_t *area, size_t *max_det)
{
    const int wanted = line->max_det < 0 ? 100 : e->max_dets[line->max_det];
    *area = *max_det = 0;
    while (*area < e->n_areas && strcmp(e->areas[*area].name, line->area) != 0)
        ++*area;
    while (*max_det < e->n_max_dets && e->max_dets[*max_det] != wanted)
        ++*max_det;
    return *area < e->n_areas && *max_det < e->n_max_dets;
}

size_t df_coco_least_curve(const DfCocoEval *e)
{
    size_t least = 2;
    for (size_t m = 0; m < least; m++)
        if (e->max_dets[m] == 100)
            least = m;
    return least;
}

static void summarize_one(void *arg, size_t i, void *scratch)
{
    DfCocoEval *const e = arg;
    Slice s = { lines[i].precision, lines[i].iou, 0, e->n_classes, 0, 0 };
    e->stats[i] = place(e, &lines[i], &s.area, &s.max_det) ? mean(e, &s, scratch) : -1;
}

int df_coco_summarize(DfCocoEval *e, DfPool *pool)
{
    return df_parallel(pool, DF_COCO_STATS, (e->n_ious * e->n_recalls * e->n_classes + 1) * sizeof(double), summarize_one, e);
}

static int mean_of_class(const DfCocoEval *e, const Slice *s, double *value)
{
    *value = -1;
    if (s->precision && s->max_det < e->first_curve)
        return df_fail(DF_EVALUE, "COCO evaluation: the curves of %d detections were not asked for", e->max_dets[s->max_det]);
    double *room = df_malloc((e->n_ious * e->n_recalls + 1) * sizeof *room);
    if (!room)
        return df_fail_memory("the AP of a class");
    *value = mean(e, s, room);
    df_free(room);
    return DF_OK;
}

int df_coco_ap(const DfCocoEval *e, size_t class_place, double iou, size_t area, size_t max_det, double *ap)
{
    return mean_of_class(e, &(Slice){ true, iou, class_place, class_place + 1, area, max_det }, ap);
}

int df_coco_ar(const DfCocoEval *e, size_t class_place, double iou, size_t area, size_t max_det, double *ar)
{
    return mean_of_class(e, &(Slice){ false, iou, class_place, class_place + 1, area, max_det }, ar);
}

int df_coco_recall(const DfCocoEval *e, size_t area, size_t max_det, double *ar)
{
    double *room = df_malloc((e->n_ious * e->n_classes + 1) * sizeof *room);
    if (!room)
        return df_fail_memory("the summary");
    *ar = mean(e, &(Slice){ false, -1, 0, e->n_classes, area, max_det }, room);
    df_free(room);
    return DF_OK;
}

/* ---- text --------------------------------------------------------------------------------------------------------- */

typedef struct {
    char *at;
    size_t n, capacity;
    bool failed;
} Text;

static void append(Text *t, const char *format, ...) DF_PRINTF(2, 3);
static void append(Text *t, const char *format, ...)
{
    char piece[512];
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(piece, sizeof piece, format, args);
    va_end(args);
    const size_t n = length < 0 ? 0 : (size_t)length < sizeof piece ? (size_t)length : sizeof piece - 1;
    if (t->failed || !df_grow((void **)&t->at, &t->capacity, t->n + n + 1, 1)) {
        t->failed = true;
        return;
    }
    memcpy(t->at + t->n, piece, n + 1);
    t->n += n;
}

static int finish(Text *t, char **out)
{
    *out = NULL;
    if (t->failed) {
        df_free(t->at);
        return df_fail_memory("the table");
    }
    *out = t->at;
    return DF_OK;
}

/* pycocotools' own format. */
int df_coco_eval_table(const DfCocoEval *e, char **out)
{
    Text text = { 0 };
    for (int i = 0; i < DF_COCO_STATS; i++) {
        const Line *l = &lines[i];
        char iou[32];
        if (l->iou < 0)
            snprintf(iou, sizeof iou, "%0.2f:%0.2f", e->ious[0], e->ious[e->n_ious - 1]);
        else
            snprintf(iou, sizeof iou, "%0.2f", l->iou);
        append(&text, " %-18s %s @[ IoU=%-9s | area=%6s | maxDets=%3d ] = %0.3f\n", l->precision ? "Average Precision" : "Average Recall",
            l->precision ? "(AP)" : "(AR)", iou, l->area, l->max_det < 0 ? 100 : e->max_dets[l->max_det], e->stats[i]);
    }
    return finish(&text, out);
}

/* Recall at every number of detections over all areas, then of each area at the largest number. */
int df_coco_eval_recall_table(const DfCocoEval *e, char **out)
{
    Text text = { 0 };
    char iou[32];
    snprintf(iou, sizeof iou, "%0.2f:%0.2f", e->ious[0], e->ious[e->n_ious - 1]);
    const size_t most = e->n_max_dets - 1;
    for (size_t i = 0; i < e->n_max_dets + e->n_areas - 1 && !text.failed; i++) {
        const size_t area = i <= most ? 0 : i - most, max_det = i <= most ? i : most;
        double ar = -1;
        text.failed = df_coco_recall(e, area, max_det, &ar) < 0;
        append(&text, " %-18s %s @[ IoU=%-9s | area=%6s | maxDets=%3d ] = %0.3f\n", "Average Recall", "(AR)", iou, e->areas[area].name, e->max_dets[max_det], ar);
    }
    return finish(&text, out);
}

int df_coco_eval_class_table(const DfCocoEval *e, char **out)
{
    Text text = { 0 };
    size_t widest = 8;
    for (size_t k = 0; k < e->n_classes; k++)
        widest = strlen(e->class_names[k]) > widest ? strlen(e->class_names[k]) : widest;
    widest = widest > 40 ? 40 : widest;
    append(&text, " %-*s %8s %7s %7s %7s %7s\n", (int)widest, "category", "id", "AP", "AP50", "AP75", "AR");
    for (size_t k = 0; k < e->n_classes; k++) {
        double ap[3] = { -1, -1, -1 };
        static const double ious[] = { -1, 0.5, 0.75 };
        for (int i = 0; i < 3 && !text.failed; i++)
            text.failed = df_coco_ap(e, k, ious[i], 0, e->n_max_dets - 1, &ap[i]) < 0;
        double ar = -1;
        if (!text.failed)
            text.failed = df_coco_ar(e, k, -1, 0, e->n_max_dets - 1, &ar) < 0;
        append(&text, " %-*s %8" PRId64 " %7.3f %7.3f %7.3f %7.3f\n", (int)widest, e->class_names[k], e->class_ids[k], ap[0], ap[1], ap[2], ar);
    }
    return finish(&text, out);
}

/* ---- JSON --------------------------------------------------------------------------------------------------------- */

static void append_quoted(Text *t, const char *s)
{
    append(t, "\"");
    for (; *s; s++) {
        const unsigned char c = (unsigned char)*s;
        if (c < 0x20)
            append(t, "\\u%04x", c);
        else
            append(t, c == '"' || c == '\\' ? "\\%c" : "%c", c);
    }
    append(t, "\"");
}

/* Of a class at the largest number of detections. */
static void append_recall(Text *t, const DfCocoEval *e, size_t k)
{
    static const char *const names[] = { "ar", "ar_small", "ar_medium", "ar_large" };
    for (int i = 0; i < 4 && !t->failed; i++) {
        size_t area, max_det;
        double ar = -1;
        if (place(e, &lines[8 + i], &area, &max_det))
            t->failed = df_coco_ar(e, k, -1, area, e->n_max_dets - 1, &ar) < 0;
        append(t, ", \"%s\": %.17g", names[i], ar);
    }
}

/* {"1": 0.25, "10": ...} over all areas. */
static void append_recalls(Text *t, const DfCocoEval *e)
{
    for (size_t m = 0; m < e->n_max_dets && !t->failed; m++) {
        double ar = -1;
        t->failed = df_coco_recall(e, 0, m, &ar) < 0;
        append(t, "%s\"%d\": %.17g", m ? ", " : "], \"ar_at\": {", e->max_dets[m], ar);
    }
}

int df_coco_eval_json(const DfCocoEval *e, char **out)
{
    static const char *const names[] = { "ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large" };
    Text text = { 0 };
    append(&text, "{\"stats\": [");
    for (int i = 0; i < DF_COCO_STATS; i++)
        append(&text, "%s%.17g", i ? ", " : "", e->stats[i]);
    append_recalls(&text, e);
    append(&text, "},\n \"per_class\": [");
    for (size_t k = 0; k < e->n_classes; k++) {
        append(&text, "%s{\"id\": %" PRId64 ", \"name\": ", k ? ",\n  " : "\n  ", e->class_ids[k]);
        append_quoted(&text, e->class_names[k]);
        for (int i = 0; i < 6 && !text.failed; i++) {
            size_t area, max_det;
            double ap = -1;
            if (place(e, &lines[i], &area, &max_det))
                text.failed = df_coco_ap(e, k, lines[i].iou, area, e->n_max_dets - 1, &ap) < 0;
            append(&text, ", \"%s\": %.17g", names[i], ap);
        }
        append_recall(&text, e, k);
        append(&text, "}");
    }
    append(&text, "]}");
    return finish(&text, out);
}
