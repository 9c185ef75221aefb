/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region/roi_losses.h -- private: a training step of a region head.
 */
#ifndef DF_HEADS_REGION_ROI_LOSSES_H
#define DF_HEADS_REGION_ROI_LOSSES_H

#include "heads/region/roi_head.h"

/* What DfRegionHead.losses promises. */
void df_roi_losses(DfCtx *, const RoiHead *, const DfMaps *, const DfDetections *proposals, const DfLossBatch *,
                   DfLosses *out);

#endif
