/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region/bbox_head.c -- the box heads of two-stage detectors, by mmdet's names: shared convolutions and linear
 * layers, then a branch for classes and one for boxes. Ren et al., NIPS 2015; Lin et al., CVPR 2017 (two linear
 * layers); Wu and He, ECCV 2018 (4conv1fc).
 */
#include <math.h>

#include "heads/apply_loss.h"
#include "heads/decode_boxes.h"
#include "heads/region/class_loss.h"
#include "heads/region/predictor.h"
#include "heads/settings/settings.h"

/* Convolutions, then linear layers. */
typedef struct {
    int n_convs, n_fcs;
    NnConvModule *convs;
    NnLinear *fcs;
} BoxBranch;

typedef struct {
    /* options */
    int num_shared_convs, num_shared_fcs, num_cls_convs, num_cls_fcs, num_reg_convs, num_reg_fcs;
    int conv_out_channels, fc_out_channels, in_channels, num_classes;
    DfInts roi_feat_size;
    bool with_avg_pool, with_cls, with_reg, reg_class_agnostic, reg_decoded_bbox;
    const DfNode *conv_cfg, *norm_cfg, *bbox_coder, *loss_cls_cfg, *loss_bbox_cfg;
    const DfNode *cls_predictor_cfg, *reg_predictor_cfg;
    /* modules */
    BoxBranch shared, cls, reg;
    NnLinear fc_cls, fc_reg;
    Predictor cls_predictor, reg_predictor; /* how they are applied                    */
    DfDeltaCoder coder;
    int size[2]; /* height and width of a region's features, in bins */
    /* for training */
    ClassLoss loss_cls;
    LossCfg loss_bbox;
} BoxHead;

#define BOX_CODER "dict(type='DeltaXYWHBBoxCoder', target_means=[0., 0., 0., 0.], target_stds=[0.1, 0.1, 0.2, 0.2])"

#define BOX_HEAD_COUNTS                                                                                              \
    DF_OPT_INT(BoxHead, num_shared_convs, 0, 0, 64, "number of convolutions that both branches share"),              \
    DF_OPT_INT(BoxHead, num_shared_fcs, 0, 0, 64, "number of linear layers that both branches share"),               \
    DF_OPT_INT(BoxHead, num_cls_convs, 0, 0, 64, "number of convolutions in the class branch"),                      \
    DF_OPT_INT(BoxHead, num_cls_fcs, 0, 0, 64, "number of linear layers in the class branch"),                       \
    DF_OPT_INT(BoxHead, num_reg_convs, 0, 0, 64, "number of convolutions in the box branch"),                        \
    DF_OPT_INT(BoxHead, num_reg_fcs, 0, 0, 64, "number of linear layers in the box branch")

#define BOX_HEAD_OPTS                                                                                                \
    DF_OPT_INT(BoxHead, conv_out_channels, 256, 1, 65536, "channels of the convolutions"),                           \
    DF_OPT_INT(BoxHead, fc_out_channels, 1024, 1, 65536, "channels of the linear layers"),                           \
    DF_OPT_INT(BoxHead, in_channels, 256, 1, 65536, "channels of a region's features"),                              \
    DF_OPT_INTS(BoxHead, roi_feat_size, "7", 1, 1024, "height and width of a region's features, in bins"),           \
    DF_OPT_INT(BoxHead, num_classes, 80, 1, 1000000, "number of classes, without background"),                       \
    DF_OPT_BOOL(BoxHead, with_avg_pool, False, "average a region's features over its bins first"),                   \
    DF_OPT_BOOL(BoxHead, with_cls, True, "predict classes; only True is supported"),                                 \
    DF_OPT_BOOL(BoxHead, with_reg, True, "predict boxes; False: regions stay as they are"),                          \
    DF_OPT_BOOL(BoxHead, reg_class_agnostic, False, "predict one box a region instead of one a class"),              \
    DF_OPT_BOOL(BoxHead, reg_decoded_bbox, False, "the box loss compares boxes, not their deltas to the regions"),   \
    DF_OPT_DICT(BoxHead, conv_cfg, "None", "type of the convolutions: None, Conv2d or ConvWS"),           \
    DF_OPT_DICT(BoxHead, norm_cfg, "None", "kind of norm after each convolution"),                                     \
    DF_OPT_DICT(BoxHead, cls_predictor_cfg, "dict(type='Linear')", "last layer of the classes: Linear, NormedLinear"), \
    DF_OPT_DICT(BoxHead, reg_predictor_cfg, "dict(type='Linear')", "last layer of the boxes: Linear, NormedLinear"), \
    DF_OPT_DICT(BoxHead, bbox_coder, BOX_CODER, "how a box is written relative to its region"),                      \
    DF_OPT_AS(BoxHead, loss_cls, loss_cls_cfg, DF_KIND_DICT, "dict(type='CrossEntropyLoss')", 0, 0, NULL, \
              "classification loss"), \
    DF_OPT_AS(BoxHead, loss_bbox, loss_bbox_cfg, DF_KIND_DICT, "dict(type='SmoothL1Loss')", 0, 0, NULL, \
              "box regression loss"), \
    DF_OPT_UNUSED(init_cfg, "how mmdet initialises weights"),                                                        \
    DF_OPT_END

