/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/explain/tide_marks.h -- private to eval/: the outcome of every detection and every ground truth at IoU 0.5.
 */
#ifndef DF_EVAL_EXPLAIN_TIDE_MARKS_H
#define DF_EVAL_EXPLAIN_TIDE_MARKS_H

#include "eval/coco/view.h"
#include "eval/explain/tide.h"

enum { TIDE_BEST_OF_IMAGE = 100 };

/* beyond: not among the 100 best of its image */
typedef enum { MARK_BEYOND, MARK_TRUE, MARK_FALSE, MARK_IGNORED } MarkOutcome;

typedef struct {
    MarkOutcome outcome;
    DfTideKind kind;   /* of what is false, and of what is ignored */
    uint32_t truth;    /* the one found, mistaken, badly found or found again; VIEW_NONE */
    double iou;        /* with it                                                        */
} DetectionMark;

typedef struct {
    uint32_t found_by; /* the detection; VIEW_NONE                                        */
    uint32_t fixed_by; /* the best Cls or Loc error that would find it; VIEW_NONE         */
} TruthMark;

typedef struct {
    DetectionMark *detections; /* as in the view */
    TruthMark *truths;
} TideMarks;

/* A view of which everything is known that errors are made of: masks were compared across classes. */
/* NULL: all images */
int df_tide_view(CocoView **out, const DfCocoResults *, bool masks, const int64_t *image_ids, size_t n);
int df_tide_mark(TideMarks *, const CocoView *);
void df_tide_marks_done(TideMarks *);
int df_tide_costs(DfTide *, const CocoView *, const TideMarks *);

static inline bool df_truth_missed(const TideMarks *m, const CocoView *v, size_t truth)
{
    return !v->truths[truth].crowd && m->truths[truth].found_by == VIEW_NONE;
}

#endif
