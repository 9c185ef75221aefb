/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/resnet/resnet.c -- ResNet, He et al., "Deep Residual Learning for Image Recognition", CVPR 2016; ResNeXt,
 * Xie et al., CVPR 2017; ResNet-D, He et al., "Bag of Tricks", CVPR 2019; with deformable convolutions as in DCN, Dai
 * et al., ICCV 2017, Zhu et al., CVPR 2019.
 *
 * A stem, and stages of blocks, y = relu(F(x) + Ws x): residual.c. But for the first one, each stage halves the sides
 * of the map and doubles its channels (table 1).
 *
 * Keys are those of torchvision and of mmdet, which agree. `style` says where a bottleneck strides: on its 3x3
 * convolution (pytorch, called v1.5), or on its first 1x1 one (caffe). `torchvision` is pytorch with the classifier,
 * and its own way of replacing a stride by dilation.
 */
#include "backbone/resnet/network.h"

/* ---- the stem ---------------------------------------------------------------------------------------------------- */

/* What reads the stem's map, behind the max pool: the first product of a bottleneck, if its shortcut is a product as
 * well. Either rounds a number of bfloat16 to itself, and the largest of rounded ones is the largest, rounded. NULL: it
 * may be something else. */
static const ConvNorm *reader_of_stem(const ResNet *net)
{
    const ResNetBlock *b = net->stages[0].blocks;
    const bool products = net->n_convs == 3 && b->shortcut.conv.weight && b->pool <= 1 && !b->smooths;
    return products ? &b->conv[0] : NULL;
}

static DfTensor *stem(DfCtx *c, const ResNet *net, DfTensor *x)                  /* N H W 3 -> N H/4 W/4 C */
{
    const DfMark m = df_enter(c, "stem", -1);
    const int convs = net->deep_stem ? RESNET_STEM : 1;
    for (int i = 0; i < convs; i++) {
        const ConvNorm *next = i + 1 < convs ? &net->stem[i + 1] : reader_of_stem(net);
        x = df_resnet_conv(c, &net->stem[i], x, net->act, next);                 /* N H/2 W/2 C */
    }
    return df_leave(c, m, df_max_pool2d(c, x, (int[2]){ 3, 3 }, (int[2]){ 2, 2 }, (int[2]){ 1, 1 }, false));
}

/* ---- the network ------------------------------------------------------------------------------------------------- */

/* The vector that is classified. timm has others than the mean. */
static DfTensor *pool(DfCtx *c, const ResNet *net, DfTensor *x)                  /* N H W C -> N C, or 2 C */
{
    DfTensor *mean = net->global_pool == POOL_MAX ? NULL : df_mean_tokens(c, x);
    if (net->global_pool == POOL_AVG)
        return mean;
    const int all[2] = { df_dim(x, 1), df_dim(x, 2) }, one[2] = { 1, 1 }, none[2] = { 0, 0 };
    DfTensor *most = df_max_pool2d(c, x, all, one, none, false);
    most = df_reshape(c, most, DF_SHAPE(df_dim(x, 0), df_dim(x, 3)));
    if (net->global_pool == POOL_MAX)
        return most;
    if (net->global_pool == POOL_AVGMAX)
        return df_scale(c, df_add(c, mean, most), 0.5F);
    return df_concat(c, (DfTensor *[]){ mean, most }, 2, 1);
}

int df_resnet_stages_to_run(const DfCtx *c, const ResNet *net)
{
    int n = net->num_stages;
    while (n > 0 && !c->training && !net->fc.weight && !net->stages[n - 1].given)
        n--;
    return n;
}

static void forward(DfCtx *c, const void *self, DfTensor *image, DfMaps *out)
{
    const ResNet *net = self;
    *out = (DfMaps){ 0 };
    nn_enter_frozen(c, net->frozen_stages >= 0, image);
    DfTensor *x = stem(c, net, image);
    df_forget(c, false);
    DfTensor *begun = NULL;
    const int stages = df_resnet_stages_to_run(c, net);
    for (int i = 0; i < stages; i++) {
        nn_enter_frozen(c, net->stages[i].frozen, x);
        for (int j = 0; j < net->stages[i].depth; j++) {
            DfTensor *y = df_resnet_block(c, net, i, j, x, &begun);
            if (df_resnet_owns(net, i, j))
                df_release(c, x);
            x = y;
        }
        if (net->stages[i].given)
            out->map[out->n++] = x;
        df_forget(c, false);
    }
    if (net->fc.weight)
        out->logits = nn_linear(c, &net->fc, pool(c, net, x));                   /* N classes */
}

