/* SPDX-License-Identifier: Apache-2.0
 *
 * models/retinanet.c -- one-stage detectors: backbone, feature pyramid, dense head. Lin et al., "Focal Loss for Dense
 * Object Detection", ICCV 2017, section 4 and figure 3.
 */
#include "models/parts.h"

typedef struct {
    Trunk trunk; /* first */
    const DfNode *bbox_head;
    DensePart head;
} RetinaNet;

static const DfOpt opts[] = {
    TRUNK_PARTS,
    DF_OPT_DICT(RetinaNet, bbox_head, NULL, "dense head, such as RetinaHead"),
    TRUNK_SETTINGS("settings of training: assigner, sampler and weights",
                "settings of inference: thresholds and limits"),
    DF_OPT_END
};

static void init(NnScope s, void *self, const DfNode *root)
{
    RetinaNet *net = self;
    const DfHeadSettings settings = {
        .train_cfg = df_trunk_train_cfg(&net->trunk, root),
        .test_cfg = df_trunk_test_cfg(&net->trunk, root),
        .loss_samples = df_trunk_is_before(root, 18),
    };
    df_trunk_init(s, &net->trunk);
    df_dense_part(nn_at(s, "bbox_head"), &net->head, net->bbox_head, settings);
    if (nn_ok(s) && !net->head.record->classes)
        nn_fail(s, DF_EVALUE, "bbox_head has type '%s': want a dense head that makes detections",
                net->head.record->name);
}

static void run(DfCtx *c, const RetinaNet *net, DfTensor *image, DfDense *dense)  /* image N H W 3                 */
{
    DfMaps pyramid;
    df_trunk_pyramid(c, &net->trunk, image, &pyramid);          /* P3 to P7: N H/8 W/8 C .. N H/128 W/128 C        */
    df_run_dense(c, &net->head, "bbox_head", &pyramid, dense);  /* of each level N h w A*classes and N h w A*4      */
    for (int i = 0; i < dense->n; i++) {
        df_observe(c, dense->cls_score[i], "cls_score_", i);
        df_observe(c, dense->bbox_pred[i], "bbox_pred_", i);
    }
}

static void forward(DfCtx *c, const void *self, DfTensor *image)
{
    DfDense dense;
    run(c, self, image, &dense);
}

static int detect(DfCtx *c, const void *self, DfTensor *image, const DfImageMeta *metas, int n, bool rescale,
                  DfDetections *results)
{
    const RetinaNet *net = self;
    DfDense dense;
    run(c, net, image, &dense);
    int error = df_ctx_error(c);
    for (int i = 0; error == DF_OK && i < n; i++)
        error = net->head.record->decode(net->head.self, &dense, i, &metas[i], rescale, &results[i]);
    return error;
}

static int detect_views(DfCtx *c, const void *self, DfTensor *const *views, const DfImageMeta *metas, int n,
                        DfDetections *result)
{
    const RetinaNet *net = self;
    DfDense *dense = df_malloc((size_t)n * sizeof *dense);
    if (!dense)
        return df_fail_memory("the views of an image");
    for (int i = 0; i < n; i++) {
        run(c, net, views[i], &dense[i]);
        df_mute(c, true); /* observers see the first view alone */
    }
    df_mute(c, false);
    int error = df_ctx_error(c);
    if (error == DF_OK)
        error = net->head.record->decode_views(net->head.self, dense, metas, n, result);
    df_free(dense);
    return error;
}

static void losses(DfCtx *c, const void *self, DfTensor *image, const DfLossBatch *batch, DfLosses *out)
{
    const RetinaNet *net = self;
    DfDense dense;
    run(c, net, image, &dense);
    const DfMark m = df_enter(c, "bbox_head", -1);
    net->head.record->losses(c, net->head.self, &dense, batch, out);
    df_leave_losses(c, m, out);
}

static int classes(const void *self)
{
    const RetinaNet *net = self;
    return net->head.record->classes(net->head.self);
}

const DfArchitecture df_architecture_retinanet = {
    .name = "RetinaNet",
    .help = "one-stage detector with focal loss (Lin et al., ICCV 2017)",
    .size = sizeof(RetinaNet),
    .opts = opts,
    .init = init,
    .forward = forward,
    .losses = losses,
    .detect = detect,
    .detect_views = detect_views,
    .ignorable = df_trunk_ignorable,
    .classes = classes,
};
