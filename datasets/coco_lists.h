/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/coco_lists.h -- private to datasets/: the lists of an annotation file in COCO's format, before coco.c
 * assigns annotations to images.
 */
#ifndef DF_DATASETS_COCO_LISTS_H
#define DF_DATASETS_COCO_LISTS_H

#include "annotations/annotations.h"
#include "datasets/coco.h"

/* Rows in the order of the file. */
typedef struct {
    void *v;
    size_t n, capacity;
} CocoRows;

typedef struct {
    DfArena *arena;                     /* of names and masks; borrowed                       */
    CocoRows images, boxes, categories; /* of DfCocoImage, DfCocoBox, DfCocoCategory          */
    bool masks;                         /* are asked for                                      */
    bool from_url;                      /* a picture is called by the end of its coco_url     */
    bool of_2014;                       /* COCO_val2014_000000000139.jpg is 000000000139.jpg  */
    DfCocoRecord record;                /* the one that is read                               */
} CocoLists;

/* Fails if there are no images, or a record lacks what every dataset needs. */
int df_coco_lists_read(CocoLists *, DfJson *);
void df_coco_lists_done(CocoLists *);

#endif
