/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region/roi_head.c -- builds a region head: the extractors, box heads and mask heads of every stage.
 */
#include "heads/region/roi_head.h"

#include "heads/settings/settings.h"

/* ---- test_cfg.rcnn ----------------------------------------------------------------------------------------------- */

static const DfOpt test_opts[] = {
    DF_OPT_FLOAT(RoiHead, score_thr, 0.05, -1e9, 1e9, "detections have a higher score than this"),
    DF_OPT_INT(RoiHead, max_per_img, 100, -1, 100000000, "most detections of an image; <= 0: all"),
    DF_OPT_AS(RoiHead, nms, nms_cfg, DF_KIND_DICT, "dict(type='nms', iou_threshold=0.5)", 0, 0, NULL,
              "non-maximum suppression, within a class"),
    DF_OPT_FLOAT(RoiHead, min_bbox_size, 0, 0, 1e9,
                 "least width and height of a box that counts, in network pixels, as in torchvision"),
    DF_OPT_BOOL(RoiHead, clip_detections, False,
                "detections are cut at the picture's border at the end, and those without area left out, as in "
                "detectron2"),
    DF_OPT_BOOL(RoiHead, nms_before_rescale, False,
                "suppression sees boxes in network pixels, as in mmdet 3.x where there are masks"),
    DF_OPT_INT(RoiHead, first_label, 0, 0, 1,
               "label of the first class: 1 where 0 is the background, as in torchvision; in results alone"),
    DF_OPT_ENUM(RoiHead, mask_paste, mmdet, "mmdet|torchvision", "the library whose way of pasting a mask is followed"),
    DF_OPT_FLOAT(RoiHead, mask_thr_binary, 0.5, -1e9, 1e9, "least probability of the pixels of a mask"),
    DF_OPT_UNUSED(mask_size, "setting of training"),
    DF_OPT_UNUSED(keep_all_stages, "setting of mmdet 1"),
    DF_OPT_UNUSED(mask, "setting of an inference server"),
    DF_OPT_UNUSED(async_sleep_interval, "setting of an inference server"),
    DF_OPT_END
};

static void test_cfg_init(NnScope s, RoiHead *h, const DfNode *test_cfg)
{
    if (nn_configure(s, test_cfg, test_opts, h, "test_cfg.rcnn"))
        df_head_nms(s, &h->nms, h->nms_cfg);
}

/* ---- dicts of the stages ----------------------------------------------------------------------------------------- */

static const DfNode *item_of(const DfNode *list, int i)
{
    const DfNode *item = list->first;
    while (i--)
        item = item->next;
    return item;
}

/* One dict for all stages, or a list of one for each. NULL after a failure. */
static const DfNode *of_stage(NnScope s, const DfNode *node, int stage, int stages, const char *key)
{
    if (!node) {
        nn_fail(s, DF_EVALUE, "%s is None: want a dict, or a list of dicts", key);
        return NULL;
    }
    const bool many = node->kind == DF_NODE_LIST;
    if (many && node->n != stages) {
        nn_fail(s, DF_EVALUE, "%s lists %d dicts: want one, or one for each of %d stages", key, node->n, stages);
        return NULL;
    }
    const DfNode *dict = many ? item_of(node, stage) : node;
    if (dict->kind == DF_NODE_DICT)
        return dict;
    nn_fail(s, DF_EVALUE, "%s: want a dict, or a list of dicts", key);
    return NULL;
}

static NnScope stage_scope(NnScope s, const RoiHead *h, const char *key, int stage)
{
    return h->cascade ? nn_at(s, "%s.%d", key, stage) : nn_at(s, "%s", key);
}

/* ---- parts ------------------------------------------------------------------------------------------------------- */

static RoiExtractor *extractors_init(NnScope s, const RoiHead *h, const DfNode *node, const char *key)
{
    RoiExtractor *out = nn_alloc(s, (size_t)h->num_stages, sizeof *out);
    for (int i = 0; nn_ok(s) && i < h->num_stages; i++) {
        const DfNode *dict = of_stage(s, node, i, h->num_stages, key);
        if (dict)
            df_roi_extractor_init(nn_at(s, "%s", key), &out[i], dict);
    }
    return out;
}

/* The struct of a part, its options read; NULL after a failure. */
static void *configured(NnScope s, const DfNode *dict, const DfOpt *opts, size_t size, const char *type)
{
    void *self = nn_alloc(s, 1, size);
    return self && nn_configure(s, dict, opts, self, type) ? self : NULL;
}

static void box_init(NnScope s, BoxPart *part, const DfNode *dict)
{
    const char *type = df_node_text(df_node_get(dict, "type"), "none");
    part->record = df_box_head_find(type);
    if (!part->record) {
        nn_fail(s, DF_EVALUE, "%s", df_error());
        return;
    }
    part->self = configured(s, dict, part->record->opts, part->record->size, type);
    if (!part->self)
        return;
    part->record->init(s, part->self);
    part->shape = part->record->shape(part->self);
}

