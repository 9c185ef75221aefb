/* SPDX-License-Identifier: Apache-2.0
 *
 * train/parallel.h -- trains one network with several processes (core/ranks.h), each on its share of every batch.
 * Included by train/train.h.
 *
 * All processes have the same weights. A rank computes its part of the loss: sums over its own pictures, divided by
 * counts over all pictures (df_ctx_sum()). So the gradient of the whole batch is the sum of the ranks' gradients.
 * Gradients are sent during the backward pass, in pieces, as Li et al. describe for PyTorch (VLDB 2020, section 3.2).
 *
 *     df_parallel_new(&parallel, ranks, weights);
 *     df_parallel_begin(parallel, c, true);          before the forward pass
 *     df_model_losses(..);  df_backward(..);
 *     df_parallel_finish(parallel, c, error);        now the gradients are those of the whole batch
 */
#ifndef DF_TRAIN_PARALLEL_H
#define DF_TRAIN_PARALLEL_H

#include "models/models.h"

DF_BEGIN_DECLS

typedef struct DfParallel DfParallel;

/* Call this after nn_model_train(). It sends the weights and buffers of rank 0 to all ranks. `ranks` is borrowed; with
 * one rank, or NULL, all functions here do nothing. DF_OK, DF_ENOMEM or DF_EIO. */
DF_API int df_parallel_new(DfParallel **out, DfRanks *ranks, NnModel *weights);
DF_API void df_parallel_free(DfParallel *); /* NULL is fine */

/* Until df_parallel_finish() the context's sums run over all ranks. If `last`, gradients are sent during this backward
 * pass; if not, more batches follow (accumulation), and nothing is sent. */
DF_API void df_parallel_begin(DfParallel *, DfCtx *, bool last);
/* `error` is the result of this rank's pass. If it is an error, it is returned at once; the other ranks then wait for
 * sums that never come, and df_ranks_close() has to end them. A parameter is `reached` if it is so on any rank. */
DF_API int df_parallel_finish(DfParallel *, DfCtx *, int error);

/* The losses of the whole batch, for the log: losses are summed, other figures averaged. values[n]. */
DF_API int df_parallel_losses(DfParallel *, const DfLosses *, float *values);

DF_END_DECLS

#endif
