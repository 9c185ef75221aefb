/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region/roi_detect.c -- turns proposals into detections: the stages, non-maximum suppression, and masks for the
 * remaining boxes. For one view of each image of a batch, or several views of one image.
 */
#include "heads/region/roi_detect.h"

#include <string.h>

#include "heads/region/roi_masks.h"
#include "heads/region/roi_regions.h"
#include "heads/views.h"

static int suppress(const RoiHead *h, const Regions *r, int image, DfDetections *out)
{
    const size_t from = (size_t)r->first[image];
    const size_t n = (size_t)r->first[image + 1] - from;
    const size_t per_row = (size_t)r->boxes_per_row;
    const int columns = r->classes + 1;
    return df_multiclass_nms(&h->nms, h->score_thr, h->max_per_img, n, r->classes, columns,
                             r->boxes + 4 * per_row * from, per_row > 1,
                             r->scores + from * (size_t)columns, NULL, &out->v, &out->n);
}

/* Classes whose box is smaller than min_bbox_size, in network pixels, lose their score. */
static void drop_small(const RoiHead *h, const Regions *r)
{
    const float least = (float)h->min_bbox_size;
    const size_t columns = (size_t)r->classes + 1;
    const size_t per_row = (size_t)r->boxes_per_row;
    for (size_t i = 0; least > 0 && i < (size_t)df_regions_rows(r); i++)
        for (size_t k = 0; k < (size_t)r->classes; k++) {
            const float *box = r->boxes + 4 * (per_row * i + (per_row > 1 ? k : 0));
            if (box[2] - box[0] < least || box[3] - box[1] < least)
                r->scores[i * columns + k] = -1;
        }
}

static void number_from(int first_label, DfDetections *found)
{
    for (size_t i = 0; i < found->n; i++)
        found->v[i].label += first_label;
}

/* ---- a batch ----------------------------------------------------------------------------------------------------- */

static void to_original(Regions *r, const DfImageMeta *metas)
{
    const size_t per_row = 4 * (size_t)r->boxes_per_row;
    for (int image = 0; image < r->images; image++)
        for (size_t i = per_row * (size_t)r->first[image]; i < per_row * (size_t)r->first[image + 1]; i++)
            r->boxes[i] /= metas[image].scale_factor[i % 4];
}

/* mmdet's two ways differ where nms.offset adds a pixel. */
static int suppress_and_rescale(const RoiHead *h, const Regions *r, int image, const DfImageMeta *meta, bool rescale,
                                DfDetections *out)
{
    const int error = suppress(h, r, image, out);
    for (size_t i = 0; rescale && h->nms_before_rescale && i < 4 * out->n; i++)
        out->v[i / 4].box[i % 4] /= meta->scale_factor[i % 4];
    return error;
}

int df_roi_detect(DfCtx *c, const RoiHead *h, const DfMaps *maps, const DfDetections *proposals,
                  const DfImageMeta *metas, int n, bool rescale, DfDetections *results)
{
    Regions r;
    int error = df_regions_init(&r, h, n, proposals);
    if (error == DF_OK)
        error = df_regions_run(c, h, maps, metas, &r);
    if (error == DF_OK)
        drop_small(h, &r);
    if (error == DF_OK && rescale && !h->nms_before_rescale)
        to_original(&r, metas);
    const DfMark m = df_enter(c, "suppression", -1);
    for (int i = 0; error == DF_OK && i < n; i++)
        error = suppress_and_rescale(h, &r, i, &metas[i], rescale, &results[i]);
    for (int i = 0; error == DF_OK && h->clip_detections && i < n; i++)
        df_detections_clip(&results[i], &metas[i], rescale);
    df_leave_all(c, m, NULL, 0);
    df_regions_done(&r);
    if (error == DF_OK && h->mask)
        error = df_roi_add_masks(c, h, maps, metas, n, rescale, results);
    for (int i = 0; error == DF_OK && i < n; i++)
        number_from(h->first_label, &results[i]);
    return error;
}

/* ---- several views ----------------------------------------------------------------------------------------------- */

/* mmdet's aug_test: every view sees the same regions, and the mean of what they say of a region counts. */

static int to_view(DfDetections *out, const DfDetections *proposals, const DfImageMeta *meta)
{
    *out = (DfDetections){ .v = df_malloc((proposals->n + 1) * sizeof *out->v), .n = proposals->n };
    if (!out->v)
        return df_fail_memory("proposals");
    memcpy(out->v, proposals->v, proposals->n * sizeof *out->v);
    for (size_t i = 0; i < out->n; i++)
        df_box_to_view(out->v[i].box, meta);
    return DF_OK;
}

/* One view's regions after all stages, in original pixels. df_regions_done() them. */
static int run_view(DfCtx *c, const RoiHead *h, const DfMaps *maps, const DfDetections *proposals,
                    const DfImageMeta *meta, Regions *r)
{
    DfDetections mapped;
    *r = (Regions){ 0 };
    int error = to_view(&mapped, proposals, meta);
    if (error == DF_OK)
        error = df_regions_init(r, h, 1, &mapped);
    r->keeps_empty = true;
    if (error == DF_OK)
        error = df_regions_run(c, h, maps, meta, r);
    df_detections_free(&mapped);
    const int boxes = error == DF_OK ? df_regions_rows(r) * r->boxes_per_row : 0;
    for (int i = 0; i < boxes; i++)
        df_box_to_original(r->boxes + 4 * (size_t)i, meta);
    return error;
}

static size_t n_scores(const Regions *r)
{
    return (size_t)df_regions_rows(r) * ((size_t)r->classes + 1);
}

static size_t n_coordinates(const Regions *r)
{
    return (size_t)df_regions_rows(r) * (size_t)r->boxes_per_row * 4;
}

static void add(Regions *sum, const Regions *r)
{
    for (size_t i = 0; i < n_scores(sum); i++)
        sum->scores[i] += r->scores[i];
    for (size_t i = 0; i < n_coordinates(sum); i++)
        sum->boxes[i] += r->boxes[i];
}

static void divide(Regions *sum, int n)
{
    for (size_t i = 0; i < n_scores(sum); i++)
        sum->scores[i] /= (float)n;
    for (size_t i = 0; i < n_coordinates(sum); i++)
        sum->boxes[i] /= (float)n;
}

int df_roi_detect_views(DfCtx *c, const RoiHead *h, const DfMaps *views, const DfDetections *proposals,
                        const DfImageMeta *metas, int n, DfDetections *out)
{
    Regions sum;
    int error = run_view(c, h, &views[0], proposals, &metas[0], &sum);
    for (int i = 1; error == DF_OK && i < n; i++) {
        Regions r;
        error = run_view(c, h, &views[i], proposals, &metas[i], &r);
        if (error == DF_OK)
            add(&sum, &r);
        df_regions_done(&r);
    }
    if (error == DF_OK) {
        divide(&sum, n);
        error = suppress(h, &sum, 0, out);
    }
    df_regions_done(&sum);
    if (error == DF_OK && h->mask)
        error = df_roi_add_view_masks(c, h, views, metas, n, out);
    if (error == DF_OK)
        number_from(h->first_label, out);
    return error;
}
