/* SPDX-License-Identifier: Apache-2.0
 *
 * train/run_parts.h -- private: what a training run is made of.
 */
#ifndef DF_TRAIN_RUN_PARTS_H
#define DF_TRAIN_RUN_PARTS_H

#include "train/batches.h"
#include "train/fit.h"
#include "train/plan.h"
#include "train/run.h"
#include "train/run_log.h"
#include "train/schedule.h"
#include "train/state.h"

enum { RUN_SAMPLES = 8 };     /* validation pictures on the page */

/* What was logged since the last line of the log; it is a part of the state, so that a resumed run logs the same. */
typedef struct {
    int n;                             /* names of losses; 0: not known yet                   */
    char name[DF_LOSSES + 1][48];
    double sum[2 + DF_LOSSES];         /* steps, gradient norms, losses                       */
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
    DfFit fit;                         /* to data_dir                                         */
    DfTrainingSet *set;
    DfBatches *batches;
    int64_t per_epoch, steps;

    DfSchedule *schedule;
    double base_rate;
    float *momentum;
    float **moments;
    DfStateArray arrays[8];
    DfState state;                     /* state.at: how far it is                             */

    DfRunLog *log;
    RunMeans means;
    DfLosses losses;                   /* of the last step                                    */
    bool stopping;                     /* told() said no                                      */
    double last_saved;                 /* seconds of the clock                                */
    double scoring_seconds;            /* of the last evaluation                              */
    double step_seconds;               /* a running mean                                      */

    RunSample samples[RUN_SAMPLES];
    int n_samples;
    bool samples_seen;                 /* `found` is on the disk                              */
};

double df_run_clock(void);                                   /* seconds */
const char *df_run_path(DfRun *, const char *name);          /* below the work dir, the arena's; NULL after df_fail() */
DfNews df_run_news(const DfRun *, DfNewsKind);               /* with all that is known without looking */
void df_run_tell(DfRun *, const DfNews *);                   /* sets `stopping` */

int df_run_open_files(DfRun *);                              /* the work dir, when the first step is near */

/* loop.c */
int df_run_step(DfRun *, DfLosses *losses, double *norm);    /* one iteration                             */

/* keep.c */
int df_run_save(DfRun *);                                    /* latest.safetensors                        */
int df_run_keep(DfRun *);                                    /* and epoch_N or iter_N, older ones removed */
int df_run_keep_best(DfRun *);

/* score.c */
int df_run_score(DfRun *);
const char *df_run_validation(const DfRun *);                /* place of the set in the config; NULL: none */

/* samples.c, page.c */
int df_run_samples_open(DfRun *);
int df_run_samples_look(DfRun *);
int df_run_page(DfRun *, bool over);

#endif
