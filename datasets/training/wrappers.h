/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/training/wrappers.h -- private to datasets/training/: a training set while it is read from the dicts of a
 * config.
 */
#ifndef DF_DATASETS_TRAINING_WRAPPERS_H
#define DF_DATASETS_TRAINING_WRAPPERS_H

#include "datasets/training/source.h"

/* One sample: picture `index` of a source. */
typedef struct {
    int source, index;
} DfSampleOf;

struct DfTrainingSet {
    DfArena *arena;
    bool masks;                  /* they are read, whatever the pipelines want */
    int n_sources, n;
    DfSource **source;           /* [n_sources] */
    DfSampleOf *sample;          /* [n]         */
    size_t source_capacity, sample_capacity;
    int *first;                  /* [n_sources + 1]: the number of each source's first picture in the whole set */
    const DfNode *mix_pipeline;
};

/* Appends the samples of a dict or of a list of dicts. */
int df_training_add(DfTrainingSet *, const DfNode *dataset, const char *data_dir);

#endif
