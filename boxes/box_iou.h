/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/box_iou.h -- IoU of two boxes x y w h of COCO files, to the last bit as in pycocotools. For the boxes x1 y1 x2
 * y2 of networks there is df_overlaps() (boxes.h).
 */
#ifndef DF_BOXES_BOX_IOU_H
#define DF_BOXES_BOX_IOU_H

#include <stdbool.h>

/* fmin() and fmax(), where a NAN gives way to the other; here to be inlined. */
static inline double df_smaller_side(double a, double b)
{
    return b < a || a != a ? b : a;
}

static inline double df_larger_side(double a, double b)
{
    return b > a || a != a ? b : a;
}

/* |dt and gt| / |dt or gt|, or |dt and gt| / |dt| if `gt` is a crowd; 0 where they do not meet. bbIou() of pycocotools'
 * maskApi.c. Inline, since scoring 36,335 detections takes it 100,000 times. */
static inline double df_box_iou(const double dt[4], const double gt[4], bool crowd)
{
    const double w = df_smaller_side(dt[2] + dt[0], gt[2] + gt[0]) - df_larger_side(dt[0], gt[0]);
    if (w <= 0)
        return 0;
    const double h = df_smaller_side(dt[3] + dt[1], gt[3] + gt[1]) - df_larger_side(dt[1], gt[1]);
    if (h <= 0)
        return 0;
    const double both = w * h;
    const double area = dt[2] * dt[3];
    return both / (crowd ? area : area + gt[2] * gt[3] - both);
}

#endif
