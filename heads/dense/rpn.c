/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/dense/rpn.c -- the region proposal network, which predicts for every anchor whether there is an object, and
 * its box. Ren et al., Faster R-CNN, NIPS 2015, with a pyramid as in Lin et al., CVPR 2017.
 */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "heads/dense/candidates.h"
#include "heads/dense/targets.h"
#include "heads/settings/loss_cfg.h"
#include "heads/settings/settings.h"
#include "heads/settings/train_cfg.h"
#include "heads/views.h"

/* Which of the decoded anchors become proposals. */
typedef struct {
    int nms_pre, max_per_img;
    double min_size, min_score;
    bool drop_empty, by_logit;
    DfNms nms;
} ProposalCfg;

typedef struct {
    /* options */
    int in_channels, feat_channels, num_convs;
    const DfNode *anchor_generator, *bbox_coder, *loss_cls_cfg, *loss_bbox_cfg;
    bool reg_decoded_bbox;
    /* modules */
    NnConv conv, cls, reg;
    NnConvModule *convs;  /* num_convs of them in place of `conv`, if there is more than one      */
    DenseDecoder decoder; /* of one class, object; with a softmax it stands before the background */
    /* test_cfg.rpn */
    ProposalCfg test;
    /* for training: train_cfg.rpn, and train_cfg.rpn_proposal for what the second stage is given */
    LossCfg loss_cls, loss_bbox;
    TrainCfg train;
    ProposalCfg train_proposals;
    const char *train_proposals_problem;
} Rpn;

#define RPN_ANCHORS \
    "dict(type='AnchorGenerator', scales=[8, 16, 32], ratios=[0.5, 1.0, 2.0], strides=[4, 8, 16, 32, 64])"

static const DfOpt opts[] = {
    DF_OPT_ROW(Rpn, in_channels, DF_KIND_INT, NULL, 1, 65536, NULL, "channels of the feature maps"),
    DF_OPT_INT(Rpn, feat_channels, 256, 1, 65536, "channels after the 3x3 convolution"),
    DF_OPT_INT(Rpn, num_convs, 1, 1, 64, "number of 3x3 convolutions"),
    DF_OPT_DICT(Rpn, anchor_generator, RPN_ANCHORS, "sizes and shapes of the anchors of each cell"),
    DF_OPT_DICT(Rpn, bbox_coder, "dict(type='DeltaXYWHBBoxCoder')", "how a box is written relative to its anchor"),
    DF_OPT_BOOL(Rpn, reg_decoded_bbox, False, "the box loss compares boxes, not their deltas to the anchors"),
    DF_OPT_AS(Rpn, loss_cls, loss_cls_cfg, DF_KIND_DICT, "dict(type='CrossEntropyLoss', use_sigmoid=True)", 0, 0, NULL,
              "loss of object against background; its use_sigmoid also says whether scores are sigmoids or a softmax"),
    DF_OPT_AS(Rpn, loss_bbox, loss_bbox_cfg, DF_KIND_DICT, "dict(type='SmoothL1Loss', beta=0.1111111111111111)",
              0, 0, NULL, "box regression loss"),
    DF_OPT_UNUSED(train_cfg, "the detector's train_cfg.rpn is used"),
    DF_OPT_UNUSED(test_cfg, "the detector's test_cfg.rpn is used"),
    DF_OPT_UNUSED(num_classes, "there is one class, object"),
    DF_OPT_UNUSED(init_cfg, "how mmdet initialises weights"),
    DF_OPT_END
};

/* ---- test_cfg.rpn and train_cfg.rpn_proposal --------------------------------------------------------------------- */

typedef struct {
    int nms_pre, max_per_img, max_num;
    double nms_thr, min_bbox_size, min_score;
    const DfNode *nms;
    bool by_logit, drop_empty;
} ProposalDict;

