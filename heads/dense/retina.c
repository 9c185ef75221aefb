/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/dense/retina.c -- the head of RetinaNet: two towers of convolutions that all levels share, one for classes and one for boxes.
 * Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017.
 */
#include <math.h>
#include <string.h>

#include "heads/heads.h"
#include "heads/settings/settings.h"
#include "heads/views.h"

typedef struct {
    /* options */
    int num_classes, in_channels, stacked_convs, feat_channels;
    const DfNode *conv_cfg, *norm_cfg, *anchor_generator, *bbox_coder, *loss_cls, *loss_bbox;
    bool reg_decoded_bbox;
    /* modules */
    NnConvModule *cls_convs, *reg_convs;
    NnConv retina_cls, retina_reg;
    DfAnchors anchors;
    DfDeltaCoder coder;
    bool sigmoid;        /* one score a class; else a softmax with the background last */
    int columns;         /* scores of an anchor: num_classes, or one more              */
    /* test_cfg */
    int nms_pre, max_per_img;
    double score_thr, min_bbox_size;
    const DfNode *nms_cfg;
    DfNms nms;
} Retina;

static const DfOpt opts[] = {
    DF_OPT_ROW(Retina, num_classes, DF_KIND_INT, NULL, 1, 1000000, NULL, "number of classes, without background"),
    DF_OPT_ROW(Retina, in_channels, DF_KIND_INT, NULL, 1, 65536, NULL, "channels of the maps"),
    DF_OPT_INT(Retina, stacked_convs, 4, 0, 64, "convolutions of each tower"),
    DF_OPT_INT(Retina, feat_channels, 256, 1, 65536, "channels of the towers"),
    DF_OPT_DICT(Retina, conv_cfg, "None", "kind of convolution: only the plain one"),
    DF_OPT_DICT(Retina, norm_cfg, "None", "norm in the towers"),
    DF_OPT_DICT(Retina, anchor_generator, "dict(type='AnchorGenerator', octave_base_scale=4, scales_per_octave=3, ratios=[0.5, 1.0, 2.0], strides=[8, 16, 32, 64, 128])",
                "the anchors"),
    DF_OPT_DICT(Retina, bbox_coder, "dict(type='DeltaXYWHBBoxCoder', target_means=[0., 0., 0., 0.], target_stds=[1., 1., 1., 1.])", "how a box is written relative to its anchor"),
    DF_OPT_DICT(Retina, loss_cls, "dict(type='FocalLoss', use_sigmoid=True)", "classification loss; use_sigmoid also says how scores are made"),
    DF_OPT_DICT(Retina, loss_bbox, "dict(type='L1Loss')", "box loss"),
    DF_OPT_BOOL(Retina, reg_decoded_bbox, False, "the box loss sees boxes, not deltas"),
    DF_OPT_UNUSED(train_cfg, "of a training run"),
    DF_OPT_UNUSED(test_cfg, "given by the detector"),
    DF_OPT_UNUSED(init_cfg, "weights to start a training run from"),
    DF_OPT_END
};

/* ---- test_cfg ---------------------------------------------------------------------------------------------------- */

static const DfOpt test_opts[] = {
    DF_OPT_INT(Retina, nms_pre, -1, -1, 100000000, "anchors of a level that go on, best first; <= 0: all"),
    DF_OPT_INT(Retina, max_per_img, 100, -1, 100000000, "detections of an image; <= 0: all"),
    DF_OPT_FLOAT(Retina, score_thr, 0.05, -1e9, 1e9, "detections score more than this"),
    DF_OPT_FLOAT(Retina, min_bbox_size, 0, 0, 1e9, "without effect here, as in mmdet"),
    DF_OPT_AS(Retina, nms, nms_cfg, DF_KIND_DICT, "dict(type='nms', iou_threshold=0.5)", 0, 0, NULL, "non-maximum suppression"),
    DF_OPT_UNUSED(deploy_nms_pre, "of an ONNX export"),
    DF_OPT_END
};

static void test_cfg_init(NnScope s, Retina *h, const DfNode *test_cfg)
{
    if (nn_configure(s, test_cfg, test_opts, h, "test_cfg"))
        df_head_nms(s, &h->nms, h->nms_cfg);
}

/* ---- construction ------------------------------------------------------------------------------------------------ */

