/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/explain/explain.h -- why a COCO score of boxes or masks is what it is: kinds of errors, confusion, calibration, thresholds, images; as JSON and as one
 * HTML page that needs nothing else.
 *
 *     DfExplain *why; char *html;
 *     df_explain_new(&why, dt, eval, 0.3);        eval: of df_coco_evaluate() over the same results
 *     df_explain_pictures(why, json);             optional: the annotation file once more, for file names and sizes
 *     df_explain_masks(why, results_json);        optional: the results once more, for masks in the pictures
 *     df_explain_html(why, "results.json", &html);
 *
 * All is matched at IoU 0.5 with at most 100 detections of an image (eval/explain/tide.h). Detections inside of a crowd count nowhere.
 */
#ifndef DF_EVAL_EXPLAIN_EXPLAIN_H
#define DF_EVAL_EXPLAIN_EXPLAIN_H

#include <stddef.h>
#include <stdint.h>

#include "core/core.h"
#include "eval/explain/tide.h"

enum { DF_CALIBRATION_BINS = 10, DF_SCORE_BINS = 20 };

/* Detections of scores in [i / bins, (i + 1) / bins); scores outside of 0..1 are in the first and the last bin. */
typedef struct {
    size_t n, right;
    double score; /* sum */
} DfScoreBin;

typedef struct {
    size_t truths, detections;              /* without crowds, and what lies in them                          */
    size_t true_positives, false_positives, false_negatives; /* at the score threshold                       */
    double best_f1, best_f1_score;          /* the score threshold with the best F1; 0 and 1 if there is none */
    double ece;                             /* expected calibration error; NAN without detections             */
    double ap, ap50, ap75, ap_small, ap_medium, ap_large; /* -1: no ground truth                              */
} DfExplainClass;

typedef struct {
    size_t n_classes, n_images;
    double score_threshold;                 /* of confusion, counts and images                                */
    DfTide tide;
    uint64_t *confusion;                    /* [n_classes + 1][n_classes + 1]: row is the ground truth, column the detection; the
                                               last row: detections of nothing, the last column: not found   */
    DfScoreBin bins[DF_CALIBRATION_BINS], histogram[DF_SCORE_BINS];
    double ece;
    DfExplainClass *classes;
} DfExplainNumbers;

typedef struct DfExplain DfExplain;
struct DfCocoEval;
struct DfCocoResults;

/* Borrows both; boxes or masks as the evaluation was of. `score_threshold` in 0..1. */
int df_explain_new(DfExplain **out, const struct DfCocoResults *, const struct DfCocoEval *, double score_threshold);
void df_explain_free(DfExplain *); /* NULL is fine */
const DfExplainNumbers *df_explain_numbers(const DfExplain *);
int df_explain_pictures(DfExplain *, DfJson *json);
/* Of masks: the results once more, file by file in the order in which they were added; else they are drawn as boxes. */
int df_explain_masks(DfExplain *, DfJson *json);

/* A thumbnail for an image of the page: a data: URI ("data:image/jpeg;base64,..") in *uri, which is df_free'd, or NULL for none. */
typedef int DfExplainThumbnail(void *user, const char *file_name, char **uri);
void df_explain_thumbnails(DfExplain *, DfExplainThumbnail *, void *user);

int df_explain_json(const DfExplain *, char **out);                    /* keys: docs/metrics.md; df_free it */
int df_explain_html(const DfExplain *, const char *title, char **out); /* df_free it                        */

#endif