static const DfOpt conv_fc_opts[] = { BOX_HEAD_COUNTS, BOX_HEAD_OPTS };
static const DfOpt plain_opts[] = { BOX_HEAD_OPTS };

/* ---- construction ------------------------------------------------------------------------------------------------ */

/* mmcv's kaiming initialisation: normal, by what a layer gives. */
static NnInit kaiming(int channels)
{
    return nn_normal(sqrt(2.0 / (9.0 * channels)));
}

/* Returns the channels behind the branch. `flat`: a linear layer sees all bins. */
static int branch_init(NnScope s, BoxBranch *b, const BoxHead *h, const char *name, int in, bool flat)
{
    const NnConvShape shape = { .kernel = 3, .padding = 1, .standard_eps = nn_conv_kind(s, h->conv_cfg) };
    const int C = h->conv_out_channels, F = h->fc_out_channels;
    b->convs = nn_alloc(s, (size_t)b->n_convs, sizeof *b->convs);
    b->fcs = nn_alloc(s, (size_t)b->n_fcs, sizeof *b->fcs);
    for (int i = 0; nn_ok(s) && i < b->n_convs; i++, in = C)
        nn_conv_module_init(nn_at(s, "%s_convs.%d", name, i), &b->convs[i], in, C, shape, h->norm_cfg, DF_ACT_RELU,
                            kaiming(C));
    if (b->n_fcs && flat)
        in *= h->size[0] * h->size[1];
    for (int i = 0; nn_ok(s) && i < b->n_fcs; i++, in = F)
        nn_linear_init_as(nn_at(s, "%s_fcs.%d", name, i), &b->fcs[i], in, F, true, nn_xavier_uniform(in, F),
                          nn_constant(0));
    return in;
}

static void check_options(NnScope s, const BoxHead *h)
{
    if (h->roi_feat_size.n < 1 || h->roi_feat_size.n > 2)
        nn_fail(s, DF_EVALUE, "roi_feat_size: want one number or two");
    else if ((h->num_cls_convs > 0 || h->num_reg_convs > 0) && h->num_shared_fcs > 0)
        nn_fail(s, DF_EVALUE, "num_shared_fcs = %d in front of branches with convolutions: want 0", h->num_shared_fcs);
    else if (!h->with_cls)
        nn_fail(s, DF_EVALUE, "with_cls=False: a detector wants classes");
    else if (!h->with_reg && h->num_reg_convs + h->num_reg_fcs > 0)
        nn_fail(s, DF_EVALUE, "with_reg=False, but the box branch has layers");
}

/* Channels of what the last linear layer of a branch sees: with all bins if no layer before it has taken them
 * together. */
static int last_in(const BoxHead *h, const BoxBranch *b, int channels, bool bins_left)
{
    return bins_left && b->n_fcs == 0 ? channels * h->size[0] * h->size[1] : channels;
}

