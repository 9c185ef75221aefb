/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region/roi_regions.c -- passes regions through the stages, one after the other: each stage reads the boxes
 * that the one before it has refined. Cai and Vasconcelos, Cascade R-CNN, CVPR 2018, section 4.
 */
#include "heads/region/roi_regions.h"

#include <math.h>
#include <string.h>

#include "heads/region/roi_forward.h"

/* ---- regions ----------------------------------------------------------------------------------------------------- */

/* Sets the rows of each image, and returns the number of all rows. Old versions of mmdet pad the proposals of all
 * images to the same number, with empty boxes in front. */
static size_t count_rows(Regions *r, const RoiHead *h, const DfDetections *proposals)
{
    size_t most = 0;
    for (int i = 0; i < r->images; i++)
        most = proposals[i].n > most ? proposals[i].n : most;
    size_t rows = 0;
    for (int i = 0; i < r->images; i++) {
        rows += h->pads ? most : proposals[i].n;
        r->first[i + 1] = (int)rows;
    }
    return rows;
}

static void copy_proposals(Regions *r, const DfDetections *proposals)
{
    for (int i = 0; i < r->images; i++) {
        const size_t count = (size_t)(r->first[i + 1] - r->first[i]);
        const size_t empty = count - proposals[i].n;
        float *roi = r->rois + 5 * (size_t)r->first[i];
        for (size_t k = 0; k < count; k++, roi += 5) {
            roi[0] = (float)i;
            if (k >= empty)
                memcpy(roi + 1, proposals[i].v[k - empty].box, 4 * sizeof *roi);
        }
    }
}

int df_regions_init(Regions *r, const RoiHead *h, int n, const DfDetections *proposals)
{
    const DfBoxHeadShape *last = &h->box[h->num_stages - 1].shape;
    *r = (Regions){ .arena = df_arena_new(), .images = n, .classes = df_roi_head_classes(h) };
    r->columns = last->columns;
    r->kind = last->scores;
    r->boxes_per_row = last->has_boxes && !last->class_agnostic ? r->classes : 1;
    r->first = r->arena ? df_arena_alloc(r->arena, (size_t)n + 1, sizeof *r->first) : NULL;
    if (!r->first)
        return df_fail_memory("regions");
    const size_t rows = count_rows(r, h, proposals);
    const int room = r->columns > r->classes ? r->columns : r->classes + 1;
    r->rois = df_arena_alloc(r->arena, rows, 5 * sizeof *r->rois);
    r->scores = df_arena_alloc(r->arena, rows, (size_t)room * sizeof *r->scores);
    r->boxes = df_arena_alloc(r->arena, rows, 4 * (size_t)r->boxes_per_row * sizeof *r->boxes);
    if (rows > INT32_MAX / 5 || !r->rois || !r->scores || !r->boxes)
        return df_fail_memory("regions");
    copy_proposals(r, proposals);
    return DF_OK;
}

void df_regions_done(Regions *r)
{
    df_arena_free(r->arena);
    *r = (Regions){ 0 };
}

int df_regions_rows(const Regions *r)
{
    return r->first[r->images];
}

/* ---- boxes of a stage -------------------------------------------------------------------------------------------- */

static int largest(const float *x, int n)
{
    int at = 0;
    for (int i = 1; i < n; i++)
        at = x[i] > x[at] ? i : at;
    return at;
}

/* Section 4.1 of the paper: the regressors are a cascade, each for the distribution of boxes that the one before
 * leaves. Every region becomes the box of its best class that is not background; nothing is suppressed, and the image
 * it is of stays. */
static void refine(const DfBoxHeadShape *shape, Regions *r, const float *scores, const float *deltas,
                   const DfImageMeta *metas)
{
    const size_t columns = (size_t)r->columns;
    for (int image = 0; image < r->images; image++)
        for (int i = r->first[image]; i < r->first[image + 1]; i++) {
            const size_t row = (size_t)i;
            const size_t label = (size_t)largest(scores + row * columns, r->classes);
            const float *delta = deltas + 4 * (shape->class_agnostic ? row : row * (size_t)r->classes + label);
            float *box = r->rois + 5 * row + 1;
            float next[4];
            df_delta_decode(shape->coder, 1, 1, box, delta, metas[image].img_h, metas[image].img_w, next);
            memcpy(box, next, sizeof next);
        }
}

static void clip(float *box, const DfImageMeta *meta)
{
    for (int k = 0; k < 4; k++) {
        const float most = (float)(k % 2 ? meta->img_h : meta->img_w);
        box[k] = df_clamp_float(box[k], 0, most);
    }
}

/* The boxes of the last stage, in network pixels; without a box branch (deltas NULL) the regions themselves. */
static void decode(const DfBoxHeadShape *shape, Regions *r, const float *deltas, const DfImageMeta *metas)
{
    const size_t per_row = (size_t)r->boxes_per_row;
    for (int image = 0; image < r->images; image++)
        for (int i = r->first[image]; i < r->first[image + 1]; i++) {
            const float *roi = r->rois + 5 * (size_t)i + 1;
            const DfImageMeta *meta = &metas[image];
            float *boxes = r->boxes + 4 * per_row * (size_t)i;
            if (deltas) {
                const float *delta = deltas + 4 * per_row * (size_t)i;
                df_delta_decode(shape->coder, 1, r->boxes_per_row, roi, delta, meta->img_h, meta->img_w, boxes);
                continue;
            }
            memcpy(boxes, roi, 4 * sizeof *boxes);
            clip(boxes, meta);
        }
}