static void init(NnScope s, void *self, const DfNode *test_cfg)
{
    Retina *h = self;
    if (h->conv_cfg) {
        nn_fail(s, DF_EVALUE, "conv_cfg has type '%s': only the plain convolution is built in", df_node_text(df_node_get(h->conv_cfg, "type"), "?"));
        return;
    }
    h->sigmoid = df_node_bool(df_node_get(h->loss_cls, "use_sigmoid"), false);
    h->columns = h->num_classes + !h->sigmoid;
    df_head_anchors(s, &h->anchors, h->anchor_generator);
    df_head_coder(s, &h->coder, h->bbox_coder);
    test_cfg_init(s, h, test_cfg);
    h->cls_convs = nn_alloc(s, (size_t)h->stacked_convs, sizeof *h->cls_convs);
    h->reg_convs = nn_alloc(s, (size_t)h->stacked_convs, sizeof *h->reg_convs);
    const NnConvShape shape = { .kernel = 3, .padding = 1 };
    for (int i = 0; nn_ok(s) && i < h->stacked_convs; i++) {
        const int in = i ? h->feat_channels : h->in_channels;
        nn_conv_module_init(nn_at(s, "cls_convs.%d", i), &h->cls_convs[i], in, h->feat_channels, shape, h->norm_cfg, DF_ACT_RELU, nn_normal(0.01));
        nn_conv_module_init(nn_at(s, "reg_convs.%d", i), &h->reg_convs[i], in, h->feat_channels, shape, h->norm_cfg, DF_ACT_RELU, nn_normal(0.01));
    }
    const int A = h->anchors.per_cell, in = h->stacked_convs ? h->feat_channels : h->in_channels;
    const double prior = -log((1 - 0.01) / 0.01); /* every anchor starts as an object with probability 0.01 */
    nn_conv_init_as(nn_at(s, "retina_cls"), &h->retina_cls, in, A * h->columns, shape, nn_normal(0.01), nn_constant(prior));
    nn_conv_init_as(nn_at(s, "retina_reg"), &h->retina_reg, in, A * 4, shape, nn_normal(0.01), nn_constant(0));
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

static DfTensor *tower(DfCtx *c, const NnConvModule *convs, int n, const NnConv *last, DfTensor *x, const char *name, int level)
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
    *out = (DfDense){ .n = in->n };
    if (!c->err && in->n != h->anchors.levels)
        df_ctx_fail(c, DF_ESHAPE, "the anchor generator has %d strides and met %d maps", h->anchors.levels, in->n);
    for (int i = 0; i < in->n && !c->err; i++) {
        out->cls_score[i] = tower(c, h->cls_convs, h->stacked_convs, &h->retina_cls, in->map[i], "cls", i);
        out->bbox_pred[i] = tower(c, h->reg_convs, h->stacked_convs, &h->retina_reg, in->map[i], "reg", i);
    }
}

/* ---- decode ------------------------------------------------------------------------------------------------------ */

/* Candidates of an image, over all levels. */
typedef struct {
    size_t n, capacity;
    float *boxes;  /* [n][4], in network pixels */
    float *scores; /* [n][columns]              */
} Candidates;

static float sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

static float largest(const float *x, int n)
{
    float most = x[0];
    for (int i = 1; i < n; i++)
        most = x[i] > most ? x[i] : most;
    return most;
}

static void scores_of(const Retina *h, const float *logits, float *scores)
{
    float sum = 0;
    const float most = h->sigmoid ? 0 : largest(logits, h->columns);
    for (int i = 0; i < h->columns; i++) {
        scores[i] = h->sigmoid ? sigmoid(logits[i]) : expf(logits[i] - most);
        sum += scores[i];
    }
    for (int i = 0; !h->sigmoid && i < h->columns; i++)
        scores[i] /= sum;
}

/* Which anchors of a level go on: the nms_pre best by their best class, in that order; all in their own order if there are no more. */
static int choose(const Retina *h, const float *logits, size_t n, uint32_t **chosen, size_t *n_chosen)
{
    const bool all = h->nms_pre <= 0 || n <= (size_t)h->nms_pre;
    *n_chosen = all ? n : (size_t)h->nms_pre;
    *chosen = df_malloc(*n_chosen * sizeof **chosen);
    float *best = all ? NULL : df_malloc(n * sizeof *best), *row = df_malloc((size_t)h->columns * sizeof *row);
    int error = DF_OK;
    if (!*chosen || !row || (!all && !best)) {
        error = df_fail_memory("candidate boxes");
    } else if (all) {
        for (size_t i = 0; i < n; i++)
            (*chosen)[i] = (uint32_t)i;
    } else {
        for (size_t i = 0; i < n; i++) {
            const float *of = logits + i * (size_t)h->columns;
            if (h->sigmoid) {
                best[i] = sigmoid(largest(of, h->num_classes)); /* the sigmoid is monotonic: once an anchor, not once a class */
                continue;
            }
            scores_of(h, of, row);
            best[i] = largest(row, h->num_classes);
        }
        error = df_top_k(n, best, *n_chosen, *chosen);
    }
    df_free(best);
    df_free(row);
    return error;
}

