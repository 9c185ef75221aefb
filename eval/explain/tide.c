/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/explain/tide.c -- the cost of each kind of error: AP50 after an oracle has corrected it (eval/explain/tide.h).
 */
#include "eval/explain/tide.h"

#include <string.h>

#include "eval/average_precision.h"
#include "eval/explain/tide_marks.h"

typedef enum { FIX_NOTHING = DF_TIDE_KINDS, FIX_FALSE_POSITIVES, FIX_FALSE_NEGATIVES } Fix; /* below: one kind */

typedef struct {
    const CocoView *view;
    const TideMarks *marks;
    uint32_t *as_given, *errors_first; /* all detections by score; which comes first among equal scores */
    size_t *positives;                 /* [n_classes]: ground truths */
    size_t *start;                     /* [n_classes + 1]: where its points begin */
    uint8_t *points;                   /* by class, then score: 1 for a true positive */
    double *precision;                 /* of the true positives of one class */
} Costs;

/* ---- AP of one class ------------------------------------------------------------------------------------------- */

enum { RECALLS = 101 };

/* The toolbox's recalls are r / 100, some of which differ from pycocotools' in the last bit, and it adds no epsilon. */
static double ap_of(const uint8_t *points, size_t n, size_t positives, double *precision)
{
    PrecisionCurve curve = { .precision = precision };
    size_t needed[RECALLS];
    if (positives == 0)
        return 0;
    for (size_t i = 0; i < n; i++)
        if (points[i]) {
            const size_t right = ++curve.n;
            precision[right - 1] = df_precision((double)right, (double)(i + 1 - right), 0);
        }
    for (int r = 0; r < RECALLS; r++)
        needed[r] = df_hits_needed(r / 100.0, positives);
    df_precision_envelope(&curve);
    return df_average_precision(&curve, needed, RECALLS);
}

/* ---- the points of all classes under one correction -------------------------------------------------------------- */

/* Whether a detection is a point, of which class, and whether a true one. */
static bool point_of(const Costs *c, uint32_t d, Fix fix, uint32_t *class, uint8_t *right)
{
    const DetectionMark *mark = &c->marks->detections[d];
    *class = c->view->detections[d].class;
    *right = mark->outcome == MARK_TRUE;
    if (mark->outcome == MARK_BEYOND)
        return false;
    if (mark->outcome == MARK_TRUE || mark->kind != (DfTideKind)fix)
        return mark->outcome != MARK_IGNORED;
    if (fix != (Fix)DF_TIDE_CLS && fix != (Fix)DF_TIDE_LOC)
        return false; /* corrected by taking it away */
    *class = c->view->truths[mark->truth].class;
    *right = 1;
    return c->marks->truths[mark->truth].fixed_by == d; /* one correction for a ground truth; the others go away */
}

static void fill(Costs *c, const uint32_t *order, Fix fix)
{
    uint32_t class;
    uint8_t right;
    const size_t classes = c->view->n_classes;
    memset(c->start, 0, (classes + 2) * sizeof *c->start);
    for (size_t i = 0; i < c->view->n_detections; i++)
        if (point_of(c, order[i], fix, &class, &right))
            c->start[class + 2]++;
    for (size_t k = 0; k < classes; k++)
        c->start[k + 2] += c->start[k + 1];
    /* Perfect precision: the true ones of each class first. */
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < c->view->n_detections; i++)
            if (point_of(c, order[i], fix, &class, &right) && (fix == FIX_FALSE_POSITIVES ? right != pass : pass == 0))
                c->points[c->start[class + 1]++] = right;
}

static double map_of(Costs *c, Fix fix)
{
    double sum = 0;
    size_t classes = 0;
    fill(c, fix == FIX_NOTHING ? c->as_given : c->errors_first, fix);
    for (size_t k = 0; k < c->view->n_classes; k++) {
        const uint8_t *points = c->points + c->start[k];
        const size_t n = c->start[k + 1] - c->start[k];
        if (n == 0 && c->positives[k] == 0)
            continue;
        sum += ap_of(points, n, c->positives[k], c->precision);
        classes++;
    }
    return classes ? sum / (double)classes : 0;
}

