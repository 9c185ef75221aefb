/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/builder.h -- private to eval/: the ground truth during reading. read.c reads the file, images.c stores its
 * images and categories, annotations.c its annotations.
 */
#ifndef DF_EVAL_COCO_BUILDER_H
#define DF_EVAL_COCO_BUILDER_H

#include "eval/coco/undrawn.h"

/* Growing arrays beside the finished ones. */
typedef struct {
    DfCoco *coco;
    DfIds annotation_ids;
    uint32_t *last;            /* by annotation id: its latest annotation */
    CocoUndrawn undrawn;
    bool drawn;                /* masks, in the sizes known so far */
    bool has_images, has_categories; /* the lists are there        */
    DfCocoRecord record;       /* the image or category that is read */
    size_t last_capacity, annotations_capacity, masks_capacity, shapes_capacity;
    size_t images_capacity, sizes_capacity, categories_capacity, names_capacity;
    size_t federation_capacity, frequency_capacity, crowd_index_capacity;
} CocoBuilder;

/* The list of images, and that of categories. One that is given again replaces the one before. */
int df_coco_read_images(CocoBuilder *, DfJson *);
int df_coco_read_categories(CocoBuilder *, DfJson *);

/* The same from memory. */
int df_coco_told_images(CocoBuilder *, const DfCocoTeller *);
int df_coco_told_categories(CocoBuilder *, const DfCocoTeller *);
int df_coco_told_annotations(CocoBuilder *, const DfCocoTeller *);

/* What annotations name. `listed`: by the list of images itself. The table of categories grows by annotations too. */
int df_coco_add_image(CocoBuilder *, DfId, bool listed, uint32_t *place);
int df_coco_add_category(CocoBuilder *, DfId, uint32_t *place);

/* The list of annotations, which replaces one before; and what is left to do when the file has ended. */
int df_coco_read_annotations(CocoBuilder *, DfJson *);
int df_coco_finish_annotations(CocoBuilder *);

#endif
