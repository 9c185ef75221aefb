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

/* The state of a run except its weights: moments, averages, learning rates, the number of the iteration. */
typedef struct DfTrainer DfTrainer;
/* The model must have its weights; this puts it into training mode (nn_model_train()). Everything is borrowed.
 * DF_EVALUE: the recipe names no optimizer, or does not fit the network; DF_ENOMEM. */
DF_API int df_trainer_new(DfTrainer **out, DfModel *, const DfRecipe *, const DfRunLength *);
DF_API void df_trainer_free(DfTrainer *); /* NULL is fine */

/* The results of one iteration; valid until the next one. */
typedef struct {
    const DfLosses *losses;
    double total;
    bool updated;            /* false: the step accumulates more batches                                        */
    double norm;             /* the 2-norm of all gradients before clipping, if updated                         */
    double rate;             /* learning rates: of the first group, the lowest, the highest                     */
    double lowest, highest;
} DfStepReport;

/* Trains on one batch, whose image is in the context. The random numbers of a sample depend on the seed, the iteration
 * and its index in the whole batch (df_trainer_seed()). DF_EVALUE: a loss or a gradient is not finite; the sentence
 * names it, and no weight has changed. Also errors of the pass. */
DF_API int df_trainer_step(DfTrainer *, DfCtx *, DfTensor *image, const DfLossBatch *, DfStepReport *out);
/* The two halves of a step, between which gradients can be summed over processes. */
DF_API int df_trainer_backward(DfTrainer *, DfCtx *, DfTensor *image, const DfLossBatch *, DfStepReport *out);
DF_API int df_trainer_update(DfTrainer *, DfCtx *, DfStepReport *out);
DF_API void df_trainer_seed(DfTrainer *, uint64_t seed, int first_sample); /* 0 and 0 at first */

DF_API int64_t df_trainer_iteration(const DfTrainer *); /* number of finished iterations */
/* Sets the learning rates and counters to those after so many iterations; the caller restores moments and averages. */
DF_API void df_trainer_seek(DfTrainer *, int64_t iteration);

/* Its parts, to save and restore them. */
DF_API const DfGroups *df_trainer_groups(const DfTrainer *);
DF_API DfOptimizer *df_trainer_optimizer(DfTrainer *);
/* Part i is the average of parameter or buffer i of nn_model_at(). NULL: the recipe has no averages. */
DF_API DfEma *df_trainer_ema(DfTrainer *);

DF_END_DECLS

#endif
