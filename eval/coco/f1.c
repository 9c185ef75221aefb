/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/f1.c -- F1, the harmonic mean of precision and recall, in two forms: the best along the interpolated
 * curves of AP, and that of the detections with at least some score. Both use the first area range and the largest
 * number of detections.
 */
#include <inttypes.h>
#include <math.h>

#include "eval/coco/evaluate.h"

/* ---- counts ---------------------------------------------------------------------------------------------------- */

int df_coco_make_counts(DfCocoEval *e, const DfCocoParams *p)
{
    e->f1_score = p->f1_score;
    e->counts = p->f1 ? df_arena_alloc(e->arena, e->n_classes * e->n_ious + 1, sizeof *e->counts) : NULL;
    return e->counts || !p->f1 ? DF_OK : df_fail_memory("the evaluation");
}

void df_coco_count(const CocoRun *run, size_t k, const CocoRanking *r, size_t positives)
{
    const DfCocoEval *const e = run->eval;
    const size_t row = e->n_areas * e->n_ious;
    const uint32_t most = (uint32_t)e->max_dets[e->n_max_dets - 1];
    DfCocoCounts *const counts = e->counts + k * e->n_ious;
    for (size_t d = 0; d < r->n && df_coco_detection(run->results, r->detection[d])->score >= e->f1_score; d++)
        for (size_t t = 0; r->rank[d] < most && t < e->n_ious; t++) {
            counts[t].tp += r->outcome[d * row + t] == TRUE_POSITIVE;
            counts[t].fp += r->outcome[d * row + t] == FALSE_POSITIVE;
        }
    for (size_t t = 0; t < e->n_ious; t++)
        counts[t].fn = positives - counts[t].tp;
}

DfCocoCounts df_coco_counts(const DfCocoEval *e, size_t class_place, size_t iou)
{
    const bool all = class_place >= e->n_classes;
    DfCocoCounts sum = { 0 };
    for (size_t k = all ? 0 : class_place; k < (all ? e->n_classes : class_place + 1); k++) {
        const DfCocoCounts *const c = &e->counts[k * e->n_ious + iou];
        sum.tp += c->tp;
        sum.fp += c->fp;
        sum.fn += c->fn;
    }
    return sum;
}

static double share(uint64_t part, uint64_t whole)
{
    return whole ? (double)part / (double)whole : 0;
}

/* ---- curves ---------------------------------------------------------------------------------------------------- */

static double best_of_curve(const DfCocoEval *e, size_t k, size_t iou)
{
    const double *const precision = df_coco_curve(e, k, 0, e->n_max_dets - 1, iou);
    double best = 0;
    for (size_t i = 0; i < e->n_recalls; i++) {
        const double p = precision[i];
        const double r = e->recalls[i];
        const double f1 = p + r > 0 ? 2 * p * r / (p + r) : 0;
        best = f1 > best ? f1 : best;
    }
    return precision[0] > -1 ? best : -1;
}

double df_coco_f1(const DfCocoEval *e, size_t class_place, double iou)
{
    const bool all = class_place >= e->n_classes;
    double sum = 0;
    size_t n = 0;
    for (size_t t = 0; t < e->n_ious; t++)
        for (size_t k = all ? 0 : class_place; k < (all ? e->n_classes : class_place + 1); k++) {
            const double f1 = iou < 0 || e->ious[t] == iou ? best_of_curve(e, k, t) : -1;
            sum += f1 > -1 ? f1 : 0;
            n += f1 > -1;
        }
    return n ? sum / (double)n : -1;
}

/* ---- text ------------------------------------------------------------------------------------------------------ */

static void append_counts_row(DfTextbuf *t, const DfCocoCounts *c)
{
    df_textbuf_add(t, " %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %9.3f %7.3f %7.3f\n", c->tp, c->fp, c->fn,
                   share(c->tp, c->tp + c->fp), share(c->tp, c->tp + c->fn),
                   share(2 * c->tp, 2 * c->tp + c->fp + c->fn));
}

