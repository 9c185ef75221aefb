/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/views.h -- private: converts boxes between the original image and a view of it (resized, possibly mirrored),
 * for test-time augmentation.
 */
#ifndef DF_HEADS_VIEWS_H
#define DF_HEADS_VIEWS_H

#include "heads/head.h"

/* mmdet's bbox_flip, bbox_mapping and bbox_mapping_back; the mirror is at the middle of the unpadded view. */
static inline void df_box_mirror(float box[4], const DfImageMeta *meta)
{
    const float x1 = box[0], y1 = box[1], W = (float)meta->img_w, H = (float)meta->img_h;
    if (meta->flip_x) {
        box[0] = W - box[2];
        box[2] = W - x1;
    }
    if (meta->flip_y) {
        box[1] = H - box[3];
        box[3] = H - y1;
    }
}

static inline void df_box_to_view(float box[4], const DfImageMeta *meta)
{
    for (int i = 0; i < 4; i++)
        box[i] *= meta->scale_factor[i];
    df_box_mirror(box, meta);
}

static inline void df_box_to_original(float box[4], const DfImageMeta *meta)
{
    df_box_mirror(box, meta);
    for (int i = 0; i < 4; i++)
        box[i] /= meta->scale_factor[i];
}

#endif
