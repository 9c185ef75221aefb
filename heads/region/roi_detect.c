/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region/roi_detect.c -- from proposals to detections: the stages one after the other, suppression, and masks for what is left.
 */
#include "heads/region/roi_detect.h"

#include <math.h>
#include <string.h>

/* ---- regions ----------------------------------------------------------------------------------------------------- */

int df_regions_init(Regions *r, const RoiHead *h, int n, const DfProposals *proposals)
{
    size_t most = 0, rows = 0;
    *r = (Regions){ .images = n, .arena = df_arena_new(), .classes = h->box[0]->num_classes };
    r->first = r->arena ? df_arena_alloc(r->arena, (size_t)n + 1, sizeof *r->first) : NULL;
    if (!r->first)
        return df_fail_memory("regions");
    for (int i = 0; i < n; i++)
        most = proposals[i].n > most ? proposals[i].n : most;
    for (int i = 0; i < n; i++) {
        rows += h->cascade ? proposals[i].n : most; /* mmdet fills up a batch of the plain head with empty boxes, in front */
        r->first[i + 1] = (int)rows;
    }
    const BoxHead *last = h->box[h->num_stages - 1];
    r->boxes_per_row = last->with_reg && !last->reg_class_agnostic ? r->classes : 1;
    r->rois = df_arena_alloc(r->arena, rows, 5 * sizeof *r->rois);
    r->scores = df_arena_alloc(r->arena, rows, ((size_t)r->classes + 1) * sizeof *r->scores);
    r->boxes = df_arena_alloc(r->arena, rows, 4 * (size_t)r->boxes_per_row * sizeof *r->boxes);
    if (rows > INT32_MAX / 5 || !r->rois || !r->scores || !r->boxes)
        return df_fail_memory("regions");
    for (int i = 0; i < n; i++) {
        const size_t count = (size_t)(r->first[i + 1] - r->first[i]), empty = count - proposals[i].n;
        float *roi = r->rois + 5 * (size_t)r->first[i];
        for (size_t k = 0; k < count; k++, roi += 5) {
            roi[0] = (float)i;
            if (k >= empty)
                memcpy(roi + 1, proposals[i].v[k - empty], 4 * sizeof *roi);
        }
    }
    return DF_OK;
}

void df_regions_done(Regions *r)
{
    df_arena_free(r->arena);
    *r = (Regions){ 0 };
}

/* ---- stages ------------------------------------------------------------------------------------------------------ */

static int largest(const float *x, int n)
{
    int at = 0;
    for (int i = 1; i < n; i++)
        at = x[i] > x[at] ? i : at;
    return at;
}

/* Every region becomes the box of its best class; the image it is of stays. */
static void refine(const BoxHead *h, Regions *r, const float *scores, const float *deltas, const DfImageMeta *metas)
{
    for (int image = 0; image < r->images; image++)
        for (int i = r->first[image]; i < r->first[image + 1]; i++) {
            float *box = r->rois + 5 * (size_t)i + 1, next[4];
            const size_t label = (size_t)largest(scores + (size_t)i * ((size_t)r->classes + 1), r->classes);
            const float *delta = deltas + 4 * (h->reg_class_agnostic ? (size_t)i : (size_t)i * (size_t)r->classes + label);
            df_delta_decode(&h->coder, 1, 1, box, delta, metas[image].img_h, metas[image].img_w, next);
            memcpy(box, next, sizeof next);
        }
}

static void clip(float *box, const DfImageMeta *meta)
{
    for (int k = 0; k < 4; k++) {
        const float most = (float)(k % 2 ? meta->img_h : meta->img_w);
        box[k] = box[k] < 0 ? 0 : box[k] > most ? most : box[k];
    }
}

