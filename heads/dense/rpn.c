/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/dense/rpn.c -- the region proposal network: for every anchor, is there an object, and where exactly. Ren et al., Faster R-CNN,
 * NIPS 2015, with a pyramid as in Lin et al., CVPR 2017.
 */
#include <math.h>
#include <string.h>

#include "heads/dense/candidates.h"
#include "heads/settings/settings.h"
#include "heads/views.h"

typedef struct {
    /* options */
    int in_channels, feat_channels;
    const DfNode *anchor_generator, *bbox_coder, *loss_cls, *loss_bbox;
    bool reg_decoded_bbox;
    /* modules */
    NnConv conv, cls, reg;
    /* test_cfg */
    DenseDecoder decoder; /* of one class, object; with a softmax it stands before the background */
    int max_per_img;
    DfNms nms;
} Rpn;

static const DfOpt opts[] = {
    DF_OPT_ROW(Rpn, in_channels, DF_KIND_INT, NULL, 1, 65536, NULL, "channels of the maps"),
    DF_OPT_INT(Rpn, feat_channels, 256, 1, 65536, "channels inside"),
    DF_OPT_DICT(Rpn, anchor_generator, "dict(type='AnchorGenerator', scales=[8, 16, 32], ratios=[0.5, 1.0, 2.0], strides=[4, 8, 16, 32, 64])", "the anchors"),
    DF_OPT_DICT(Rpn, bbox_coder, "dict(type='DeltaXYWHBBoxCoder')", "how a box is written relative to its anchor"),
    DF_OPT_BOOL(Rpn, reg_decoded_bbox, False, "the box loss sees boxes, not deltas"),
    DF_OPT_DICT(Rpn, loss_cls, "dict(type='CrossEntropyLoss', use_sigmoid=True)", "objectness loss; use_sigmoid also says how scores are made"),
    DF_OPT_DICT(Rpn, loss_bbox, "dict(type='SmoothL1Loss', beta=0.1111111111111111)", "box loss"),
    DF_OPT_UNUSED(train_cfg, "of a training run"),
    DF_OPT_UNUSED(test_cfg, "given by the detector"),
    DF_OPT_UNUSED(num_classes, "there is one: object"),
    DF_OPT_UNUSED(init_cfg, "weights to start a training run from"),
    DF_OPT_END
};

/* ---- test_cfg.rpn ------------------------------------------------------------------------------------------------ */

typedef struct {
    int nms_pre, max_per_img, max_num;
    double nms_thr, min_bbox_size;
    const DfNode *nms;
} TestConfig;

static const DfOpt test_opts[] = {
    DF_OPT_INT(TestConfig, nms_pre, 1000, -1, 100000000, "anchors of a level that go on, best first; <= 0: all"),
    DF_OPT_INT(TestConfig, max_per_img, -1, -1, 100000000, "proposals of an image"),
    DF_OPT_INT(TestConfig, max_num, -1, -1, 100000000, "older name of max_per_img"),
    DF_OPT_DICT(TestConfig, nms, "None", "non-maximum suppression, within a level"),
    DF_OPT_FLOAT(TestConfig, nms_thr, None, 0, 1, "older name of nms.iou_threshold"),
    DF_OPT_FLOAT(TestConfig, min_bbox_size, 0, 0, 1e9, "smaller proposals go; 0: none"),
    DF_OPT_UNUSED(nms_post, "without effect, as in mmdet 2.x"),
    DF_OPT_UNUSED(nms_across_levels, "without effect, as in mmdet 2.x"),
    DF_OPT_UNUSED(score_thr, "without effect, as in mmdet 2.x"),
    DF_OPT_UNUSED(async_sleep_interval, "of a server"),
    DF_OPT_END
};

/* Old and new names of a setting; both only if they agree. */
static void test_cfg_init(NnScope s, Rpn *h, const DfNode *test_cfg)
{
    TestConfig k = { 0 };
    if (!nn_configure(s, test_cfg, test_opts, &k, "test_cfg.rpn"))
        return;
    if (k.max_num >= 0 && k.max_per_img >= 0 && k.max_num != k.max_per_img)
        nn_fail(s, DF_EVALUE, "test_cfg.rpn: max_num = %d and max_per_img = %d mean the same: want one of them", k.max_num, k.max_per_img);
    h->decoder.nms_pre = k.nms_pre;
    h->max_per_img = k.max_per_img >= 0 ? k.max_per_img : k.max_num >= 0 ? k.max_num : 1000;
    h->decoder.min_size = k.min_bbox_size;
    h->nms = df_nms_options();
    h->nms.iou_threshold = 0.7;
    if (k.nms)
        df_head_nms(s, &h->nms, k.nms);
    else if (!isnan(k.nms_thr))
        h->nms.iou_threshold = k.nms_thr;
    if (k.nms && !isnan(k.nms_thr) && k.nms_thr != h->nms.iou_threshold)
        nn_fail(s, DF_EVALUE, "test_cfg.rpn: nms_thr = %g and nms.iou_threshold = %g mean the same: want one of them", k.nms_thr, h->nms.iou_threshold);
}

/* ---- construction and forward ------------------------------------------------------------------------------------ */