static int make_room(Candidates *k, size_t more, int columns)
{
    const size_t n = k->n + more;
    if (n <= k->capacity)
        return DF_OK;
    float *boxes = df_realloc(k->boxes, n * 4 * sizeof *boxes);
    if (boxes)
        k->boxes = boxes;
    float *scores = boxes ? df_realloc(k->scores, n * (size_t)columns * sizeof *scores) : NULL;
    if (!scores)
        return df_fail_memory("candidate boxes");
    k->scores = scores;
    k->capacity = n;
    return DF_OK;
}

static int add_level(const Retina *h, const DfDense *dense, int level, int image, const DfImageMeta *meta, Candidates *k)
{
    const DfTensor *cls = dense->cls_score[level], *reg = dense->bbox_pred[level];
    const int H = df_dim(cls, 1), W = df_dim(cls, 2);
    const size_t n = (size_t)H * (size_t)W * (size_t)h->anchors.per_cell;
    const float *logits = cls->data + (size_t)image * n * (size_t)h->columns, *deltas = reg->data + (size_t)image * n * 4;
    uint32_t *chosen = NULL;
    size_t n_chosen = 0;
    int error = choose(h, logits, n, &chosen, &n_chosen);
    if (error == DF_OK)
        error = make_room(k, n_chosen, h->columns);
    for (size_t i = 0; error == DF_OK && i < n_chosen; i++, k->n++) {
        float anchor[4];
        df_anchors_at(&h->anchors, level, W, chosen[i], anchor);
        df_delta_decode(&h->coder, 1, 1, anchor, deltas + 4 * (size_t)chosen[i], meta->img_h, meta->img_w, k->boxes + 4 * k->n);
        scores_of(h, logits + chosen[i] * (size_t)h->columns, k->scores + k->n * (size_t)h->columns);
    }
    df_free(chosen);
    return error;
}

static int finish(const Retina *h, Candidates *k, int error, DfDetections *out)
{
    if (error == DF_OK)
        error = df_multiclass_nms(&h->nms, h->score_thr, h->max_per_img, k->n, h->num_classes, h->columns, k->boxes, false, k->scores, NULL, &out->v, &out->n);
    df_free(k->boxes);
    df_free(k->scores);
    return error;
}

static int decode(const void *self, const DfDense *dense, int image, const DfImageMeta *meta, bool rescale, DfDetections *out)
{
    const Retina *h = self;
    Candidates k = { 0 };
    *out = (DfDetections){ 0 };
    int error = DF_OK;
    for (int level = 0; error == DF_OK && level < dense->n; level++)
        error = add_level(h, dense, level, image, meta, &k);
    for (size_t i = 0; rescale && i < 4 * k.n; i++)
        k.boxes[i] /= meta->scale_factor[i % 4];
    return finish(h, &k, error, out);
}

/* The candidates of all views together: mmdet's aug_test. */
static int decode_views(const void *self, const DfDense *views, const DfImageMeta *metas, int n, DfDetections *out)
{
    const Retina *h = self;
    Candidates k = { 0 };
    *out = (DfDetections){ 0 };
    int error = DF_OK;
    for (int view = 0; error == DF_OK && view < n; view++) {
        const size_t before = k.n;
        for (int level = 0; error == DF_OK && level < views[view].n; level++)
            error = add_level(h, &views[view], level, 0, &metas[view], &k);
        for (size_t i = before; i < k.n; i++)
            df_box_to_original(k.boxes + 4 * i, &metas[view]);
    }
    return finish(h, &k, error, out);
}

static int classes(const void *self)
{
    const Retina *h = self;
    return h->num_classes;
}

const DfHead df_head_retina = {
    .name = "RetinaHead",
    .help = "RetinaNet's two towers over anchors (Lin et al., ICCV 2017)",
    .size = sizeof(Retina),
    .opts = opts,
    .init = init,
    .forward = forward,
    .decode = decode,
    .decode_views = decode_views,
    .classes = classes,
};