/* The boxes of the last stage, in network pixels. */
static void decode(const BoxHead *h, Regions *r, const float *deltas, const DfImageMeta *metas)
{
    const size_t per_row = (size_t)r->boxes_per_row;
    for (int image = 0; image < r->images; image++)
        for (int i = r->first[image]; i < r->first[image + 1]; i++) {
            const float *roi = r->rois + 5 * (size_t)i + 1;
            float *boxes = r->boxes + 4 * per_row * (size_t)i;
            if (deltas) {
                df_delta_decode(&h->coder, 1, r->boxes_per_row, roi, deltas + 4 * per_row * (size_t)i, metas[image].img_h, metas[image].img_w, boxes);
                continue;
            }
            memcpy(boxes, roi, 4 * sizeof *boxes);
            clip(boxes, &metas[image]);
        }
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

/* mmdet's plain head takes a region that ends at row 0 for one that fills up a batch, and forgets what the network said of it. */
static void forget_empty(const Regions *r, float *scores, float *deltas)
{
    const size_t columns = (size_t)r->classes + 1, per_row = 4 * (size_t)r->boxes_per_row;
    for (size_t i = 0; i < (size_t)r->first[r->images]; i++) {
        if (r->rois[5 * i + 4] != 0)
            continue;
        memset(scores + i * columns, 0, columns * sizeof *scores);
        if (deltas)
            memset(deltas + i * per_row, 0, per_row * sizeof *deltas);
    }
}

static void observe_rois(DfCtx *c, const RoiHead *h, int stage, const Regions *r)
{
    if (!df_listens(c))
        return;
    const DfMark m = df_enter(c, NULL, -1);
    df_roi_observe(c, h, stage, "rois", df_from(c, DF_SHAPE(r->first[r->images], 5), r->rois));
    df_leave_all(c, m, NULL, 0);
}

/* One stage, on the regions as the one before left them. */
static void run_stage(DfCtx *c, const RoiHead *h, int stage, const DfMaps *maps, const DfImageMeta *metas, Regions *r)
{
    const int rows = r->first[r->images], last = h->num_stages - 1;
    const DfMark m = df_enter(c, NULL, -1);
    DfTensor *scores, *deltas;
    observe_rois(c, h, stage, r);
    df_roi_boxes(c, h, stage, maps, r->rois, rows, &scores, &deltas);
    if (!c->err) {
        if (!h->cascade && !r->keeps_empty)
            forget_empty(r, scores->data, deltas ? deltas->data : NULL);
        df_roi_observe(c, h, stage, "cls_score", scores);
        if (deltas)
            df_roi_observe(c, h, stage, "bbox_pred", deltas);
        for (size_t i = 0; i < df_size(scores); i++)
            r->scores[i] += scores->data[i];
        if (stage < last && deltas)
            refine(h->box[stage], r, scores->data, deltas->data, metas);
        else if (stage == last)
            decode(h->box[stage], r, deltas ? deltas->data : NULL, metas);
    }
    df_leave_all(c, m, NULL, 0);
}

int df_regions_run(DfCtx *c, const RoiHead *h, const DfMaps *maps, const DfImageMeta *metas, Regions *r)
{
    const int rows = r->first[r->images], columns = r->classes + 1;
    for (int stage = 0; rows && !c->err && stage < h->num_stages; stage++)
        run_stage(c, h, stage, maps, metas, r);
    for (size_t i = 0; h->num_stages > 1 && i < (size_t)rows * (size_t)columns; i++)
        r->scores[i] /= (float)h->num_stages;
    for (int i = 0; !c->err && i < rows; i++)
        softmax(r->scores + (size_t)i * (size_t)columns, columns);
    return df_ctx_error(c);
}

/* ---- detections -------------------------------------------------------------------------------------------------- */

int df_regions_detections(const RoiHead *h, const Regions *r, int image, DfDetections *out)
{
    const size_t from = (size_t)r->first[image], n = (size_t)r->first[image + 1] - from, per_row = (size_t)r->boxes_per_row;
    return df_multiclass_nms(&h->nms, h->score_thr, h->max_per_img, n, r->classes, r->classes + 1, r->boxes + 4 * per_row * from, per_row > 1,
                             r->scores + from * ((size_t)r->classes + 1), NULL, &out->v, &out->n);
}

static void to_original(Regions *r, const DfImageMeta *metas)
{
    const size_t per_row = 4 * (size_t)r->boxes_per_row;
    for (int image = 0; image < r->images; image++)
        for (size_t i = per_row * (size_t)r->first[image]; i < per_row * (size_t)r->first[image + 1]; i++)
            r->boxes[i] /= metas[image].scale_factor[i % 4];
}

int df_roi_detect(DfCtx *c, const RoiHead *h, const DfMaps *maps, const DfProposals *proposals, const DfImageMeta *metas, int n, bool rescale, DfDetections *results)
{
    Regions r;
    int error = df_regions_init(&r, h, n, proposals);
    if (error == DF_OK)
        error = df_regions_run(c, h, maps, metas, &r);
    if (error == DF_OK && rescale)
        to_original(&r, metas);
    const DfMark m = df_enter(c, "suppression", -1);
    for (int i = 0; error == DF_OK && i < n; i++)
        error = df_regions_detections(h, &r, i, &results[i]);
    df_leave_all(c, m, NULL, 0);
    df_regions_done(&r);
    if (error == DF_OK && h->mask)
        error = df_roi_add_masks(c, h, maps, metas, n, rescale, results);
    return error;
}
