/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/set_matcher.c -- matches predictions and objects: the matcher of DETR (Carion et al., ECCV 2020, equation 1),
 * with its own class cost or the focal one of Deformable DETR (Zhu et al., ICLR 2021). Costs are float32, as in the
 * official code; the assignment is float64.
 */
#include <math.h>

#include "boxes/boxes.h"

DfSetMatcher df_set_matcher(void)
{
    return (DfSetMatcher){ .cost_class = 2, .cost_bbox = 5, .cost_giou = 2, .alpha = 0.25, .gamma = 2, .eps = 1e-8 };
}

/* The focal loss (Lin et al., ICCV 2017, equation 5) of a sigmoid output, if the class is there less if it is not. */
static float focal_cost(const DfSetMatcher *m, float logit)
{
    const float p = 1 / (1 + expf(-logit));
    const float tiny = (float)m->eps;
    const float alpha = (float)m->alpha;
    const float gamma = (float)m->gamma;
    const float absent = (1 - alpha) * powf(p, gamma) * -logf(1 - p + tiny);
    const float present = alpha * powf(1 - p, gamma) * -logf(p + tiny);
    return present - absent;
}

/* log(sum exp(logits)); the largest is taken out first, so that no exp() overflows. */
static float log_sum(const float *logits, int classes)
{
    float top = logits[0];
    float sum = 0;
    for (int i = 1; i < classes; i++)
        top = fmaxf(top, logits[i]);
    for (int i = 0; i < classes; i++)
        sum += expf(logits[i] - top);
    return top + logf(sum);
}

static float box_distance(const float a[4], const float b[4])
{
    return fabsf(a[0] - b[0]) + fabsf(a[1] - b[1]) + fabsf(a[2] - b[2]) + fabsf(a[3] - b[3]);
}

/* cx cy w h to x1 y1 x2 y2. */
static void corners(const float box[4], float out[4])
{
    for (int i = 0; i < 2; i++) {
        out[i] = box[i] - 0.5f * box[i + 2];
        out[i + 2] = box[i] + 0.5f * box[i + 2];
    }
}

/* As df_overlaps(DF_GIOU), but without an epsilon, as the official code has it; or the IoU alone. */
static float giou(const float a[4], const float b[4], bool plain_iou)
{
    float overlap = 1;
    float hull = 1;
    for (int i = 0; i < 2; i++) {
        overlap *= fmaxf(fminf(a[i + 2], b[i + 2]) - fmaxf(a[i], b[i]), 0);
        hull *= fmaxf(fmaxf(a[i + 2], b[i + 2]) - fminf(a[i], b[i]), 0);
    }
    const float both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - overlap;
    if (plain_iou)
        return overlap / fmaxf(both, 1e-12f);
    return overlap / both - (hull - both) / hull;
}

void df_set_costs(const DfSetMatcher *m, size_t queries, int classes, const float *logits, const float *boxes,
                  size_t n, const int *labels, const float *targets, float *cost)
{
    for (size_t q = 0; q < queries; q++) {
        const float *const of = logits + q * (size_t)classes;
        const float all = m->softmax ? log_sum(of, classes) : 0;
        for (size_t t = 0; t < n; t++) {
            float a[4], b[4];
            corners(boxes + 4 * q, a);
            corners(targets + 4 * t, b);
            const float distance = m->corners ? box_distance(a, b) : box_distance(boxes + 4 * q, targets + 4 * t);
            /* softmax: -p of the class */
            const float class_cost = m->softmax ? -expf(of[labels[t]] - all) : focal_cost(m, of[labels[t]]);
            const float box_cost = (float)m->cost_bbox * distance;
            const float overlap_cost = (float)m->cost_giou * -giou(a, b, m->plain_iou);
            cost[q * n + t] = box_cost + (float)m->cost_class * class_cost + overlap_cost;
        }
    }
}

static int check_labels(size_t n, const int *labels, int classes)
{
    for (size_t t = 0; t < n; t++)
        if (labels[t] < 0 || labels[t] >= classes)
            return df_fail(DF_EVALUE, "an object of class %d: want 0 to %d", labels[t], classes - 1);
    return DF_OK;
}

int df_set_match(const DfSetMatcher *m, size_t queries, int classes, const float *logits, const float *boxes,
                 size_t n, const int *labels, const float *targets, int *target_of_query)
{
    int error = check_labels(n, labels, classes - m->softmax);
    if (error < 0)
        return error;
    float *cost = df_malloc((queries * n + 1) * sizeof *cost);
    double *wide = df_malloc((queries * n + 1) * sizeof *wide);
    if (!cost || !wide) {
        error = df_fail_memory("a matching");
    } else {
        df_set_costs(m, queries, classes, logits, boxes, n, labels, targets, cost);
        for (size_t i = 0; i < queries * n; i++)
            wide[i] = (double)cost[i];
        error = df_linear_assignment(queries, n, wide, target_of_query);
    }
    df_free(cost);
    df_free(wide);
    return error;
}
