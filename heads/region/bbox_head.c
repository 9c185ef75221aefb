/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region/bbox_head.c -- the box heads of two-stage detectors, by mmdet's names: shared convolutions and linear layers, then a branch for
 * classes and one for boxes. Ren et al., NIPS 2015; Lin et al., CVPR 2017 (two linear layers); Wu and He, ECCV 2018 (4conv1fc).
 */
#include <math.h>

#include "heads/region.h"
#include "heads/settings/settings.h"

typedef struct {
    int n_convs, n_fcs;
    NnConvModule *convs;
    NnLinear *fcs;
} BoxBranch;

typedef struct {
    /* options */
    int num_shared_convs, num_shared_fcs, num_cls_convs, num_cls_fcs, num_reg_convs, num_reg_fcs, conv_out_channels, fc_out_channels;
    int in_channels, num_classes;
    DfInts roi_feat_size;
    bool with_avg_pool, with_cls, with_reg, reg_class_agnostic, reg_decoded_bbox;
    const DfNode *conv_cfg, *norm_cfg, *bbox_coder, *loss_cls, *loss_bbox;
    /* modules */
    BoxBranch shared, cls, reg;
    NnLinear fc_cls, fc_reg;
    DfDeltaCoder coder;
    int size[2];        /* of the features */
} BoxHead;

#define BOX_HEAD_COUNTS                                                                                          \
    DF_OPT_INT(BoxHead, num_shared_convs, 0, 0, 64, "convolutions that both branches share"),                     \
    DF_OPT_INT(BoxHead, num_shared_fcs, 0, 0, 64, "linear layers that both branches share"),                      \
    DF_OPT_INT(BoxHead, num_cls_convs, 0, 0, 64, "convolutions of the class branch"),                             \
    DF_OPT_INT(BoxHead, num_cls_fcs, 0, 0, 64, "linear layers of the class branch"),                              \
    DF_OPT_INT(BoxHead, num_reg_convs, 0, 0, 64, "convolutions of the box branch"),                               \
    DF_OPT_INT(BoxHead, num_reg_fcs, 0, 0, 64, "linear layers of the box branch")

#define BOX_HEAD_OPTS                                                                                            \
    DF_OPT_INT(BoxHead, conv_out_channels, 256, 1, 65536, "channels of the convolutions"),                        \
    DF_OPT_INT(BoxHead, fc_out_channels, 1024, 1, 65536, "channels of the linear layers"),                        \
    DF_OPT_INT(BoxHead, in_channels, 256, 1, 65536, "channels of a region's features"),                           \
    DF_OPT_INTS(BoxHead, roi_feat_size, "7", 1, 1024, "bins of a region"),                                        \
    DF_OPT_INT(BoxHead, num_classes, 80, 1, 1000000, "number of classes, without background"),                    \
    DF_OPT_BOOL(BoxHead, with_avg_pool, False, "the mean over the bins instead of all of them"),                  \
    DF_OPT_BOOL(BoxHead, with_cls, True, "there is a class branch"),                                              \
    DF_OPT_BOOL(BoxHead, with_reg, True, "there is a box branch"),                                                \
    DF_OPT_BOOL(BoxHead, reg_class_agnostic, False, "one box for all classes"),                                   \
    DF_OPT_BOOL(BoxHead, reg_decoded_bbox, False, "the box loss sees boxes, not deltas"),                         \
    DF_OPT_DICT(BoxHead, conv_cfg, "None", "kind of convolution: only the plain one"),                            \
    DF_OPT_DICT(BoxHead, norm_cfg, "None", "norm behind every convolution"),                                      \
    DF_OPT_DICT(BoxHead, bbox_coder, "dict(type='DeltaXYWHBBoxCoder', target_means=[0., 0., 0., 0.], target_stds=[0.1, 0.1, 0.2, 0.2])", \
                "how a box is written relative to its region"),                                                  \
    DF_OPT_DICT(BoxHead, loss_cls, "dict(type='CrossEntropyLoss')", "classification loss"),                       \
    DF_OPT_DICT(BoxHead, loss_bbox, "dict(type='SmoothL1Loss')", "box loss"),                                     \
    DF_OPT_UNUSED(init_cfg, "weights to start a training run from"),                                             \
    DF_OPT_END

