/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/registry.c -- list.def as a table.
 */
#include "datasets/pipeline.h"

#define DF_TRANSFORM(type) extern const DfTransform df_transform_##type;
#define DF_TRAINING_TRANSFORM(type, text) static const DfTransform df_transform_##type = { .name = #type, .help = text " (training only)" };
#include "datasets/list.def"
#undef DF_TRANSFORM
#undef DF_TRAINING_TRANSFORM

const DfTransform *const df_transforms[] = {
#define DF_TRANSFORM(type) &df_transform_##type,
#define DF_TRAINING_TRANSFORM(type, text) &df_transform_##type,
#include "datasets/list.def"
    NULL
};
