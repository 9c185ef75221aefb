/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/head.c -- allocates and frees detections.
 */
#include "heads/head.h"

void df_detections_clip(DfDetections *found, const DfImageMeta *meta, bool rescale)
{
    const float height = (float)(rescale ? meta->ori_h : meta->img_h);
    const float width = (float)(rescale ? meta->ori_w : meta->img_w);
    size_t n = 0;
    for (size_t i = 0; i < found->n; i++) {
        float *box = found->v[i].box;
        for (int k = 0; k < 4; k++)
            box[k] = df_clamp_float(box[k], 0, k % 2 ? height : width);
        if (box[2] - box[0] > 0 && box[3] - box[1] > 0)
            found->v[n++] = found->v[i];
    }
    found->n = n;
}

void df_detections_free(DfDetections *found)
{
    for (size_t i = 0; found->masks && i < found->n; i++)
        df_mask_done(&found->masks[i]);
    df_free(found->masks);
    df_free(found->v);
    *found = (DfDetections){ 0 };
}
