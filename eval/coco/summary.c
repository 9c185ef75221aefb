/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/summary.c -- the twelve numbers of COCO, and the AP of each class.
 *
 * Means are added in numpy's order (2.3 and later: one pairwise sum), so that they agree to the last bit.
 */
#include <math.h>
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
    double near;    /* thresholds so close to `iou` too */
} Slice;

static bool takes_threshold(const Slice *s, double iou)
{
    return s->iou < 0 || iou == s->iou || fabs(s->iou - iou) < s->near;
}

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
        if (!takes_threshold(s, e->ious[t]))
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

/* ---- the lines of a summary -------------------------------------------------------------------------------------- */

/* COCOeval.summarize(). The AP of boxes and masks wants the number 100 itself, everything of keypoints 20. */
static const CocoLine box_lines[] = {
    { true, -1, "all", -100, 0, NULL }, { true, 0.5, "all", 2, 0, NULL },    { true, 0.75, "all", 2, 0, NULL },
    { true, -1, "small", 2, 0, NULL },  { true, -1, "medium", 2, 0, NULL },  { true, -1, "large", 2, 0, NULL },
    { false, -1, "all", 0, 0, NULL },   { false, -1, "all", 1, 0, NULL },    { false, -1, "all", 2, 0, NULL },
    { false, -1, "small", 2, 0, NULL }, { false, -1, "medium", 2, 0, NULL }, { false, -1, "large", 2, 0, NULL }
};

static const CocoLine keypoint_lines[] = {
    { true, -1, "all", -20, 0, NULL },     { true, 0.5, "all", -20, 0, NULL },  { true, 0.75, "all", -20, 0, NULL },
    { true, -1, "medium", -20, 0, NULL },  { true, -1, "large", -20, 0, NULL },
    { false, -1, "all", -20, 0, NULL },    { false, 0.5, "all", -20, 0, NULL }, { false, 0.75, "all", -20, 0, NULL },
    { false, -1, "medium", -20, 0, NULL }, { false, -1, "large", -20, 0, NULL }
};

static const CocoLine crowdpose_lines[] = {
    { true, -1, "all", -20, 0, NULL },  { true, 0.5, "all", -20, 0.01, NULL }, { true, 0.75, "all", -20, 0.01, NULL },
    { true, -1, NULL, -20, 0, NULL },   { true, -1, NULL, -20, 0, NULL },
    { false, -1, "all", -20, 0, NULL }, { false, 0.5, "all", -20, 0, NULL },   { false, 0.75, "all", -20, 0, NULL },
    { true, -1, "all", -20, 0, "easy" }, { true, -1, "all", -20, 0, "medium" }, { true, -1, "all", -20, 0, "hard" }
};

const CocoLine *df_coco_lines(const DfCocoEval *e, size_t *n)
{
    *n = sizeof box_lines / sizeof *box_lines;
    if (e->type != DF_COCO_KEYPOINTS)
        return box_lines;
    *n = e->crowdpose ? sizeof crowdpose_lines / sizeof *crowdpose_lines
                      : sizeof keypoint_lines / sizeof *keypoint_lines;
    return e->crowdpose ? crowdpose_lines : keypoint_lines;
}

static size_t place_of_area(const DfCocoEval *e, const char *name)
{
    size_t area = 0;
    while (area < e->n_areas && strcmp(e->areas[area].name, name) != 0)
        area++;
    return area;
}

static size_t place_of_number(const DfCocoEval *e, int number)
{
    size_t max_det = 0;
    while (max_det < e->n_max_dets && e->max_dets[max_det] != number)
        max_det++;
    return max_det;
}

bool df_coco_place(const DfCocoEval *e, const CocoLine *line, size_t *area, size_t *max_det)
{
    *area = line->area ? place_of_area(e, line->area) : e->n_areas;
    *max_det = line->max_det < 0 ? place_of_number(e, -line->max_det) : (size_t)line->max_det;
    if (e->federated)
        *max_det = e->n_max_dets - 1;
    return *area < e->n_areas && *max_det < e->n_max_dets;
}

size_t df_coco_least_curve(const DfCocoEval *e)
{
    const size_t last = e->n_max_dets - 1;
    size_t n, least = last;
    const CocoLine *const lines = df_coco_lines(e, &n);
    for (size_t i = 0; i < n; i++) {
        size_t area, max_det;
        df_coco_place(e, &lines[i], &area, &max_det);
        least = lines[i].precision && max_det < least ? max_det : least;
    }
    return least;
}

static void summarize_one(void *arg, size_t i, void *scratch)
{
    DfCocoEval *const e = arg;
    size_t n;
    const CocoLine *const line = &df_coco_lines(e, &n)[i];
    Slice s = { line->precision, line->iou, 0, e->n_classes, 0, 0, 0, line->near };
    e->stats[i] = 0;
    if (line->area && !line->part)
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
        Slice s = { line->precision, line->iou, 0, e->n_classes, 0, e->n_max_dets - 1, line->frequency, 0 };
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
    df_coco_lines(e, &e->n_stats);
    return df_parallel(pool, e->n_stats, (e->n_ious * e->n_recalls * e->n_classes + 1) * sizeof(double),
                       summarize_one, e);
}

static int no_curves(const DfCocoEval *e, size_t max_det)
{
    return df_fail(DF_EVALUE, "COCO evaluation: the curves of %d detections were not asked for", e->max_dets[max_det]);
}

