/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region/roi_extractor.h -- private: selects the map that a region is read from, and reads it: mmdet's
 * SingleRoIExtractor.
 */
#ifndef DF_HEADS_REGION_ROI_EXTRACTOR_H
#define DF_HEADS_REGION_ROI_EXTRACTOR_H

#include "boxes/boxes.h"
#include "nn/nn.h"

typedef struct {
    int out_channels, levels;
    double finest_scale;      /* side of a region, in pixels, below twice of which the finest map is read */
    float scales[DF_LEVELS];  /* 1 / stride */
    bool fit_strides;         /* torchvision: the maps at hand say the strides */
    DfRoiAlign align;
} RoiExtractor;

void df_roi_extractor_init(NnScope, RoiExtractor *, const DfNode *dict);
/* rois: n x 5, index in the batch and box, in pixels of the network's input. -> n h w C */
DfTensor *df_roi_extract(DfCtx *, const RoiExtractor *, const DfMaps *, const float *rois, int n);

#endif
