/* SPDX-License-Identifier: Apache-2.0
 *
 * train/run.h -- a training run from its config to its last checkpoint. Included by train/train.h.
 *
 *     DfRun *run;
 *     DfRunOptions options = { .config = "retinanet.py", .data_dir = "pictures", .work_dir = "work_dirs/retinanet" };
 *     df_run_open(&run, &options);
 *     df_run_train(run);                        to the end, or until options.told() says no
 *     df_run_close(run);
 *
 * The work dir gets
 *     config.py             the config with all changes, for `deformer eval` and for the next run
 *     log.jsonl             a line of numbers every few steps
 *     index.html, samples/  curves, and what the network finds in some pictures
 *     curves.svg            the curves of losses and scores as a drawing
 *     latest.safetensors    the state of the run: weights and all that is needed to continue
 *     best.safetensors      the state of the best score
 *     epoch_N.safetensors, iter_N.safetensors        as the config asks for them
 */
#ifndef DF_TRAIN_RUN_H
#define DF_TRAIN_RUN_H

#include "inference/inference.h"

DF_BEGIN_DECLS

/* ---- progress ---------------------------------------------------------------------------------------------------- */

typedef enum {
    DF_NEWS_STEP,       /* an iteration is done                                             */
    DF_NEWS_LOGGED,     /* the same, and the means since the last such news are in the log  */
    DF_NEWS_SCORING,    /* a picture of the validation set is done                          */
    DF_NEWS_SCORED,     /* the whole validation set is done, and there are scores           */
    DF_NEWS_KEPT        /* a checkpoint was written to the disk                             */
} DfNewsKind;

typedef struct {
    const char *name;
    double value;
} DfNewsValue;

typedef struct {
    DfNewsKind kind;
    int64_t step, steps;            /* iterations done, and in all                                   */
    int64_t epoch, epochs;          /* the current one, from 1, and in all; epochs 0: counts steps   */
    int64_t iter, per_epoch;        /* iterations done of this epoch                                 */
    int n;
    const DfNewsValue *values;      /* LOGGED: losses and "loss"; SCORED: scores, first save_best's  */
    double rate;                    /* learning rate of the first group of parameters                */
    double seconds, data_seconds;   /* mean of a step; and of its wait for pictures                  */
    double pictures_per_second;
    double left;                    /* seconds until the end, with evaluations; NAN: unknown         */
    size_t memory;                  /* peak memory of the process, in bytes                          */
    long scored, to_score;          /* SCORING: pictures                                             */
    bool best;                      /* SCORED: the best score so far                                 */
    const char *path;               /* KEPT                                                          */
} DfNews;

/* Return false to stop the run: it finishes the step, writes its state and returns DF_EINTERRUPT. */
typedef bool DfTold(void *user, const DfNews *);

/* ---- the run ----------------------------------------------------------------------------------------------------- */

/* Only `config` and `work_dir` are required; the rest may be 0. Texts and ranks are borrowed until the run is closed.
 * All ranks use the same work dir; only the first one writes into it and calls told(). */
typedef struct {
    const char *config, *work_dir;
    int threads;                    /* as in DfDetectorOptions                                           */
    const char *const *set;         /* n_set changes to the config                                       */
    int n_set;
    const char *data_dir;           /* labelled pictures, to which the config is fitted; or NULL         */
    const char *init;               /* a checkpoint to begin with; NULL: that of the config              */
    bool resume;                    /* continue from latest.safetensors, if it exists                    */
    bool fresh;                     /* start over, even if the work dir has a run                        */
    bool has_seed;
    uint64_t seed;                  /* else the config's, else 0                                         */
    double save_minutes;            /* how often latest.safetensors is written at least; 0: 10           */
    DfTold *told;                   /* of the first rank alone                                           */
    void *told_user;
    DfRanks *ranks;                 /* processes that train together, each with its share of every batch */
} DfRunOptions;

typedef struct DfRun DfRun;
/* Checks all that can be checked before the first step: config, data, checkpoint. */
DF_API int df_run_open(DfRun **out, const DfRunOptions *);
DF_API void df_run_close(DfRun *); /* NULL is fine */
DF_API int df_run_train(DfRun *);

/* ---- what it is -------------------------------------------------------------------------------------------------- */

typedef struct {
    int pictures;                   /* of the training set, repeated ones too                            */
    int classes;
    bool classifier;                /* one class for each picture                                        */
    int64_t step, steps, per_epoch; /* step: where it begins                                             */
    int batch;                      /* pictures of a step                                                */
    size_t trained, parameters;     /* numbers in the weights                                            */
    uint64_t seed;
    const char *metric;             /* of the best score so far, or ""                                   */
    double best;
    int64_t best_step;
} DfTrainingFacts;
DF_API void df_training_facts(const DfRun *, DfTrainingFacts *out);

/* The needs of a run, estimated by a dry pass and a few measured steps. */
typedef struct {
    int height, width;              /* of the largest batch among some                                   */
    size_t weights;                 /* bytes: weights, gradients and what the optimizer keeps            */
    size_t activations;             /* bytes of one step, with the tape                                  */
    size_t there;                   /* bytes of memory of this machine                                   */
    bool fits;
    double step_seconds;            /* of one step; NAN if it does not fit                               */
    double seconds;                 /* of all remaining steps                                            */
} DfRunEstimate;
DF_API int df_run_estimate(DfRun *, DfRunEstimate *out);

DF_END_DECLS

#endif
