/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region/roi_detect.h -- private: the regions of a batch on their way through the stages, and the masks of what was found.
 */
#ifndef DF_HEADS_REGION_ROI_DETECT_H
#define DF_HEADS_REGION_ROI_DETECT_H

#include "heads/region/roi.h"

typedef struct {
    DfArena *arena;     /* holds all of it                                          */
    int images, classes, boxes_per_row;
    bool keeps_empty;   /* regions without an area are not forgotten by the plain head      */
    int *first;         /* [images + 1] rows of an image: first[i] .. first[i+1] - 1 */
    float *rois;        /* [rows][5]                                                 */
    float *scores;      /* [rows][classes + 1] probabilities; zeros at first         */
    float *boxes;       /* [rows][boxes_per_row][4]                                  */
} Regions;

int df_regions_init(Regions *, const RoiHead *, int n, const DfProposals *proposals); /* df_regions_done() also after a failure */
void df_regions_done(Regions *);
/* All stages: rois become those of the last one, scores probabilities, boxes are in network pixels. */
int df_regions_run(DfCtx *, const RoiHead *, const DfMaps *, const DfImageMeta *, Regions *);
int df_regions_detections(const RoiHead *, const Regions *, int image, DfDetections *out);

int df_roi_add_masks(DfCtx *, const RoiHead *, const DfMaps *, const DfImageMeta *, int n, bool rescale, DfDetections *results);

/* One image in several views; in original pixels. */
int df_roi_add_view_masks(DfCtx *, const RoiHead *, const DfMaps *views, const DfImageMeta *, int n, DfDetections *result);
int df_roi_detect_views(DfCtx *, const RoiHead *, const DfMaps *views, const DfProposals *merged, const DfImageMeta *, int n, DfDetections *out);

#endif