/* ---- the records ------------------------------------------------------------------------------------------------- */

/* Options into a plan, the plan into modules. */
static void init(NnScope s, void *self)
{
    if (df_resnet_plan(s, self))
        df_resnet_build(s, self);
}

#define COMMON_OPTIONS \
    DF_OPT_INT(ResNet, in_channels, 3, 1, 4096, "number of channels of the image"), \
    DF_OPT_INT(ResNet, stem_channels, None, 0, 8192, "number of channels of the stem; None or 0: base_channels"), \
    DF_OPT_INT(ResNet, base_channels, 64, 1, 8192, \
               "width of stage 0, in channels; each stage is twice as wide as the one before"), \
    DF_OPT_INT(ResNet, num_stages, 4, 1, RESNET_STAGES, "number of stages"), \
    DF_OPT_INTS(ResNet, stage_blocks, "None", 1, 1000, "number of blocks of each stage; None: what `depth` says"), \
    DF_OPT_INTS(ResNet, stage_channels, "None", 1, 65536, \
                "number of channels that each stage gives; None: what base_channels says"), \
    DF_OPT_INTS(ResNet, strides, "[1, 2, 2, 2]", 1, 8, "stride of each stage"), \
    DF_OPT_INTS(ResNet, dilations, "[1, 1, 1, 1]", 1, 64, "dilation of the 3x3 convolutions of each stage"), \
    DF_OPT_INTS(ResNet, out_indices, "[0, 1, 2, 3]", 0, RESNET_STAGES - 1, \
                "stages whose maps are output, counted from 0"), \
    DF_OPT_ENUM(ResNet, style, pytorch, "pytorch|caffe|torchvision", \
                "what strides: the 3x3 convolution, or with caffe the first 1x1 one; torchvision classifies"), \
    DF_OPT_INT(ResNet, frozen_stages, -1, -1, RESNET_STAGES, \
               "training: the stem and this many stages stay as they are; -1: not even the stem"), \
    DF_OPT_DICT(ResNet, norm_cfg, "{'type': 'BN', 'requires_grad': True}", \
                "kind of norm: BN, SyncBN, GN, LN or IN, with its settings"), \
    DF_OPT_BOOL(ResNet, contract_dilation, False, "mmseg: the first block of a dilated stage has half the dilation"), \
    DF_OPT_INTS(ResNet, multi_grid, "None", 1, 64, "mmseg: dilation of each block of the last stage"), \
    DF_OPT_BOOL(ResNet, norm_eval, True, "training: batch norms use their running statistics"), \
    DF_OPT_DICT(ResNet, dcn, "None", "DCN or DCNv2: the 3x3 convolutions of bottlenecks are deformable"), \
    DF_OPT_BOOLS(ResNet, stage_with_dcn, "[False, False, False, False]", \
                 "stages that have these deformable convolutions"), \
    DF_OPT_BOOL(ResNet, zero_init_residual, True, "new weights: the last norm of a block starts at 0"), \
    DF_OPT_INT(ResNet, num_classes, 1000, 0, 1000000, "torchvision: number of classes; 0: no classifier"), \
    DF_OPT_ENUM(ResNet, global_pool, avg, "avg|max|avgmax|catavgmax", \
                "torchvision: how the last map becomes a vector; avgmax: (mean + maximum) / 2, catavgmax: both"), \
    DF_OPT_BOOLS(ResNet, replace_stride_with_dilation, "None", \
                 "torchvision: which of the stages 1 to 3 dilate instead of striding; None: none"), \
    DF_OPT_NODE(ResNet, plugins, "None", \
                "what bottlenecks have besides: a list of {cfg, position, stages}, of ContextBlock, " \
                "GeneralizedAttention and NonLocal2d"), \
    DF_OPT_TEXT(ResNet, hidden_act, "'ReLU'",                                                         \
                "activation after the stem and after the sum of a block"),                            \
    DF_OPT_TEXT(ResNet, inner_act, "'ReLU'", "activation between the convolutions of a block"),       \
    DF_OPT_NODE(ResNet, conv_cfg, "None", "kind of convolution: None, Conv2d or ConvWS"), \
    DF_OPT_BOOL(ResNet, with_cp, False,                                                   \
                "training: recompute blocks in the backward pass, to save memory"),       \
    DF_OPT_UNUSED(pretrained, "in training: weights to begin with, if they are a file"), \
    DF_OPT_UNUSED(init_cfg, "in training: weights to begin with, if they are a file")
