/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/dense/retina.c -- the head of RetinaNet: two towers of convolutions that all levels share, one for classes and
 * one for boxes. Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017.
 */
#include <math.h>

#include "heads/dense/candidates.h"
#include "heads/dense/targets.h"
#include "heads/settings/loss_cfg.h"
#include "heads/settings/settings.h"
#include "heads/settings/train_cfg.h"
#include "heads/views.h"

typedef struct {
    /* options */
    int num_classes, in_channels, stacked_convs, feat_channels;
    const DfNode *conv_cfg, *norm_cfg, *anchor_generator, *bbox_coder, *loss_cls_cfg, *loss_bbox_cfg;
    bool reg_decoded_bbox;
    /* modules */
    NnConvModule *cls_convs, *reg_convs; /* stacked_convs of each */
    NnConv retina_cls, retina_reg;
    /* test_cfg */
    DenseDecoder decoder;
    int max_per_img;
    double score_thr, min_bbox_size;
    bool clip_detections;
    const DfNode *nms_cfg;
    DfNms nms;
    /* for training */
    LossCfg loss_cls, loss_bbox;
    TrainCfg train;
} Retina;

#define RETINA_ANCHORS \
    "dict(type='AnchorGenerator', octave_base_scale=4, scales_per_octave=3, ratios=[0.5, 1.0, 2.0], " \
    "strides=[8, 16, 32, 64, 128])"
#define RETINA_CODER "dict(type='DeltaXYWHBBoxCoder', target_means=[0., 0., 0., 0.], target_stds=[1., 1., 1., 1.])"

static const DfOpt opts[] = {
    DF_OPT_ROW(Retina, num_classes, DF_KIND_INT, NULL, 1, 1000000, NULL, "number of classes, without background"),
    DF_OPT_ROW(Retina, in_channels, DF_KIND_INT, NULL, 1, 65536, NULL, "channels of the feature maps"),
    DF_OPT_INT(Retina, stacked_convs, 4, 0, 64, "number of convolutions in each of the two towers"),
    DF_OPT_INT(Retina, feat_channels, 256, 1, 65536, "number of channels inside the towers"),
    DF_OPT_DICT(Retina, conv_cfg, "None", "type of the towers' convolutions: None, Conv2d or ConvWS"),
    DF_OPT_DICT(Retina, norm_cfg, "None", "norm after each convolution of the towers"),
    DF_OPT_DICT(Retina, anchor_generator, RETINA_ANCHORS, "sizes and shapes of the anchors of each cell"),
    DF_OPT_DICT(Retina, bbox_coder, RETINA_CODER, "how a box is written relative to its anchor"),
    DF_OPT_AS(Retina, loss_cls, loss_cls_cfg, DF_KIND_DICT, "dict(type='FocalLoss', use_sigmoid=True)", 0, 0, NULL,
              "classification loss; its use_sigmoid also says whether scores are sigmoids or a softmax"),
    DF_OPT_AS(Retina, loss_bbox, loss_bbox_cfg, DF_KIND_DICT, "dict(type='L1Loss')", 0, 0, NULL, "box regression loss"),
    DF_OPT_BOOL(Retina, reg_decoded_bbox, False, "the box loss compares boxes, not their deltas to the anchors"),
    DF_OPT_UNUSED(train_cfg, "the detector's train_cfg is used"),
    DF_OPT_UNUSED(test_cfg, "the detector's test_cfg is used"),
    DF_OPT_UNUSED(init_cfg, "how mmdet initialises weights"),
    DF_OPT_END
};

/* ---- test_cfg ---------------------------------------------------------------------------------------------------- */

