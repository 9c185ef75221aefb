/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/explain/tide_marks.c -- matches detections with ground truth at IoU 0.5 and classifies every error
 * (eval/explain/tide.h).
 */
#include "eval/explain/tide_marks.h"

#include <string.h>

#include "eval/coco/data.h"
#include "eval/matcher.h"

static const double FOREGROUND = 0.5, BACKGROUND = 0.1;

typedef struct {
    const CocoView *view;
    TideMarks *marks;
    size_t truth, n_truths;         /* of this image: from, how many */
    size_t detection, n_detections;
    double *iou;                    /* [n_detections][n_truths]      */
    uint32_t *listed;               /* [n_truths]: room for nearest() */
} Image;

static void compare(const Image *m)
{
    for (size_t d = 0; d < m->n_detections; d++)
        for (size_t g = 0; g < m->n_truths; g++)
            m->iou[d * m->n_truths + g] = df_view_overlap(m->view, m->detection + d, m->truth + g);
}

typedef enum { SAME_CLASS = 1, OTHER_CLASS = 2, UNFOUND = 4, FOUND = 8 } Which;

/* The ground truth with the largest IoU among those asked for, and that IoU; NO_MATCH and 0 if none of them overlaps.
 * It is never a crowd. */
static size_t nearest(const Image *m, size_t d, int which, double *iou)
{
    const double *const row = m->iou + d * m->n_truths;
    size_t n = 0;
    for (size_t g = 0; g < m->n_truths; g++) {
        const ViewTruth *truth = &m->view->truths[m->truth + g];
        const bool same = truth->class == m->view->detections[m->detection + d].class;
        const bool found = m->marks->truths[m->truth + g].found_by != VIEW_NONE;
        const bool class_asked = which & (same ? SAME_CLASS : OTHER_CLASS);
        const bool state_asked = which & (found ? FOUND : UNFOUND);
        if (!truth->crowd && class_asked && state_asked && row[g] > 0)
            m->listed[n++] = (uint32_t)g;
    }
    const size_t best = df_largest_overlap(row, m->listed, n, 0, FIRST_OF_EQUAL);
    *iou = best == NO_MATCH ? 0 : row[best];
    return best;
}

/* The toolbox's matching: each detection, best first, takes the free ground truth of its class with the largest IoU, if
 * that reaches 0.5. (pycocotools takes the last of several equal ones; here the first is taken.) */
static void match(const Image *m)
{
    for (size_t d = 0; d < m->n_detections; d++) {
        double iou;
        const size_t g = nearest(m, d, SAME_CLASS | UNFOUND, &iou);
        DetectionMark *mark = &m->marks->detections[m->detection + d];
        *mark = (DetectionMark){ MARK_FALSE, DF_TIDE_BKG, VIEW_NONE, 0 };
        if (iou < FOREGROUND)
            continue;
        *mark = (DetectionMark){ MARK_TRUE, DF_TIDE_BKG, (uint32_t)(m->truth + g), iou };
        m->marks->truths[m->truth + g].found_by = (uint32_t)(m->detection + d);
    }
}

/* What lies in a crowd of its class is neither right nor wrong. */
static void ignore_in_crowds(const Image *m)
{
    for (size_t g = 0; g < m->n_truths; g++) {
        const ViewTruth *truth = &m->view->truths[m->truth + g];
        for (size_t d = 0; truth->crowd && d < m->n_detections; d++) {
            const ViewDetection *found = &m->view->detections[m->detection + d];
            DetectionMark *mark = &m->marks->detections[m->detection + d];
            if (mark->outcome == MARK_FALSE && found->class == truth->class && m->iou[d * m->n_truths + g] > FOREGROUND)
                mark->outcome = MARK_IGNORED;
        }
    }
}

