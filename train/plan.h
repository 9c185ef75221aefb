/* SPDX-License-Identifier: Apache-2.0
 *
 * train/plan.h -- the length of a run, and when it is evaluated, saved and logged, as its config says. Included by
 * train/train.h.
 */
#ifndef DF_TRAIN_PLAN_H
#define DF_TRAIN_PLAN_H

#include "config/config.h"

DF_BEGIN_DECLS

/* How often something is done: every `every` epochs or iterations, 0: never. */
typedef struct {
    int64_t every;
    bool by_epoch;
} DfInterval;

typedef struct {
    int64_t epochs, iterations;    /* one of them is 0 (both: not given): `runner`, `total_epochs`, `train_cfg`      */
    int pictures;                  /* of one step: samples_per_gpu, batch_size                                     */
    int loader_threads;            /* workers_per_gpu, num_workers                                                 */
    DfInterval score;              /* `evaluation`, val_interval                                                   */
    int64_t first_score;           /* the first epoch or iteration to score                                        */
    const char *best;              /* the score that chooses the best checkpoint; NULL: the first one              */
    DfInterval keep;               /* `checkpoint_config`                                                          */
    int most_kept;                 /* how many epoch_N.safetensors or iter_N.safetensors are kept; 0: all          */
    int log_every;                 /* iterations: `log_config`                                                     */
    bool has_seed;
    uint64_t seed;
    const char *load_from;         /* weights to begin with, over pretrained ones (pretrained.h); NULL: none       */
} DfPlan;

/* `root` is a config of mmdet 2.x / mmseg 0.x or of their successors. Texts are owned by the arena. DF_EVALUE: the
 * sentence names file, line and key. */
DF_API int df_plan_read(DfPlan *out, const DfNode *root, DfArena *arena);

/* Whether something is due after `step` iterations, of which `per_epoch` make an epoch. */
DF_API bool df_is_due(DfInterval, int64_t step, int64_t per_epoch);

/* A hash of all settings on which the bits of a run depend: the whole config except where, when and how often something
 * is written. */
DF_API uint64_t df_plan_settings(const DfNode *root);

DF_END_DECLS

#endif