static const DfOpt proposal_opts[] = {
    DF_OPT_INT(ProposalDict, nms_pre, 1000, -1, 100000000, "best anchors of each level that are decoded; <= 0: all"),
    DF_OPT_INT(ProposalDict, max_per_img, -1, -1, 100000000, "most proposals of an image; -1: 1000"),
    DF_OPT_INT(ProposalDict, max_num, -1, -1, 100000000, "older name of max_per_img"),
    DF_OPT_DICT(ProposalDict, nms, "None", "non-maximum suppression within a level; None: IoU above 0.7"),
    DF_OPT_FLOAT(ProposalDict, nms_thr, None, 0, 1, "older name of nms.iou_threshold"),
    DF_OPT_FLOAT(ProposalDict, min_bbox_size, -1, -1, 1e9,
                 "least width and height of a proposal, in network pixels; -1: any"),
    DF_OPT_FLOAT(ProposalDict, min_score, 0, 0, 1, "least score of a proposal, torchvision's rpn_score_thresh"),
    DF_OPT_BOOL(ProposalDict, by_logit, False,
                "the best are those of the largest logit, also where sigmoids are equal, as in torchvision and "
                "detectron2"),
    DF_OPT_BOOL(ProposalDict, drop_empty, False,
                "proposals are wider and higher than min_bbox_size, as in mmdet from 2.18 on; else not less wide and "
                "high"),
    DF_OPT_UNUSED(nms_post, "has no effect in mmdet 2.x either"),
    DF_OPT_UNUSED(nms_across_levels, "has no effect in mmdet 2.x either"),
    DF_OPT_UNUSED(score_thr, "has no effect in mmdet 2.x either"),
    DF_OPT_UNUSED(async_sleep_interval, "setting of an inference server"),
    DF_OPT_END
};

/* Old and new names of a setting; both only if they agree. `what`: "test_cfg.rpn". */
static int read_proposal_cfg(ProposalCfg *out, const ProposalDict *k, DfArena *arena, const char *what)
{
    if (k->max_num >= 0 && k->max_per_img >= 0 && k->max_num != k->max_per_img)
        return df_fail(DF_EVALUE, "%s: max_num = %d and max_per_img = %d mean the same: want one of them", what,
                       k->max_num, k->max_per_img);
    *out = (ProposalCfg){
        .nms_pre = k->nms_pre,
        .max_per_img = 1000,
        .min_size = k->min_bbox_size,
        .min_score = k->min_score,
        .by_logit = k->by_logit,
        .drop_empty = k->drop_empty,
        .nms = df_nms_options(),
    };
    if (k->max_per_img >= 0)
        out->max_per_img = k->max_per_img;
    else if (k->max_num >= 0)
        out->max_per_img = k->max_num;
    out->nms.iou_threshold = isnan(k->nms_thr) ? 0.7 : k->nms_thr;
    const int error = k->nms ? df_nms_cfg(&out->nms, k->nms, arena) : DF_OK;
    if (error == DF_OK && !isnan(k->nms_thr) && k->nms_thr != out->nms.iou_threshold)
        return df_fail(DF_EVALUE, "%s: nms_thr = %g and nms.iou_threshold = %g mean the same: want one of them", what,
                       k->nms_thr, out->nms.iou_threshold);
    return error;
}

static void test_cfg_init(NnScope s, Rpn *h, const DfNode *test_cfg)
{
    ProposalDict k = { 0 };
    if (!nn_configure(s, test_cfg, proposal_opts, &k, "test_cfg.rpn"))
        return;
    const int error = read_proposal_cfg(&h->test, &k, nn_model_arena(s.model), "test_cfg.rpn");
    if (error < 0)
        nn_fail(s, error, "%s", df_error());
}

/* Without rpn_proposal a training run has the proposals of test_cfg. */
static void train_cfg_init(NnScope s, Rpn *h, DfHeadSettings settings)
{
    df_loss_cfg(s, &h->loss_cls, h->loss_cls_cfg, "loss_cls");
    df_loss_cfg(s, &h->loss_bbox, h->loss_bbox_cfg, "loss_bbox");
    df_train_cfg(s, &h->train, settings.train_cfg, "train_cfg.rpn");
    if (settings.loss_samples)
        df_dense_train_cfg_2(&h->train, &h->loss_cls);
    h->train_proposals = h->test;
    ProposalDict k = { 0 };
    const char *what = "train_cfg.rpn_proposal";
    if (!settings.proposals || !df_bind_for_training(s, settings.proposals, proposal_opts, &k, what,
                                                     &h->train_proposals_problem))
        return;
    const int error = read_proposal_cfg(&h->train_proposals, &k, nn_model_arena(s.model), what);
    if (error == DF_ENOMEM)
        nn_fail(s, error, "%s", df_error());
    else if (error < 0)
        df_set_problem(s, &h->train_proposals_problem, "%s", df_error());
    h->train_proposals.drop_empty |= !settings.pads; /* releases differ where min_bbox_size is 0 */
}