static const DfOpt test_opts[] = {
    DF_OPT_AS(Retina, nms_pre, decoder.nms_pre, DF_KIND_INT, "-1", -1, 100000000, NULL,
              "best anchors of each level that are decoded; <= 0: all; with filter_scores_and_topk -1 is all but the "
              "worst, and 0 none, as in mmdet"),
    DF_OPT_INT(Retina, max_per_img, 100, -1, 100000000, "most detections of an image; <= 0: all"),
    DF_OPT_FLOAT(Retina, score_thr, 0.05, -1e9, 1e9, "detections have a higher score than this"),
    DF_OPT_FLOAT(Retina, min_bbox_size, 0, -1, 1e9,
                 "with filter_scores_and_topk, boxes must be wider and higher than this, in pixels of the result; -1 "
                 "keeps all boxes; without it not used, as in mmdet"),
    DF_OPT_AS(Retina, filter_scores_and_topk, decoder.pairs, DF_KIND_BOOL, "False", 0, 0, NULL,
              "nms_pre counts pairs of an anchor and a class above score_thr, as in mmdet 3.x, and not anchors"),
    DF_OPT_BOOL(Retina, clip_detections, False,
                "detections are cut at the picture's border at the end, and those without area left out, as in "
                "detectron2"),
    DF_OPT_AS(Retina, nms, nms_cfg, DF_KIND_DICT, "dict(type='nms', iou_threshold=0.5)", 0, 0, NULL,
              "non-maximum suppression"),
    DF_OPT_UNUSED(deploy_nms_pre, "setting of an ONNX export"),
    DF_OPT_END
};

static void test_cfg_init(NnScope s, Retina *h, const DfNode *test_cfg)
{
    if (!nn_configure(s, test_cfg, test_opts, h, "test_cfg"))
        return;
    df_head_nms(s, &h->nms, h->nms_cfg);
    h->decoder.score_thr = h->score_thr;
}

/* ---- construction ------------------------------------------------------------------------------------------------ */

static void tower_layer(NnScope s, NnConvModule *conv, const Retina *h, int i)
{
    const int in = i == 0 ? h->in_channels : h->feat_channels;
    const NnConvShape shape = { .kernel = 3, .padding = 1, .standard_eps = nn_conv_kind(s, h->conv_cfg) };
    nn_conv_module_init(s, conv, in, h->feat_channels, shape, h->norm_cfg, DF_ACT_RELU, nn_normal(0.01));
}

/* Layer by layer, the class tower first: the order of the parameters is that of files that are written, and a stopped
 * evaluation is continued only if its hash of all weights, taken in this order, is the same. */
static void towers_init(NnScope s, Retina *h)
{
    const size_t n = (size_t)h->stacked_convs;
    h->cls_convs = nn_alloc(s, n, sizeof *h->cls_convs);
    h->reg_convs = nn_alloc(s, n, sizeof *h->reg_convs);
    for (int i = 0; nn_ok(s) && i < h->stacked_convs; i++) {
        tower_layer(nn_at(s, "cls_convs.%d", i), &h->cls_convs[i], h, i);
        tower_layer(nn_at(s, "reg_convs.%d", i), &h->reg_convs[i], h, i);
    }
}

static void decoder_init(NnScope s, Retina *h)
{
    DenseDecoder *d = &h->decoder;
    d->sigmoid = df_loss_says_sigmoid(h->loss_cls_cfg);
    d->classes = h->num_classes;
    d->columns = d->sigmoid ? h->num_classes : h->num_classes + 1;
    df_head_anchors(s, &d->anchors, h->anchor_generator);
    df_head_coder(s, &d->coder, h->bbox_coder);
}

/* Section 4.1 of the paper: where nearly every anchor is background, a network that starts with 0.5 for all learns from
 * nothing else at first. The bias -log((1 - p) / p) makes every anchor start as an object with the probability p =
 * 0.01. */
