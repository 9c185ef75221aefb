/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/decode_boxes.h -- private: decodes deltas to boxes, recorded on the tape, for losses that compare boxes
 * ("reg_decoded_bbox").
 */
#ifndef DF_HEADS_DECODE_BOXES_H
#define DF_HEADS_DECODE_BOXES_H

#include "boxes/boxes.h"
#include "tensor/tensor.h"

/* df_delta_decode() of deltas n 4 from boxes[n][4], which are read during the call only; no box ends at the image.
 *                                                                                        n 4 -> n 4 */
DfTensor *df_decode_boxes(DfCtx *, const DfDeltaCoder *, DfTensor *deltas, const float *boxes);

#endif
