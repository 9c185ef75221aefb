/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/dataset_config.h -- private to datasets/: what all dataset dicts of a config (data.train, data.test) share:
 * paths below a root and lists of names.
 */
#ifndef DF_DATASETS_DATASET_CONFIG_H
#define DF_DATASETS_DATASET_CONFIG_H

#include "config/config.h"
#include "datasets/classification.h"
#include "datasets/coco.h"
#include "datasets/parts.h"
#include "datasets/registry.h"
#include "datasets/segmentation.h"

enum { DF_PATH = 4096 };

/* `path` as the config means it: below `data_root` (or NULL) unless it is absolute, as Python's os.path.join has
 * it. With `data_dir` (or NULL), the longest tail of that which exists below it: data/coco/val2017/ is
 * DIR/val2017/; DF_EIO if none does. */
int df_dataset_path(char out[DF_PATH], const char *data_root, const char *path, const char *data_dir);

/* Names in the order of the labels, in the arena: a list of texts, or a file of them. No node: none. */
typedef struct {
    int n;
    const char **name;
} DfNames;
int df_dataset_names(DfNames *out, const DfNode *node, DfArena *arena);
/* The names of such a file: as df_class_names_read(). */
int df_dataset_names_of_file(DfNames *out, const char *path, DfArena *arena);
/* The lines of a text file, without those that are empty. */
int df_dataset_lines(DfNames *out, const char *path, DfArena *arena);

/* In training a dict may stand for several datasets that follow one another: ann_file, img_prefix, img_dir, ann_dir,
 * split or data_prefix are lists then. How many: 1 where none is a list; lists of different lengths are DF_EVALUE. */
int df_dataset_parts(int *out, const DfNode *dataset);
/* The text of a node, or of item `part` of its list; "" for no node. part -1: a list is DF_EVALUE. */
int df_dataset_text(const char **out, const DfNode *node, int part);

/* Tells every dataset of a test set in order, and the parts of its lists: below lists, ConcatDataset,
 * and the wrappers that only repeat pictures in training. `take` fails to end it. */
typedef int DfTakeDataset(void *arg, const DfNode *dict, int part);
int df_dataset_each(const DfNode *dataset, DfTakeDataset *take, void *arg);

/* Which part of a dict is opened, and what of it. */
typedef struct {
    const char *data_dir;
    int part;
    bool masks;
} DfDictOf;

/* Datasets of training: one part of a dict; the caller knows the type. */
typedef struct {
    bool filter_empty_gt; /* leave out pictures without an object of the classes          */
    int min_size;         /* and those with a side below it, in pixels                    */
    bool counts_learnt;   /* ClassBalancedDataset counts what is learnt from, as in 3.x   */
} DfCocoFilter;
int df_coco_dataset_for_training(DfCocoDataset **out, DfCocoFilter *filter, const DfNode *dataset, const DfDictOf *);
int df_segmentation_for_training(DfSegmentation **out, const DfNode *dataset, const char *data_dir, int part);
int df_classification_for_training(DfClassification **out, const DfNode *dataset, const char *data_dir, int part);

/* "unknown dataset 'AED20KDataset': did you mean ..", at the dict; returns DF_EVALUE. `wanted` in words. */
int df_dataset_type_fail(const DfNode *dataset, const char *wanted);

#endif