static void init(NnScope s, void *self)
{
    BoxHead *h = self;
    check_options(s, h);
    if (!nn_ok(s))
        return;
    h->size[0] = h->roi_feat_size.v[0];
    h->size[1] = h->roi_feat_size.v[h->roi_feat_size.n - 1];
    df_head_coder(s, &h->coder, h->bbox_coder);
    df_class_loss_init(s, &h->loss_cls, h->loss_cls_cfg, h->num_classes);
    df_loss_cfg(s, &h->loss_bbox, h->loss_bbox_cfg, "loss_bbox");
    h->shared = (BoxBranch){ .n_convs = h->num_shared_convs, .n_fcs = h->num_shared_fcs };
    h->cls = (BoxBranch){ .n_convs = h->num_cls_convs, .n_fcs = h->num_cls_fcs };
    h->reg = (BoxBranch){ .n_convs = h->num_reg_convs, .n_fcs = h->num_reg_fcs };
    const bool bins_left = h->num_shared_fcs == 0 && !h->with_avg_pool;
    const int shared = branch_init(s, &h->shared, h, "shared", h->in_channels, !h->with_avg_pool);
    const int cls = last_in(h, &h->cls, branch_init(s, &h->cls, h, "cls", shared, bins_left), bins_left);
    const int reg = last_in(h, &h->reg, branch_init(s, &h->reg, h, "reg", shared, bins_left), bins_left);
    const int boxes = h->reg_class_agnostic ? 1 : h->num_classes;
    df_predictor_init(s, &h->cls_predictor, h->cls_predictor_cfg, "Linear", "NormedLinear");
    df_predictor_init(s, &h->reg_predictor, h->reg_predictor_cfg, "Linear", "NormedLinear");
    nn_linear_init_as(nn_at(s, "fc_cls"), &h->fc_cls, cls, h->loss_cls.columns, h->cls_predictor.has_bias,
                      nn_normal(0.01), nn_constant(0));
    if (h->with_reg)
        nn_linear_init_as(nn_at(s, "fc_reg"), &h->fc_reg, reg, 4 * boxes, h->reg_predictor.has_bias, nn_normal(0.001),
                          nn_constant(0));
}

static void init_shared_2fc(NnScope s, void *self)
{
    BoxHead *h = self;
    h->num_shared_fcs = 2;
    init(s, self);
}

