/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/score.h -- results files against a ground truth: the scores of boxes, masks and proposals from one
 * reading of the files.
 */
#ifndef DF_EVAL_COCO_SCORE_H
#define DF_EVAL_COCO_SCORE_H

#include "core/core.h"

DF_BEGIN_DECLS

struct DfCoco;
struct DfCocoResults;
struct DfCocoEval;
struct DfCocoParams;

typedef enum {
    DF_SCORE_BOXES,
    DF_SCORE_MASKS,
    DF_SCORE_PROPOSALS,
    DF_SCORE_KEYPOINTS,
    DF_SCORE_ORIENTED,
    DF_SCORE_BOUNDARIES,
    DF_SCORE_KINDS
} DfScoreKind;
DF_API const char *df_score_kind_name(DfScoreKind); /* "bbox", "segm", "proposal", "keypoints", "obb", "boundary" */

typedef struct {
    const char *truth;                    /* the annotation file                                             */
    const char *const *results;           /* n_results files, scored together                                */
    int n_results;
    DfScoreKind kind[DF_SCORE_KINDS];     /* n_kinds of them, each once, in this order                       */
    int n_kinds;
    const struct DfCocoParams *params;    /* NULL: the challenge's; its type is set for each kind, and what is as
                                             df_coco_params() has it is changed to what the kind has instead */
    const int64_t *image_ids;             /* NULL: those of `params`; else only these n_image_ids are scored */
    size_t n_image_ids;
    double boundary_ratio;                /* of the image's diagonal, where boundaries are compared; 0: 0.02  */
    bool arrays;                          /* keep precision, recall and scores (df_coco_eval_array())        */
    bool federated; /* the truth is LVIS's, and its rules are taken: `params` NULL or df_lvis_params() */
    bool across_classes;                  /* the score is to be explained (eval/explain/explain.h)           */
} DfCocoScoring;

typedef struct {
    struct DfCoco *truth;
    struct DfCocoResults *results;
    int n;
    DfScoreKind kind[DF_SCORE_KINDS];
    struct DfCocoEval *eval[DF_SCORE_KINDS];
} DfCocoScores;

/* What would keep the ground truth from being scored, before there are results: DF_EFORMAT for an annotation of the
 * chosen images without area, iscrowd, bbox or segmentation, where the kinds need it. `results` are not looked at. */
DF_API int df_coco_score_check(const DfCocoScoring *, DfPool *);

/* After a failure *out is empty. The pool must outlive it. */
DF_API int df_coco_score(DfCocoScores *out, const DfCocoScoring *, DfPool *);
DF_API void df_coco_scores_done(DfCocoScores *); /* {0} is fine */

/* {"bbox": {..}, "segm": {..}} as of df_coco_eval_json(), and behind them `more`, members of the object as JSON
 * ("\"unreadable\": 3"), or NULL. df_free it. */
DF_API int df_coco_scores_json(const DfCocoScores *, const char *more, char **out);

DF_END_DECLS

#endif
