/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/explain/data.h -- private to eval/: what an explanation is made of.
 */
#ifndef DF_EVAL_EXPLAIN_DATA_H
#define DF_EVAL_EXPLAIN_DATA_H

#include "eval/explain/explain.h"
#include "eval/explain/tide_marks.h"

typedef struct {
    uint32_t right, wrong, missed; /* at the score threshold */
} ImageCounts;

struct DfExplain {
    const DfCocoEval *eval;
    CocoView *view;
    TideMarks marks;
    DfExplainNumbers numbers;
    ImageCounts *images;   /* [n_images]                          */
    uint32_t *by_errors;   /* images, those with most errors first */
    DfExplainThumbnail *thumbnail;
    void *thumbnail_user;
};

int df_explain_confusion(DfExplain *);   /* and the counts of classes and images */
int df_explain_calibration(DfExplain *); /* and the best thresholds              */

#endif
