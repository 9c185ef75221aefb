/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/dense/rpn.c -- the region proposal network: for every anchor, is there an object, and where exactly. Ren et al., Faster R-CNN,
 * NIPS 2015, with a pyramid as in Lin et al., CVPR 2017.
 */
#include <math.h>
#include <string.h>

#include "heads/heads.h"
#include "heads/settings/settings.h"
#include "heads/views.h"

typedef struct {
    /* options */
    int in_channels, feat_channels;
    const DfNode *anchor_generator, *bbox_coder, *loss_cls, *loss_bbox;
    bool reg_decoded_bbox;
    /* modules */
    NnConv conv, cls, reg;
    DfAnchors anchors;
    DfDeltaCoder coder;
    bool sigmoid;  /* one score an anchor; else a softmax of two, the object's first */
    /* test_cfg */
    int nms_pre, max_per_img;
    double min_bbox_size;
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
    h->nms_pre = k.nms_pre;
    h->max_per_img = k.max_per_img >= 0 ? k.max_per_img : k.max_num >= 0 ? k.max_num : 1000;
    h->min_bbox_size = k.min_bbox_size;
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

static void init(NnScope s, void *self, const DfNode *test_cfg)
{
    Rpn *h = self;
    h->sigmoid = df_node_bool(df_node_get(h->loss_cls, "use_sigmoid"), false);
    df_head_anchors(s, &h->anchors, h->anchor_generator);
    df_head_coder(s, &h->coder, h->bbox_coder);
    test_cfg_init(s, h, test_cfg);
    const int A = h->anchors.per_cell, F = h->feat_channels;
    if (!nn_ok(s))
        return;
    nn_conv_init_as(nn_at(s, "rpn_conv"), &h->conv, h->in_channels, F, (NnConvShape){ .kernel = 3, .padding = 1 }, nn_normal(0.01), nn_constant(0));
    nn_conv_init_as(nn_at(s, "rpn_cls"), &h->cls, F, h->sigmoid ? A : 2 * A, (NnConvShape){ .kernel = 1 }, nn_normal(0.01), nn_constant(0));
    nn_conv_init_as(nn_at(s, "rpn_reg"), &h->reg, F, 4 * A, (NnConvShape){ .kernel = 1 }, nn_normal(0.01), nn_constant(0));
}

static void forward(DfCtx *c, const void *self, const DfMaps *in, DfDense *out)
{
    const Rpn *h = self;
    *out = (DfDense){ .n = in->n };
    if (!c->err && in->n != h->anchors.levels)
        df_ctx_fail(c, DF_ESHAPE, "the anchor generator has %d strides and met %d maps", h->anchors.levels, in->n);
    for (int i = 0; i < in->n && !c->err; i++) {
        const DfMark m = df_enter(c, "level", i);
        DfTensor *x = nn_conv_fused(c, &h->conv, in->map[i], (DfFuse){ .act = DF_ACT_RELU });
        out->cls_score[i] = nn_conv(c, &h->cls, x);
        out->bbox_pred[i] = nn_conv(c, &h->reg, x);
        df_leave_all(c, m, (DfTensor *[]){ out->cls_score[i], out->bbox_pred[i] }, 2);
    }
}

/* ---- proposals --------------------------------------------------------------------------------------------------- */

/* Boxes of all levels that go into the suppression. */
typedef struct {
    size_t n;
    float *boxes, *scores;
    int *levels;
    DfKept *keep;
} Candidates;

static size_t anchors_of(const Rpn *h, const DfDense *dense, int level)
{
    return (size_t)df_dim(dense->cls_score[level], 1) * (size_t)df_dim(dense->cls_score[level], 2) * (size_t)h->anchors.per_cell;
}

static size_t chosen_of(const Rpn *h, const DfDense *dense, int level)
{
    const size_t n = anchors_of(h, dense, level);
    return h->nms_pre > 0 && n > (size_t)h->nms_pre ? (size_t)h->nms_pre : n;
}

static int candidates_init(Candidates *k, size_t n)
{
    k->boxes = df_malloc(n * 4 * sizeof *k->boxes);
    k->scores = df_malloc(n * sizeof *k->scores);
    k->levels = df_malloc(n * sizeof *k->levels);
    k->keep = df_malloc(n * sizeof *k->keep);
    return k->boxes && k->scores && k->levels && k->keep ? DF_OK : df_fail_memory("proposals");
}

static void candidates_done(Candidates *k)
{
    df_free(k->boxes);
    df_free(k->scores);
    df_free(k->levels);
    df_free(k->keep);
}

static float score_of(const Rpn *h, const float *logits, size_t i)
{
    if (h->sigmoid)
        return 1.0f / (1.0f + expf(-logits[i]));
    const float a = logits[2 * i], b = logits[2 * i + 1], most = fmaxf(a, b);
    return expf(a - most) / (expf(a - most) + expf(b - most));
}

/* The best anchors of a level, best first; all in their own order if there are no more. */
static int choose(const Rpn *h, const DfDense *dense, int level, int image, float *scores, uint32_t *chosen)
{
    const size_t n = anchors_of(h, dense, level), wanted = chosen_of(h, dense, level);
    const float *logits = dense->cls_score[level]->data + (size_t)image * n * (h->sigmoid ? 1 : 2);
    for (size_t i = 0; i < n; i++)
        scores[i] = score_of(h, logits, i);
    for (size_t i = 0; wanted == n && i < n; i++)
        chosen[i] = (uint32_t)i;
    return wanted < n ? df_top_k(n, scores, wanted, chosen) : DF_OK;
}

static int add_level(const Rpn *h, const DfDense *dense, int level, int image, const DfImageMeta *meta, Candidates *k)
{
    const size_t n = anchors_of(h, dense, level), wanted = chosen_of(h, dense, level);
    const float *deltas = dense->bbox_pred[level]->data + (size_t)image * n * 4;
    float *scores = df_malloc(n * sizeof *scores);
    uint32_t *chosen = df_malloc(wanted * sizeof *chosen);
    const int error = scores && chosen ? choose(h, dense, level, image, scores, chosen) : df_fail_memory("proposals");
    for (size_t i = 0; error == DF_OK && i < wanted; i++) {
        float anchor[4], *box = k->boxes + 4 * k->n;
        df_anchors_at(&h->anchors, level, df_dim(dense->cls_score[level], 2), chosen[i], anchor);
        df_delta_decode(&h->coder, 1, 1, anchor, deltas + 4 * (size_t)chosen[i], meta->img_h, meta->img_w, box);
        const float least = (float)h->min_bbox_size;
        if (least > 0 && !(box[2] - box[0] >= least && box[3] - box[1] >= least))
            continue;
        k->scores[k->n] = scores[chosen[i]];
        k->levels[k->n++] = level;
    }
    df_free(scores);
    df_free(chosen);
    return error;
}

static int take(const Rpn *h, const Candidates *k, size_t kept, DfProposals *out)
{
    out->n = kept < (size_t)h->max_per_img ? kept : (size_t)h->max_per_img;
    out->v = df_malloc(out->n * sizeof *out->v);
    if (!out->v)
        return df_fail_memory("proposals");
    for (size_t i = 0; i < out->n; i++) {
        memcpy(out->v[i], k->boxes + 4 * (size_t)k->keep[i].index, 4 * sizeof(float));
        out->v[i][4] = k->keep[i].score;
    }
    return DF_OK;
}

static int propose(const void *self, const DfDense *dense, int image, const DfImageMeta *meta, DfProposals *out)
{
    const Rpn *h = self;
    Candidates k = { 0 };
    size_t n = 0, kept = 0;
    *out = (DfProposals){ 0 };
    for (int level = 0; level < dense->n; level++)
        n += chosen_of(h, dense, level);
    int error = candidates_init(&k, n);
    for (int level = 0; error == DF_OK && level < dense->n; level++)
        error = add_level(h, dense, level, image, meta, &k);
    DfNms limited = h->nms;
    if (limited.max_num <= 0 || limited.max_num > h->max_per_img)
        limited.max_num = h->max_per_img > 0 ? h->max_per_img : 1;
    if (error == DF_OK)
        error = df_nms(&limited, k.n, k.boxes, k.scores, k.levels, k.keep, &kept);
    if (error == DF_OK)
        error = take(h, &k, kept, out);
    candidates_done(&k);
    return error;
}

/* Proposals of several views, of which the weaker go where two overlap. As in mmdet, levels are forgotten, and suppression is hard. */
static int merge(const void *self, const DfProposals *views, const DfImageMeta *metas, int n_views, DfProposals *out)
{
    const Rpn *h = self;
    Candidates k = { 0 };
    size_t n = 0, kept = 0;
    *out = (DfProposals){ 0 };
    for (int i = 0; i < n_views; i++)
        n += views[i].n;
    int error = candidates_init(&k, n);
    for (int view = 0; error == DF_OK && view < n_views; view++)
        for (size_t i = 0; i < views[view].n; i++, k.n++) {
            memcpy(k.boxes + 4 * k.n, views[view].v[i], 4 * sizeof *k.boxes);
            df_box_to_original(k.boxes + 4 * k.n, &metas[view]);
            k.scores[k.n] = views[view].v[i][4];
        }
    DfNms hard = df_nms_options();
    hard.iou_threshold = h->nms.iou_threshold;
    if (error == DF_OK)
        error = df_nms(&hard, k.n, k.boxes, k.scores, NULL, k.keep, &kept);
    if (error == DF_OK)
        error = take(h, &k, kept, out);
    candidates_done(&k);
    return error;
}

const DfHead df_head_rpn = {
    .name = "RPNHead",
    .help = "region proposal network (Ren et al., NIPS 2015)",
    .size = sizeof(Rpn),
    .opts = opts,
    .init = init,
    .forward = forward,
    .propose = propose,
    .merge = merge,
};
