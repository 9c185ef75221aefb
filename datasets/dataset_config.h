/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/dataset_config.h -- what the dataset dicts of a config (data.test) have in common: paths below a root and
 * lists of names; private to datasets/.
 */
#ifndef DF_DATASETS_DATASET_CONFIG_H
#define DF_DATASETS_DATASET_CONFIG_H

#include "config/config.h"
#include "datasets/registry.h"

enum { DF_PATH = 4096 };

/* `path` as the config means it: below `data_root` (or NULL) unless it is absolute, as Python's os.path.join has
 * it. With `data_dir` (or NULL), the longest tail of that which exists below it: data/coco/val2017/ is
 * DIR/val2017/; DF_EIO if none does. */
int df_dataset_path(char out[DF_PATH], const char *data_root, const char *path, const char *data_dir);

/* Names in the order of the labels, in the arena: a list of texts, or a file with one a line. No node: none. */
typedef struct {
    int n;
    const char **name;
} DfNames;
int df_dataset_names(DfNames *out, const DfNode *node, DfArena *arena);
/* The lines of a text file, without those that are empty. */
int df_dataset_lines(DfNames *out, const char *path, DfArena *arena);

/* "unknown dataset 'AED20KDataset': did you mean ..", at the dict; returns DF_EVALUE. `wanted` in words. */
int df_dataset_type_fail(const DfNode *dataset, const char *wanted);

#endif
