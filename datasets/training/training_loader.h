/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/training/training_loader.h -- training batches, prepared ahead in their own threads and returned in order.
 *
 *     DfTrainingLoading what = { .set = set, .first = position, .seed = 1, .threads = 1, .ahead = 3 };
 *     df_order_options(&what.order, config, set);
 *     DfTrainingLoader *loader;
 *     df_training_loader_new(&loader, &what);
 *     for (DfBatch batch; df_training_loader_next(loader, &batch); df_batch_free(&batch))
 *         if (batch.error == DF_OK)
 *             learn_from(&batch);                            afterwards the position is batch.number + 1
 *     df_training_loader_free(loader);
 *
 * A batch is a function of the set, the options and its number: a run that starts again at a position gets the same
 * batches, with any number of threads. The random numbers of a sample depend on the seed and its place in the order; a
 * sample from which nothing can be learnt (a crop without objects) is replaced by another, drawn from the same
 * numbers.
 */
#ifndef DF_DATASETS_TRAINING_TRAINING_LOADER_H
#define DF_DATASETS_TRAINING_TRAINING_LOADER_H

#include "datasets/training/batch.h"
#include "datasets/training/mixing.h"
#include "datasets/training/order.h"

DF_BEGIN_DECLS

typedef struct {
    const DfTrainingSet *set;   /* borrowed, and read by several threads                                           */
    DfOrderOptions order;       /* `batch` is of all processes together                                            */
    int rank, ranks;            /* this process has its part of every batch (df_order_part()); ranks 0: it is alone.
                                   A last batch that is too small for all is filled up with its own samples        */
    int64_t first;              /* batch to begin with                                                             */
    int64_t end;                /* stop before this one; 0: never                                                  */
    int threads;                /* that prepare batches; 0: df_training_loader_next() does it itself               */
    int ahead;                  /* batches held at a time, at most (at least 1)                                    */
    size_t memory;              /* or bytes in them; 0: any number. One batch is always held                        */
    DfMixing mixing;            /* of pictures with a class, in each process by itself; {0}: none                  */
    int map_fill;               /* classes around label maps that are padded; 0: 255                               */
} DfTrainingLoading;

typedef struct DfTrainingLoader DfTrainingLoader;

/* Reads the pipelines of the set; a wrong one is an error. */
DF_API int df_training_loader_new(DfTrainingLoader **out, const DfTrainingLoading *);
/* no picture reaches the network with pixels of 0 to 255 */
DF_API bool df_training_loader_normalises(const DfTrainingLoader *);
DF_API int64_t df_training_loader_epoch_batches(const DfTrainingLoader *); /* df_order_epoch_batches() */
DF_API bool df_training_loader_next(DfTrainingLoader *, DfBatch *out);     /* waits; false after the last */
DF_API void df_training_loader_free(DfTrainingLoader *); /* also before the last: what is begun is finished */

DF_END_DECLS

#endif
