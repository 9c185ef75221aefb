/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/parts.h -- a test set made of several datasets: lists of annotation files, ConcatDataset, lists of
 * datasets.
 */
#ifndef DF_DATASETS_PARTS_H
#define DF_DATASETS_PARTS_H

#include "config/config.h"

DF_BEGIN_DECLS

/* Pictures first .. first + n - 1 of the whole are of the annotation file or folder `path`. */
typedef struct {
    const char *path;
    int first, n;
} DfDatasetPart;

/* The first dataset itself in a dataset dict or list: below ConcatDataset, RepeatDataset and their kin. Its pipeline
 * and class names are those of all. NULL: there is none. */
DF_API const DfNode *df_dataset_first(const DfNode *dataset);

DF_END_DECLS

#endif