/* ---- construction and forward ------------------------------------------------------------------------------------ */

/* One is a convolution alone, in files too; of several each has its own ReLU. */
static void convs_init(NnScope s, Rpn *h)
{
    const NnConvShape three = { .kernel = 3, .padding = 1 };
    const int F = h->feat_channels;
    if (h->num_convs == 1) {
        nn_conv_init_as(s, &h->conv, h->in_channels, F, three, nn_normal(0.01), nn_constant(0));
        return;
    }
    h->convs = nn_alloc(s, (size_t)h->num_convs, sizeof *h->convs);
    for (int i = 0; nn_ok(s) && i < h->num_convs; i++)
        nn_conv_module_init(nn_at(s, "%d", i), &h->convs[i], i == 0 ? h->in_channels : F, F, three, NULL, DF_ACT_RELU,
                            nn_normal(0.01));
}

static void init(NnScope s, void *self, DfHeadSettings settings)
{
    Rpn *h = self;
    h->decoder.classes = 1;
    h->decoder.sigmoid = df_loss_says_sigmoid(h->loss_cls_cfg);
    h->decoder.columns = h->decoder.sigmoid ? 1 : 2;
    df_head_anchors(s, &h->decoder.anchors, h->anchor_generator);
    df_head_coder(s, &h->decoder.coder, h->bbox_coder);
    test_cfg_init(s, h, settings.test_cfg);
    train_cfg_init(s, h, settings);
    const int A = h->decoder.anchors.per_cell, F = h->feat_channels;
    const NnConvShape one = { .kernel = 1 };
    convs_init(nn_at(s, "rpn_conv"), h);
    nn_conv_init_as(nn_at(s, "rpn_cls"), &h->cls, F, A * h->decoder.columns, one, nn_normal(0.01), nn_constant(0));
    nn_conv_init_as(nn_at(s, "rpn_reg"), &h->reg, F, A * 4, one, nn_normal(0.01), nn_constant(0));
}

static DfTensor *features(DfCtx *c, const Rpn *h, DfTensor *map)
{
    if (h->num_convs == 1)
        return nn_conv_fused(c, &h->conv, map, (DfFuse){ .act = DF_ACT_RELU });
    DfTensor *x = nn_conv_module(c, &h->convs[0], map);
    for (int i = 1; i < h->num_convs; i++)
        df_next(c, &x, nn_conv_module(c, &h->convs[i], x));
    return x;
}

/* Section 3.1 of the paper: a network of a 3x3 convolution slides over the map; two siblings of 1x1 say of every anchor
 * whether it is an object, and where exactly. All levels share it. */
static void forward(DfCtx *c, const void *self, const DfMaps *in, DfDense *out)
{
    const Rpn *h = self;
    *out = (DfDense){ .n = in->n };
    if (in->n != h->decoder.anchors.levels)
        df_ctx_fail(c, DF_ESHAPE, "the anchor generator has %d strides and met %d maps", h->decoder.anchors.levels,
                    in->n);
    for (int i = 0; i < in->n; i++) {
        const DfMark m = df_enter(c, "level", i);
        DfTensor *x = features(c, h, in->map[i]);                                             /* N h w F   */
        out->cls_score[i] = nn_conv(c, &h->cls, x);                                           /* N h w A   */
        out->bbox_pred[i] = nn_conv(c, &h->reg, x);                                           /* N h w 4A  */
        df_leave_all(c, m, (DfTensor *[]){ out->cls_score[i], out->bbox_pred[i] }, 2);
    }
}

/* ---- losses ------------------------------------------------------------------------------------------------------ */

