/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/explain/confusion.c -- the confusion matrix of classes, above a score.
 *
 * Detections that found ground truth of their own class are the diagonal. The remaining detections, best first, take
 * remaining ground truth of another class with an IoU of at least 0.5: these are confusions. The rest are detections
 * of background, and ground truth that was not found.
 */
#include <string.h>

#include "eval/explain/data.h"
#include "eval/matcher.h"

/* Room for a row of overlaps: as many as an image has objects. */
typedef struct {
    double *overlap;
    uint32_t *listed;
} Row;

static void count(DfExplain *e, size_t truth_class, size_t class)
{
    e->numbers.confusion[truth_class * (e->numbers.n_classes + 1) + class]++;
}

/* Takes the detections that are right; those found by a detection below the threshold are not found. */
static void count_right(DfExplain *e, size_t image, uint8_t *used)
{
    const CocoView *v = e->view;
    for (size_t d = v->detections_start[image]; d < v->detections_start[image + 1]; d++) {
        const ViewDetection *found = &v->detections[d];
        const DetectionMark *mark = &e->marks.detections[d];
        if (mark->outcome != MARK_TRUE || !(found->score >= e->numbers.score_threshold))
            continue;
        used[mark->truth] = 1;
        count(e, found->class, found->class);
        e->numbers.classes[found->class].true_positives++;
        e->images[image].right++;
    }
}

/* The object of another class that the detection was most likely meant for; SIZE_MAX if there is none. */
static size_t mistaken(const CocoView *v, size_t detection, size_t image, const uint8_t *used, const Row *row)
{
    const size_t first = v->truths_start[image];
    size_t n = 0;
    for (size_t g = first; g < v->truths_start[image + 1]; g++) {
        if (v->truths[g].crowd || used[g] || v->truths[g].class == v->detections[detection].class)
            continue;
        row->overlap[g - first] = df_view_overlap(v, detection, g);
        row->listed[n++] = (uint32_t)(g - first);
    }
    const size_t match = df_largest_overlap(row->overlap, row->listed, n, 0.5, FIRST_OF_EQUAL);
    return match == NO_MATCH ? SIZE_MAX : first + match;
}

static void count_wrong(DfExplain *e, size_t image, uint8_t *used, const Row *row)
{
    const CocoView *v = e->view;
    for (size_t d = v->detections_start[image]; d < v->detections_start[image + 1]; d++) {
        const ViewDetection *found = &v->detections[d];
        if (e->marks.detections[d].outcome != MARK_FALSE || !(found->score >= e->numbers.score_threshold))
            continue;
        const size_t truth = mistaken(v, d, image, used, row);
        if (truth != SIZE_MAX)
            used[truth] = 2;
        count(e, truth == SIZE_MAX ? e->numbers.n_classes : v->truths[truth].class, found->class);
        e->numbers.classes[found->class].false_positives++;
        e->images[image].wrong++;
    }
}

static void count_missed(DfExplain *e, size_t image, const uint8_t *used)
{
    const CocoView *v = e->view;
    for (size_t g = v->truths_start[image]; g < v->truths_start[image + 1]; g++) {
        if (v->truths[g].crowd)
            continue;
        e->numbers.classes[v->truths[g].class].truths++;
        if (used[g] == 0)
            count(e, v->truths[g].class, e->numbers.n_classes);
        if (used[g] == 1)
            continue;
        e->numbers.classes[v->truths[g].class].false_negatives++;
        e->images[image].missed++;
    }
}

int df_explain_confusion(DfExplain *e)
{
    const CocoView *v = e->view;
    const size_t most = df_view_most_truths(v);
    uint8_t *used = df_calloc(v->n_truths + 1, 1);
    Row row = { df_malloc(most * sizeof *row.overlap), df_malloc(most * sizeof *row.listed) };
    const bool ready = used && row.overlap && row.listed;
    for (size_t i = 0; ready && i < v->n_images; i++) {
        count_right(e, i, used);
        count_wrong(e, i, used, &row);
        count_missed(e, i, used);
    }
    df_free(used);
    df_free(row.overlap);
    df_free(row.listed);
    return ready ? DF_OK : df_fail_memory("the confusion matrix");
}
