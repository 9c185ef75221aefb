/* SPDX-License-Identifier: Apache-2.0
 *
 * train/step.h -- a step of training: forward, losses, backward, clipping, update, running statistics, averages.
 * Included by train/train.h.
 *
 *     df_trainer_new(&t, model, &recipe, &run);
 *     for (;;) {
 *         df_reset(c);
 *         image = ..;  batch = ..;
 *         df_trainer_step(t, c, image, &batch, &report);
 *     }
 */
#ifndef DF_TRAIN_STEP_H
#define DF_TRAIN_STEP_H

#include "models/models.h"
#include "train/recipe.h"

DF_BEGIN_DECLS

/* What a run is at one moment, but for its weights: moments, averages, rates, the number of its iteration. */
typedef struct DfTrainer DfTrainer;
/* The model has its weights; from here on it is in training (nn_model_train()). Everything is borrowed. DF_EVALUE: the
 * recipe names no optimizer, or does not fit the network; DF_ENOMEM. */
DF_API int df_trainer_new(DfTrainer **out, DfModel *, const DfRecipe *, const DfRunLength *);
DF_API void df_trainer_free(DfTrainer *); /* NULL is fine */

/* What one iteration came to; it lasts until the next one. */
typedef struct {
    const DfLosses *losses;
    double total;
    bool updated;            /* false: more batches belong to the step                                          */
    double norm;             /* the 2-norm of all gradients before clipping, if updated                         */
    double rate;             /* learning rates: of the first group, the lowest, the highest                     */
    double lowest, highest;
} DfStepReport;

/* One batch, whose image the context already has. A sample's random numbers depend on the seed, the iteration and its
 * number in the whole batch (df_trainer_seed()). DF_EVALUE: a loss or a gradient is not finite, and the sentence
 * names it: then no weight has changed. Or what the pass says. */
DF_API int df_trainer_step(DfTrainer *, DfCtx *, DfTensor *image, const DfLossBatch *, DfStepReport *out);
/* Its halves, for whoever adds up gradients over processes in between. */
DF_API int df_trainer_backward(DfTrainer *, DfCtx *, DfTensor *image, const DfLossBatch *, DfStepReport *out);
DF_API int df_trainer_update(DfTrainer *, DfCtx *, DfStepReport *out);
DF_API void df_trainer_seed(DfTrainer *, uint64_t seed, int first_sample); /* 0 and 0 at first */

DF_API int64_t df_trainer_iteration(const DfTrainer *); /* how many are done */
/* As after so many iterations: rates and numbers; moments and averages are filled in by their owner. */
DF_API void df_trainer_seek(DfTrainer *, int64_t iteration);

/* Its parts, for a file. */
DF_API const DfGroups *df_trainer_groups(const DfTrainer *);
DF_API DfOptimizer *df_trainer_optimizer(DfTrainer *);
/* The average of parameter or buffer i of nn_model_at() is its part i; NULL: the recipe wants no average. */
DF_API DfEma *df_trainer_ema(DfTrainer *);

DF_END_DECLS

#endif
