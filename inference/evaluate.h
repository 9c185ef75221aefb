/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/evaluate.h -- runs a network on the test set of its config and computes the scores: COCO's for detectors,
 * mmseg's for segmentors.
 *
 *     DfEvaluation *run;
 *     df_evaluation_open(&run, detector, &options);      dataset and pipeline, before the weights are loaded
 *     df_detector_load(detector, "weights.pth", NULL);
 *     df_evaluation_run(run);           picture by picture; if it is stopped, the same calls continue it
 *     df_evaluation_score(run);         then df_evaluation_coco(run) or df_evaluation_miou(run)
 *     df_evaluation_close(run);
 */
#ifndef DF_INFERENCE_EVALUATE_H
#define DF_INFERENCE_EVALUATE_H

#include "eval/eval.h"
#include "inference/sequence.h"

DF_BEGIN_DECLS

/* {0} is fine. Texts are borrowed until the evaluation is closed. */
typedef struct {
    const char *data_dir;   /* folder of the dataset; NULL: the paths of the config                                  */
    const char *dataset;    /* which dict of the config; NULL: "data.test"                                           */
    const char *out_dir;    /* keeps the results; a stopped run continues from there. NULL: nothing is kept          */
    bool fresh;             /* begin again, whatever out_dir holds                                                   */
    bool skip_unreadable;   /* skip missing pictures; else they are an error before the first pass     */
    long limit;             /* the first `limit` images; 0: all                                                      */
    int shard, shards;      /* every shards-th image, from the shard-th on (1 <= shard <= shards); 0: all            */
    int streams, batch;     /* pictures computed at a time, and of a pass: as in a DfSequence                        */
    DfRanks *ranks;         /* processes that divide the images, in place of a shard; all compute the scores, and the */
                            /* first keeps the results. Borrowed; NULL: one process                                  */
    int first_class;        /* the number of the first class in label maps: 0, or 1 as in ADE20K's files            */
    /* of a classifier: a JSON list of lists of labels, in the order of the pictures' names; or NULL */
    const char *real_labels;
    DfProgress *progress;   /* may be NULL                                                                           */
    void *progress_user;
} DfEvaluationOptions;

typedef struct DfEvaluation DfEvaluation;
DF_API int df_evaluation_open(DfEvaluation **out, DfDetector *, const DfEvaluationOptions *); /* NULL: {0} */
DF_API void df_evaluation_close(DfEvaluation *); /* NULL is fine */

/* Call once: runs all pictures that an earlier run with the same out_dir has not done. If the results there are of
 * other settings, weights or data, or if another run is writing to the folder, this is an error. Missing files, files
 * that are not pictures, and annotations that cannot be scored are an error before the first pass. Pictures that are
 * found damaged later, or all unreadable ones with `skip_unreadable`, are logged and counted; if none can be read, or
 * memory runs out, this is an error. DF_EINTERRUPT: progress() stopped the run. */
DF_API int df_evaluation_run(DfEvaluation *);
/* Only the checks of df_evaluation_run() before the first pass. */
DF_API int df_evaluation_check(DfEvaluation *);
DF_API int df_evaluation_score(DfEvaluation *);
/* After these checks: the pictures to run are paths[order[0]], paths[order[1]], ...; returns how many. */
DF_API int df_evaluation_pictures(const DfEvaluation *, const char *const **paths, const int **order);

DF_API long df_evaluation_images(const DfEvaluation *);     /* images to score                  */
DF_API long df_evaluation_unreadable(const DfEvaluation *); /* of them could not be read        */

/* The scores of a detector: boxes, and masks if it has any. NULL: another network, or before df_evaluation_score(). */
DF_API const DfCocoScores *df_evaluation_coco(const DfEvaluation *);

/* The scores of a detector on a dataset with the rule of PASCAL VOC or of mmdet's CustomDataset; likewise. */
DF_API const DfMapScores *df_evaluation_map(const DfEvaluation *);

/* If the test set consists of several datasets, the scores of each; those above are of all together. Scores of other
 * kinds are empty. */
typedef struct {
    const char *path;         /* of its annotations, or of its folder                      */
    long images;              /* images to score                                           */
    DfCocoScores coco;
    DfMapScores map;
    DfMiouResult miou;        /* classes = 0: none                                         */
} DfPartScores;
DF_API int df_evaluation_parts(const DfEvaluation *, const DfPartScores **); /* how many; 0: the set is one dataset */

/* The scores of a segmentor; likewise, and NULL for a dataset without annotations. */
typedef struct {
    DfMiouParams params;
    DfMiouResult result;
    const char *const *names; /* of the classes; NULL: none in the config */
} DfMiouScores;
DF_API const DfMiouScores *df_evaluation_miou(const DfEvaluation *);

/* The scores of a classifier; likewise. */
typedef struct {
    DfTopkResult result;
    const char *const *names; /* of the classes */
} DfTopScores;
DF_API const DfTopScores *df_evaluation_top(const DfEvaluation *);

/* Removes the temporary files (core/file.h) that a killed process left in a folder. Lock the folder first: others may
 * be writing such a file. */
DF_API void df_remove_leftovers(const char *folder);

DF_END_DECLS

#endif