static const DfOpt conv_fc_opts[] = { BOX_HEAD_COUNTS, BOX_HEAD_OPTS };
static const DfOpt plain_opts[] = { BOX_HEAD_OPTS };

/* ---- construction ------------------------------------------------------------------------------------------------ */

/* Returns the channels behind the branch. `flat`: a linear layer sees all bins. */
static int branch_init(NnScope s, BoxBranch *b, const BoxHead *h, const char *name, int in, bool flat)
{
    const NnConvShape shape = { .kernel = 3, .padding = 1 };
    const NnInit kaiming = nn_normal(sqrt(2.0 / (9.0 * h->conv_out_channels))); /* mmcv's: normal, fan_out */
    b->convs = nn_alloc(s, (size_t)b->n_convs, sizeof *b->convs);
    b->fcs = nn_alloc(s, (size_t)b->n_fcs, sizeof *b->fcs);
    for (int i = 0; nn_ok(s) && i < b->n_convs; i++, in = h->conv_out_channels)
        nn_conv_module_init(nn_at(s, "%s_convs.%d", name, i), &b->convs[i], in, h->conv_out_channels, shape, h->norm_cfg, DF_ACT_RELU, kaiming);
    if (b->n_fcs && flat)
        in *= h->size[0] * h->size[1];
    for (int i = 0; nn_ok(s) && i < b->n_fcs; i++, in = h->fc_out_channels)
        nn_linear_init_as(nn_at(s, "%s_fcs.%d", name, i), &b->fcs[i], in, h->fc_out_channels, true, nn_xavier_uniform(in, h->fc_out_channels), nn_constant(0));
    return in;
}

static bool options_fit(NnScope s, BoxHead *h)
{
    if (h->roi_feat_size.n < 1 || h->roi_feat_size.n > 2)
        nn_fail(s, DF_EVALUE, "roi_feat_size: want one number or two");
    else if (h->conv_cfg)
        nn_fail(s, DF_EVALUE, "conv_cfg has type '%s': only the plain convolution is built in", df_node_text(df_node_get(h->conv_cfg, "type"), "?"));
    else if ((h->num_cls_convs > 0 || h->num_reg_convs > 0) && h->num_shared_fcs > 0)
        nn_fail(s, DF_EVALUE, "num_shared_fcs = %d in front of branches with convolutions: want 0", h->num_shared_fcs);
    else if (!h->with_cls)
        nn_fail(s, DF_EVALUE, "with_cls=False: a detector wants classes");
    else if (!h->with_reg && h->num_reg_convs + h->num_reg_fcs > 0)
        nn_fail(s, DF_EVALUE, "with_reg=False, but the box branch has layers");
    else if (df_node_bool(df_node_get(h->loss_cls, "use_sigmoid"), false))
        nn_fail(s, DF_EVALUE, "loss_cls.use_sigmoid=True: scores are a softmax here, as in mmdet");
    if (!nn_ok(s))
        return false;
    h->size[0] = h->roi_feat_size.v[0];
    h->size[1] = h->roi_feat_size.v[h->roi_feat_size.n - 1];
    return true;
}

