/* SPDX-License-Identifier: Apache-2.0
 *
 * models/two_stage.c -- two-stage detectors: backbone, neck, region proposals, and a head for the regions. Faster
 * R-CNN (Ren et al., NIPS 2015), Mask R-CNN (He et al., ICCV 2017), Cascade R-CNN (Cai and Vasconcelos, CVPR 2018);
 * they differ only in their heads.
 */
#include "models/parts.h"

#include <math.h>
#include <string.h>

enum { USUAL_PROPOSALS = 1000, USUAL_DETECTIONS = 100 }; /* what official code counts multiply-adds with */

typedef struct {
    Trunk trunk; /* first */
    const DfNode *rpn_head, *roi_head;
    DensePart rpn;
    RegionPart roi;
} TwoStage;

static const DfOpt opts[] = {
    TRUNK_PARTS,
    DF_OPT_DICT(TwoStage, rpn_head, NULL, "first stage, which proposes regions: RPNHead"),
    DF_OPT_DICT(TwoStage, roi_head, NULL, "second stage, which classifies them: StandardRoIHead or CascadeRoIHead"),
    TRUNK_SETTINGS("training settings of the stages: rpn, rpn_proposal, rcnn",
                "test settings of the stages: rpn, rcnn"),
    DF_OPT_END
};

static void init(NnScope s, void *self, const DfNode *root)
{
    TwoStage *net = self;
    const DfNode *train_cfg = df_trunk_train_cfg(&net->trunk, root);
    const DfNode *test_cfg = df_trunk_test_cfg(&net->trunk, root);
    const DfHeadSettings first = {
        .train_cfg = df_node_get(train_cfg, "rpn"),
        .proposals = df_node_get(train_cfg, "rpn_proposal"),
        .test_cfg = df_node_get(test_cfg, "rpn"),
        .pads = df_trunk_is_before(root, 14),
        .loss_samples = df_trunk_is_before(root, 18),
    };
    const DfHeadSettings second = {
        .train_cfg = df_node_get(train_cfg, "rcnn"),
        .test_cfg = df_node_get(test_cfg, "rcnn"),
        .pads = df_trunk_is_before(root, 14),
    };
    df_trunk_init(s, &net->trunk);
    df_dense_part(nn_at(s, "rpn_head"), &net->rpn, net->rpn_head, first);
    df_region_part(nn_at(s, "roi_head"), &net->roi, net->roi_head, second);
    if (nn_ok(s) && net->rpn.record->classes)
        nn_fail(s, DF_EVALUE, "rpn_head has type '%s': want one that makes proposals", net->rpn.record->name);
}

/* ---- the first stage --------------------------------------------------------------------------------------------- */

/* The size that all pictures fit in, as they were before they were padded. */
static void note_pictures(const DfImageMeta *metas, int n, DfMaps *pyramid)
{
    pyramid->picture[0] = pyramid->picture[1] = 0;
    for (int i = 0; i < n; i++) {
        if (metas[i].img_h > pyramid->picture[0])
            pyramid->picture[0] = metas[i].img_h;
        if (metas[i].img_w > pyramid->picture[1])
            pyramid->picture[1] = metas[i].img_w;
    }
}

/* Where objects may be: scores and boxes of all anchors of the pyramid. */
static void run_first_stage(DfCtx *c, const TwoStage *net, DfTensor *image, const DfImageMeta *metas, int n,
                            DfMaps *pyramid, DfDense *dense)
{
    df_trunk_pyramid(c, &net->trunk, image, pyramid);        /* N H W 3 -> P2 to P6: N H/4 W/4 C .. N H/64 W/64 C */
    note_pictures(metas, n, pyramid);
    df_run_dense(c, &net->rpn, "rpn_head", pyramid, dense);  /* of each level N h w A and N h w A*4               */
    for (int i = 0; i < dense->n; i++) {
        df_observe(c, dense->cls_score[i], "rpn_cls_score_", i);
        df_observe(c, dense->bbox_pred[i], "rpn_bbox_pred_", i);
    }
}

/* A listener hears x1 y1 x2 y2 and score of each. */
static void observe_proposals(DfCtx *c, const DfDetections *proposals, int n)
{
    for (int i = 0; df_listens(c) && i < n; i++) {
        const DfMark m = df_enter(c, NULL, -1);
        DfTensor *x = df_new(c, DF_SHAPE((int)proposals[i].n, 5));
        for (int k = 0; k < df_dim(x, 0); k++) {
            const DfDetection *d = &proposals[i].v[k];
            memcpy(x->data + 5 * (size_t)k, d->box, sizeof d->box);
            x->data[5 * (size_t)k + 4] = d->score;
        }
        df_observe(c, x, n > 1 ? "proposals_" : "proposals", n > 1 ? i : -1);
        df_leave_all(c, m, NULL, 0);
    }
}

