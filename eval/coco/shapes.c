/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/coco/shapes.c -- keypoints and oriented boxes of annotations and detections, in the form in which they are
 * stored.
 */
#include <string.h>

#include "eval/coco/data.h"

/* x of all, y of all, and of annotations whether they are labelled. */
static int keep_points(const DfCocoRecord *r, CocoBytes *bytes, CocoShape *out)
{
    const bool truth = r->list == DF_COCO_ANNOTATIONS;
    const size_t n = r->keypoints.n / 3;
    double *const to = df_coco_bytes_take(bytes, (truth ? 3 : 2) * n * sizeof *to);
    if (!to)
        return df_fail_memory("keypoints");
    for (size_t i = 0; i < n; i++) {
        const double *const point = r->keypoints.at + 3 * i;
        to[i] = point[0];
        to[n + i] = point[1];
        if (truth)
            to[2 * n + i] = point[2] > 0;
        out->n_labelled += point[2] > 0;
    }
    out->points = to;
    out->n_points = (uint32_t)n;
    return DF_OK;
}

int df_coco_keep_shape(const DfCoco *coco, const DfCocoRecord *r, CocoBytes *bytes, CocoShape *out)
{
    *out = (CocoShape){ 0 };
    if (coco->with_oriented && (r->has & DF_COCO_OBB)) {
        double *const box = df_coco_bytes_take(bytes, sizeof r->obb);
        if (!box)
            return df_fail_memory("oriented boxes");
        out->oriented = memcpy(box, r->obb, sizeof r->obb);
    }
    return coco->with_keypoints && (r->has & DF_COCO_POINTS) ? keep_points(r, bytes, out) : DF_OK;
}
