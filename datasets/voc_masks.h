/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/voc_masks.h -- PASCAL VOC's SegmentationObject/NAME.png: a pixel holds the number of its object, from 1 on in
 * the order of the XML file; 0 is the background, and 255 the border between objects. Private to datasets/.
 *
 *     df_voc_masks_open(&masks, "SegmentationObject/a.png", 375, 500);
 *     for each object i of the XML file: df_voc_mask(&masks, i, &object.mask, &area, arena)
 *     df_voc_masks_close(&masks);
 */
#ifndef DF_DATASETS_VOC_MASKS_H
#define DF_DATASETS_VOC_MASKS_H

#include "boxes/boxes.h"
#include "datasets/image/image.h"

typedef struct {
    DfImage map;
    uint8_t *pixels;    /* of one object */
} DfVocMasks;

/* Without such a file there are no masks. The map must have the picture's size, where that is known (not 0): DF_EVALUE. */
int df_voc_masks_open(DfVocMasks *, const char *path, int height, int width);
/* Object i, from 0 on, as runs in the arena; *area in pixels. DF_MASK_NONE, and *area as it was, if no pixel is its own. */
int df_voc_mask(DfVocMasks *, size_t i, DfObjectMask *out, double *area, DfArena *);
void df_voc_masks_close(DfVocMasks *);

#endif