static void append_class_rows(DfTextbuf *t, const DfCocoEval *e)
{
    df_textbuf_add(t, "\n %-20s %12s %7s %8s %8s %8s %9s %7s %7s\n", "category", "id", "best F1", "TP", "FP", "FN",
                   "precision", "recall", "F1");
    for (size_t k = 0; k < e->n_classes; k++) {
        const DfCocoCounts c = df_coco_counts(e, k, 0);
        df_textbuf_add(t, " ");
        df_textbuf_shown(t, e->class_names[k], 20);
        df_textbuf_add(t, " %12" PRId64 " %7.3f", e->class_ids[k], df_coco_f1(e, k, e->ious[0]));
        append_counts_row(t, &c);
    }
}

int df_coco_f1_table(const DfCocoEval *e, bool per_class, char **out)
{
    DfTextbuf t = { 0 };
    *out = NULL;
    if (!e->counts)
        return df_fail(DF_EVALUE, "COCO evaluation: F1 was not asked for");
    df_textbuf_add(&t, " F1: the best of the curve %.3f; at scores from %g:\n", df_coco_f1(e, SIZE_MAX, -1),
                   e->f1_score);
    df_textbuf_add(&t, " %-9s %7s %8s %8s %8s %9s %7s %7s\n", "IoU", "best F1", "TP", "FP", "FN", "precision", "recall",
                   "F1");
    for (size_t i = 0; i < e->n_ious; i++) {
        const DfCocoCounts c = df_coco_counts(e, SIZE_MAX, i);
        df_textbuf_add(&t, " %-9.2f %7.3f", e->ious[i], df_coco_f1(e, SIZE_MAX, e->ious[i]));
        append_counts_row(&t, &c);
    }
    if (per_class)
        append_class_rows(&t, e);
    return df_textbuf_take(&t, out);
}

static void append_counts(DfTextbuf *t, const DfCocoCounts *c)
{
    df_textbuf_add(t, "\"at_score\": {\"tp\": %" PRIu64 ", \"fp\": %" PRIu64 ", \"fn\": %" PRIu64, c->tp, c->fp, c->fn);
    df_textbuf_add(t, ", \"precision\": %.17g, \"recall\": %.17g, \"f1\": %.17g}", share(c->tp, c->tp + c->fp),
                   share(c->tp, c->tp + c->fn), share(2 * c->tp, 2 * c->tp + c->fp + c->fn));
}

static void append_thresholds(DfTextbuf *t, const DfCocoEval *e, size_t class_place)
{
    df_textbuf_add(t, "\"by_iou\": [");
    for (size_t i = 0; i < e->n_ious; i++) {
        const DfCocoCounts c = df_coco_counts(e, class_place, i);
        df_textbuf_add(t, "%s{\"iou\": %.17g, \"f1\": %.17g, ", i ? ",\n   " : "\n   ", e->ious[i],
                       df_coco_f1(e, class_place, e->ious[i]));
        append_counts(t, &c);
        df_textbuf_add(t, "}");
    }
    df_textbuf_add(t, "]");
}

void df_coco_append_f1(DfTextbuf *t, const DfCocoEval *e)
{
    df_textbuf_add(t, ",\n \"f1\": {\"f1\": %.17g, \"score_threshold\": %.17g,\n  ", df_coco_f1(e, SIZE_MAX, -1),
                   e->f1_score);
    append_thresholds(t, e, SIZE_MAX);
    df_textbuf_add(t, ",\n  \"per_class\": [");
    for (size_t k = 0; k < e->n_classes; k++) {
        const DfCocoCounts c = df_coco_counts(e, k, 0);
        df_textbuf_add(t, "%s{\"id\": %" PRId64 ", \"name\": ", k ? ",\n   " : "\n   ", e->class_ids[k]);
        df_textbuf_json(t, e->class_names[k]);
        df_textbuf_add(t, ", \"f1\": %.17g, ", df_coco_f1(e, k, -1));
        append_counts(t, &c);
        df_textbuf_add(t, ", ");
        append_thresholds(t, e, k);
        df_textbuf_add(t, "}");
    }
    df_textbuf_add(t, "]}");
}
