/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/iou.c -- pairwise overlaps, as mmdet's bbox_overlaps() computes them.
 *
 *     IoU  = |A and B| / |A or B|
 *     IoF  = |A and B| / |A|
 *     GIoU = IoU - (|hull| - |A or B|) / |hull|
 * The hull is the smallest box around both; GIoU: Rezatofighi et al., CVPR 2019.
 */
#include "boxes/boxes.h"

static inline float largest(float a, float b)
{
    return a > b ? a : b;
}

static inline float smallest(float a, float b)
{
    return a < b ? a : b;
}

static inline float area(const float *box)
{
    return (box[2] - box[0]) * (box[3] - box[1]);
}

static float overlap(DfOverlap kind, const float *a, float area_a, const float *b, float area_b, float eps)
{
    const float w = largest(smallest(a[2], b[2]) - largest(a[0], b[0]), 0);
    const float h = largest(smallest(a[3], b[3]) - largest(a[1], b[1]), 0);
    const float inter = w * h;
    const float whole = largest(kind == DF_IOF ? area_a : area_a + area_b - inter, eps);
    if (kind != DF_GIOU)
        return inter / whole;
    const float hull_w = largest(largest(a[2], b[2]) - smallest(a[0], b[0]), 0);
    const float hull_h = largest(largest(a[3], b[3]) - smallest(a[1], b[1]), 0);
    const float hull = largest(hull_w * hull_h, eps);
    return inter / whole - (hull - whole) / hull;
}

void df_overlaps(DfOverlap kind, size_t n, const float *a, size_t m, const float *b, float eps, float *out)
{
    for (size_t i = 0; i < n; i++) {
        const float area_a = area(a + 4 * i);
        for (size_t j = 0; j < m; j++)
            *out++ = overlap(kind, a + 4 * i, area_a, b + 4 * j, area(b + 4 * j), eps);
    }
}