static int propose(DfCtx *c, const TwoStage *net, const DfDense *dense, const DfImageMeta *metas, int n,
                   DfDetections *proposals)
{
    int error = df_ctx_error(c);
    const DfMark m = df_enter(c, "proposals", -1);
    for (int i = 0; error == DF_OK && i < n; i++)
        error = net->rpn.record->decode(net->rpn.self, dense, i, &metas[i], false, &proposals[i]);
    df_leave_all(c, m, NULL, 0);
    if (error == DF_OK)
        observe_proposals(c, proposals, n);
    return error;
}

/* ---- detection --------------------------------------------------------------------------------------------------- */

static int detect_in(DfCtx *c, const TwoStage *net, const DfMaps *pyramid, const DfDetections *proposals,
                     const DfImageMeta *metas, int n, bool rescale, DfDetections *results)
{
    const DfMark m = df_enter(c, "roi_head", -1);
    const int error = net->roi.record->detect(c, net->roi.self, pyramid, proposals, metas, n, rescale, results);
    df_leave_all(c, m, NULL, 0);
    return error;
}

static int detect(DfCtx *c, const void *self, DfTensor *image, const DfImageMeta *metas, int n, bool rescale,
                  DfDetections *results)
{
    const TwoStage *net = self;
    DfMaps pyramid;
    DfDense dense;
    run_first_stage(c, net, image, metas, n, &pyramid, &dense);
    DfDetections *proposals = df_calloc((size_t)n + 1, sizeof *proposals);
    int error = proposals ? propose(c, net, &dense, metas, n, proposals) : df_fail_memory("proposals");
    if (error == DF_OK)
        error = detect_in(c, net, &pyramid, proposals, metas, n, rescale, results);
    for (int i = 0; proposals && i < n; i++)
        df_detections_free(&proposals[i]);
    df_free(proposals);
    return error;
}

/* ---- training ---------------------------------------------------------------------------------------------------- */

/* What the second stage learns from, image by image. */
static int propose_to_learn(DfCtx *c, const TwoStage *net, const DfDense *dense, const DfLossBatch *batch,
                            DfDetections *proposals)
{
    const DfDenseHead *rpn = net->rpn.record;
    int error = df_ctx_error(c);
    for (int i = 0; error == DF_OK && !c->dry && i < batch->n; i++) {
        if (rpn->propose)
            error = rpn->propose(net->rpn.self, dense, i, &batch->metas[i], &proposals[i]);
        else
            error = rpn->decode(net->rpn.self, dense, i, &batch->metas[i], false, &proposals[i]);
    }
    if (error == DF_OK)
        observe_proposals(c, proposals, batch->n);
    return error;
}

static void learn_regions(DfCtx *c, const TwoStage *net, const DfMaps *pyramid, const DfDense *dense,
                          const DfLossBatch *batch, DfLosses *out)
{
    DfDetections *proposals = df_calloc((size_t)batch->n + 1, sizeof *proposals);
    const int error = proposals ? propose_to_learn(c, net, dense, batch, proposals) : df_fail_memory("proposals");
    if (error < 0)
        df_ctx_fail(c, error, "%s", df_error());
    const DfMark m = df_enter(c, "roi_head", -1);
    if (!c->err)
        net->roi.record->losses(c, net->roi.self, pyramid, proposals, batch, out);
    df_leave_losses(c, m, out);
    for (int i = 0; proposals && i < batch->n; i++)
        df_detections_free(&proposals[i]);
    df_free(proposals);
}

/* Both stages learn at once from one pass ("approximate joint training", Ren et al., section 3.2): proposals are taken
 * as given, without a way back through them. */
static void losses(DfCtx *c, const void *self, DfTensor *image, const DfLossBatch *batch, DfLosses *out)
{
    const TwoStage *net = self;
    DfMaps pyramid;
    DfDense dense;
    run_first_stage(c, net, image, batch->metas, batch->n, &pyramid, &dense);
    const DfMark m = df_enter(c, "rpn_head", -1);
    if (!c->err && net->rpn.record->losses)
        net->rpn.record->losses(c, net->rpn.self, &dense, batch, out);
    df_leave_losses(c, m, out);
    learn_regions(c, net, &pyramid, &dense, batch, out);
}

/* ---- several views of an image ----------------------------------------------------------------------------------- */

