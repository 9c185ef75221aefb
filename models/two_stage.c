/* SPDX-License-Identifier: Apache-2.0
 *
 * models/two_stage.c -- detectors of two stages: backbone, neck, region proposals, and a head for the regions. Faster R-CNN (Ren et
 * al., NIPS 2015), Mask R-CNN (He et al., ICCV 2017), Cascade R-CNN (Cai and Vasconcelos, CVPR 2018); they differ in their heads alone.
 */
#include "models/models.h"
#include "models/parts.h"

#include <math.h>

enum { USUAL_PROPOSALS = 1000, USUAL_DETECTIONS = 100 }; /* what official code counts multiply-adds with */

typedef struct {
    Trunk trunk; /* first */
    const DfNode *rpn_head, *roi_head;
    Part rpn, roi;
} TwoStage;

static const DfOpt opts[] = {
    TRUNK_PARTS,
    DF_OPT_DICT(TwoStage, rpn_head, NULL, "the first stage: where objects may be"),
    DF_OPT_DICT(TwoStage, roi_head, NULL, "the second stage: what they are"),
    TRUNK_SETTINGS("assigners, samplers and weights of a training run: rpn, rpn_proposal, rcnn", "thresholds and limits of the results: rpn, rcnn"),
    DF_OPT_UNUSED(data_preprocessor, "of mmdet 3"),
    DF_OPT_END
};

static void init(NnScope s, void *self, const DfNode *root)
{
    TwoStage *net = self;
    const DfNode *test_cfg = df_trunk_test_cfg(&net->trunk, root);
    df_trunk_init(s, &net->trunk);
    df_part_init(nn_at(s, "rpn_head"), &net->rpn, PART_HEAD, net->rpn_head, df_node_get(test_cfg, "rpn"));
    df_part_init(nn_at(s, "roi_head"), &net->roi, PART_HEAD, net->roi_head, df_node_get(test_cfg, "rcnn"));
    if (nn_ok(s) && !net->rpn.head->propose)
        nn_fail(s, DF_EVALUE, "rpn_head has type '%s': want one that makes proposals", net->rpn.head->name);
    if (nn_ok(s) && !net->roi.head->detect)
        nn_fail(s, DF_EVALUE, "roi_head has type '%s': want StandardRoIHead or CascadeRoIHead", net->roi.head->name);
}

/* ---- a pass of the usual size ------------------------------------------------------------------------------------ */

