/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/registry.c -- the datasets and transforms of list.def as tables.
 */
#include "datasets/registry.h"

#define DF_DATASET(type) extern const DfDatasetType df_dataset_##type;
#define DF_TRANSFORM(type) extern const DfTransform df_transform_##type;
#define DF_TRAINING_TRANSFORM(type, text) \
    static const DfTransform df_transform_##type = { .name = #type, .help = text " (not built in)" };
#include "datasets/list.def"
#undef DF_DATASET
#undef DF_TRANSFORM
#undef DF_TRAINING_TRANSFORM

const DfTransform *const df_transforms[] = {
#define DF_DATASET(type)
#define DF_TRANSFORM(type) &df_transform_##type,
#define DF_TRAINING_TRANSFORM(type, text) &df_transform_##type,
#include "datasets/list.def"
#undef DF_DATASET
#undef DF_TRANSFORM
#undef DF_TRAINING_TRANSFORM
    NULL
};

const DfDatasetType *const df_dataset_types[] = {
#define DF_DATASET(type) &df_dataset_##type,
#define DF_TRANSFORM(type)
#define DF_TRAINING_TRANSFORM(type, text)
#include "datasets/list.def"
    NULL
};
