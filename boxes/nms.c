/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/nms.c -- non-maximum suppression of a list of boxes: of boxes that overlap, the best stays.
 *
 * Hard: boxes come best first. A box is dropped if its IoU with a box that is kept already is over the threshold.
 * This gives what the usual loop gives, which drops the neighbours of each kept box, but it stops as soon as max_num
 * are kept.
 *
 * Soft (Bodla et al., ICCV 2017, section 3): the score of a box is lowered by its overlap with each better one,
 *     linear    s <- s (1 - IoU)  where IoU >= threshold,
 *     gaussian  s <- s exp(-IoU^2 / sigma),
 * and the box is dropped when its score falls below min_score.
 *
 * Only boxes of one label suppress one another. As in mmcv all boxes are moved by label * (largest coordinate + 1),
 * so that those of different labels cannot touch. A box then need only be compared with the kept ones of its label;
 * where rounding might bring labels together, it is compared with all. From split_thr boxes on mmcv's batched_nms()
 * goes label by label, and does so as well where class_agnostic asks for all labels together.
 */
#include "boxes/boxes.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LABELS = 1000000 };

typedef struct {
    float x1, y1, x2, y2, area;
} Box;

DfNms df_nms_options(void)
{
    return (DfNms){ .kind = DF_NMS_HARD, .iou_threshold = 0.5, .split_thr = 10000, .sigma = 0.5, .min_score = 1e-3 };
}

/* offset: 1 where a box ends behind its last pixel. */
static inline float iou(const Box *a, const Box *b, float offset)
{
    const float x1 = a->x1 > b->x1 ? a->x1 : b->x1;
    const float y1 = a->y1 > b->y1 ? a->y1 : b->y1;
    const float x2 = a->x2 < b->x2 ? a->x2 : b->x2;
    const float y2 = a->y2 < b->y2 ? a->y2 : b->y2;
    const float w = x2 - x1 + offset;
    const float h = y2 - y1 + offset;
    const float inter = w > 0 && h > 0 ? w * h : 0;
    return inter / (a->area + b->area - inter); /* NaN for two empty boxes: neither suppresses the other */
}

/* The boxes moved apart by label, one struct each. False if boxes of different labels might still touch: some
 * coordinate is negative, or so large that float32 swallows the gap. */
static bool spread(const DfNms *o, size_t n, const float *boxes, const int *labels, Box *out)
{
    const float offset = (float)o->offset;
    float highest = -FLT_MAX;
    float lowest = FLT_MAX;
    int last_label = 0;
    for (size_t i = 0; i < 4 * n; i++) {
        highest = boxes[i] > highest ? boxes[i] : highest;
        lowest = boxes[i] < lowest ? boxes[i] : lowest;
    }
    for (size_t i = 0; i < n; i++) {
        const int label = o->class_agnostic || !labels ? 0 : labels[i];
        const float shift = (float)label * (highest + 1);
        const float *b = boxes + 4 * i;
        Box box = { b[0] + shift, b[1] + shift, b[2] + shift, b[3] + shift, 0 };
        box.area = (box.x2 - box.x1 + offset) * (box.y2 - box.y1 + offset);
        out[i] = box;
        last_label = label > last_label ? label : last_label;
    }
    return lowest >= 0 && (float)(last_label + 1) * (highest + 1) < 4e6f; /* float32 then has steps of 1/4 or less */
}

static int sort_descending(uint32_t *order, size_t n, const float *scores)
{
    uint64_t *keys = df_malloc(n * sizeof *keys);
    if (!keys)
        return df_fail_memory("sorting boxes");
    for (size_t i = 0; i < n; i++) {
        order[i] = (uint32_t)i;
        keys[i] = df_sort_key(-(double)scores[i]);
    }
    const int error = df_sort(order, n, keys);
    df_free(keys);
    return error;
}