/* The kind, and the ground truth it is about. What a crowd made us ignore is given a kind too, as the toolbox does. */
static DfTideKind explain(const Image *m, size_t d, size_t *truth, double *iou)
{
    *truth = nearest(m, d, SAME_CLASS | FOUND | UNFOUND, iou);
    if (*iou >= BACKGROUND && *iou <= FOREGROUND)
        return DF_TIDE_LOC;
    *truth = nearest(m, d, OTHER_CLASS | FOUND | UNFOUND, iou);
    if (*iou >= FOREGROUND)
        return DF_TIDE_CLS;
    *truth = nearest(m, d, SAME_CLASS | FOUND, iou);
    if (*iou >= FOREGROUND)
        return DF_TIDE_DUPE;
    *truth = nearest(m, d, SAME_CLASS | OTHER_CLASS | FOUND | UNFOUND, iou);
    return *iou <= BACKGROUND ? DF_TIDE_BKG : DF_TIDE_BOTH;
}

static void explain_all(const Image *m)
{
    for (size_t d = 0; d < m->n_detections; d++) {
        const uint32_t at = (uint32_t)(m->detection + d);
        DetectionMark *mark = &m->marks->detections[at];
        size_t g;
        if (mark->outcome == MARK_TRUE)
            continue;
        mark->kind = explain(m, d, &g, &mark->iou);
        mark->truth = g == NO_MATCH ? VIEW_NONE : (uint32_t)(m->truth + g);
        if (mark->kind != DF_TIDE_LOC && mark->kind != DF_TIDE_CLS)
            continue;
        /* Detections come best first, so the first to ask is the one that would be corrected. */
        TruthMark *truth = &m->marks->truths[mark->truth];
        if (truth->found_by == VIEW_NONE && truth->fixed_by == VIEW_NONE)
            truth->fixed_by = at;
    }
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static Image image_of(const CocoView *v, TideMarks *marks, size_t i)
{
    return (Image){
        .view = v,
        .marks = marks,
        .truth = v->truths_start[i],
        .n_truths = v->truths_start[i + 1] - v->truths_start[i],
        .detection = v->detections_start[i],
        .n_detections = smaller(v->detections_start[i + 1] - v->detections_start[i], TIDE_BEST_OF_IMAGE),
    };
}

int df_tide_view(CocoView **out, const DfCocoResults *dt, bool masks, const int64_t *image_ids, size_t n)
{
    *out = NULL;
    if (masks && !dt->gt->across_classes)
        return df_fail(DF_EVALUE,
                       "%s: masks were read to be compared within each class: want across_classes to explain errors",
                       dt->gt->name);
    return df_coco_view_of(out, dt, masks, image_ids, n);
}

static void mark_image(Image *m, double *iou, uint32_t *listed)
{
    m->iou = iou;
    m->listed = listed;
    compare(m);
    match(m);
    ignore_in_crowds(m);
    explain_all(m);
}

int df_tide_mark(TideMarks *marks, const CocoView *v)
{
    size_t most_cells = 0;
    for (size_t i = 0; i < v->n_images; i++) {
        const Image m = image_of(v, marks, i);
        const size_t cells = m.n_truths * m.n_detections;
        most_cells = cells > most_cells ? cells : most_cells;
    }
    marks->detections = df_calloc(v->n_detections + 1, sizeof *marks->detections);
    marks->truths = df_malloc((v->n_truths + 1) * sizeof *marks->truths);
    double *iou = df_malloc(most_cells * sizeof *iou);
    uint32_t *listed = df_malloc(df_view_most_truths(v) * sizeof *listed);
    const bool ready = marks->detections && marks->truths && iou && listed;
    if (ready)
        memset(marks->truths, 0xff, (v->n_truths + 1) * sizeof *marks->truths);
    for (size_t i = 0; ready && i < v->n_images; i++) {
        Image m = image_of(v, marks, i);
        mark_image(&m, iou, listed);
    }
    df_free(iou);
    df_free(listed);
    return ready ? DF_OK : df_fail_memory("matching for TIDE");
}

void df_tide_marks_done(TideMarks *marks)
{
    df_free(marks->detections);
    df_free(marks->truths);
    *marks = (TideMarks){ 0 };
}
