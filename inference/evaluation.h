/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/evaluation.h -- private: an evaluation, and what its three kinds share.
 */
#ifndef DF_INFERENCE_EVALUATION_H
#define DF_INFERENCE_EVALUATION_H

#include "inference/evaluate.h"
#include "inference/journal.h"
#include "inference/rankings.h"

enum { SHOWN = 10 }; /* sentences about pictures that are no good; the others are counted */

struct DfEvaluation {
    DfDetector *detector;
    DfEvaluationOptions o;
    int *order;           /* what is still to do                     */
    int n_order;
    long n, n_done;       /* pictures that are asked for; of these done by an earlier run */
    long unreadable;
    int lock;             /* of out_dir: its descriptor; -1: none    */

    /* of a detector */
    DfCocoDataset *dataset;
    DfJournal *journal;
    char *folder, *results_path;
    bool temporary;       /* no out_dir: the folder goes away at the end */
    bool *chosen, *done;  /* of each image: is it asked for, did an earlier run do it */
    int64_t *ids;         /* what is scored                          */
    char *truth;          /* path of the annotations in COCO's form   */
    DfCocoScores coco;    /* by COCO's rule, or LVIS's                */
    DfMapScores map;      /* by VOC's                                 */
    DfPartScores *part;   /* [n_parts] if the set is made of several  */
    int n_parts;

    /* of a segmentor */
    DfSegmentation *set;
    DfMiou *counts, *one; /* of all pictures, of the present one     */
    DfMiou **of_part;     /* [n_parts]: of the pictures of each part */
    DfImageScores *scores; /* of each picture                        */
    DfMiouScores miou;
    long outside;         /* label maps with labels that are no class */

    /* of a classifier */
    DfClassification *pictures;
    DfRankings rankings;
    DfRealLabels real;
    DfTopk *topk;
    DfTopScores top;
};

/* The dict of the dataset; NULL if there is none. */
static inline const DfNode *df_evaluation_dataset(const DfEvaluation *e)
{
    return df_node_at(df_detector_config(e->detector), e->o.dataset ? e->o.dataset : "data.test");
}

/* The places `first`, `first + step`, ... below `end` of a dataset: what limit and shard leave of it. */
typedef struct {
    int64_t first, end, step;
} EvaluationPart;
static inline EvaluationPart df_evaluation_part(const DfEvaluationOptions *o, int total)
{
    const int64_t end = o->limit > 0 && o->limit < total ? o->limit : total;
    if (o->shards == 0)
        return (EvaluationPart){ 0, end, 1 };
    return (EvaluationPart){ o->shard - 1, end, o->shards };
}

/* A kind of evaluation, in the order in which its functions are called. */
typedef struct {
    int (*open)(DfEvaluation *);                           /* the dataset, and whether it fits the network */
    int (*begin)(DfEvaluation *);                          /* what an earlier run left, and what is to do  */
    int (*take)(DfEvaluation *, int index, DfResult *);    /* of one picture of the dataset                */
    int (*gather)(DfEvaluation *);                         /* results of several processes; o.shards is 0 by now */
    int (*score)(DfEvaluation *);
    void (*close)(DfEvaluation *);
    const char *const *(*pictures)(const DfEvaluation *);  /* paths of all pictures of the dataset         */
    int ahead;                                             /* so many pictures are prepared ahead          */
} EvaluationKind;
extern const EvaluationKind df_evaluation_of_detector, df_evaluation_of_segmentor, df_evaluation_of_classifier;

#endif