int df_top_k(size_t n, const float *scores, size_t k, uint32_t *index)
{
    uint32_t *order = df_malloc(n * sizeof *order);
    if (!order)
        return df_fail_memory("sorting boxes");
    const int error = sort_descending(order, n, scores);
    memcpy(index, order, (k < n ? k : n) * sizeof *order);
    df_free(order);
    return error;
}

/* ---- hard ------------------------------------------------------------------------------------------------------ */

/* Whether one of the kept boxes overlaps `box` by more than the threshold. */
static bool suppressed(const DfNms *o, const Box *box, const Box *kept, size_t n)
{
    const float threshold = (float)o->iou_threshold;
    const float offset = (float)o->offset;
    const float x2 = box->x2 + offset;
    const float y2 = box->y2 + offset;
    for (size_t i = 0; i < n; i++) {
        const Box *k = kept + i;
        const bool apart = k->x1 > x2 || box->x1 > k->x2 + offset || k->y1 > y2 || box->y1 > k->y2 + offset;
        if ((!apart || threshold < 0) && iou(k, box, offset) > threshold)
            return true;
    }
    return false;
}

/* Gives each label room for all of its boxes: those of label l are slots[start[l]] and the following. start[]
 * comes in as zeros. */
static void give_slots(size_t n, const int *labels, int n_labels, size_t *start)
{
    for (size_t i = 0; labels && i < n; i++)
        start[labels[i]]++;
    size_t at = 0;
    for (int l = 0; l < n_labels; l++) {
        const size_t room = start[l];
        start[l] = at;
        at += room;
    }
}

/* One more than the largest label, and at least 1. */
static int count_labels(size_t n, const int *labels)
{
    int n_labels = 1;
    for (size_t i = 0; labels && i < n; i++)
        n_labels = labels[i] >= n_labels ? labels[i] + 1 : n_labels;
    return n_labels;
}

static int hard(const DfNms *o, size_t n, const Box *boxes, const float *scores, const int *labels, DfKept *keep,
                size_t *kept)
{
    const int n_labels = count_labels(n, labels);
    uint32_t *order = df_malloc(n * sizeof *order);
    Box *slots = df_malloc(n * sizeof *slots);
    size_t *start = df_calloc((size_t)n_labels, sizeof *start); /* of each label its first slot, */
    size_t *count = df_calloc((size_t)n_labels, sizeof *count); /* and how many it has filled    */
    const bool ready = order && slots && start && count;
    int error = ready ? sort_descending(order, n, scores) : df_fail_memory("non-maximum suppression");
    if (error == DF_OK) {
        give_slots(n, labels, n_labels, start);
        const size_t most = o->max_num > 0 ? (size_t)o->max_num : n;
        for (size_t i = 0; i < n && *kept < most; i++) {
            const uint32_t at = order[i];
            const int label = labels ? labels[at] : 0;
            Box *const mine = slots + start[label];
            if (suppressed(o, &boxes[at], mine, count[label]))
                continue;
            mine[count[label]++] = boxes[at];
            keep[(*kept)++] = (DfKept){ at, scores[at] };
        }
    }
    df_free(order);
    df_free(slots);
    df_free(start);
    df_free(count);
    return error;
}

/* ---- soft ------------------------------------------------------------------------------------------------------ */

/* What a score is multiplied by. */
static float weight(const DfNms *o, float overlap)
{
    switch (o->kind) {
    case DF_NMS_SOFT_LINEAR: return overlap >= (float)o->iou_threshold ? 1 - overlap : 1;
    case DF_NMS_SOFT_GAUSSIAN: return expf(-(overlap * overlap) / (float)o->sigma);
    default: return overlap >= (float)o->iou_threshold ? 0 : 1;
    }
}

/* mmcv's softnms_cpu(): the best of the rest goes in front and lowers the scores of those behind it. A box that
 * falls below min_score is overwritten by the last one. `live` begins as all boxes and ends as the kept ones, best
 * first. */