static int mean_of_class(const DfCocoEval *e, const Slice *s, double *value)
{
    *value = -1;
    if (s->precision && s->max_det < e->first_curve)
        return no_curves(e, s->max_det);
    double *room = df_malloc((e->n_ious * e->n_recalls + 1) * sizeof *room);
    if (!room)
        return df_fail_memory("the AP of a class");
    *value = mean(e, s, room);
    df_free(room);
    return DF_OK;
}

int df_coco_ap(const DfCocoEval *e, size_t class_place, double iou, size_t area, size_t max_det, double *ap)
{
    return mean_of_class(e, &(Slice){ true, iou, class_place, class_place + 1, area, max_det, 0, 0 }, ap);
}

int df_coco_ar(const DfCocoEval *e, size_t class_place, double iou, size_t area, size_t max_det, double *ar)
{
    return mean_of_class(e, &(Slice){ false, iou, class_place, class_place + 1, area, max_det, 0, 0 }, ar);
}

static int mean_of_all(const DfCocoEval *e, const Slice *s, double *value)
{
    *value = -1;
    if (s->precision && s->max_det < e->first_curve)
        return no_curves(e, s->max_det);
    const size_t recalls = s->precision ? e->n_recalls : 1;
    double *room = df_malloc((e->n_ious * recalls * e->n_classes + 1) * sizeof *room);
    if (!room)
        return df_fail_memory("the summary");
    *value = mean(e, s, room);
    df_free(room);
    return DF_OK;
}

int df_coco_recall(const DfCocoEval *e, size_t area, size_t max_det, double *ar)
{
    return df_coco_recall_at(e, -1, area, max_det, ar);
}

int df_coco_recall_at(const DfCocoEval *e, double iou, size_t area, size_t max_det, double *ar)
{
    return mean_of_all(e, &(Slice){ false, iou, 0, e->n_classes, area, max_det, 0, 0 }, ar);
}

int df_coco_precision(const DfCocoEval *e, double iou, size_t area, size_t max_det, double *ap)
{
    return mean_of_all(e, &(Slice){ true, iou, 0, e->n_classes, area, max_det, 0, 0 }, ap);
}

/* ---- the rows of the table --------------------------------------------------------------------------------------- */

typedef struct {
    CocoRow *rows;
    size_t n, capacity;
    double *room;
} Rows;

static bool has_row(const Rows *r, const CocoRow *row)
{
    bool has = false;
    for (size_t i = 0; i < r->n; i++)
        has |= r->rows[i].precision == row->precision && r->rows[i].iou == row->iou &&
               r->rows[i].max_det == row->max_det && strcmp(r->rows[i].area, row->area) == 0;
    return has;
}

static int add_row(Rows *r, CocoRow row)
{
    if (!df_grow((void **)&r->rows, &r->capacity, r->n, sizeof *r->rows))
        return df_fail_memory("the summary");
    r->rows[r->n++] = row;
    return DF_OK;
}

/* One that is no line, at the largest number of detections or another. */
static int add_other(Rows *r, const DfCocoEval *e, bool precision, double iou, size_t area, size_t max_det)
{
    CocoRow row = { precision, iou, e->areas[area].name, e->max_dets[max_det], 0, NULL };
    if (has_row(r, &row) || (precision && max_det < e->first_curve))
        return DF_OK;
    row.value = mean(e, &(Slice){ precision, iou, 0, e->n_classes, area, max_det, 0, 0 }, r->room);
    return add_row(r, row);
}

/* Numbers of detections, areas and thresholds that no line shows. */
static int add_others(Rows *r, const DfCocoEval *e)
{
    const size_t last = e->n_max_dets - 1;
    int error = add_other(r, e, true, -1, 0, last);
    for (size_t m = 0; error == DF_OK && m <= last; m++)
        error = add_other(r, e, false, -1, 0, m);
    for (size_t a = 1; error == DF_OK && a < e->n_areas; a++)
        for (int recall = 0; error == DF_OK && recall < 2; recall++)
            error = add_other(r, e, !recall, -1, a, last);
    for (size_t t = 0; error == DF_OK && e->other_ious && t < e->n_ious; t++)
        error = add_other(r, e, true, e->ious[t], 0, last);
    return error;
}

int df_coco_rows(const DfCocoEval *e, CocoRow **rows, size_t *n)
{
    Rows r = { .room = df_malloc((e->n_ious * e->n_recalls * e->n_classes + 1) * sizeof *r.room) };
    size_t n_lines;
    const CocoLine *const lines = df_coco_lines(e, &n_lines);
    int error = r.room ? DF_OK : df_fail_memory("the summary");
    for (size_t i = 0; error == DF_OK && i < n_lines; i++) {
        size_t area, max_det;
        df_coco_place(e, &lines[i], &area, &max_det);
        const int there = max_det < e->n_max_dets ? e->max_dets[max_det] : 0;
        const int number = lines[i].max_det < 0 ? -lines[i].max_det : there;
        const CocoRow row = { lines[i].precision, lines[i].iou, lines[i].area, number, e->stats[i], lines[i].part };
        error = row.area ? add_row(&r, row) : DF_OK;
    }
    if (error == DF_OK)
        error = add_others(&r, e);
    df_free(r.room);
    if (error < 0)
        df_free(r.rows);
    *rows = error < 0 ? NULL : r.rows;
    *n = error < 0 ? 0 : r.n;
    return error;
}