static void mask_init(NnScope s, MaskPart *part, const DfNode *dict)
{
    const char *type = df_node_text(df_node_get(dict, "type"), "none");
    part->record = df_mask_head_find(type);
    if (!part->record) {
        nn_fail(s, DF_EVALUE, "%s", df_error());
        return;
    }
    part->self = configured(s, dict, part->record->opts, part->record->size, type);
    if (part->self)
        part->record->init(s, part->self);
}

static void boxes_init(NnScope s, RoiHead *h)
{
    h->box = nn_alloc(s, (size_t)h->num_stages, sizeof *h->box);
    for (int i = 0; nn_ok(s) && i < h->num_stages; i++) {
        const DfNode *dict = of_stage(s, h->bbox_head, i, h->num_stages, "bbox_head");
        if (dict)
            box_init(stage_scope(s, h, "bbox_head", i), &h->box[i], dict);
    }
}

static void masks_init(NnScope s, RoiHead *h)
{
    h->mask = nn_alloc(s, (size_t)h->num_stages, sizeof *h->mask);
    for (int i = 0; nn_ok(s) && i < h->num_stages; i++) {
        const DfNode *dict = of_stage(s, h->mask_head, i, h->num_stages, "mask_head");
        if (dict)
            mask_init(stage_scope(s, h, "mask_head", i), &h->mask[i], dict);
    }
}

/* ---- for training ------------------------------------------------------------------------------------------------ */

/* train_cfg.rcnn is a dict for all stages, or a list of one for each. */
static void train_cfg_init(NnScope s, RoiHead *h, const DfNode *train_cfg)
{
    const int n = h->num_stages;
    h->train = nn_alloc(s, (size_t)n, sizeof *h->train);
    const bool many = train_cfg && train_cfg->kind == DF_NODE_LIST;
    for (int i = 0; nn_ok(s) && i < n; i++) {
        const DfNode *dict = train_cfg;
        if (many)
            dict = i < train_cfg->n ? item_of(train_cfg, i) : NULL;
        df_train_cfg(s, &h->train[i], dict, "train_cfg.rcnn");
        if (many && train_cfg->n != n)
            df_set_problem(s, &h->train[i].problem, "train_cfg.rcnn lists %d dicts: want one for each of %d stages",
                           train_cfg->n, n);
    }
}

static void stage_weights_init(NnScope s, RoiHead *h)
{
    const DfNode *list = h->stage_loss_weights;
    const int n = h->num_stages;
    h->stage_weights = nn_alloc(s, (size_t)n, sizeof *h->stage_weights);
    const bool fits = list && list->kind == DF_NODE_LIST && list->n == n;
    if (list && !fits)
        df_set_problem(s, &h->stage_weights_problem, "stage_loss_weights: want a list of %d numbers", n);
    for (int i = 0; nn_ok(s) && i < n; i++)
        h->stage_weights[i] = fits ? df_node_number(item_of(list, i), 1) : 1;
}

/* ---- the head ---------------------------------------------------------------------------------------------------- */

int df_roi_head_classes(const RoiHead *h)
{
    return h->box[0].shape.classes;
}

static void check_classes(NnScope s, const RoiHead *h)
{
    for (int i = 0; nn_ok(s) && i < h->num_stages; i++) {
        const bool box_differs = h->box[i].shape.classes != df_roi_head_classes(h) ||
                                 h->box[i].shape.columns != h->box[0].shape.columns;
        const bool mask_differs = h->mask && h->mask[i].record->classes(h->mask[i].self) != df_roi_head_classes(h);
        if (box_differs || mask_differs)
            nn_fail(s, DF_EVALUE, "stage %d has another num_classes or class loss: want the same in all heads", i);
    }
}

void df_roi_head_init(NnScope s, RoiHead *h, DfHeadSettings settings)
{
    if (h->shared_head)
        nn_fail(s, DF_EVALUE, "shared_head has type '%s': C4 models are not built in",
                df_node_text(df_node_get(h->shared_head, "type"), "?"));
    if (!nn_ok(s))
        return;
    h->pads = settings.pads && !h->cascade;
    test_cfg_init(s, h, settings.test_cfg);
    train_cfg_init(s, h, settings.train_cfg);
    stage_weights_init(s, h);
    h->box_extractor = extractors_init(s, h, h->bbox_roi_extractor, "bbox_roi_extractor");
    boxes_init(s, h);
    h->mask_extractor = h->box_extractor;
    if (h->mask_head && h->mask_roi_extractor)
        h->mask_extractor = extractors_init(s, h, h->mask_roi_extractor, "mask_roi_extractor");
    if (h->mask_head)
        masks_init(s, h);
    check_classes(s, h);
}
