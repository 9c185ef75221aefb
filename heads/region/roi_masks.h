/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region/roi_masks.h -- private: masks of detections.
 */
#ifndef DF_HEADS_REGION_ROI_MASKS_H
#define DF_HEADS_REGION_ROI_MASKS_H

#include "heads/region/roi_head.h"

/* Fills `masks` of results[n]; their boxes are in original pixels if `rescale`, and so are the masks. DF_ENOMEM, or an
 * error of `c`. */
int df_roi_add_masks(DfCtx *, const RoiHead *, const DfMaps *, const DfImageMeta *, int n, bool rescale,
                     DfDetections *results);
/* The same for one image by n views of it, in original pixels. */
int df_roi_add_view_masks(DfCtx *, const RoiHead *, const DfMaps *views, const DfImageMeta *, int n,
                          DfDetections *result);

#endif
