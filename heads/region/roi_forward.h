/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region/roi_forward.h -- private: runs one stage of a region head on regions of the maps.
 */
#ifndef DF_HEADS_REGION_ROI_FORWARD_H
#define DF_HEADS_REGION_ROI_FORWARD_H

#include "heads/region/roi_head.h"

/* rois[n][5]: index in the batch, x1 y1 x2 y2 in network pixels.
 * scores n classes+1, logits; deltas n 4*classes or n 4, or NULL; features n h w C, what the head saw, if they are
 * asked for (else NULL). */
void df_roi_boxes(DfCtx *, const RoiHead *, int stage, const DfMaps *, const float *rois, int n, DfTensor **scores,
                  DfTensor **deltas, DfTensor **features);
/* -> n h w classes, or n h w 1: logits */
DfTensor *df_roi_masks(DfCtx *, const RoiHead *, int stage, const DfMaps *, const float *rois, int n);
/* The same of features that were read before. */
DfTensor *df_roi_masks_of(DfCtx *, const RoiHead *, int stage, DfTensor *features);

/* A listener hears "WHAT", in a stage of a cascade "sSTAGE_WHAT"; stage -1: of none. */
void df_roi_observe(DfCtx *, const RoiHead *, int stage, const char *what, const DfTensor *x);
/* The same of an array: [n][5]. */
void df_roi_observe_rois(DfCtx *, const RoiHead *, int stage, const char *what, const float *rois, int n);

#endif
