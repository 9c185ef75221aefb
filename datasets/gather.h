/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/gather.h -- a dataset in the making: pictures with their objects, one after the other. Private to datasets/.
 *
 *     df_gather_begin(&g, arena, "Annotations");
 *     for each picture: df_gather_picture(&g, "a.jpg", 375, 500), then df_gather_box(&g, &box) for its objects
 *     df_gather_end(&g, true);                     g.coco is the dataset; it lives as long as the arena
 */
#ifndef DF_DATASETS_GATHER_H
#define DF_DATASETS_GATHER_H

#include "datasets/coco.h"

typedef struct {
    DfArena *arena;          /* of texts and of the dataset */
    DfCocoDataset *coco;
    size_t image_capacity, box_capacity, class_capacity;
    DfCocoImage *images;
    DfCocoBox *boxes;
    const char **classes;
} DfGather;
int df_gather_begin(DfGather *, DfArena *, const char *path);
int df_gather_class(DfGather *, const char *name); /* its number, added if it is new; or an error */
int df_gather_picture(DfGather *, const char *name, int height, int width);
int df_gather_box(DfGather *, const DfCocoBox *);  /* of the last picture; bbox in pixels, label as gathered */
int df_gather_end(DfGather *, bool sort_classes);
/* What is missing of a dataset that stands for itself: ids of categories, and paths of pictures below `folder`. */
int df_gather_paths(DfGather *, const char *folder);
void df_gather_drop(DfGather *);

#endif
