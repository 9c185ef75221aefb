/* SPDX-License-Identifier: Apache-2.0
 *
 * train/batches.h -- private: the pictures of a step side by side, and what is known of them.
 */
#ifndef DF_TRAIN_BATCHES_H
#define DF_TRAIN_BATCHES_H

#include "datasets/datasets.h"

typedef struct DfBatches DfBatches;

typedef struct {
    int n, height, width;
    float *pixels;             /* n height width 3: the pictures at their upper left corners, the rest zeros */
    const DfImageMeta *metas;  /* [n] */
    const DfAnnotations *objects;
    const char *const *paths;
} DfTrainingBatch;

/* The batch of every step follows from config, seed and step alone. The config must outlive it. */
int df_batches_new(DfBatches **out, const DfNode *root, const DfTrainingSet *, int pictures, int threads, uint64_t seed);
void df_batches_free(DfBatches *); /* NULL is fine */
int64_t df_batches_per_epoch(const DfBatches *);
int df_batches_seek(DfBatches *, int64_t step);              /* the next one is that of this step */
int df_batches_next(DfBatches *, DfTrainingBatch *out);      /* the batches's, until the next one */

#endif
