/* SPDX-License-Identifier: Apache-2.0
 *
 * train/run_parts.h -- private: the parts of a training run.
 */
#ifndef DF_TRAIN_RUN_PARTS_H
#define DF_TRAIN_RUN_PARTS_H

#include "train/fit.h"
#include "train/parallel.h"
#include "train/plan.h"
#include "train/pretrained.h"
#include "train/run.h"
#include "train/run_log.h"
#include "train/state.h"
#include "train/step.h"

enum { RUN_SAMPLES = 8 };     /* validation pictures on the page */

/* What was logged since the last line of the log; it is a part of the state, so that a resumed run logs the same. */
enum { SUM_STEPS, SUM_UPDATES, SUM_NORMS, SUM_LOSSES };
typedef struct {
    int n;                             /* names of losses; 0: not known yet                   */
    char name[DF_LOSSES + 1][48];
    double sum[SUM_LOSSES + DF_LOSSES + 1];
    double seconds, data_seconds;      /* of these steps                                      */
    int timed;
} RunMeans;

/* A picture of the page. */
typedef struct {
    const char *path, *name;           /* of the picture                                      */
    char truth[64], found[64];         /* below the work dir                                  */
    char found_now[96];                /* with the step behind it, so that browsers read it again */
} RunSample;

struct DfRun {
    DfRunOptions o;
    DfArena *arena;                    /* texts                                               */
    DfDetector *detector;              /* config, network, context, pool                      */
    const DfNode *root;
    DfModel *model;
    NnModel *weights;
    DfCtx *c;
    DfPlan plan;
    DfPretrainedList pretrained;
    DfFit fit;                         /* to data_dir                                         */
    DfTrainingCheck check;             /* what is wrong with the data                         */
    DfTrainingSet *set;
    DfTrainingLoading loading;         /* which batches there are                             */
    DfTrainingLoader *loader;          /* that makes them; NULL before the first step         */
    int64_t per_epoch, steps;

    DfRecipe recipe;
    DfTrainer *trainer;
    DfParallel *parallel;              /* NULL: one process                                   */
    float *padded;                     /* pictures of a step, at the size of all processes    */
    bool leads;                        /* the first rank, or the only one                     */
    DfStateArray arrays[8];
    double *counts;                    /* numbers of the optimizer and of the average         */
    int n_counts;
    DfState state;                     /* state.at: how far it is                             */

    DfRunLog *log;
    RunMeans means;
    int lock;                          /* of the work dir; -1: none                           */
    bool stopping;                     /* told() said no                                      */
    double last_saved, last_page;      /* seconds of the clock                                */
    double scoring_seconds;            /* of the last evaluation                              */
    double step_seconds;               /* a running mean                                      */
    float losses[DF_LOSSES];           /* values of the last step, over all processes         */
    double total;
    double rate;                       /* of the first group, in the last step                */

    RunSample samples[RUN_SAMPLES];
    int n_samples;
    long unreadable;                   /* validation pictures that the last scores are without */
    bool samples_seen;                 /* `found` is on the disk                              */
};

double df_run_clock(void);                                   /* seconds */

/* work_dir.c */
const char *df_run_path(DfRun *, const char *name);          /* below it, the arena's; NULL after df_fail() */
int df_run_work_dir_open(DfRun *);                           /* made, and this process's alone            */
void df_run_work_dir_close(DfRun *);

/* loop.c */
DfNews df_run_news(const DfRun *, DfNewsKind);               /* with all that is known without looking */
void df_run_tell(DfRun *, const DfNews *);                   /* sets `stopping` */

int df_run_open_files(DfRun *);                              /* the work dir, when the first step is near */

/* learner.c */
int df_run_learner_open(DfRun *);                            /* weights, optimizer, and what the state has of them */
int df_run_learner_seek(DfRun *);                            /* as after state.at.step iterations         */
int df_run_step(DfRun *, DfStepReport *);                    /* one iteration                             */
void df_run_swap_average(DfRun *); /* the weights and their average change places, if there is one */
int df_run_write(DfRun *, const char *path);                 /* the state                                 */
int df_run_read(DfRun *, const char *path);

/* together.c: of several processes */
int df_run_together_open(DfRun *);                           /* weights of the first rank go to all       */
int df_run_together_step(DfRun *, DfTensor *image, const DfLossBatch *, DfStepReport *); /* df_trainer_step() */
int df_run_together_pad(DfRun *, DfBatch *, float **pixels);  /* to the largest size of all; the run's */
int df_run_together_agree(DfRun *, int error); /* the worst that any has met; all stop if one is to stop */

/* keep.c */
int df_run_save(DfRun *);                                    /* latest.safetensors                        */
int df_run_keep(DfRun *);                                    /* and epoch_N or iter_N, older ones removed */
int df_run_keep_best(DfRun *);
bool df_run_writes(const char *name); /* whether a run calls one of its checkpoints so */

/* score.c */
int df_run_score(DfRun *);
int df_run_check_validation(DfRun *); /* what would spoil the first scores, before the first step */
const char *df_run_validation(const DfRun *);                /* place of the set in the config; NULL: none */

/* estimate.c */
int df_run_check_memory(DfRun *);                            /* DF_ENOMEM: a step will not fit            */

/* samples.c, page.c */
int df_run_samples_open(DfRun *);
int df_run_samples_look(DfRun *);
int df_run_page(DfRun *, bool over);

#endif