/* Regions of all sizes, all over the image: `i` of an endless even spread (Roberts' sequence) . */
static void usual_region(float roi[5], int image, int i, int H, int W)
{
    const double u = fmod(0.5 + 0.8191725133961645 * i, 1), v = fmod(0.5 + 0.6710436067037893 * i, 1), w = fmod(0.5 + 0.5497004779019703 * i, 1);
    const double side = 16 * pow(32, w), x = u * W, y = v * H; /* 16 to 512 pixels */
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

static void propose(DfCtx *c, const TwoStage *net, const DfMaps *pyramid, DfDense *dense)
{
    df_part_head(c, &net->rpn, "rpn_head", pyramid, dense);
    for (int i = 0; i < dense->n; i++) {
        df_observe(c, dense->cls_score[i], "rpn_cls_score_", i);
        df_observe(c, dense->bbox_pred[i], "rpn_bbox_pred_", i);
    }
}

static void forward(DfCtx *c, const void *self, DfTensor *image)
{
    const TwoStage *net = self;
    const int N = df_dim(image, 0);
    DfMaps pyramid;
    DfDense dense;
    df_trunk_pyramid(c, &net->trunk, image, &pyramid);
    propose(c, net, &pyramid, &dense);
    float *rois = df_malloc((size_t)N * USUAL_PROPOSALS * 5 * sizeof *rois);
    if (rois) {
        usual_regions(rois, N, df_dim(image, 1), df_dim(image, 2));
        const DfMark m = df_enter(c, "roi_head", -1);
        net->roi.head->pass(c, net->roi.self, &pyramid, rois, N * USUAL_PROPOSALS, N * USUAL_DETECTIONS);
        df_leave_all(c, m, NULL, 0);
    } else {
        df_ctx_fail(c, DF_ENOMEM, "out of memory for regions");
    }
    df_free(rois);
}

/* ---- detection --------------------------------------------------------------------------------------------------- */

static void observe_proposals(DfCtx *c, const DfProposals *proposals, int n)
{
    for (int i = 0; df_listens(c) && i < n; i++) {
        const DfMark m = df_enter(c, NULL, -1);
        DfTensor *x = df_from(c, DF_SHAPE((int)proposals[i].n, 5), proposals[i].n ? proposals[i].v[0] : NULL);
        df_observe(c, x, n > 1 ? "proposals_" : "proposals", n > 1 ? i : -1);
        df_leave_all(c, m, NULL, 0);
    }
}

/* From the pyramid on, with room for the proposals of n images. */
static int second_stage(DfCtx *c, const TwoStage *net, const DfMaps *pyramid, const DfDense *dense, const DfImageMeta *metas, int n, bool rescale,
                        DfProposals *proposals, DfDetections *results)
{
    int error = df_ctx_error(c);
    DfMark m = df_enter(c, "proposals", -1);
    for (int i = 0; error == DF_OK && i < n; i++)
        error = net->rpn.head->propose(net->rpn.self, dense, i, &metas[i], &proposals[i]);
    df_leave_all(c, m, NULL, 0);
    if (error < 0)
        return error;
    observe_proposals(c, proposals, n);
    m = df_enter(c, "roi_head", -1);
    error = net->roi.head->detect(c, net->roi.self, pyramid, proposals, metas, n, rescale, results);
    df_leave_all(c, m, NULL, 0);
    return error;
}

static int detect(DfCtx *c, const void *self, DfTensor *image, const DfImageMeta *metas, int n, bool rescale, DfDetections *results)
{
    const TwoStage *net = self;
    DfMaps pyramid;
    DfDense dense;
    df_trunk_pyramid(c, &net->trunk, image, &pyramid);
    propose(c, net, &pyramid, &dense);
    DfProposals *proposals = df_calloc((size_t)n + 1, sizeof *proposals);
    const int error = proposals ? second_stage(c, net, &pyramid, &dense, metas, n, rescale, proposals, results) : df_fail_memory("proposals");
    for (int i = 0; proposals && i < n; i++)
        df_proposals_free(&proposals[i]);
    df_free(proposals);
    return error;
}

/* ---- several views of an image ----------------------------------------------------------------------------------- */

typedef struct {
    int n;
    DfMaps *pyramid;
    DfProposals *proposals, merged;
} Views;

static int views_init(Views *v, int n)
{
    *v = (Views){ .n = n, .pyramid = df_calloc((size_t)n, sizeof *v->pyramid), .proposals = df_calloc((size_t)n, sizeof *v->proposals) };
    return v->pyramid && v->proposals ? DF_OK : df_fail_memory("the views of an image");
}

static void views_done(Views *v)
{
    for (int i = 0; v->proposals && i < v->n; i++)
        df_proposals_free(&v->proposals[i]);
    df_proposals_free(&v->merged);
    df_free(v->proposals);
    df_free(v->pyramid);
}

/* The pyramids of all views stay: every one is read again in the second stage. */
static int first_stage(DfCtx *c, const TwoStage *net, DfTensor *const *images, const DfImageMeta *metas, Views *v)
{
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < v->n; i++) {
        DfDense dense;
        df_trunk_pyramid(c, &net->trunk, images[i], &v->pyramid[i]);
        const DfMark m = df_enter(c, NULL, -1);
        propose(c, net, &v->pyramid[i], &dense);
        error = df_ctx_error(c);
        if (error == DF_OK)
            error = net->rpn.head->propose(net->rpn.self, &dense, 0, &metas[i], &v->proposals[i]);
        df_leave_all(c, m, NULL, 0);
        df_mute(c, true); /* the first view is heard */
    }
    return error == DF_OK ? net->rpn.head->merge(net->rpn.self, v->proposals, metas, v->n, &v->merged) : error;
}

static int detect_views(DfCtx *c, const void *self, DfTensor *const *images, const DfImageMeta *metas, int n, DfDetections *result)
{
    const TwoStage *net = self;
    Views v;
    int error = views_init(&v, n);
    if (error == DF_OK)
        error = first_stage(c, net, images, metas, &v);
    if (error == DF_OK) {
        const DfMark m = df_enter(c, "roi_head", -1);
        error = net->roi.head->detect_views(c, net->roi.self, v.pyramid, &v.merged, metas, n, result);
        df_leave_all(c, m, NULL, 0);
    }
    df_mute(c, false);
    views_done(&v);
    return error;
}

/* ---- the rest ---------------------------------------------------------------------------------------------------- */

static int classes(const void *self)
{
    const TwoStage *net = self;
    return net->roi.head->classes(net->roi.self);
}

static bool has_masks(const void *self)
{
    const TwoStage *net = self;
    return net->roi.head->has_masks(net->roi.self);
}

#define TWO_STAGE(record, type, text)                                                                                             \
    const DfArchitecture df_architecture_##record = { .name = type, .help = text, .size = sizeof(TwoStage), .opts = opts, .init = init, \
        .forward = forward, .detect = detect, .detect_views = detect_views, .ignorable = df_trunk_ignorable, .classes = classes, .has_masks = has_masks }
TWO_STAGE(faster_rcnn, "FasterRCNN", "two-stage detector (Ren et al., NIPS 2015)");
TWO_STAGE(mask_rcnn, "MaskRCNN", "two-stage detector with masks (He et al., ICCV 2017)");
TWO_STAGE(cascade_rcnn, "CascadeRCNN", "detector that refines its boxes in stages (Cai and Vasconcelos, CVPR 2018)");
TWO_STAGE(two_stage, "TwoStageDetector", "what they have in common, by its own name");