/* The pyramids of all views stay: every one is read again in the second stage. */
static int detect_in_views(DfCtx *c, const TwoStage *net, DfTensor *const *images, const DfImageMeta *metas, int n,
                           DfMaps *pyramids, DfDense *dense, DfDetections *result)
{
    for (int i = 0; i < n; i++) {
        run_first_stage(c, net, images[i], &metas[i], 1, &pyramids[i], &dense[i]);
        df_mute(c, true); /* observers see the first view alone */
    }
    DfDetections proposals = { 0 };
    int error = df_ctx_error(c);
    if (error == DF_OK)
        error = net->rpn.record->decode_views(net->rpn.self, dense, metas, n, &proposals);
    if (error == DF_OK) {
        const DfMark m = df_enter(c, "roi_head", -1);
        error = net->roi.record->detect_views(c, net->roi.self, pyramids, &proposals, metas, n, result);
        df_leave_all(c, m, NULL, 0);
    }
    df_mute(c, false);
    df_detections_free(&proposals);
    return error;
}

static int detect_views(DfCtx *c, const void *self, DfTensor *const *images, const DfImageMeta *metas, int n,
                        DfDetections *result)
{
    DfMaps *pyramids = df_malloc((size_t)n * sizeof *pyramids);
    DfDense *dense = df_malloc((size_t)n * sizeof *dense);
    const int error = pyramids && dense ? detect_in_views(c, self, images, metas, n, pyramids, dense,
                                                          result) : df_fail_memory("the views of an image");
    df_free(dense);
    df_free(pyramids);
    return error;
}

/* ---- a pass of the usual size ------------------------------------------------------------------------------------ */

/* Regions of all sizes, all over the image: place and size follow number `i` of an endless, even spread of points in
 * three dimensions (Roberts' sequence: multiples of 1/g, 1/g^2, 1/g^3 with g^4 = g + 1). */
static void usual_region(float roi[5], int image, int i, int H, int W)
{
    const double u = fmod(0.5 + 0.8191725133961645 * i, 1);
    const double v = fmod(0.5 + 0.6710436067037893 * i, 1);
    const double w = fmod(0.5 + 0.5497004779019703 * i, 1);
    const double side = 16 * pow(32, w); /* 16 to 512 pixels */
    const double x = u * W, y = v * H;
    roi[0] = (float)image;
    roi[1] = (float)fmax(x - side / 2, 0);
    roi[2] = (float)fmax(y - side / 2, 0);
    roi[3] = (float)fmin(x + side / 2, W);
    roi[4] = (float)fmin(y + side / 2, H);
}

/* The first regions of the list are those that get masks: some of every image. */
static void usual_regions(float *rois, int N, int H, int W)
{
    for (int i = 0; i < USUAL_PROPOSALS; i++)
        for (int n = 0; n < N; n++)
            usual_region(rois + 5 * ((size_t)i * (size_t)N + (size_t)n), n, i, H, W);
}

static void forward(DfCtx *c, const void *self, DfTensor *image)
{
    const TwoStage *net = self;
    const int N = df_dim(image, 0);
    DfMaps pyramid;
    DfDense dense;
    run_first_stage(c, net, image, NULL, 0, &pyramid, &dense);
    float *rois = df_malloc((size_t)N * USUAL_PROPOSALS * 5 * sizeof *rois);
    if (rois) {
        usual_regions(rois, N, df_dim(image, 1), df_dim(image, 2));
        const DfMark m = df_enter(c, "roi_head", -1);
        net->roi.record->forward(c, net->roi.self, &pyramid, rois, N * USUAL_PROPOSALS, N * USUAL_DETECTIONS);
        df_leave_all(c, m, NULL, 0);
    } else {
        df_ctx_fail(c, DF_ENOMEM, "out of memory for regions");
    }
    df_free(rois);
}

/* ---- the four names ---------------------------------------------------------------------------------------------- */

static int classes(const void *self)
{
    const TwoStage *net = self;
    return net->roi.record->classes(net->roi.self);
}

static bool has_masks(const void *self)
{
    const TwoStage *net = self;
    return net->roi.record->has_masks(net->roi.self);
}

/* They differ in their heads alone. */
#define TWO_STAGE(record, type, text)                                                                              \
    const DfArchitecture df_architecture_##record = {                                                              \
        .name = type, .help = text, .size = sizeof(TwoStage), .opts = opts, .init = init, .forward = forward,      \
        .detect = detect, .detect_views = detect_views, .losses = losses, .ignorable = df_trunk_ignorable,         \
        .classes = classes, .has_masks = has_masks                                                                 \
    }
TWO_STAGE(faster_rcnn, "FasterRCNN", "two-stage detector (Ren et al., NIPS 2015)");
TWO_STAGE(mask_rcnn, "MaskRCNN", "two-stage detector with masks (He et al., ICCV 2017)");
TWO_STAGE(cascade_rcnn, "CascadeRCNN", "detector that refines its boxes in stages (Cai and Vasconcelos, CVPR 2018)");
TWO_STAGE(two_stage, "TwoStageDetector", "two-stage detector of any first and second stage, by the common name");
