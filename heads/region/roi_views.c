/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region/roi_views.c -- the second stage on several views of one image, mmdet's aug_test: every view sees the same regions; the mean of
 * what they say of a region counts.
 */
#include "heads/region/roi_detect.h"

#include <string.h>

#include "heads/views.h"

static int mapped(DfProposals *out, const DfProposals *merged, const DfImageMeta *meta)
{
    *out = (DfProposals){ df_malloc((merged->n + 1) * sizeof *out->v), merged->n };
    if (!out->v)
        return df_fail_memory("proposals");
    memcpy(out->v, merged->v, merged->n * sizeof *out->v);
    for (size_t i = 0; i < out->n; i++)
        df_box_to_view(out->v[i], meta);
    return DF_OK;
}

/* One view's boxes and scores added to `sum`; or they become it, if it is empty. */
static int add_view(DfCtx *c, const RoiHead *h, const DfMaps *maps, const DfProposals *merged, const DfImageMeta *meta, Regions *sum)
{
    DfProposals proposals;
    Regions r = { 0 };
    int error = mapped(&proposals, merged, meta);
    if (error == DF_OK)
        error = df_regions_init(&r, h, 1, &proposals);
    r.keeps_empty = true;
    if (error == DF_OK)
        error = df_regions_run(c, h, maps, meta, &r);
    const size_t boxes = error == DF_OK ? (size_t)r.first[1] * (size_t)r.boxes_per_row : 0, scores = error == DF_OK ? (size_t)r.first[1] * ((size_t)r.classes + 1) : 0;
    for (size_t i = 0; i < boxes; i++)
        df_box_to_original(r.boxes + 4 * i, meta);
    for (size_t i = 0; sum->arena && i < 4 * boxes; i++)
        sum->boxes[i] += r.boxes[i];
    for (size_t i = 0; sum->arena && i < scores; i++)
        sum->scores[i] += r.scores[i];
    if (!sum->arena && error == DF_OK) {
        *sum = r;
        r = (Regions){ 0 };
    }
    df_regions_done(&r);
    df_proposals_free(&proposals);
    return error;
}

int df_roi_detect_views(DfCtx *c, const RoiHead *h, const DfMaps *views, const DfProposals *merged, const DfImageMeta *metas, int n, DfDetections *out)
{
    Regions sum = { 0 };
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < n; i++)
        error = add_view(c, h, &views[i], merged, &metas[i], &sum);
    const size_t rows = error == DF_OK ? (size_t)sum.first[1] : 0;
    for (size_t i = 0; i < 4 * rows * (size_t)sum.boxes_per_row; i++)
        sum.boxes[i] /= (float)n;
    for (size_t i = 0; i < rows * ((size_t)sum.classes + 1); i++)
        sum.scores[i] /= (float)n;
    if (error == DF_OK)
        error = df_regions_detections(h, &sum, 0, out);
    df_regions_done(&sum);
    if (error == DF_OK && h->mask)
        error = df_roi_add_view_masks(c, h, views, metas, n, out);
    return error;
}
