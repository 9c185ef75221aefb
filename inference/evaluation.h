/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/evaluation.h -- private: an evaluation, and what its two kinds share.
 */
#ifndef DF_INFERENCE_EVALUATION_H
#define DF_INFERENCE_EVALUATION_H

#include "inference/evaluate.h"
#include "inference/journal.h"

enum { SHOWN = 10 }; /* sentences about pictures that are no good; the others are counted */

struct DfEvaluation {
    DfDetector *detector;
    DfEvaluationOptions o;
    int *order;           /* what is still to do                     */
    int n_order;
    long n, n_done;       /* pictures that are asked for; of these done by an earlier run */
    long unreadable;

    /* of a detector */
    DfCocoDataset *dataset;
    DfJournal *journal;
    char *folder, *results_path;
    bool temporary;       /* no out_dir: the folder goes away at the end */
    bool *chosen, *done;  /* of each image: is it asked for, did an earlier run do it */
    int64_t *ids;         /* what is scored                          */
    DfCocoScores coco;

    /* of a segmentor */
    DfSegmentation *set;
    DfMiou *counts, *one; /* of all pictures, of the present one     */
    DfImageScores *scores; /* of each picture                        */
    DfMiouScores miou;
    long outside;         /* label maps with labels that are no class */
};

/* A kind of evaluation, in the order in which its functions are called. */
typedef struct {
    int (*open)(DfEvaluation *);                           /* the dataset, and whether it fits the network */
    int (*begin)(DfEvaluation *);                          /* what an earlier run left, and what is to do  */
    int (*take)(DfEvaluation *, const DfSample *);         /* one picture                                  */
    int (*score)(DfEvaluation *);
    void (*close)(DfEvaluation *);
    const char *const *(*pictures)(const DfEvaluation *);  /* paths of all pictures of the dataset         */
} EvaluationKind;
extern const EvaluationKind df_evaluation_of_detector, df_evaluation_of_segmentor;

#endif