static void init(NnScope s, void *self, DfHeadSettings settings)
{
    Rpn *h = self;
    h->decoder.classes = 1;
    h->decoder.sigmoid = df_node_bool(df_node_get(h->loss_cls, "use_sigmoid"), false);
    h->decoder.columns = h->decoder.sigmoid ? 1 : 2;
    df_head_anchors(s, &h->decoder.anchors, h->anchor_generator);
    df_head_coder(s, &h->decoder.coder, h->bbox_coder);
    test_cfg_init(s, h, settings.test_cfg);
    const int A = h->decoder.anchors.per_cell, F = h->feat_channels;
    const NnConvShape three = { .kernel = 3, .padding = 1 }, one = { .kernel = 1 };
    nn_conv_init_as(nn_at(s, "rpn_conv"), &h->conv, h->in_channels, F, three, nn_normal(0.01), nn_constant(0));
    nn_conv_init_as(nn_at(s, "rpn_cls"), &h->cls, F, A * h->decoder.columns, one, nn_normal(0.01), nn_constant(0));
    nn_conv_init_as(nn_at(s, "rpn_reg"), &h->reg, F, A * 4, one, nn_normal(0.01), nn_constant(0));
}

/* Section 3.1 of the paper: a network of a 3x3 convolution slides over the map; two siblings of 1x1 say of every anchor whether it is an
 * object, and where exactly. All levels share it. */
static void forward(DfCtx *c, const void *self, const DfMaps *in, DfDense *out)
{
    const Rpn *h = self;
    *out = (DfDense){ .n = in->n };
    if (in->n != h->decoder.anchors.levels)
        df_ctx_fail(c, DF_ESHAPE, "the anchor generator has %d strides and met %d maps", h->decoder.anchors.levels, in->n);
    for (int i = 0; i < in->n; i++) {
        const DfMark m = df_enter(c, "level", i);
        DfTensor *x = nn_conv_fused(c, &h->conv, in->map[i], (DfFuse){ .act = DF_ACT_RELU }); /* N h w F   */
        out->cls_score[i] = nn_conv(c, &h->cls, x);                                           /* N h w A   */
        out->bbox_pred[i] = nn_conv(c, &h->reg, x);                                           /* N h w 4A  */
        df_leave_all(c, m, (DfTensor *[]){ out->cls_score[i], out->bbox_pred[i] }, 2);
    }
}

/* ---- proposals --------------------------------------------------------------------------------------------------- */

/* The best of the candidates: labels[n] says which do not suppress one another, NULL: all do. */
static int suppress(const Rpn *h, const DfNms *nms, const Candidates *k, const int *labels, DfDetections *out)
{
    DfKept *keep = df_malloc(k->n * sizeof *keep);
    size_t kept = 0;
    int error = keep ? df_nms(nms, k->n, k->boxes, k->scores, labels, keep, &kept) : df_fail_memory("proposals");
    if (kept > (size_t)h->max_per_img)
        kept = (size_t)h->max_per_img;
    if (error == DF_OK) {
        out->v = df_malloc(kept * sizeof *out->v);
        error = out->v ? DF_OK : df_fail_memory("proposals");
    }
    for (size_t i = 0; error == DF_OK && i < kept; i++, out->n++) {
        DfDetection *d = &out->v[i];
        *d = (DfDetection){ .score = keep[i].score, .index = keep[i].index };
        memcpy(d->box, k->boxes + 4 * (size_t)keep[i].index, sizeof d->box);
    }
    df_free(keep);
    return error;
}

/* Boxes of different levels do not suppress one another. */
static int decode(const void *self, const DfDense *dense, int image, const DfImageMeta *meta, bool rescale, DfDetections *out)
{
    const Rpn *h = self;
    Candidates k = { 0 };
    *out = (DfDetections){ 0 };
    DfNms limited = h->nms;
    if (limited.max_num <= 0 || limited.max_num > h->max_per_img)
        limited.max_num = h->max_per_img > 0 ? h->max_per_img : 1;
    int error = df_candidates_add(&k, &h->decoder, dense, image, meta);
    if (error == DF_OK)
        error = suppress(h, &limited, &k, k.levels, out);
    for (size_t i = 0; rescale && i < 4 * out->n; i++)
        out->v[i / 4].box[i % 4] /= meta->scale_factor[i % 4];
    df_candidates_done(&k);
    return error;
}

/* Adds a view's proposals, in original pixels. */
static int add_proposals(Candidates *k, const DfDetections *found, const DfImageMeta *meta)
{
    const int error = df_candidates_room(k, found->n, 1);
    for (size_t i = 0; error == DF_OK && i < found->n; i++, k->n++) {
        float *box = k->boxes + 4 * k->n;
        memcpy(box, found->v[i].box, sizeof found->v[i].box);
        df_box_to_original(box, meta);
        k->scores[k->n] = found->v[i].score;
    }
    return error;
}

/* Proposals of several views, of which the weaker go where two overlap. As in mmdet, levels are forgotten, and suppression is hard. */
static int decode_views(const void *self, const DfDense *views, const DfImageMeta *metas, int n, DfDetections *out)
{
    const Rpn *h = self;
    Candidates k = { 0 };
    *out = (DfDetections){ 0 };
    int error = DF_OK;
    for (int view = 0; error == DF_OK && view < n; view++) {
        DfDetections found;
        error = decode(h, &views[view], 0, &metas[view], false, &found);
        if (error == DF_OK)
            error = add_proposals(&k, &found, &metas[view]);
        df_detections_free(&found);
    }
    DfNms hard = df_nms_options();
    hard.iou_threshold = h->nms.iou_threshold;
    if (error == DF_OK)
        error = suppress(h, &hard, &k, NULL, out);
    df_candidates_done(&k);
    return error;
}

const DfDenseHead df_head_rpn = {
    .name = "RPNHead",
    .help = "region proposal network (Ren et al., NIPS 2015)",
    .size = sizeof(Rpn),
    .opts = opts,
    .init = init,
    .forward = forward,
    .decode = decode,
    .decode_views = decode_views,
};
