/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/explain/calibration.c -- calibration of scores. Expected calibration error: the distance of a bin's mean score
 * from the share of its detections that are right, weighted by their number (Guo et al., ICML 2017; for detections:
 * Kueppers et al., CVPRW 2020). And the score threshold with the best F1 of each class.
 */
#include <math.h>
#include <string.h>

#include "eval/explain/data.h"

static void add(DfScoreBin *bins, size_t n, double score, bool right)
{
    const double at = score * (double)n;
    size_t place = 0;
    if (at >= (double)n)
        place = n - 1;
    else if (at > 0)
        place = (size_t)at;
    DfScoreBin *bin = &bins[place];
    bin->n++;
    bin->right += right;
    bin->score += score;
}

static double ece(const DfScoreBin *bins)
{
    double gap = 0;
    size_t n = 0;
    for (int b = 0; b < DF_CALIBRATION_BINS; b++) {
        gap += fabs((double)bins[b].right - bins[b].score);
        n += bins[b].n;
    }
    return n ? gap / (double)n : (double)NAN;
}

/* Down the ranking of each class at once; a threshold takes all detections of equal score. */
typedef struct {
    size_t n, right;
    DfScoreBin bins[DF_CALIBRATION_BINS];
    double score; /* of the last detection */
} Running;

static void try_threshold(DfExplainClass *c, const Running *r)
{
    const double below = (double)(r->n + c->truths); /* F1 = 2 TP / (TP + FP + TP + FN) */
    const double f1 = below > 0 ? 2 * (double)r->right / below : 0;
    if (f1 > c->best_f1) {
        c->best_f1 = f1;
        c->best_f1_score = r->score;
    }
}

static void run_down(DfExplain *e, const uint32_t *order, Running *running)
{
    const CocoView *v = e->view;
    for (size_t i = 0; i < v->n_detections; i++) {
        const ViewDetection *d = &v->detections[order[i]];
        const MarkOutcome outcome = e->marks.detections[order[i]].outcome;
        Running *r = &running[d->class];
        if (outcome != MARK_TRUE && outcome != MARK_FALSE)
            continue;
        if (r->n > 0 && d->score < r->score)
            try_threshold(&e->numbers.classes[d->class], r);
        r->n++;
        r->right += outcome == MARK_TRUE;
        r->score = d->score;
        add(r->bins, DF_CALIBRATION_BINS, d->score, outcome == MARK_TRUE);
        add(e->numbers.bins, DF_CALIBRATION_BINS, d->score, outcome == MARK_TRUE);
        add(e->numbers.histogram, DF_SCORE_BINS, d->score, outcome == MARK_TRUE);
    }
}

int df_explain_calibration(DfExplain *e)
{
    const size_t n = e->view->n_detections;
    const size_t classes = e->numbers.n_classes;
    uint32_t *order = df_malloc(n * sizeof *order);
    Running *running = df_calloc(classes + 1, sizeof *running);
    int error = order && running ? DF_OK : df_fail_memory("calibration");
    for (size_t i = 0; error == DF_OK && i < n; i++)
        order[i] = (uint32_t)i;
    if (error == DF_OK)
        error = df_view_sort(e->view, order);
    if (error == DF_OK) {
        run_down(e, order, running);
        e->numbers.ece = ece(e->numbers.bins);
    }
    for (size_t k = 0; error == DF_OK && k < classes; k++) {
        DfExplainClass *c = &e->numbers.classes[k];
        if (running[k].n)
            try_threshold(c, &running[k]);
        c->detections = running[k].n;
        c->ece = ece(running[k].bins);
    }
    df_free(order);
    df_free(running);
    return error;
}
