/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/merge_views.c -- test-time augmentation as in mmdetection 3: every view is detected separately, and the boxes
 * of all views go through one non-maximum suppression.
 */
#include <string.h>

#include "heads/head.h"
#include "heads/settings/settings.h"
#include "heads/views.h"

typedef struct {
    const DfNode *nms;
    int max_per_img;
} Config;

static const DfOpt opts[] = {
    DF_OPT_DICT(Config, nms, "dict(type='nms', iou_threshold=0.5)", "suppression over the boxes of all views"),
    DF_OPT_INT(Config, max_per_img, 100, 1, 100000000, "most detections of an image"),
    DF_OPT_END
};

int df_view_merge_read(DfViewMerge *m, const DfNode *tta_model, DfArena *arena)
{
    Config k = { 0 };
    *m = (DfViewMerge){ 0 };
    if (strcmp(df_node_text(df_node_get(tta_model, "type"), ""), "DetTTAModel") != 0)
        return DF_OK;
    int error = df_bind(df_node_get(tta_model, "tta_cfg"), opts, &k, arena, "tta_model.tta_cfg");
    if (error == DF_OK)
        error = df_nms_cfg(&m->nms, k.nms, arena);
    m->max_per_img = k.max_per_img;
    m->given = error == DF_OK;
    return error;
}

/* All boxes as one list, of which each knows its view no more. */
typedef struct {
    size_t n;
    float *boxes, *scores;
    int *labels;
    DfKept *keep;
} All;

static int all_new(All *a, const DfDetections *views, int n)
{
    size_t most = 1;
    for (int i = 0; i < n; i++)
        most += views[i].n;
    *a = (All){
        .boxes = df_malloc(most * 4 * sizeof *a->boxes),
        .scores = df_malloc(most * sizeof *a->scores),
        .labels = df_malloc(most * sizeof *a->labels),
        .keep = df_malloc(most * sizeof *a->keep),
    };
    return a->boxes && a->scores && a->labels && a->keep ? DF_OK : df_fail_memory("detections of several views");
}

static void all_done(All *a)
{
    df_free(a->boxes);
    df_free(a->scores);
    df_free(a->labels);
    df_free(a->keep);
}

/* Boxes of a mirrored picture are mirrored back at its own size. */
static void gather(All *a, const DfDetections *view, const DfImageMeta *meta)
{
    DfImageMeta whole = *meta;
    whole.img_h = meta->ori_h;
    whole.img_w = meta->ori_w;
    for (size_t i = 0; i < view->n; i++, a->n++) {
        memcpy(a->boxes + 4 * a->n, view->v[i].box, 4 * sizeof *a->boxes);
        df_box_mirror(a->boxes + 4 * a->n, &whole);
        a->scores[a->n] = view->v[i].score;
        a->labels[a->n] = view->v[i].label;
    }
}

static int take(const All *a, size_t kept, DfDetections *out)
{
    *out = (DfDetections){ .v = df_malloc((kept + 1) * sizeof *out->v), .n = kept };
    if (!out->v)
        return df_fail_memory("detections of several views");
    for (size_t i = 0; i < kept; i++) {
        const uint32_t from = a->keep[i].index;
        out->v[i] = (DfDetection){ .score = a->keep[i].score, .label = a->labels[from], .index = from };
        memcpy(out->v[i].box, a->boxes + 4 * (size_t)from, sizeof out->v[i].box);
    }
    return DF_OK;
}

int df_view_merge(const DfViewMerge *m, const DfDetections *views, const DfImageMeta *metas, int n, DfDetections *out)
{
    All a;
    size_t kept = 0;
    *out = (DfDetections){ 0 };
    int error = all_new(&a, views, n);
    for (int i = 0; error == DF_OK && i < n; i++)
        gather(&a, &views[i], &metas[i]);
    if (error == DF_OK)
        error = df_nms(&m->nms, a.n, a.boxes, a.scores, a.labels, a.keep, &kept);
    if (error == DF_OK)
        error = take(&a, kept < (size_t)m->max_per_img ? kept : (size_t)m->max_per_img, out);
    all_done(&a);
    return error;
}
