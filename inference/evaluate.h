/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/evaluate.h -- the test set of a config through its network, and the scores: COCO's for detectors, mmseg's
 * for segmentors.
 *
 *     DfEvaluation *run;
 *     df_evaluation_open(&run, detector, &options);      dataset and pipeline, before the weights are loaded
 *     df_detector_load(detector, "weights.pth", NULL);
 *     df_evaluation_run(run);                            picture by picture; may be stopped, and continued by the
 * same calls df_evaluation_score(run);                          then df_evaluation_coco(run) or
 * df_evaluation_miou(run) df_evaluation_close(run);
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
    bool skip_unreadable;   /* go on where pictures are missing; else these are an error before the first is computed */
    long limit;             /* the first `limit` images; 0: all                                                      */
    int shard, shards;      /* every shards-th image, from the shard-th on (1 <= shard <= shards); 0: all            */
    int streams, batch;     /* pictures computed at a time, and of a pass: as in a DfSequence                        */
    DfRanks *ranks; /* processes of which each does its part, in place of a shard; all score alike, and the first */
                            /* keeps the results. Borrowed; NULL: there is one process */
    int first_class;        /* the number of the first class in label maps: 0, or 1 as in ADE20K's files            */
    /* of a classifier: a JSON list of lists of labels, in the order of the pictures' names; or NULL */
    const char *real_labels;
    DfProgress *progress;   /* may be NULL                                                                           */
    void *progress_user;
} DfEvaluationOptions;

typedef struct DfEvaluation DfEvaluation;
DF_API int df_evaluation_open(DfEvaluation **out, DfDetector *, const DfEvaluationOptions *); /* NULL: {0} */
DF_API void df_evaluation_close(DfEvaluation *); /* NULL is fine */

/* Once: all pictures that an earlier run with the same out_dir has not done. A run of other settings, weights or data
 * there is refused, and so is a folder that another run is writing to. Pictures that are missing or no pictures, and
 * annotations that cannot be scored, are an error before the first pass. Pictures that turn out to be damaged later, or
 * all of them with `skip_unreadable`, are logged and counted; if none can be read, or memory runs out, that is an
 * error. DF_EINTERRUPT when progress() said so. */
DF_API int df_evaluation_run(DfEvaluation *);
/* In place of that: only what it looks at before the first pass. */
DF_API int df_evaluation_check(DfEvaluation *);
DF_API int df_evaluation_score(DfEvaluation *);
/* After that look: the pictures that are to be run, as paths[order[0]], paths[order[1]], ...; how many. */
DF_API int df_evaluation_pictures(const DfEvaluation *, const char *const **paths, const int **order);

DF_API long df_evaluation_images(const DfEvaluation *);     /* that are asked for                */
DF_API long df_evaluation_unreadable(const DfEvaluation *); /* of these could not be read        */

/* A detector's: boxes, and masks if it has any. NULL for other networks, and before df_evaluation_score(). */
DF_API const DfCocoScores *df_evaluation_coco(const DfEvaluation *);

/* A detector's whose dataset has PASCAL VOC's rule, or that of mmdet's CustomDataset; likewise. */
DF_API const DfMapScores *df_evaluation_map(const DfEvaluation *);

/* Of a set that is made of several datasets, the scores of each; those above are of all together. Those of another kind
 * are empty. */
typedef struct {
    const char *path;         /* of its annotations, or of its folder                      */
    long images;              /* that were asked for                                       */
    DfCocoScores coco;
    DfMapScores map;
    DfMiouResult miou;        /* classes = 0: none                                         */
} DfPartScores;
DF_API int df_evaluation_parts(const DfEvaluation *, const DfPartScores **); /* how many; 0: the set is one dataset */

/* A segmentor's; likewise, and NULL for a dataset without annotations. */
typedef struct {
    DfMiouParams params;
    DfMiouResult result;
    const char *const *names; /* of the classes; NULL: none in the config */
} DfMiouScores;
DF_API const DfMiouScores *df_evaluation_miou(const DfEvaluation *);

/* A classifier's; likewise. */
typedef struct {
    DfTopkResult result;
    const char *const *names; /* of the classes */
} DfTopScores;
DF_API const DfTopScores *df_evaluation_top(const DfEvaluation *);

/* Removes from a folder what a killed process left there under the temporary names of core/file.h. For the one who has
 * locked it: others may be writing such a file. */
DF_API void df_remove_leftovers(const char *folder);

DF_END_DECLS

#endif
