/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/training/batch.h -- prepared samples as one batch: their pixels in one block, padded to the largest size.
 */
#ifndef DF_DATASETS_TRAINING_BATCH_H
#define DF_DATASETS_TRAINING_BATCH_H

#include "datasets/pipeline/training.h"

DF_BEGIN_DECLS

/* A batch that could not be made comes with its error and sentence, and n = 0. Owned by whoever took it. */
typedef struct {
    int64_t number;          /* from the beginning of training                                                    */
    int n;                   /* samples of this process                                                           */
    int first, total;        /* which of the batch's they begin with; samples of all processes together           */
    int height, width;       /* batch_input_shape: of the largest sample                                          */
    float *pixels;           /* [n][height][width][3]                                                             */
    DfImageMeta *metas;      /* [n]: pad_h, pad_w are of the sample alone                                         */
    DfAnnotations *objects;  /* [n]: in pixels of the network; label maps are height x width                      */
    int *sample;             /* [n]: numbers in the training set                                                  */
    const char **path;       /* [n]: of the pictures, borrowed from the training set                              */
    int error;
    char message[512];
} DfBatch;

DF_API void df_batch_free(DfBatch *);                /* and leaves it empty; an empty one is fine   */
DF_API size_t df_batch_bytes(const DfBatch *);       /* of pixels and label maps                    */

/* Makes room for n samples. */
DF_API int df_batch_new(DfBatch *out, int n);

/* Takes the n samples over, which are empty afterwards: pixels with zeros right and below, label maps with `map_fill`
 * there. What else the batch holds stays. Frees the samples in every case. */
DF_API int df_batch_collate(DfBatch *, DfTrainingSample *samples, int n, int map_fill);

DF_END_DECLS

#endif
