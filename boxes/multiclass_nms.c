/* SPDX-License-Identifier: Apache-2.0
 *
 * boxes/multiclass_nms.c -- turns the scores of all classes into a list of detections: threshold, non-maximum
 * suppression by class, the best few. A box is a candidate once for every class whose score is above the threshold.
 */
#include "boxes/boxes.h"

#include <string.h>

/* The pairs (row, class) above the threshold. */
typedef struct {
    size_t n;
    float *boxes, *scores;
    int *labels;
    uint32_t *rows;
    DfKept *keep;
} Candidates;

static void candidates_done(Candidates *c)
{
    df_free(c->boxes);
    df_free(c->scores);
    df_free(c->labels);
    df_free(c->rows);
    df_free(c->keep);
}

static size_t count_above(size_t n, int classes, int stride, const float *scores, float threshold)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        for (int c = 0; c < classes; c++)
            count += scores[i * (size_t)stride + (size_t)c] > threshold;
    return count;
}

static int candidates_init(Candidates *c, size_t n)
{
    *c = (Candidates){ 0 };
    c->boxes = df_calloc(n, 4 * sizeof *c->boxes);
    c->scores = df_calloc(n, sizeof *c->scores);
    c->labels = df_calloc(n, sizeof *c->labels);
    c->rows = df_calloc(n, sizeof *c->rows);
    c->keep = df_calloc(n, sizeof *c->keep);
    return c->boxes && c->scores && c->labels && c->rows && c->keep ? DF_OK : df_fail_memory("the candidate boxes");
}

static void add(Candidates *c, const float *box, float score, int label, size_t row)
{
    memcpy(c->boxes + 4 * c->n, box, 4 * sizeof *box);
    c->scores[c->n] = score;
    c->labels[c->n] = label;
    c->rows[c->n++] = (uint32_t)row;
}

static int take(const Candidates *c, size_t found, DfDetection **out)
{
    DfDetection *list = df_calloc(found, sizeof *list);
    if (!list)
        return df_fail_memory("the detections");
    for (size_t i = 0; i < found; i++) {
        const uint32_t at = c->keep[i].index;
        memcpy(list[i].box, c->boxes + 4 * (size_t)at, sizeof list[i].box);
        list[i].score = c->keep[i].score;
        list[i].label = c->labels[at];
        list[i].index = c->rows[at];
    }
    *out = list;
    return DF_OK;
}

int df_multiclass_nms(const DfNms *o, double score_thr, int max_per_img, size_t n, int classes, int score_stride,
                      const float *boxes, bool box_per_class, const float *scores, const float *factors,
                      DfDetection **out, size_t *found)
{
    const float threshold = (float)score_thr;
    const size_t boxes_per_row = box_per_class ? (size_t)classes : 1;
    *out = NULL;
    *found = 0;
    Candidates c;
    int error = candidates_init(&c, count_above(n, classes, score_stride, scores, threshold));
    for (size_t i = 0; error == DF_OK && i < n; i++)
        for (int k = 0; k < classes; k++) {
            const float score = scores[i * (size_t)score_stride + (size_t)k];
            const size_t box = i * boxes_per_row + (box_per_class ? (size_t)k : 0);
            if (score > threshold)
                add(&c, boxes + 4 * box, factors ? score * factors[i] : score, k, i);
        }
    DfNms limited = *o;
    if (max_per_img > 0 && (o->max_num <= 0 || max_per_img < o->max_num))
        limited.max_num = max_per_img;
    if (error == DF_OK)
        error = df_nms(&limited, c.n, c.boxes, c.scores, c.labels, c.keep, found);
    if (error == DF_OK)
        error = take(&c, *found, out);
    candidates_done(&c);
    return error;
}
