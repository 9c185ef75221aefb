/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/summary.c -- the twelve numbers, and the number of each class.
 *
 * Means add in numpy's order (2.3 and later: one pairwise sum), so that they agree to the last bit.
 */
#include <string.h>

#include "eval/coco/evaluate.h"
#include "eval/pairwise.h"

/* A part of precision or recall: the thresholds (one, or all if `iou` < 0) and classes [from, to) at an area and
 * max_det. */
typedef struct {
    bool precision;
    double iou;
    size_t from, to, area, max_det;
    char frequency; /* only classes of it; 0: all */
} Slice;

/* Where the numbers of a class begin. */
static size_t place_of_class(const DfCocoEval *e, const Slice *s, size_t k)
{
    if (s->precision)
        return df_coco_curve_place(e, k, s->area, s->max_det, 0);
    return df_coco_recall_place(e, k, s->area, s->max_det);
}

/* Mean of what is > -1 in it: numpy.mean(s[s > -1]) of COCOeval.summarize(), added in the order of pycocotools, which
 * is thresholds, then recalls, then classes; -1 if nothing is. `room` holds one number more than all. */
static double mean(const DfCocoEval *e, const Slice *s, double *room)
{
    const size_t recalls = s->precision ? e->n_recalls : 1;
    const size_t begin = place_of_class(e, s, 0);
    const size_t step = place_of_class(e, s, 1) - begin;
    const double *const array = (s->precision ? e->precision : e->recall) + begin;
    size_t n = 0;
    for (size_t t = 0; t < e->n_ious; t++) {
        if (s->iou >= 0 && e->ious[t] != s->iou)
            continue;
        for (size_t r = t * recalls; r < (t + 1) * recalls; r++)
            for (size_t k = s->from; k < s->to; k++) {
                if (s->frequency && e->frequency[k] != s->frequency)
                    continue;
                room[n] = array[k * step + r];
                n += room[n] > -1;
            }
    }
    return n ? df_pairwise_sum(room, n) / (double)n : -1;
}

/* ---- the twelve -------------------------------------------------------------------------------------------------- */

const CocoLine df_coco_lines[DF_COCO_STATS] = {
    { true, -1, "all", -1 },    { true, 0.5, "all", 2 },     { true, 0.75, "all", 2 },
    { true, -1, "small", 2 },   { true, -1, "medium", 2 },   { true, -1, "large", 2 },
    { false, -1, "all", 0 },    { false, -1, "all", 1 },     { false, -1, "all", 2 },
    { false, -1, "small", 2 },  { false, -1, "medium", 2 },  { false, -1, "large", 2 }
};

bool df_coco_place(const DfCocoEval *e, const CocoLine *line, size_t *area, size_t *max_det)
{
    int wanted = e->max_dets[e->n_max_dets - 1];
    if (!e->federated)
        wanted = line->max_det < 0 ? 100 : e->max_dets[line->max_det];
    *area = *max_det = 0;
    while (*area < e->n_areas && strcmp(e->areas[*area].name, line->area) != 0)
        ++*area;
    while (*max_det < e->n_max_dets && e->max_dets[*max_det] != wanted)
        ++*max_det;
    return *area < e->n_areas && *max_det < e->n_max_dets;
}

size_t df_coco_least_curve(const DfCocoEval *e)
{
    size_t least = e->federated ? e->n_max_dets - 1 : 2;
    for (size_t m = 0; m < least; m++)
        if (e->max_dets[m] == 100)
            least = m;
    return least;
}

static void summarize_one(void *arg, size_t i, void *scratch)
{
    DfCocoEval *const e = arg;
    const CocoLine *const line = &df_coco_lines[i];
    Slice s = { line->precision, line->iou, 0, e->n_classes, 0, 0, 0 };
    e->stats[i] = df_coco_place(e, line, &s.area, &s.max_det) ? mean(e, &s, scratch) : -1;
}

/* LVISEval.summarize() */
const LvisLine df_lvis_lines[DF_LVIS_STATS] = {
    { "AP", true, -1, "all", 0 },    { "AP50", true, 0.5, "all", 0 },   { "AP75", true, 0.75, "all", 0 },
    { "APs", true, -1, "small", 0 }, { "APm", true, -1, "medium", 0 },  { "APl", true, -1, "large", 0 },
    { "APr", true, -1, "all", 'r' }, { "APc", true, -1, "all", 'c' },   { "APf", true, -1, "all", 'f' },
    { "AR", false, -1, "all", 0 },    { "ARs", false, -1, "small", 0 },
    { "ARm", false, -1, "medium", 0 }, { "ARl", false, -1, "large", 0 },
};

static int summarize_lvis(DfCocoEval *e)
{
    double *room = df_malloc((e->n_ious * e->n_recalls * e->n_classes + 1) * sizeof *room);
    if (!room)
        return df_fail_memory("the summary");
    for (int i = 0; i < DF_LVIS_STATS; i++) {
        const LvisLine *line = &df_lvis_lines[i];
        Slice s = { line->precision, line->iou, 0, e->n_classes, 0, e->n_max_dets - 1, line->frequency };
        while (s.area < e->n_areas && strcmp(e->areas[s.area].name, line->area) != 0)
            s.area++;
        e->lvis[i] = s.area < e->n_areas ? mean(e, &s, room) : -1;
    }
    df_free(room);
    return DF_OK;
}

int df_coco_summarize(DfCocoEval *e, DfPool *pool)
{
    const int error = e->federated ? summarize_lvis(e) : DF_OK;
    if (error < 0)
        return error;
    return df_parallel(pool, DF_COCO_STATS, (e->n_ious * e->n_recalls * e->n_classes + 1) * sizeof(double),
                       summarize_one, e);
}

static int mean_of_class(const DfCocoEval *e, const Slice *s, double *value)
{
    *value = -1;
    if (s->precision && s->max_det < e->first_curve)
        return df_fail(DF_EVALUE, "COCO evaluation: the curves of %d detections were not asked for",
                       e->max_dets[s->max_det]);
    double *room = df_malloc((e->n_ious * e->n_recalls + 1) * sizeof *room);
    if (!room)
        return df_fail_memory("the AP of a class");
    *value = mean(e, s, room);
    df_free(room);
    return DF_OK;
}

int df_coco_ap(const DfCocoEval *e, size_t class_place, double iou, size_t area, size_t max_det, double *ap)
{
    return mean_of_class(e, &(Slice){ true, iou, class_place, class_place + 1, area, max_det, 0 }, ap);
}

int df_coco_ar(const DfCocoEval *e, size_t class_place, double iou, size_t area, size_t max_det, double *ar)
{
    return mean_of_class(e, &(Slice){ false, iou, class_place, class_place + 1, area, max_det, 0 }, ar);
}

int df_coco_recall(const DfCocoEval *e, size_t area, size_t max_det, double *ar)
{
    double *room = df_malloc((e->n_ious * e->n_classes + 1) * sizeof *room);
    if (!room)
        return df_fail_memory("the summary");
    *ar = mean(e, &(Slice){ false, -1, 0, e->n_classes, area, max_det, 0 }, room);
    df_free(room);
    return DF_OK;
}
