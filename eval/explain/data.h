/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/explain/data.h -- private to eval/: the parts of an explanation.
 */
#ifndef DF_EVAL_EXPLAIN_DATA_H
#define DF_EVAL_EXPLAIN_DATA_H

#include "eval/coco/data.h"
#include "eval/explain/explain.h"
#include "eval/explain/tide_marks.h"

typedef struct {
    uint32_t right, wrong, missed; /* at the score threshold */
} ImageCounts;

/* The mask of a detection that is drawn on the page. */
typedef struct {
    uint32_t number;      /* of its record, from 1                 */
    CocoTruthMask mask;   /* without runs: none, or not yet read   */
} DrawnMask;

typedef struct {
    DrawnMask *at;        /* by number                             */
    size_t n, capacity, read;
    size_t records;       /* passed so far, in all files           */
    bool all, chosen;     /* of all images, not of the worst alone */
    CocoBytes bytes;
} DrawnMasks;

typedef struct ExplainSlices ExplainSlices;

typedef struct {
    DfSuspect *at;
    size_t n, capacity;
} ExplainSuspects;

struct DfExplain {
    const DfCocoEval *eval;
    CocoView *view;
    TideMarks marks;
    DfExplainNumbers numbers;
    ImageCounts *images;   /* [n_images]                          */
    uint32_t *by_errors;   /* images, those with most errors first */
    DrawnMasks masks;
    ExplainSlices *slices; /* or NULL                             */
    ExplainSuspects suspects;
    DfExplainThumbnail *thumbnail;
    void *thumbnail_user;
};

int df_explain_confusion(DfExplain *);   /* and the counts of classes and images */
int df_explain_calibration(DfExplain *); /* and the best thresholds              */
const CocoTruthMask *df_explain_mask(const DfExplain *, size_t detection); /* NULL: to be drawn as a box */
void df_explain_masks_done(DrawnMasks *);
void df_explain_slices_free(ExplainSlices *); /* NULL is fine */

#endif
