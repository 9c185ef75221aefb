/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region/roi_regions.h -- private: the regions of a batch between the stages.
 */
#ifndef DF_HEADS_REGION_ROI_REGIONS_H
#define DF_HEADS_REGION_ROI_REGIONS_H

#include "heads/region/roi_head.h"

typedef struct {
    DfArena *arena;    /* holds all of it                                                     */
    int images, classes;
    int columns;       /* of what a stage says of a region                                    */
    DfRegionScores kind; /* what they mean                                                    */
    int boxes_per_row; /* of the last stage: one a class, or one                              */
    bool keeps_empty;  /* a head that pads, too, believes what it says of regions without area */
    int *first;        /* [images + 1] rows of an image: first[i] .. first[i+1] - 1           */
    float *rois;       /* [rows][5]                                                           */
    float *scores;     /* [rows][columns], zeros at first; in the end [rows][classes + 1]     */
    float *boxes;      /* [rows][boxes_per_row][4]                                            */
} Regions;

/* Of the proposals of n images. df_regions_done() also after a failure. */
int df_regions_init(Regions *, const RoiHead *, int n, const DfDetections *proposals);
void df_regions_done(Regions *);
int df_regions_rows(const Regions *);
/* All stages: rois become those of the last one, scores probabilities, boxes are in network pixels. An error of the
 * context. */
int df_regions_run(DfCtx *, const RoiHead *, const DfMaps *, const DfImageMeta *, Regions *);
/* scores from logits [rows][columns] to probabilities [rows][classes + 1], background last; there is room for both. */
void df_regions_scores(Regions *);

#endif