static void init(NnScope s, void *self)
{
    BoxHead *h = self;
    if (!options_fit(s, h))
        return;
    df_head_coder(s, &h->coder, h->bbox_coder);
    h->shared = (BoxBranch){ .n_convs = h->num_shared_convs, .n_fcs = h->num_shared_fcs };
    h->cls = (BoxBranch){ .n_convs = h->num_cls_convs, .n_fcs = h->num_cls_fcs };
    h->reg = (BoxBranch){ .n_convs = h->num_reg_convs, .n_fcs = h->num_reg_fcs };
    const bool bins_left = h->num_shared_fcs == 0 && !h->with_avg_pool;
    const int area = h->size[0] * h->size[1], shared = branch_init(s, &h->shared, h, "shared", h->in_channels, !h->with_avg_pool);
    const int cls = branch_init(s, &h->cls, h, "cls", shared, bins_left) * (bins_left && h->cls.n_fcs == 0 ? area : 1);
    const int reg = branch_init(s, &h->reg, h, "reg", shared, bins_left) * (bins_left && h->reg.n_fcs == 0 ? area : 1);
    nn_linear_init_as(nn_at(s, "fc_cls"), &h->fc_cls, cls, h->num_classes + 1, true, nn_normal(0.01), nn_constant(0));
    if (h->with_reg)
        nn_linear_init_as(nn_at(s, "fc_reg"), &h->fc_reg, reg, h->reg_class_agnostic ? 4 : 4 * h->num_classes, true, nn_normal(0.001), nn_constant(0));
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

/* n h w C -> n C h w in one row, the order that official linear layers know; or the mean over the bins. */
static DfTensor *flatten(DfCtx *c, const BoxHead *h, DfTensor *x)
{
    if (x->shape.n == 2)
        return x;
    if (h->with_avg_pool)
        return df_mean_tokens(c, df_reshape(c, x, DF_SHAPE(df_dim(x, 0), h->size[0] * h->size[1], df_dim(x, 3))));
    return df_reshape(c, df_permute(c, x, DF_SHAPE(0, 3, 1, 2)), DF_SHAPE(df_dim(x, 0), df_dim(x, 1) * df_dim(x, 2) * df_dim(x, 3)));
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

static void forward(DfCtx *c, const void *self, DfTensor *x, DfTensor **scores, DfTensor **deltas)
{
    const BoxHead *h = self;
    if (df_dim(x, 1) != h->size[0] || df_dim(x, 2) != h->size[1] || df_dim(x, 3) != h->in_channels)
        df_ctx_fail(c, DF_ESHAPE, "regions have %d x %d bins of %d channels, roi_feat_size and in_channels say %d x %d of %d", df_dim(x, 1),
                    df_dim(x, 2), df_dim(x, 3), h->size[0], h->size[1], h->in_channels);
    x = branch(c, h, &h->shared, x, false);                                  /* n 1024, or n h w 256  */
    *scores = nn_linear(c, &h->fc_cls, branch(c, h, &h->cls, x, true));      /* n classes+1           */
    *deltas = NULL;
    if (h->with_reg)
        *deltas = nn_linear(c, &h->fc_reg, branch(c, h, &h->reg, x, true));  /* n 4*classes, or n 4   */
}

static DfBoxHeadShape shape(const void *self)
{
    const BoxHead *h = self;
    return (DfBoxHeadShape){ .classes = h->num_classes, .has_boxes = h->with_reg, .class_agnostic = h->reg_class_agnostic, .coder = &h->coder };
}

/* The names differ in how many layers they have. */
#define BOX_HEAD(record, type, table, start, text)                                                                     \
    const DfBoxHead df_head_##record = {                                                                               \
        .name = type, .help = text, .size = sizeof(BoxHead), .opts = table, .init = start, .shape = shape, .forward = forward \
    }
BOX_HEAD(bbox, "BBoxHead", plain_opts, init, "classes and boxes of regions, straight from their features");
BOX_HEAD(conv_fc_bbox, "ConvFCBBoxHead", conv_fc_opts, init, "classes and boxes of regions, behind any number of layers");
BOX_HEAD(shared_2fc_bbox, "Shared2FCBBoxHead", plain_opts, init_shared_2fc, "classes and boxes of regions, behind two linear layers");
BOX_HEAD(shared_4conv_1fc_bbox, "Shared4Conv1FCBBoxHead", plain_opts, init_shared_4conv_1fc,
         "classes and boxes of regions, behind four convolutions and a linear layer");