/* What is not found and, for Miss, explained by no other error. */
static void count_positives(Costs *c, Fix fix)
{
    memset(c->positives, 0, c->view->n_classes * sizeof *c->positives);
    for (size_t g = 0; g < c->view->n_truths; g++) {
        const bool missed = df_truth_missed(c->marks, c->view, g);
        const bool forgotten = missed && (fix == FIX_FALSE_NEGATIVES ||
                                          (fix == (Fix)DF_TIDE_MISS && c->marks->truths[g].fixed_by == VIEW_NONE));
        c->positives[c->view->truths[g].class] += !c->view->truths[g].crowd && !forgotten;
    }
}

/* ---- all corrections --------------------------------------------------------------------------------------------- */

static void count_kinds(DfTide *t, const CocoView *v, const TideMarks *m)
{
    for (size_t d = 0; d < v->n_detections; d++)
        if (m->detections[d].outcome == MARK_FALSE || m->detections[d].outcome == MARK_IGNORED)
            t->count[m->detections[d].kind]++;
    for (size_t g = 0; g < v->n_truths; g++)
        t->count[DF_TIDE_MISS] += df_truth_missed(m, v, g) && m->truths[g].fixed_by == VIEW_NONE;
}

/* Both orders are by score. Among equal scores one is that of the view; the other has what is not a true positive
 * first. */
static int order_all(Costs *c)
{
    const size_t n = c->view->n_detections;
    size_t at = 0;
    for (size_t i = 0; i < n; i++)
        c->as_given[i] = (uint32_t)i;
    for (int right = 0; right < 2; right++)
        for (size_t i = 0; i < n; i++)
            if ((c->marks->detections[i].outcome == MARK_TRUE) == right)
                c->errors_first[at++] = (uint32_t)i;
    const int error = df_view_sort(c->view, c->as_given);
    return error < 0 ? error : df_view_sort(c->view, c->errors_first);
}

static double gain(Costs *c, const DfTide *t, Fix fix)
{
    count_positives(c, fix);
    return map_of(c, fix) - t->ap50;
}

int df_tide_costs(DfTide *t, const CocoView *v, const TideMarks *m)
{
    const size_t n = v->n_detections, classes = v->n_classes;
    Costs c = { v,
                m,
                df_malloc(n * sizeof(uint32_t)),
                df_malloc(n * sizeof(uint32_t)),
                df_malloc(classes * sizeof(size_t)),
                df_malloc((classes + 2) * sizeof(size_t)),
                df_malloc(n),
                df_malloc(n * sizeof(double)) };
    int error = c.as_given && c.errors_first && c.positives && c.start && c.points && c.precision
                    ? DF_OK
                    : df_fail_memory("TIDE");
    *t = (DfTide){ 0 };
    if (error == DF_OK)
        error = order_all(&c);
    if (error == DF_OK) {
        count_kinds(t, v, m);
        t->ap50 = gain(&c, t, FIX_NOTHING);
        for (int kind = 0; kind < DF_TIDE_KINDS; kind++) {
            const double rise = gain(&c, t, (Fix)kind);
            t->cost[kind] = rise > 0 ? rise : 0;
        }
        t->false_positives = gain(&c, t, FIX_FALSE_POSITIVES);
        t->false_negatives = gain(&c, t, FIX_FALSE_NEGATIVES);
    }
    df_free(c.as_given);
    df_free(c.errors_first);
    df_free(c.positives);
    df_free(c.start);
    df_free(c.points);
    df_free(c.precision);
    return error;
}

int df_coco_tide(DfTide *out, const struct DfCocoResults *dt, bool masks)
{
    CocoView *view;
    TideMarks marks = { 0 };
    int error = df_tide_view(&view, dt, masks, NULL, 0);
    if (error == DF_OK)
        error = df_tide_mark(&marks, view);
    if (error == DF_OK)
        error = df_tide_costs(out, view, &marks);
    df_tide_marks_done(&marks);
    df_coco_view_free(view);
    return error;
}

const char *df_tide_name(DfTideKind kind)
{
    static const char *const names[] = { "Cls", "Loc", "Both", "Dupe", "Bkg", "Miss" };
    return names[kind];
}
