/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/training/order.h -- the samples of each batch, as a function of the seed and the number of the batch only;
 * it does not depend on what ran before, nor on the number of threads and processes.
 *
 *     DfOrder *order;
 *     df_order_new(&order, &(DfOrderOptions){ .kind = DF_ORDER_GROUPS, .shuffle = true, .batch = 2, .seed = 1 }, set);
 *     int sample[2];
 *     const int n = df_order_batch(order, k, sample);       samples of batch k, counted from the first of training
 */
#ifndef DF_DATASETS_TRAINING_ORDER_H
#define DF_DATASETS_TRAINING_ORDER_H

#include "datasets/training/training_set.h"

DF_BEGIN_DECLS

typedef enum {
    DF_ORDER_EPOCHS,   /* every sample once an epoch; the last batch may be smaller (DataLoader)                      */
    DF_ORDER_GROUPS,   /* mmdet 2.x GroupSampler: a batch has pictures wider than high, or others; each of the two
                          groups is filled up with samples of its own until its batches are full                      */
    DF_ORDER_ASPECTS,  /* mmdet 3.x AspectRatioBatchSampler: likewise, but higher than wide or others; what is left of
                          both makes the last batches                                                                 */
    DF_ORDER_ENDLESS   /* InfiniteSampler: one epoch after the other, and batches reach from one into the next        */
} DfOrderKind;

typedef struct {
    DfOrderKind kind;
    bool shuffle;      /* else the samples come in their order            */
    bool drop_last;    /* EPOCHS, ASPECTS: leave out batches that are not full */
    int batch;         /* samples of a batch, of all processes together: at least 1 */
    uint64_t seed;
} DfOrderOptions;

typedef struct DfOrder DfOrder;

/* DF_EVALUE if an epoch has no batch: fewer samples than a batch has, and drop_last. Grouping asks for the size of
 * every picture. Keeps nothing of the set. */
DF_API int df_order_new(DfOrder **out, const DfOrderOptions *, const DfTrainingSet *);
DF_API void df_order_free(DfOrder *); /* NULL is fine */

/* Batches of an epoch. An endless order has as many as are full, at least 1. */
DF_API int64_t df_order_epoch_batches(const DfOrder *);

/* The samples of batch k >= 0; returns how many, at most options.batch. One thread at a time. */
DF_API int df_order_batch(DfOrder *, int64_t k, int *sample);

/* The part of process `rank` of `ranks` in a batch of n samples: from *first on, as many as are returned. All parts
 * together are the batch; of a full one each has as many if `ranks` divides it. */
DF_API int df_order_part(int n, int rank, int ranks, int *first);

/* A sample of the same group as sample i, or any (GROUPS is the only order that asks for the same), drawn with a
 * number in [0, 1): what takes the place of one that nothing can be learnt from. */
DF_API int df_order_another(const DfOrder *, int i, double draw);

/* What a config says. mmdet 2.x: groups; label maps, image classes and the args of the official DETR programs: epochs
 * without what is left at their end.
 * 3.x: data.train_dataloader with a sampler, batch_sampler and drop_last. `batch` becomes
 * data.train_dataloader.samples_per_gpu or data.samples_per_gpu, of one process; the seed stays. */
DF_API int df_order_options(DfOrderOptions *, const DfNode *config, const DfTrainingSet *);

DF_END_DECLS

#endif
