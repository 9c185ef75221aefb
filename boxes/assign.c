/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/assign.c -- assigns boxes to objects: mmdet's MaxIoUAssigner, in float32 and in its order of operations. Ren
 * et al., Faster R-CNN, NIPS 2015, section 3.1.2.
 *
 * With o(i, j) the IoU of box i with object j, and m(i) its largest one:
 *     m(i) in [neg_iou_lo, neg_iou_hi)   box i is background
 *     m(i) >= pos_iou_thr                box i is assigned to that object, the first among equals
 *     o(i, j) = max over all i of o(i, j) >= min_pos_iou
 *                                        ("match_low_quality") box i is assigned to j, the last such j
 * The rules overwrite each other in this order. Small objects inside several anchors have exactly equal overlaps, so
 * the last bit of an overlap decides here, and the third rule must use the same numbers as the others.
 *
 * Overlaps are computed twice instead of stored: those of 200,000 anchors with 100 objects would fill 80 MB. The
 * second time only pairs that can be equal are computed.
 */
#include "boxes/boxes.h"

static inline float larger(float a, float b)
{
    return a > b ? a : b;
}

static inline float smaller(float a, float b)
{
    return a < b ? a : b;
}

static inline float area_of(const float *box)
{
    return (box[2] - box[0]) * (box[3] - box[1]);
}

/* As df_overlaps(DF_IOU) has it, but most pairs do not meet, and need no division. */
static inline float iou(const float *a, float area_a, const float *b, float area_b)
{
    const float w = smaller(a[2], b[2]) - larger(a[0], b[0]);
    const float h = smaller(a[3], b[3]) - larger(a[1], b[1]);
    if (!(w > 0 && h > 0))
        return 0;
    const float both = w * h;
    return both / larger(area_a + area_b - both, 1e-6f);
}

/* What is known of an object when all boxes have been seen. */
typedef struct {
    float area;
    float best;   /* its largest overlap with a box                       */
    size_t first; /* the first box that has it                            */
    bool wanted;  /* `best` is large enough for match_low_quality         */
} Object;

typedef struct {
    const DfMaxIou *rule;
    size_t n, m;
    const float *boxes;   /* [n][4]                                       */
    const float *targets; /* [m][4]                                       */
    Object *objects;      /* [m]                                          */
    float *overlap;       /* [n]: the largest one of each box             */
    int *object_of_box;   /* [n]                                          */
} Assignment;

/* What boxes overlap every object by that lie in an ignored region by more than ignore_iof_thr. */
static const float OUT = -1;

static bool is_ignored(const DfMaxIou *rule, const float *box, size_t n, const float *regions)
{
    for (size_t j = 0; j < n; j++) {
        const float *const region = regions + 4 * j;
        const bool of_box = rule->ignore_wrt_candidates;
        float iof;
        df_overlaps(DF_IOF, 1, of_box ? box : region, 1, of_box ? region : box, 1e-6f, &iof);
        if (iof > (float)rule->ignore_iof_thr)
            return true;
    }
    return false;
}

static void mark_ignored(const Assignment *a, size_t n, const float *regions)
{
    for (size_t i = 0; i < a->n; i++)
        if (is_ignored(a->rule, a->boxes + 4 * i, n, regions))
            a->overlap[i] = OUT;
}

static void meet(Object *object, size_t box, float overlap)
{
    if (overlap > object->best) {
        object->best = overlap;
        object->first = box;
    }
}

/* Finds the largest overlap of box i, and returns the first object that has it. */
static int best_object(const Assignment *a, size_t i)
{
    const float *const box = a->boxes + 4 * i;
    const float area = area_of(box);
    const bool out = a->overlap[i] == OUT;
    float most = OUT;
    int best = 0;
    for (size_t j = 0; j < a->m; j++) {
        const float o = out ? OUT : iou(a->targets + 4 * j, a->objects[j].area, box, area);
        meet(&a->objects[j], i, o);
        if (o > most) {
            most = o;
            best = (int)j;
        }
    }
    a->overlap[i] = most;
    return best;
}

/* The first two rules. */
static void by_thresholds(const Assignment *a)
{
    const DfMaxIou *const rule = a->rule;
    for (size_t i = 0; i < a->n; i++) {
        const int best = best_object(a, i);
        const float overlap = a->overlap[i];
        a->object_of_box[i] = DF_NEITHER;
        if (overlap >= (float)rule->pos_iou_thr)
            a->object_of_box[i] = best;
        else if (overlap >= (float)rule->neg_iou_lo && overlap < (float)rule->neg_iou_hi)
            a->object_of_box[i] = DF_BACKGROUND;
    }
}

/* Whether object j has no better box than i. No overlap of i is larger than the one that is known. */
static bool none_better(const Assignment *a, size_t i, size_t j)
{
    const Object *const object = &a->objects[j];
    if (!object->wanted || object->best > a->overlap[i])
        return false;
    if (!a->rule->gt_max_assign_all)
        return object->first == i;
    const float *const box = a->boxes + 4 * i;
    const float o = a->overlap[i] == OUT ? OUT : iou(a->targets + 4 * j, object->area, box, area_of(box));
    return o == object->best;
}

/* The third rule: the last object wins. */
static void by_best_of_object(const Assignment *a)
{
    for (size_t j = 0; j < a->m; j++)
        a->objects[j].wanted = a->objects[j].best >= (float)a->rule->min_pos_iou;
    for (size_t i = 0; i < a->n; i++)
        for (size_t j = a->m; j-- > 0;)
            if (none_better(a, i, j)) {
                a->object_of_box[i] = (int)j;
                break;
            }
}

static Object *objects_of(size_t m, const float *targets)
{
    Object *objects = df_malloc(m * sizeof *objects);
    for (size_t j = 0; objects && j < m; j++)
        objects[j] = (Object){ .area = area_of(targets + 4 * j), .best = OUT };
    return objects;
}

int df_assign(const DfMaxIou *rule, size_t n, const float *boxes, size_t m, const float *objects, size_t n_ignored,
              const float *ignored, int *object_of_box, float *overlap)
{
    for (size_t i = 0; i < n; i++) {
        object_of_box[i] = DF_BACKGROUND;
        overlap[i] = 0;
    }
    if (n == 0 || m == 0)
        return DF_OK;
    const Assignment a = { rule, n, m, boxes, objects, objects_of(m, objects), overlap, object_of_box };
    if (!a.objects)
        return df_fail_memory("objects to be assigned");
    if (rule->ignore_iof_thr > 0)
        mark_ignored(&a, n_ignored, ignored);
    by_thresholds(&a);
    if (rule->match_low_quality)
        by_best_of_object(&a);
    df_free(a.objects);
    return DF_OK;
}
