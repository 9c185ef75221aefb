/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region/roi.c -- the second stage as modules: extractors, box heads and mask heads of every stage, under mmdet's two names. Ren et al.,
 * NIPS 2015; He et al., ICCV 2017; Cai and Vasconcelos, Cascade R-CNN, CVPR 2018.
 */
#include "heads/region/roi.h"

#include <stdio.h>

#include "heads/region/roi_detect.h"
#include "heads/settings/settings.h"

/* ---- construction ------------------------------------------------------------------------------------------------ */

static const DfOpt test_opts[] = {
    DF_OPT_FLOAT(RoiHead, score_thr, 0.05, -1e9, 1e9, "detections score more than this"),
    DF_OPT_INT(RoiHead, max_per_img, 100, -1, 100000000, "detections of an image; <= 0: all"),
    DF_OPT_AS(RoiHead, nms, nms_cfg, DF_KIND_DICT, "dict(type='nms', iou_threshold=0.5)", 0, 0, NULL, "non-maximum suppression, within a class"),
    DF_OPT_FLOAT(RoiHead, mask_thr_binary, 0.5, -1e9, 1e9, "pixels of a mask have at least this"),
    DF_OPT_UNUSED(mask_size, "of a training run"),
    DF_OPT_UNUSED(keep_all_stages, "of mmdet 1"),
    DF_OPT_UNUSED(mask, "of a server"),
    DF_OPT_UNUSED(async_sleep_interval, "of a server"),
    DF_OPT_END
};

static void test_cfg_init(NnScope s, RoiHead *h, const DfNode *test_cfg)
{
    if (nn_configure(s, test_cfg, test_opts, h, "test_cfg.rcnn"))
        df_head_nms(s, &h->nms, h->nms_cfg);
}

/* One dict for all stages, or a list of one for each. NULL after a failure. */
static const DfNode *of_stage(NnScope s, const DfNode *node, int stage, int stages, const char *key)
{
    if (!node) {
        nn_fail(s, DF_EVALUE, "%s is None: want a dict, or a list of dicts", key);
        return NULL;
    }
    if (node->kind == DF_NODE_LIST && node->n != stages) {
        nn_fail(s, DF_EVALUE, "%s lists %d dicts: want one, or one for each of %d stages", key, node->n, stages);
        return NULL;
    }
    const DfNode *dict = node->kind == DF_NODE_LIST ? node->first : node;
    for (int i = 0; node->kind == DF_NODE_LIST && i < stage; i++)
        dict = dict->next;
    if (dict->kind == DF_NODE_DICT)
        return dict;
    nn_fail(s, DF_EVALUE, "%s: want a dict, or a list of dicts", key);
    return NULL;
}

/* A box or mask head; NULL after a failure. */
static void *part_init(NnScope s, const DfNode *dict, bool mask)
{
    const char *type = df_node_text(df_node_get(dict, "type"), "none");
    const DfHead *head = df_head_find(type);
    if (!head) {
        nn_fail(s, DF_EVALUE, "%s", df_error());
        return NULL;
    }
    if (mask ? !head->outline : !head->classify) {
        nn_fail(s, DF_EVALUE, "%s is no %s head", type, mask ? "mask" : "box");
        return NULL;
    }
    void *self = nn_alloc(s, 1, head->size);
    if (!self || !nn_configure(s, dict, head->opts, self, type))
        return NULL;
    head->init(s, self, NULL);
    return nn_ok(s) ? self : NULL;
}

static NnScope stage_scope(NnScope s, const RoiHead *h, const char *name, int stage)
{
    return h->cascade ? nn_at(s, "%s.%d", name, stage) : nn_at(s, "%s", name);
}

static void extractors_init(NnScope s, const RoiHead *h, RoiExtractor **out, const DfNode *node, const char *key)
{
    *out = nn_alloc(s, (size_t)h->num_stages, sizeof **out);
    for (int i = 0; nn_ok(s) && i < h->num_stages; i++) {
        const DfNode *dict = of_stage(s, node, i, h->num_stages, key);
        if (dict)
            df_roi_extractor_init(nn_at(s, "%s", key), &(*out)[i], dict);
    }
}

static void heads_init(NnScope s, const RoiHead *h, void **out, const DfNode *node, const char *key, bool mask)
{
    for (int i = 0; nn_ok(s) && i < h->num_stages; i++) {
        const DfNode *dict = of_stage(s, node, i, h->num_stages, key);
        out[i] = dict ? part_init(stage_scope(s, h, key, i), dict, mask) : NULL;
    }
}

void df_roi_init(NnScope s, RoiHead *h, const DfNode *test_cfg)
{
    const size_t n = (size_t)h->num_stages;
    if (h->shared_head)
        nn_fail(s, DF_EVALUE, "shared_head has type '%s': C4 models are not built in", df_node_text(df_node_get(h->shared_head, "type"), "?"));
    void **box = nn_alloc(s, n, sizeof *box), **mask = h->mask_head ? nn_alloc(s, n, sizeof *mask) : NULL;
    if (!nn_ok(s))
        return;
    test_cfg_init(s, h, test_cfg);
    extractors_init(s, h, &h->box_extractor, h->bbox_roi_extractor, "bbox_roi_extractor");
    heads_init(s, h, box, h->bbox_head, "bbox_head", false);
    h->mask_extractor = h->box_extractor;
    if (mask && h->mask_roi_extractor)
        extractors_init(s, h, &h->mask_extractor, h->mask_roi_extractor, "mask_roi_extractor");
    if (mask)
        heads_init(s, h, mask, h->mask_head, "mask_head", true);
    h->box = nn_alloc(s, n, sizeof *h->box);
    h->mask = mask ? nn_alloc(s, n, sizeof *h->mask) : NULL;
    for (size_t i = 0; nn_ok(s) && i < n; i++) {
        h->box[i] = box[i];
        if (mask)
            h->mask[i] = mask[i];
        if (h->box[i]->num_classes != h->box[0]->num_classes || (mask && h->mask[i]->num_classes != h->box[0]->num_classes))
            nn_fail(s, DF_EVALUE, "stage %zu has another num_classes: want the same in all box and mask heads", i);
    }
}

