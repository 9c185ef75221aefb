/* SPDX-License-Identifier: Apache-2.0
 *
 * train/state.h -- the state of a training run as one file: everything that it needs to continue with the same bits.
 *
 * The file is a .safetensors checkpoint. Weights and buffers have their official keys, so that every other command
 * loads it; keys that only a run needs begin with "optimizer.", and loaders skip them. If an average of the weights is
 * kept (EMA), the average has the official keys, as in mmcv's checkpoints, and the weights under training are
 * "optimizer.weight.*".
 */
#ifndef DF_TRAIN_STATE_H
#define DF_TRAIN_STATE_H

#include "nn/nn.h"

DF_BEGIN_DECLS

/* How far a run is. Random numbers follow from `seed` and `step`. */
typedef struct {
    int64_t step;        /* iterations done                                              */
    int64_t epoch;       /* whole passes over the data done                              */
    int64_t position;    /* iterations done of the pass that is under way                */
    uint64_t seed;
    uint64_t settings;   /* a hash of the config: only the same config goes on           */
    int64_t scored;      /* the last iteration after which there was an evaluation; -1   */
    int64_t best_step;   /* when the best score was; -1: there is none yet               */
    double best;         /* that score                                                   */
    char metric[32];     /* and which: "bbox_mAP"; ""                                    */
} DfRunState;

/* Numbers beside the weights: of every parameter, or a list of its own. */
typedef struct {
    const char *name;    /* "exp_avg"; the keys are optimizer.NAME.PARAMETER, or optimizer.NAME */
    float *const *of;    /* [nn_model_count()]: those of parameter i, in its layout; NULL: none */
    double *list;        /* [n], where `of` is NULL                                             */
    int n;
} DfStateArray;

/* All that is written, and where reading puts it. The memory is the caller's. */
typedef struct {
    NnModel *model;
    DfRunState at;
    int n;
    const DfStateArray *arrays;  /* [n]                                                                          */
    float *const *average;       /* [nn_model_count()], or NULL: the EMA of parameter or buffer i; NULL entries: */
                                 /* it has none, and its own numbers stand under the official key                */
} DfState;

/* The file appears whole or not at all: a full disk leaves the one that was there. */
DF_API int df_state_write(const DfState *, const char *path);

/* Reads into the memory that `state` describes. First everything is checked: nothing has changed after a failure, which
 * is DF_EVALUE or DF_EFORMAT for no state of a run, DF_ESHAPE for one of another network or optimizer. */
DF_API int df_state_read(DfState *state, const char *path);
DF_API int df_state_read_file(DfState *state, const DfCheckpoint *file); /* the same of an open file */

/* Only how far the run was. */
DF_API int df_run_state_read(DfRunState *out, const DfCheckpoint *file);

DF_END_DECLS

#endif