static void init(NnScope s, void *self, DfHeadSettings settings)
{
    Retina *h = self;
    decoder_init(s, h);
    test_cfg_init(s, h, settings.test_cfg);
    df_loss_cfg(s, &h->loss_cls, h->loss_cls_cfg, "loss_cls");
    df_loss_cfg(s, &h->loss_bbox, h->loss_bbox_cfg, "loss_bbox");
    df_train_cfg(s, &h->train, settings.train_cfg, "train_cfg");
    if (settings.loss_samples)
        df_dense_train_cfg_2(&h->train, &h->loss_cls);
    towers_init(s, h);
    const int A = h->decoder.anchors.per_cell;
    const int in = h->stacked_convs ? h->feat_channels : h->in_channels;
    const NnConvShape shape = { .kernel = 3, .padding = 1 };
    const double prior = -log((1 - 0.01) / 0.01);
    nn_conv_init_as(nn_at(s, "retina_cls"), &h->retina_cls, in, A * h->decoder.columns, shape, nn_normal(0.01),
                    nn_constant(prior));
    nn_conv_init_as(nn_at(s, "retina_reg"), &h->retina_reg, in, A * 4, shape, nn_normal(0.01), nn_constant(0));
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

/* Figure 3 (c) and (d): four 3x3 convolutions with ReLU, then one to the outputs. */
static DfTensor *tower(DfCtx *c, const NnConvModule *convs, int n, const NnConv *last, DfTensor *x, const char *name,
                       int level)
{
    const DfMark m = df_enter(c, name, level);
    DfTensor *y = n ? nn_conv_module(c, &convs[0], x) : x; /* x is the caller's: the other tower reads it too */
    for (int i = 1; i < n; i++)
        df_next(c, &y, nn_conv_module(c, &convs[i], y));
    return df_leave(c, m, nn_conv(c, last, y));
}

static void forward(DfCtx *c, const void *self, const DfMaps *in, DfDense *out)
{
    const Retina *h = self;
    const int n = h->stacked_convs;
    *out = (DfDense){ .n = in->n };
    if (in->n != h->decoder.anchors.levels)
        df_ctx_fail(c, DF_ESHAPE, "the anchor generator has %d strides and met %d maps", h->decoder.anchors.levels,
                    in->n);
    for (int i = 0; i < in->n; i++) {
        out->cls_score[i] = tower(c, h->cls_convs, n, &h->retina_cls, in->map[i], "cls", i); /* N h w A*classes */
        out->bbox_pred[i] = tower(c, h->reg_convs, n, &h->retina_reg, in->map[i], "reg", i); /* N h w A*4       */
    }
}

/* ---- losses ------------------------------------------------------------------------------------------------------ */

static void losses(DfCtx *c, const void *self, const DfDense *dense, const DfLossBatch *batch, DfLosses *out)
{
    const Retina *h = self;
    const DenseTeacher teacher = {
        .decoder = &h->decoder,
        .train = &h->train,
        .loss_cls = &h->loss_cls,
        .loss_bbox = &h->loss_bbox,
        .classes = h->num_classes,
        .decoded = h->reg_decoded_bbox,
        .cls_name = "loss_cls",
        .bbox_name = "loss_bbox",
    };
    df_dense_losses(c, &teacher, dense, batch, out);
}

/* ---- decode ------------------------------------------------------------------------------------------------------ */

static int suppress(const Retina *h, const Candidates *k, DfDetections *out)
{
    return df_multiclass_nms(&h->nms, h->score_thr, h->max_per_img, k->n, h->num_classes, h->num_classes, k->boxes,
                             false, k->scores, NULL, &out->v, &out->n);
}

static int decode(const void *self, const DfDense *dense, int image, const DfImageMeta *meta, bool rescale,
                  DfDetections *out)
{
    const Retina *h = self;
    Candidates k = { 0 };
    *out = (DfDetections){ 0 };
    int error = df_candidates_add(&k, &h->decoder, dense, image, meta);
    for (size_t i = 0; rescale && i < 4 * k.n; i++)
        k.boxes[i] /= meta->scale_factor[i % 4];
    if (h->decoder.pairs && h->min_bbox_size >= 0)
        df_candidates_drop_small(&k, h->num_classes, h->min_bbox_size);
    if (error == DF_OK)
        error = suppress(h, &k, out);
    if (error == DF_OK && h->clip_detections)
        df_detections_clip(out, meta, rescale);
    df_candidates_done(&k);
    return error;
}

/* The candidates of all views go into one suppression: mmdet's aug_test. */
static int decode_views(const void *self, const DfDense *views, const DfImageMeta *metas, int n, DfDetections *out)
{
    const Retina *h = self;
    Candidates k = { 0 };
    *out = (DfDetections){ 0 };
    int error = DF_OK;
    for (int view = 0; error == DF_OK && view < n; view++) {
        const size_t before = k.n;
        error = df_candidates_add(&k, &h->decoder, &views[view], 0, &metas[view]);
        for (size_t i = before; i < k.n; i++)
            df_box_to_original(k.boxes + 4 * i, &metas[view]);
    }
    if (error == DF_OK)
        error = suppress(h, &k, out);
    df_candidates_done(&k);
    return error;
}

static int classes(const void *self)
{
    const Retina *h = self;
    return h->num_classes;
}

const DfDenseHead df_head_retina = {
    .name = "RetinaHead",
    .help = "RetinaNet's two towers over anchors (Lin et al., ICCV 2017)",
    .size = sizeof(Retina),
    .opts = opts,
    .init = init,
    .classes = classes,
    .forward = forward,
    .losses = losses,
    .decode = decode,
    .decode_views = decode_views,
};