/* ---- passes ------------------------------------------------------------------------------------------------------ */

void df_roi_observe(DfCtx *c, const RoiHead *h, int stage, const char *what, const DfTensor *x)
{
    char name[40];
    if (h->cascade)
        snprintf(name, sizeof name, "s%d_%s", stage, what);
    else
        snprintf(name, sizeof name, "%s", what);
    df_observe(c, x, name, -1);
}

void df_roi_boxes(DfCtx *c, const RoiHead *h, int stage, const DfMaps *maps, const float *rois, int n, DfTensor **scores, DfTensor **deltas)
{
    const int index = h->cascade ? stage : -1;
    const DfMark whole = df_enter(c, NULL, -1);
    DfMark m = df_enter(c, "bbox_roi_extractor", index);
    DfTensor *x = df_leave(c, m, df_roi_extract(c, &h->box_extractor[stage], maps, rois, n));
    m = df_enter(c, "bbox_head", index);
    df_box_head_forward(c, h->box[stage], x, scores, deltas);
    DfTensor *const keep[2] = { *scores, *deltas };
    df_leave_all(c, m, keep, *deltas ? 2 : 1);
    df_roi_observe(c, h, stage, "bbox_roi_feats", x);
    df_leave_all(c, whole, keep, *deltas ? 2 : 1);
}

DfTensor *df_roi_masks(DfCtx *c, const RoiHead *h, int stage, const DfMaps *maps, const float *rois, int n)
{
    const int index = h->cascade ? stage : -1;
    const DfMark whole = df_enter(c, NULL, -1);
    DfMark m = df_enter(c, "mask_roi_extractor", index);
    DfTensor *x = df_leave(c, m, df_roi_extract(c, &h->mask_extractor[stage], maps, rois, n));
    if (stage == 0)
        df_observe(c, x, "mask_roi_feats", -1);
    m = df_enter(c, "mask_head", index);
    DfTensor *logits = df_leave(c, m, df_mask_head_forward(c, h->mask[stage], x));
    return df_leave(c, whole, logits);
}

void df_roi_pass(DfCtx *c, const RoiHead *h, const DfMaps *maps, const float *rois, int n, int n_masks)
{
    for (int i = 0; i < h->num_stages; i++) {
        DfTensor *scores, *deltas;
        const DfMark m = df_enter(c, NULL, -1);
        df_roi_boxes(c, h, i, maps, rois, n, &scores, &deltas);
        df_leave_all(c, m, NULL, 0);
    }
    for (int i = 0; h->mask && i < h->num_stages; i++) {
        const DfMark m = df_enter(c, NULL, -1);
        df_roi_masks(c, h, i, maps, rois, n_masks);
        df_leave_all(c, m, NULL, 0);
    }
}

/* ---- the two names ----------------------------------------------------------------------------------------------- */

static const DfOpt standard_opts[] = { ROI_HEAD_OPTS };

static const DfOpt cascade_opts[] = {
    DF_OPT_ROW(RoiHead, num_stages, DF_KIND_INT, NULL, 1, 16, NULL, "how often boxes are refined"),
    DF_OPT_NODE(RoiHead, stage_loss_weights, "None", "of a training run: what each stage counts"),
    ROI_HEAD_OPTS
};

static void init_standard(NnScope s, void *self, const DfNode *test_cfg)
{
    RoiHead *h = self;
    h->num_stages = 1;
    df_roi_init(s, h, test_cfg);
}

static void init_cascade(NnScope s, void *self, const DfNode *test_cfg)
{
    RoiHead *h = self;
    h->cascade = true;
    df_roi_init(s, h, test_cfg);
}

static int detect(DfCtx *c, const void *self, const DfMaps *in, const DfProposals *proposals, const DfImageMeta *metas, int n, bool rescale, DfDetections *results)
{
    return df_roi_detect(c, self, in, proposals, metas, n, rescale, results);
}

static int detect_views(DfCtx *c, const void *self, const DfMaps *views, const DfProposals *merged, const DfImageMeta *metas, int n, DfDetections *out)
{
    return df_roi_detect_views(c, self, views, merged, metas, n, out);
}

static void pass(DfCtx *c, const void *self, const DfMaps *in, const float *rois, int n, int n_masks)
{
    df_roi_pass(c, self, in, rois, n, n_masks);
}

static bool has_masks(const void *self)
{
    const RoiHead *h = self;
    return h->mask != NULL;
}

static int classes(const void *self)
{
    const RoiHead *h = self;
    return h->box[0]->num_classes;
}

#define ROI_HEAD(record, type, table, start, text)                                                                                 \
    const DfHead df_head_##record = { .name = type, .help = text, .size = sizeof(RoiHead), .opts = table, .init = start,             \
                                      .detect = detect, .detect_views = detect_views, .pass = pass, .has_masks = has_masks, .classes = classes }
ROI_HEAD(standard_roi, "StandardRoIHead", standard_opts, init_standard, "boxes and masks of regions (Girshick, ICCV 2015; He et al., ICCV 2017)");
ROI_HEAD(cascade_roi, "CascadeRoIHead", cascade_opts, init_cascade, "boxes of regions, refined stage by stage (Cai and Vasconcelos, CVPR 2018)");
