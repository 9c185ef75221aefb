/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region/roi_detect.h -- private: turns proposals into detections, for DfRegionHead (heads/region.h).
 */
#ifndef DF_HEADS_REGION_ROI_DETECT_H
#define DF_HEADS_REGION_ROI_DETECT_H

#include "heads/region/roi_head.h"

int df_roi_detect(DfCtx *, const RoiHead *, const DfMaps *, const DfDetections *proposals, const DfImageMeta *, int n,
                  bool rescale, DfDetections *results);
int df_roi_detect_views(DfCtx *, const RoiHead *, const DfMaps *views, const DfDetections *proposals,
                        const DfImageMeta *, int n, DfDetections *out);

#endif