static void init_shared_4conv_1fc(NnScope s, void *self)
{
    BoxHead *h = self;
    h->num_shared_convs = 4;
    h->num_shared_fcs = 1;
    init(s, self);
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

/* n h w C -> n C*h*w, the order that official linear layers know; or n C, the mean over the bins. */
static DfTensor *flatten(DfCtx *c, const BoxHead *h, DfTensor *x)
{
    const int n = df_dim(x, 0), bins = h->size[0] * h->size[1], C = df_dim(x, -1);
    if (x->shape.n == 2) /* a shared linear layer has done it */
        return x;
    if (h->with_avg_pool)
        return df_mean_tokens(c, df_reshape(c, x, DF_SHAPE(n, bins, C)));
    return df_reshape(c, df_permute(c, x, DF_SHAPE(0, 3, 1, 2)), DF_SHAPE(n, C * bins));
}

static DfTensor *branch(DfCtx *c, const BoxHead *h, const BoxBranch *b, DfTensor *x, bool last)
{
    for (int i = 0; i < b->n_convs; i++) {
        const DfMark m = df_enter(c, NULL, -1);
        x = df_leave(c, m, nn_conv_module(c, &b->convs[i], x));
    }
    if (b->n_fcs || last)
        x = flatten(c, h, x);
    for (int i = 0; i < b->n_fcs; i++)
        x = df_linear_fused(c, x, b->fcs[i].weight, b->fcs[i].bias, (DfFuse){ .act = DF_ACT_RELU });
    return x;
}

static void check_regions(DfCtx *c, const BoxHead *h, const DfTensor *x)
{
    const int height = df_dim(x, 1), width = df_dim(x, 2), channels = df_dim(x, 3);
    if (height != h->size[0] || width != h->size[1] || channels != h->in_channels)
        df_ctx_fail(c, DF_ESHAPE,
                    "regions have %d x %d bins of %d channels, roi_feat_size and in_channels say %d x %d of %d", height,
                    width, channels, h->size[0], h->size[1], h->in_channels);
}

static void forward(DfCtx *c, const void *self, DfTensor *regions, DfTensor **scores, DfTensor **deltas)
{
    const BoxHead *h = self;
    check_regions(c, h, regions);                                           /* n 7 7 256             */
    DfTensor *x = branch(c, h, &h->shared, regions, false);                 /* n 1024, or n 7 7 256  */
    DfTensor *last = branch(c, h, &h->cls, x, true);
    *scores = df_predictor_linear(c, &h->cls_predictor, &h->fc_cls, last);  /* n columns             */
    *deltas = NULL;
    if (!h->with_reg)
        return;
    last = branch(c, h, &h->reg, x, true);
    *deltas = df_predictor_linear(c, &h->reg_predictor, &h->fc_reg, last);  /* n 4*classes, or n 4   */
}

/* ---- losses ------------------------------------------------------------------------------------------------------ */

/* Regions of objects, one after the other. */
typedef struct {
    int n;
    int *rows;      /* [n]: of the deltas, seen as rows of four: those of the object's class */
    float *regions; /* [n][4]                                                                */
    float *targets; /* [n][4]: the boxes of their objects                                    */
} Foreground;

static bool foreground_new(DfCtx *c, Foreground *f, int n)
{
    *f = (Foreground){
        .rows = (int *)(void *)df_workspace(c, (size_t)n + 1),
        .regions = df_workspace(c, 4 * (size_t)n + 1),
        .targets = df_workspace(c, 4 * (size_t)n + 1),
    };
    return !c->err;
}

static void find_foreground(const BoxHead *h, const DfRegionTargets *t, Foreground *f)
{
    for (int i = 0; i < t->n; i++) {
        if (t->labels[i] >= h->num_classes)
            continue;
        const int k = f->n++;
        f->rows[k] = h->reg_class_agnostic ? i : i * h->num_classes + t->labels[i];
        for (int j = 0; j < 4; j++) {
            f->regions[4 * k + j] = t->rois[5 * i + 1 + j];
            f->targets[4 * k + j] = t->boxes[4 * i + j];
        }
    }
}

/* Boxes of regions of objects, those of the object's class. The mean is over all regions, background too (Fast R-CNN,
 * equation 1). In a dry pass all regions are background. */
static DfTensor *box_loss(DfCtx *c, const BoxHead *h, DfTensor *deltas, const DfRegionTargets *t)
{
    Foreground f;
    if (!foreground_new(c, &f, t->n))
        return &c->nil;
    if (!c->dry)
        find_foreground(h, t, &f);
    const int boxes = df_dim(deltas, 1) / 4;
    DfTensor *x = df_reshape(c, deltas, DF_SHAPE(t->n * boxes, 4));                 /* n*classes 4, or n 4 */
    x = df_gather_rows(c, x, f.rows, f.n);                                          /* objects 4           */
    if (h->reg_decoded_bbox)
        x = df_decode_boxes(c, &h->coder, x, f.regions);
    else
        df_delta_encode(&h->coder, (size_t)f.n, f.regions, f.targets, f.targets);
    const LossTargets targets = { .target = f.targets, .averaged = true, .average = t->n, .at_least = 1 };
    return df_loss_apply(c, &h->loss_bbox, x, &targets);
}

static void losses(DfCtx *c, const void *self, DfTensor *scores, DfTensor *deltas, const DfRegionTargets *t,
                   DfLosses *out)
{
    const BoxHead *h = self;
    df_class_loss_learn(c, &h->loss_cls, scores, t, out);
    if (deltas)
        df_losses_add(c, out, box_loss(c, h, deltas, t), "loss_bbox");
}

static DfTensor *class_losses(DfCtx *c, const void *self, DfTensor *scores, const int *labels)
{
    const BoxHead *h = self;
    return df_class_loss_each(c, &h->loss_cls, scores, labels);
}

static DfBoxHeadShape shape(const void *self)
{
    const BoxHead *h = self;
    return (DfBoxHeadShape){
        .classes = h->num_classes,
        .columns = h->loss_cls.columns,
        .scores = h->loss_cls.scores,
        .has_boxes = h->with_reg,
        .class_agnostic = h->reg_class_agnostic,
        .coder = &h->coder,
    };
}

/* ---- the four names ---------------------------------------------------------------------------------------------- */

#define BOX_HEAD(record, type, table, start, text) \
    const DfBoxHead df_head_##record = { \
        .name = type, \
        .help = text, \
        .size = sizeof(BoxHead), \
        .opts = table, \
        .init = start, \
        .shape = shape, \
        .forward = forward, \
        .losses = losses, \
        .class_losses = class_losses, \
    }
BOX_HEAD(bbox, "BBoxHead", plain_opts, init, "classes and boxes of regions, by one linear layer each");
BOX_HEAD(conv_fc_bbox, "ConvFCBBoxHead", conv_fc_opts, init,
         "classes and boxes of regions, after any number of layers");
BOX_HEAD(shared_2fc_bbox, "Shared2FCBBoxHead", plain_opts, init_shared_2fc,
         "classes and boxes of regions, after two linear layers");
BOX_HEAD(shared_4conv_1fc_bbox, "Shared4Conv1FCBBoxHead", plain_opts, init_shared_4conv_1fc,
         "classes and boxes of regions, after four convolutions and a linear layer");