/* Section 3.1.2: whatever its class, an object is an object. */
static void losses(DfCtx *c, const void *self, const DfDense *dense, const DfLossBatch *batch, DfLosses *out)
{
    const Rpn *h = self;
    const DenseTeacher teacher = {
        .decoder = &h->decoder,
        .train = &h->train,
        .loss_cls = &h->loss_cls,
        .loss_bbox = &h->loss_bbox,
        .classes = INT_MAX,
        .one_class = true,
        .decoded = h->reg_decoded_bbox,
        .cls_name = "loss_rpn_cls",
        .bbox_name = "loss_rpn_bbox",
    };
    df_dense_losses(c, &teacher, dense, batch, out);
}

/* ---- proposals --------------------------------------------------------------------------------------------------- */

/* Non-maximum suppression, and the best of what it leaves. Boxes of different labels[n] do not suppress one another;
 * labels NULL: all do. */
static int suppress(const ProposalCfg *cfg, const DfNms *nms, const Candidates *k, const int *labels,
                    DfDetections *out)
{
    DfKept *keep = df_malloc(k->n * sizeof *keep);
    size_t kept = 0;
    int error = keep ? df_nms(nms, k->n, k->boxes, k->scores, labels, keep, &kept) : df_fail_memory("proposals");
    if (kept > (size_t)cfg->max_per_img)
        kept = (size_t)cfg->max_per_img;
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

/* The best suppress the others, so it is the same before the suppression. */
static void drop_low_scores(const ProposalCfg *cfg, DfDetections *out)
{
    const size_t n = out->n;
    out->n = 0;
    for (size_t i = 0; i < n; i++)
        if (out->v[i].score >= (float)cfg->min_score)
            out->v[out->n++] = out->v[i];
}

/* Boxes of different levels do not suppress one another. */
static int decode_by(const Rpn *h, const ProposalCfg *cfg, const DfDense *dense, int image, const DfImageMeta *meta,
                     DfDetections *out)
{
    Candidates k = { 0 };
    *out = (DfDetections){ 0 };
    DenseDecoder decoder = h->decoder;
    decoder.nms_pre = cfg->nms_pre;
    decoder.min_size = cfg->min_size;
    decoder.drop_empty = cfg->drop_empty;
    decoder.by_logit = cfg->by_logit && decoder.sigmoid;
    DfNms limited = cfg->nms;
    if (limited.max_num <= 0 || limited.max_num > cfg->max_per_img)
        limited.max_num = cfg->max_per_img > 0 ? cfg->max_per_img : 1; /* 0 would mean all */
    int error = df_candidates_add(&k, &decoder, dense, image, meta);
    if (error == DF_OK)
        error = suppress(cfg, &limited, &k, k.levels, out);
    for (size_t i = 0; decoder.by_logit && error == DF_OK && i < out->n; i++)
        out->v[i].score = 1 / (1 + expf(-out->v[i].score));
    if (error == DF_OK && cfg->min_score > 0)
        drop_low_scores(cfg, out);
    df_candidates_done(&k);
    return error;
}

static int decode(const void *self, const DfDense *dense, int image, const DfImageMeta *meta, bool rescale,
                  DfDetections *out)
{
    const Rpn *h = self;
    const int error = decode_by(h, &h->test, dense, image, meta, out);
    for (size_t i = 0; rescale && i < 4 * out->n; i++)
        out->v[i / 4].box[i % 4] /= meta->scale_factor[i % 4];
    return error;
}

static int propose(const void *self, const DfDense *dense, int image, const DfImageMeta *meta, DfDetections *out)
{
    const Rpn *h = self;
    *out = (DfDetections){ 0 };
    if (h->train_proposals_problem)
        return df_fail(DF_EVALUE, "%s", h->train_proposals_problem);
    return decode_by(h, &h->train_proposals, dense, image, meta, out);
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

/* Proposals of several views, of which the weaker go where two overlap. As in mmdet, levels are forgotten, and
 * suppression is hard. */
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
    hard.iou_threshold = h->test.nms.iou_threshold;
    if (error == DF_OK)
        error = suppress(&h->test, &hard, &k, NULL, out);
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
    .losses = losses,
    .decode = decode,
    .propose = propose,
    .decode_views = decode_views,
};
