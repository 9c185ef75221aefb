/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/segmentation_types.h -- the datasets of label maps that mmseg knows by name: their classes, and how
 * their files are called. Private to datasets/.
 */
#ifndef DF_DATASETS_SEGMENTATION_TYPES_H
#define DF_DATASETS_SEGMENTATION_TYPES_H

#include "config/config.h"
#include "datasets/classes.h"
#include "datasets/registry.h"

/* The options of the dict of all of them. */
typedef struct {
    const DfNode *img_dir, *ann_dir, *split;
    const char *data_root, *img_suffix, *seg_map_suffix;
    int ignore_index;
    bool reduce_zero_label;
    const DfNode *classes, *palette, *pipeline;
} DfSegmentationOptions;

typedef struct {
    const DfDatasetType *record;
    const DfClasses *classes;     /* of its own; NULL: the config's                                        */
    const char *map_suffix;       /* of maps that have classes                                             */
    const char *id_suffix;        /* of maps that have the publisher's ids                                 */
    int (*class_of_id)(int id);   /* -1: not scored; NULL: the publisher's ids are classes                 */
} DfSegmentationType;

/* By the name in a config; false: there is none. */
bool df_segmentation_type(DfSegmentationType *out, const char *name);

#endif
