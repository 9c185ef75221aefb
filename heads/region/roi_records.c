/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region/roi_records.c -- the region heads of mmdet's two names: StandardRoIHead, of Fast, Faster and Mask
 * R-CNN, and CascadeRoIHead. The first is the second with one stage.
 */
#include "heads/region/roi_detect.h"
#include "heads/region/roi_forward.h"
#include "heads/region/roi_head.h"
#include "heads/region/roi_losses.h"

/* A part is a dict, or a list of one dict for each stage. */
#define ROI_HEAD_OPTS \
    DF_OPT_ROW(RoiHead, bbox_roi_extractor, DF_KIND_NODE, NULL, 0, 0, NULL, \
               "how box heads read a region: SingleRoIExtractor"), \
    DF_OPT_ROW(RoiHead, bbox_head, DF_KIND_NODE, NULL, 0, 0, NULL, "box head, such as Shared2FCBBoxHead"), \
    DF_OPT_NODE(RoiHead, mask_roi_extractor, "None", "how mask heads read a region; None: like box heads"), \
    DF_OPT_NODE(RoiHead, mask_head, "None", "mask head, FCNMaskHead; None: no masks"), \
    DF_OPT_DICT(RoiHead, shared_head, "None", "layers before all heads, of C4 models; only None is supported"), \
    DF_OPT_UNUSED(train_cfg, "the detector's train_cfg.rcnn is used"), \
    DF_OPT_UNUSED(test_cfg, "the detector's test_cfg.rcnn is used"), \
    DF_OPT_UNUSED(init_cfg, "how mmdet initialises weights"), \
    DF_OPT_END

static const DfOpt standard_opts[] = { ROI_HEAD_OPTS };

static const DfOpt cascade_opts[] = {
    DF_OPT_ROW(RoiHead, num_stages, DF_KIND_INT, NULL, 1, 16, NULL, "number of stages"),
    DF_OPT_NODE(RoiHead, stage_loss_weights, "None", "factor of each stage's losses, a list; None: 1"),
    ROI_HEAD_OPTS
};

static void init_standard(NnScope s, void *self, DfHeadSettings settings)
{
    RoiHead *h = self;
    h->num_stages = 1;
    df_roi_head_init(s, h, settings);
}

static void init_cascade(NnScope s, void *self, DfHeadSettings settings)
{
    RoiHead *h = self;
    h->cascade = true;
    df_roi_head_init(s, h, settings);
}

/* With those before the first label, which nothing has. */
static int classes(const void *self)
{
    const RoiHead *h = self;
    return df_roi_head_classes(h) + h->first_label;
}

static bool has_masks(const void *self)
{
    const RoiHead *h = self;
    return h->mask != NULL;
}

static void forward(DfCtx *c, const void *self, const DfMaps *in, const float *rois, int n, int n_masks)
{
    const RoiHead *h = self;
    for (int i = 0; i < h->num_stages; i++) {
        DfTensor *scores, *deltas;
        const DfMark m = df_enter(c, NULL, -1);
        df_roi_boxes(c, h, i, in, rois, n, &scores, &deltas, NULL);
        df_leave_all(c, m, NULL, 0);
    }
    for (int i = 0; h->mask && i < h->num_stages; i++) {
        const DfMark m = df_enter(c, NULL, -1);
        df_roi_masks(c, h, i, in, rois, n_masks);
        df_leave_all(c, m, NULL, 0);
    }
}

static void losses(DfCtx *c, const void *self, const DfMaps *in, const DfDetections *proposals,
                   const DfLossBatch *batch, DfLosses *out)
{
    df_roi_losses(c, self, in, proposals, batch, out);
}

static int detect(DfCtx *c, const void *self, const DfMaps *in, const DfDetections *proposals,
                  const DfImageMeta *metas, int n, bool rescale, DfDetections *results)
{
    return df_roi_detect(c, self, in, proposals, metas, n, rescale, results);
}

static int detect_views(DfCtx *c, const void *self, const DfMaps *views, const DfDetections *proposals,
                        const DfImageMeta *metas, int n, DfDetections *out)
{
    return df_roi_detect_views(c, self, views, proposals, metas, n, out);
}

const DfRegionHead df_head_standard_roi = {
    .name = "StandardRoIHead",
    .help = "boxes and masks of regions (Girshick, ICCV 2015; He et al., ICCV 2017)",
    .size = sizeof(RoiHead),
    .opts = standard_opts,
    .init = init_standard,
    .classes = classes,
    .has_masks = has_masks,
    .forward = forward,
    .losses = losses,
    .detect = detect,
    .detect_views = detect_views,
};

const DfRegionHead df_head_cascade_roi = {
    .name = "CascadeRoIHead",
    .help = "boxes of regions, refined stage by stage (Cai and Vasconcelos, CVPR 2018)",
    .size = sizeof(RoiHead),
    .opts = cascade_opts,
    .init = init_cascade,
    .classes = classes,
    .has_masks = has_masks,
    .forward = forward,
    .losses = losses,
    .detect = detect,
    .detect_views = detect_views,
};