static size_t soft(const DfNms *o, size_t n, const Box *boxes, DfKept *live)
{
    for (size_t i = 0; i < n; i++) {
        size_t best = i;
        for (size_t j = i + 1; j < n; j++)
            if (live[j].score > live[best].score)
                best = j;
        const DfKept chosen = live[best];
        live[best] = live[i];
        live[i] = chosen;
        for (size_t j = i + 1; j < n; j++) {
            live[j].score *= weight(o, iou(&boxes[chosen.index], &boxes[live[j].index], (float)o->offset));
            if (live[j].score < (float)o->min_score)
                live[j--] = live[--n];
        }
    }
    return n;
}

static int resort(DfKept *keep, size_t n)
{
    uint32_t *order = df_malloc(n * sizeof *order);
    float *scores = df_malloc(n * sizeof *scores);
    DfKept *copy = df_malloc(n * sizeof *copy);
    int error = order && scores && copy ? DF_OK : df_fail_memory("soft non-maximum suppression");
    for (size_t i = 0; error == DF_OK && i < n; i++)
        scores[i] = keep[i].score;
    if (error == DF_OK && (error = sort_descending(order, n, scores)) == DF_OK) {
        memcpy(copy, keep, n * sizeof *copy);
        for (size_t i = 0; i < n; i++)
            keep[i] = copy[order[i]];
    }
    df_free(order);
    df_free(scores);
    df_free(copy);
    return error;
}

static int by_index(const void *a, const void *b)
{
    const DfKept *x = a;
    const DfKept *y = b;
    return (x->index > y->index) - (x->index < y->index);
}

/* Label by label, then sorted together, equal scores in the order given: what mmcv does for many boxes, since the time
 * grows with the square of their number. */
static int soft_by_label(const DfNms *o, size_t n, const Box *boxes, const float *scores, const int *labels,
                         DfKept *keep, size_t *kept)
{
    const int n_labels = count_labels(n, labels);
    for (int l = 0; l < n_labels; l++) {
        size_t mine = 0;
        for (size_t i = 0; i < n; i++)
            if (labels[i] == l)
                keep[*kept + mine++] = (DfKept){ (uint32_t)i, scores[i] };
        *kept += soft(o, mine, boxes, keep + *kept);
    }
    qsort(keep, *kept, sizeof *keep, by_index);
    return resort(keep, *kept);
}

int df_nms(const DfNms *o, size_t n, const float *boxes, const float *scores, const int *labels, DfKept *keep,
           size_t *kept)
{
    *kept = 0;
    if (n == 0)
        return DF_OK;
    if (n > UINT32_MAX / 2)
        return df_fail(DF_EVALUE, "non-maximum suppression of %zu boxes: too many", n);
    for (size_t i = 0; labels && i < n; i++)
        if (labels[i] < 0 || labels[i] > MOST_LABELS)
            return df_fail(DF_EVALUE, "non-maximum suppression: label %d, want 0..%d", labels[i], MOST_LABELS);
    Box *spaced = df_malloc(n * sizeof *spaced);
    if (!spaced)
        return df_fail_memory("non-maximum suppression");
    const bool apart = spread(o, n, boxes, labels, spaced);
    const bool many = n >= (size_t)(o->split_thr > 0 ? o->split_thr : 0);
    int error = DF_OK;
    if (o->kind == DF_NMS_HARD) {
        const bool faster = apart && o->iou_threshold >= 0 && !o->class_agnostic; /* to the same result */
        error = hard(o, n, spaced, scores, many || faster ? labels : NULL, keep, kept);
    } else if (labels && many) {
        error = soft_by_label(o, n, spaced, scores, labels, keep, kept);
    } else {
        for (size_t i = 0; i < n; i++)
            keep[i] = (DfKept){ (uint32_t)i, scores[i] };
        *kept = soft(o, n, spaced, keep);
    }
    if (o->max_num > 0 && *kept > (size_t)o->max_num)
        *kept = (size_t)o->max_num;
    df_free(spaced);
    return error;
}
