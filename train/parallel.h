/* SPDX-License-Identifier: Apache-2.0
 *
 * train/parallel.h -- one network trained by several processes (core/ranks.h), each on its share of every batch.
 * Included by train/train.h.
 *
 * All have the same weights. A rank computes its part of the loss: sums over its own pictures, divided by counts over
 * all of them (df_ctx_sum()). So the gradient of the whole batch is the sum of the ranks' gradients. Sums travel while
 * the walk back goes on, in pieces of the gradient block, as Li et al. describe for PyTorch (VLDB 2020, section 3.2).
 *
 *     df_parallel_new(&parallel, ranks, weights);
 *     df_parallel_begin(parallel, c);                before the pass forward
 *     df_model_losses(..);  df_backward(..);
 *     df_parallel_finish(parallel, c);               now the gradients are those of the whole batch
 */
#ifndef DF_TRAIN_PARALLEL_H
#define DF_TRAIN_PARALLEL_H

#include "models/models.h"

DF_BEGIN_DECLS

typedef struct DfParallel DfParallel;

/* After nn_model_train(). The weights and buffers of rank 0 go to all. `ranks` is borrowed; with one rank, or NULL,
 * everything here does nothing. DF_OK, DF_ENOMEM or DF_EIO. */
DF_API int df_parallel_new(DfParallel **out, DfRanks *ranks, NnModel *weights);
DF_API void df_parallel_free(DfParallel *); /* NULL is fine */

/* The context adds up over the ranks until finish(). With `last` the gradients are sent during this walk back; without,
 * more of them are to come (accumulation), and nothing is sent. */
DF_API void df_parallel_begin(DfParallel *, DfCtx *, bool last);
/* `error`: what this rank met in its pass. Then it is returned at once: the others wait for sums that will not come,
 * and df_ranks_close() has to end them. Parameters count as reached where they are on any rank. */
DF_API int df_parallel_finish(DfParallel *, DfCtx *, int error);

/* The losses of the whole batch, for the log: losses are added up, figures averaged. values[n]. */
DF_API int df_parallel_losses(DfParallel *, const DfLosses *, float *values);

DF_END_DECLS

#endif