/* That head takes a region with y2 = 0 for padding of the batch, and sets its scores and deltas to 0. */
static void forget_empty(const Regions *r, float *scores, float *deltas)
{
    const size_t columns = (size_t)r->columns;
    const size_t per_row = 4 * (size_t)r->boxes_per_row;
    const size_t rows = (size_t)df_regions_rows(r);
    for (size_t i = 0; i < rows; i++) {
        if (r->rois[5 * i + 4] != 0)
            continue;
        memset(scores + i * columns, 0, columns * sizeof *scores);
        if (deltas)
            memset(deltas + i * per_row, 0, per_row * sizeof *deltas);
    }
}

/* ---- stages ------------------------------------------------------------------------------------------------------ */

/* What a stage said: its logits are added up, and its boxes are the regions of the next one. */
static void take(const RoiHead *h, int stage, const DfTensor *scores, const DfTensor *deltas, const DfImageMeta *metas,
                 Regions *r)
{
    const DfBoxHeadShape *shape = &h->box[stage].shape;
    const bool last = stage == h->num_stages - 1;
    for (size_t i = 0; i < df_size(scores); i++)
        r->scores[i] += scores->data[i];
    if (last)
        decode(shape, r, deltas ? deltas->data : NULL, metas);
    else if (deltas)
        refine(shape, r, scores->data, deltas->data, metas);
}

/* One stage, on the regions as the one before left them. The guard protects the plain loops inside: after a failure the
 * tensors have no numbers. */
static void run_stage(DfCtx *c, const RoiHead *h, int stage, const DfMaps *maps, const DfImageMeta *metas, Regions *r)
{
    const int rows = df_regions_rows(r);
    const DfMark m = df_enter(c, NULL, -1);
    DfTensor *scores; /* rows columns                           */
    DfTensor *deltas; /* rows 4*classes, or rows 4, or NULL     */
    df_roi_observe_rois(c, h, stage, "rois", r->rois, rows);
    df_roi_boxes(c, h, stage, maps, r->rois, rows, &scores, &deltas, NULL);
    if (!c->err) {
        if (h->pads && !r->keeps_empty)
            forget_empty(r, scores->data, deltas ? deltas->data : NULL);
        df_roi_observe(c, h, stage, "cls_score", scores);
        if (deltas)
            df_roi_observe(c, h, stage, "bbox_pred", deltas);
        take(h, stage, scores, deltas, metas, r);
    }
    df_leave_all(c, m, NULL, 0);
}

static void softmax(float *x, int n)
{
    const float most = x[largest(x, n)];
    float sum = 0;
    for (int i = 0; i < n; i++)
        sum += x[i] = expf(x[i] - most);
    for (int i = 0; i < n; i++)
        x[i] /= sum;
}

/* Two numbers behind the classes say "something" and "nothing", and share the first among the classes (Wang et al.,
 * "Seesaw Loss", CVPR 2021, equation 9). */
static void share_objectness(float *x, int classes)
{
    softmax(x, classes);
    softmax(x + classes, 2);
    for (int i = 0; i < classes; i++)
        x[i] *= x[classes];
    x[classes] = x[classes + 1];
}

/* Every class alone; background is what is left of 1. */
static void sigmoids(float *x, int classes)
{
    float sum = 0;
    for (int i = 0; i < classes; i++)
        sum += x[i] = 1 / (1 + expf(-x[i]));
    x[classes] = df_clamp_float(1 - sum, 0, 1);
}

/* Row by row; the result may be a number longer or shorter, so from the side on which nothing is lost. */
void df_regions_scores(Regions *r)
{
    const size_t rows = (size_t)df_regions_rows(r), columns = (size_t)r->columns, wanted = (size_t)r->classes + 1;
    for (size_t k = 0; k < rows; k++) {
        const size_t row = columns < wanted ? rows - 1 - k : k;
        float *x = r->scores + row * columns;
        if (r->kind == DF_SCORES_OBJECTNESS)
            share_objectness(x, r->classes);
        else if (r->kind == DF_SCORES_SOFTMAX)
            softmax(x, r->columns);
        memmove(r->scores + row * wanted, x, (columns < wanted ? columns : wanted) * sizeof *x);
        if (r->kind == DF_SCORES_SIGMOID)
            sigmoids(r->scores + row * wanted, r->classes);
    }
}

/* Scores are made of the mean of all stages' logits. */
int df_regions_run(DfCtx *c, const RoiHead *h, const DfMaps *maps, const DfImageMeta *metas, Regions *r)
{
    const int rows = df_regions_rows(r);
    const int columns = r->columns;
    const int stages = rows ? h->num_stages : 0;
    for (int stage = 0; stage < stages; stage++)
        run_stage(c, h, stage, maps, metas, r);
    for (size_t i = 0; stages > 1 && i < (size_t)rows * (size_t)columns; i++)
        r->scores[i] /= (float)stages;
    df_regions_scores(r);
    return df_ctx_error(c);
}