#define RESNET_OPTIONS(deep, pooled) \
    DF_OPT_INT(ResNet, depth, 50, 18, 152, "number of layers: 18, 34, 50, 101 or 152"), \
    DF_OPT_INT(ResNet, base_width, None, 0, 8192, "another name of base_channels; None or 0: not given"), \
    DF_OPT_INT(ResNet, groups, 1, 1, 1024, "number of groups of the 3x3 convolution of a bottleneck"), \
    DF_OPT_INT(ResNet, width_per_group, 64, 1, 8192, "width of such a group in stage 0, in channels"), \
    DF_OPT_BOOL(ResNet, deep_stem, deep, "the stem is three 3x3 convolutions instead of one of 7x7"), \
    DF_OPT_BOOL(ResNet, dilated_basic, False, "timm: the second convolution of a basic block is dilated, too"), \
    DF_OPT_BOOL(ResNet, tiered_stem, False, "timm: the first convolution of a deep stem is a quarter narrower"), \
    DF_OPT_BOOL(ResNet, stride_in_1x1, False, "the first 1x1 convolution of a bottleneck strides, as with caffe"), \
    DF_OPT_BOOL(ResNet, avg_down, pooled, "a shortcut pools before its convolution instead of striding")

static const DfOpt opts[] = { RESNET_OPTIONS(False, False), COMMON_OPTIONS, DF_OPT_END };
static const DfOpt v1c_opts[] = { RESNET_OPTIONS(True, False), COMMON_OPTIONS, DF_OPT_END };
static const DfOpt v1d_opts[] = { RESNET_OPTIONS(True, True), COMMON_OPTIONS, DF_OPT_END };
static const DfOpt resnext_opts[] = {
    DF_OPT_INT(ResNet, depth, 50, 50, 152, "number of layers: 50, 101 or 152"),
    DF_OPT_INT(ResNet, groups, 1, 1, 1024, "number of groups of the 3x3 convolutions"),
    DF_OPT_AS(ResNet, base_width, width_per_group, DF_KIND_INT, "4", 1, 8192, NULL,
              "width of a group in stage 0, in channels"),
    DF_OPT_BOOL(ResNet, deep_stem, False, "the stem is three 3x3 convolutions instead of one of 7x7"),
    DF_OPT_BOOL(ResNet, avg_down, False, "a shortcut pools before its convolution instead of striding"),
    COMMON_OPTIONS,
    DF_OPT_END
};

static const char *const ignorable[] = { "fc.weight", "fc.bias", NULL };

DF_BACKBONE(resnet, "ResNet", "ResNet (He et al., CVPR 2016), with dilation and deformable convolutions", ResNet, opts);
DF_BACKBONE(resnet_v1c, "ResNetV1c", "ResNet-C: a deep stem (He et al., CVPR 2019)", ResNet, v1c_opts);
DF_BACKBONE(resnet_v1d, "ResNetV1d", "ResNet-D: a deep stem, shortcuts that pool (He et al., CVPR 2019)", ResNet,
            v1d_opts);

/* mmdet's bottleneck takes `fallback_on_stride` out of dcn when ResNet's part of it is made; ResNeXt's part, made after
 * that, no longer finds it and makes every convolution deformable. */
static void resnext_init(NnScope s, void *self)
{
    ResNet *net = self;
    net->never_falls_back = true;
    init(s, net);
}

const DfBackbone df_backbone_resnext = {
    .name = "ResNeXt",
    .help = "ResNeXt: bottlenecks in groups (Xie et al., CVPR 2017)",
    .opts = resnext_opts,
    .size = sizeof(ResNet),
    .init = resnext_init,
    .forward = forward,
    .ignorable = ignorable,
};
