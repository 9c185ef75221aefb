/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/resnet.c -- ResNet, He et al., "Deep Residual Learning for Image Recognition", CVPR 2016; ResNeXt, Xie et al., CVPR
 * 2017; ResNet-D, He et al., CVPR 2019; with deformable convolutions as in DCN, Dai et al., ICCV 2017, Zhu et al., CVPR 2019.
 *
 * Keys are those of torchvision and of mmdet, which agree. `style` says where a bottleneck strides: on its 3x3 convolution
 * (pytorch, called v1.5), or on its first 1x1 one (caffe). `torchvision` is pytorch with the classifier, and its own way of
 * replacing a stride by dilation.
 */
#include <math.h>
#include <string.h>

#include "backbone/backbone.h"

enum { STAGES = 4, EXPANSION = 4 };
enum { PYTORCH, CAFFE, TORCHVISION };
enum { DCN_NONE, DCN_V1, DCN_V2 };

typedef struct {
    NnConv conv;
    NnNorm norm;
    NnConv offset;      /* of a deformable convolution        */
    int dcn, groups;    /* which, and its groups of offsets   */
} ConvNorm;

typedef struct {
    ConvNorm conv[3];   /* a basic block has two              */
    ConvNorm shortcut;  /* where size or channels change      */
    int pool;           /* avg_down: stride of its pooling    */
} Block;

typedef struct {
    int depth, width, stride, dilation, first_dilation, dcn;
    bool frozen, given, first_dcn;
    const int *grid;    /* the dilation of each block, or NULL */
    Block *blocks;
} Stage;

typedef struct {
    /* options */
    int depth, in_channels, stem_channels, base_channels, base_width, num_stages, style, frozen_stages, groups, width_per_group, num_classes;
    DfInts strides, dilations, out_indices, stage_blocks, multi_grid;
    DfBools stage_with_dcn, replace_stride_with_dilation;
    bool deep_stem, avg_down, contract_dilation, norm_eval, zero_init_residual;
    const DfNode *norm_cfg, *dcn, *plugins, *conv_cfg;
    /* modules */
    int n_convs, expansion; /* of a block */
    ConvNorm stem[3];
    Stage stages[STAGES];
    NnLinear fc;
} ResNet;

#define COMMON_OPTIONS \
    DF_OPT_INT(ResNet, in_channels, 3, 1, 4096, "channels of the image"), \
    DF_OPT_INT(ResNet, stem_channels, 0, 0, 8192, "channels of the stem; 0 means base_channels"), \
    DF_OPT_INT(ResNet, base_channels, 64, 1, 8192, "width of stage 0; doubled from stage to stage"), \
    DF_OPT_INT(ResNet, num_stages, 4, 1, 4, "how many stages"), \
    DF_OPT_INTS(ResNet, stage_blocks, "None", 1, 1000, "blocks of each stage, instead of those of `depth`"), \
    DF_OPT_INTS(ResNet, strides, "[1, 2, 2, 2]", 1, 8, "stride of each stage"), \
    DF_OPT_INTS(ResNet, dilations, "[1, 1, 1, 1]", 1, 64, "dilation of the 3x3 convolutions of each stage"), \
    DF_OPT_INTS(ResNet, out_indices, "[0, 1, 2, 3]", 0, 3, "stages whose maps are given"), \
    DF_OPT_ENUM(ResNet, style, pytorch, "pytorch|caffe|torchvision", "stride on the 3x3 or on the first 1x1 convolution; pytorch with a classifier"), \
    DF_OPT_INT(ResNet, frozen_stages, -1, -1, 4, "training: the stem (0) and that many stages stay as they are"), \
    DF_OPT_DICT(ResNet, norm_cfg, "{'type': 'BN', 'requires_grad': True}", "which normalisation"), \
    DF_OPT_BOOL(ResNet, contract_dilation, False, "mmseg: the first block of a dilated stage has half the dilation"), \
    DF_OPT_INTS(ResNet, multi_grid, "None", 1, 64, "mmseg: dilation of each block of the last stage"), \
    DF_OPT_BOOL(ResNet, norm_eval, True, "training: batch norms use their running statistics"), \
    DF_OPT_DICT(ResNet, dcn, "None", "DCN or DCNv2: the 3x3 convolutions of bottlenecks are deformable"), \
    DF_OPT_BOOLS(ResNet, stage_with_dcn, "[False, False, False, False]", "in which stages"), \
    DF_OPT_BOOL(ResNet, zero_init_residual, True, "init: the last norm of a block starts at 0"), \
    DF_OPT_INT(ResNet, num_classes, 1000, 0, 1000000, "torchvision: number of classes; 0 for no classifier"), \
    DF_OPT_BOOLS(ResNet, replace_stride_with_dilation, "[False, False, False]", "torchvision: stages 1 to 3 that dilate instead"), \
    DF_OPT_NODE(ResNet, plugins, "None", "blocks within blocks: not built in"), \
    DF_OPT_NODE(ResNet, conv_cfg, "None", "other convolutions: not built in"), \
    DF_OPT_UNUSED(with_cp, "trades time for memory in PyTorch training"), \
    DF_OPT_UNUSED(pretrained, "weights to start a training run from"), \
    DF_OPT_UNUSED(init_cfg, "weights to start a training run from")
#define RESNET_OPTIONS(deep, pooled) \
    DF_OPT_INT(ResNet, depth, 50, 18, 152, "18, 34, 50, 101 or 152"), \
    DF_OPT_INT(ResNet, base_width, 0, 0, 8192, "another name of base_channels"), \
    DF_OPT_INT(ResNet, groups, 1, 1, 1024, "groups of the 3x3 convolution of a bottleneck"), \
    DF_OPT_INT(ResNet, width_per_group, 64, 1, 8192, "its width, over base_channels = 64"), \
    DF_OPT_BOOL(ResNet, deep_stem, deep, "three 3x3 convolutions for the 7x7 of the stem"), \
    DF_OPT_BOOL(ResNet, avg_down, pooled, "a shortcut pools before its convolution")

static const DfOpt opts[] = { RESNET_OPTIONS(False, False), COMMON_OPTIONS, DF_OPT_END };
static const DfOpt v1c_opts[] = { RESNET_OPTIONS(True, False), COMMON_OPTIONS, DF_OPT_END };
static const DfOpt v1d_opts[] = { RESNET_OPTIONS(True, True), COMMON_OPTIONS, DF_OPT_END };
static const DfOpt resnext_opts[] = {
    DF_OPT_INT(ResNet, depth, 50, 50, 152, "50, 101 or 152"),
    DF_OPT_INT(ResNet, groups, 1, 1, 1024, "groups of the 3x3 convolutions"),
    DF_OPT_AS(ResNet, base_width, width_per_group, DF_KIND_INT, "4", 1, 8192, NULL, "width of a group in stage 0"),
    DF_OPT_BOOL(ResNet, deep_stem, False, "three 3x3 convolutions for the 7x7 of the stem"),
    DF_OPT_BOOL(ResNet, avg_down, False, "a shortcut pools before its convolution"),
    COMMON_OPTIONS,
    DF_OPT_END
};

/* ---- construction ------------------------------------------------------------------------------------------------ */

/* He's: normal, by the number of outputs. */
static void conv_init(NnScope s, NnConv *conv, int in, int out, NnConvShape shape)
{
    shape.no_bias = true;
    nn_conv_init_as(s, conv, in, out, shape, nn_normal(sqrt(2.0 / ((double)out * shape.kernel * shape.kernel))), nn_constant(0));
}

static void norm_init(NnScope s, NnNorm *norm, const ResNet *net, int channels, bool frozen)
{
    nn_norm_init(s, norm, net->norm_cfg, channels);
    norm->frozen |= net->norm_eval || frozen;
}

static NnScope norm_at(NnScope s, const ResNet *net, int number)
{
    return nn_at(s, "%s%d", nn_norm_name(net->norm_cfg), number);
}

static void starts_at_zero(NnScope norm)
{
    NnParam *weight = nn_model_find(norm.model, nn_at(norm, "weight").path);
    if (weight)
        weight->init = nn_constant(0);
}

typedef struct {
    int type, deform_groups;
    bool fallback_on_stride;
} Dcn;

/* mmcv's names, and its older ones. */
static const DfOpt dcn_opts[] = {
    DF_OPT_INT(Dcn, deform_groups, 1, 1, 1024, "groups of channels, each with offsets of its own"),
    DF_OPT_AS(Dcn, deformable_groups, deform_groups, DF_KIND_INT, "1", 1, 1024, NULL, "an older name of deform_groups"),
    DF_OPT_BOOL(Dcn, fallback_on_stride, False, "the first of all these blocks has a plain convolution, as in the official code"),
    DF_OPT_END
};

static Dcn read_dcn(NnScope s, const ResNet *net)
{
    Dcn dcn = { 0 };
    if (!net->dcn || !nn_configure(s, net->dcn, dcn_opts, &dcn, "dcn"))
        return dcn;
    dcn.deform_groups = (int)df_node_int(df_node_get(net->dcn, "deform_groups"), dcn.deform_groups);
    const char *type = df_node_text(df_node_get(net->dcn, "type"), "(none)");
    dcn.type = strcmp(type, "DCN") == 0 ? DCN_V1 : strcmp(type, "DCNv2") == 0 ? DCN_V2 : DCN_NONE;
    if (!dcn.type)
        nn_fail(s, DF_EVALUE, "dcn has type '%s': want DCN or DCNv2", type);
    return dcn;
}

/* Two numbers for each point of the kernel and group, and in v2 its weight: zero at first, so it starts as a plain convolution. */
static void offset_init(NnScope s, ConvNorm *m, const Dcn *dcn, int in, NnConvShape shape)
{
    m->dcn = dcn->type;
    m->groups = dcn->deform_groups;
    if (in % m->groups)
        nn_fail(s, DF_EVALUE, "deform_groups = %d does not divide %d channels", m->groups, in);
    shape.groups = 1;
    nn_conv_init_as(nn_at(s, "conv_offset"), &m->offset, in, (dcn->type == DCN_V2 ? 3 : 2) * 9 * m->groups, shape, nn_constant(0), nn_constant(0));
}

static int dilation_of(const Stage *stage, int j)
{
    return stage->grid ? stage->grid[j] : j ? stage->dilation : stage->first_dilation;
}

static void bottleneck_init(NnScope s, Block *b, const ResNet *net, const Stage *stage, int j, int in)
{
    const int stride = j ? 1 : stage->stride, out = stage->width * EXPANSION, dilation = dilation_of(stage, j);
    const int first = net->style == CAFFE ? stride : 1, second = net->style == CAFFE ? 1 : stride;
    const bool grouped = net->groups > 1 || (net->style == TORCHVISION && net->width_per_group != 64);
    const int over = net->style == TORCHVISION ? 64 : net->base_channels;
    const int width = grouped ? stage->width * net->width_per_group / over * net->groups : stage->width;
    const NnConvShape middle = { .kernel = 3, .stride = second, .padding = dilation, .dilation = dilation, .groups = net->groups };
    conv_init(nn_at(s, "conv1"), &b->conv[0].conv, in, width, (NnConvShape){ .kernel = 1, .stride = first });
    norm_init(norm_at(s, net, 1), &b->conv[0].norm, net, width, stage->frozen);
    conv_init(nn_at(s, "conv2"), &b->conv[1].conv, width, width, middle);
    const Dcn dcn = stage->dcn ? read_dcn(s, net) : (Dcn){ 0 };
    const bool falls_back = dcn.fallback_on_stride && stage->first_dcn && j == 0;
    if (dcn.type && !falls_back)
        offset_init(nn_at(s, "conv2"), &b->conv[1], &dcn, width, middle);
    norm_init(norm_at(s, net, 2), &b->conv[1].norm, net, width, stage->frozen);
    conv_init(nn_at(s, "conv3"), &b->conv[2].conv, width, out, (NnConvShape){ .kernel = 1 });
    norm_init(norm_at(s, net, 3), &b->conv[2].norm, net, out, stage->frozen);
}

static void basic_init(NnScope s, Block *b, const ResNet *net, const Stage *stage, int j, int in)
{
    const int stride = j ? 1 : stage->stride, dilation = dilation_of(stage, j), width = stage->width;
    conv_init(nn_at(s, "conv1"), &b->conv[0].conv, in, width, (NnConvShape){ .kernel = 3, .stride = stride, .padding = dilation, .dilation = dilation });
    norm_init(norm_at(s, net, 1), &b->conv[0].norm, net, width, stage->frozen);
    conv_init(nn_at(s, "conv2"), &b->conv[1].conv, width, width, (NnConvShape){ .kernel = 3, .padding = 1 });
    norm_init(norm_at(s, net, 2), &b->conv[1].norm, net, width, stage->frozen);
}

static void block_init(NnScope s, Block *b, const ResNet *net, const Stage *stage, int j, int in)
{
    const int out = stage->width * net->expansion, stride = j ? 1 : stage->stride;
    if (net->n_convs == 3)
        bottleneck_init(s, b, net, stage, j, in);
    else
        basic_init(s, b, net, stage, j, in);
    if (net->style != TORCHVISION && net->zero_init_residual)
        starts_at_zero(norm_at(s, net, net->n_convs));
    if (j || (stage->stride == 1 && in == out))
        return;
    b->pool = net->avg_down ? stride : 0;
    conv_init(nn_at(s, "downsample.%d", net->avg_down), &b->shortcut.conv, in, out, (NnConvShape){ .kernel = 1, .stride = b->pool ? 1 : stride });
    norm_init(nn_at(s, "downsample.%d", net->avg_down + 1), &b->shortcut.norm, net, out, stage->frozen);
}

static int stem_init(NnScope s, ResNet *net) /* returns its channels */
{
    const int out = net->stem_channels ? net->stem_channels : net->base_channels;
    const bool frozen = net->frozen_stages >= 0;
    if (!net->deep_stem) {
        conv_init(nn_at(s, "conv1"), &net->stem[0].conv, net->in_channels, out, (NnConvShape){ .kernel = 7, .stride = 2, .padding = 3 });
        norm_init(norm_at(s, net, 1), &net->stem[0].norm, net, out, frozen);
        return out;
    }
    const int channels[4] = { net->in_channels, out / 2, out / 2, out };
    for (int i = 0; i < 3; i++) {
        conv_init(nn_at(s, "stem.%d", 3 * i), &net->stem[i].conv, channels[i], channels[i + 1],
                  (NnConvShape){ .kernel = 3, .stride = i ? 1 : 2, .padding = 1 });
        norm_init(nn_at(s, "stem.%d", 3 * i + 1), &net->stem[i].norm, net, channels[i + 1], frozen);
    }
    return out;
}

/* As in mmdet: the stem goes with stage 0. */
static void freeze(NnScope s, const ResNet *net)
{
    if (net->frozen_stages < 0)
        return;
    if (net->deep_stem) {
        nn_freeze(nn_at(s, "stem."));
    } else {
        nn_freeze(nn_at(s, "conv1."));
        nn_freeze(nn_at(s, "%s1.", nn_norm_name(net->norm_cfg)));
    }
    for (int i = 0; i < net->frozen_stages; i++)
        nn_freeze(nn_at(s, "layer%d.", i + 1));
}

/* torchvision dilates instead of striding; the first block still has the dilation from before. */
static void plan_stages(ResNet *net, const int *depths)
{
    int dilation = 1, with_dcn = 0;
    for (int i = 0; i < net->num_stages; i++) {
        Stage *stage = &net->stages[i];
        *stage = (Stage){ .depth = depths[i], .width = net->base_channels << i, .stride = net->strides.v[i],
                          .dilation = net->dilations.v[i], .first_dilation = net->dilations.v[i],
                          .dcn = net->dcn && net->stage_with_dcn.v[i], .frozen = i < net->frozen_stages, .given = df_ints_have(net->out_indices, i) };
        stage->first_dcn = stage->dcn && with_dcn++ == 0;
        if (net->multi_grid.n && i == net->num_stages - 1)
            stage->grid = net->multi_grid.v;
        if (net->contract_dilation && stage->dilation > 1)
            stage->first_dilation = stage->dilation / 2;
        if (net->style != TORCHVISION)
            continue;
        stage->first_dilation = dilation;
        if (i && net->replace_stride_with_dilation.v[i - 1]) {
            dilation *= stage->stride;
            stage->stride = 1;
        }
        stage->dilation = dilation;
    }
}

static bool options_fit(NnScope s, ResNet *net, const int *depths)
{
    const int n = net->num_stages;
    if (net->base_width)
        net->base_channels = net->base_width;
    if (net->strides.n != n || net->dilations.n != n || (net->dcn && net->stage_with_dcn.n != n))
        nn_fail(s, DF_EVALUE, "strides has %d entries, dilations %d, stage_with_dcn %d: want num_stages = %d", net->strides.n, net->dilations.n,
                net->stage_with_dcn.n, n);
    else if (net->stage_blocks.n && net->stage_blocks.n != n)
        nn_fail(s, DF_EVALUE, "stage_blocks has %d entries: want num_stages = %d", net->stage_blocks.n, n);
    else if (net->multi_grid.n && net->multi_grid.n != depths[n - 1])
        nn_fail(s, DF_EVALUE, "multi_grid has %d entries: want one for each of the last stage's %d blocks", net->multi_grid.n, depths[n - 1]);
    else if (net->replace_stride_with_dilation.n != STAGES - 1)
        nn_fail(s, DF_EVALUE, "replace_stride_with_dilation has %d entries: want 3", net->replace_stride_with_dilation.n);
    else if (net->plugins || net->conv_cfg)
        nn_fail(s, DF_EVALUE, "%s is given: want None, there are no others built in", net->plugins ? "plugins" : "conv_cfg");
    else if (net->dcn && net->depth < 50)
        nn_fail(s, DF_EVALUE, "dcn with depth = %d: want at least 50, basic blocks have no deformable form", net->depth);
    for (int i = 0; i < net->out_indices.n; i++)
        if (net->out_indices.v[i] >= n)
            nn_fail(s, DF_EVALUE, "out_indices has %d: want stages below num_stages = %d", net->out_indices.v[i], n);
    return nn_ok(s);
}

static const int *depths_of(NnScope s, const ResNet *net)
{
    const int depth = net->depth;
    static const struct {
        int depth, blocks[STAGES];
    } known[] = { { 18, { 2, 2, 2, 2 } }, { 34, { 3, 4, 6, 3 } }, { 50, { 3, 4, 6, 3 } }, { 101, { 3, 4, 23, 3 } }, { 152, { 3, 8, 36, 3 } } };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].depth == depth)
            return net->stage_blocks.n ? net->stage_blocks.v : known[i].blocks;
    nn_fail(s, DF_EVALUE, "depth = %d: want 18, 34, 50, 101 or 152", depth);
    return NULL;
}

static void init(NnScope s, void *self)
{
    ResNet *net = self;
    const int *depths = depths_of(s, net);
    if (!depths || !options_fit(s, net, depths))
        return;
    net->n_convs = net->depth < 50 ? 2 : 3;
    net->expansion = net->n_convs == 3 ? EXPANSION : 1;
    plan_stages(net, depths);
    int in = stem_init(s, net);
    for (int i = 0; nn_ok(s) && i < net->num_stages; i++) {
        Stage *stage = &net->stages[i];
        stage->blocks = nn_alloc(s, (size_t)stage->depth, sizeof *stage->blocks);
        for (int j = 0; nn_ok(s) && j < stage->depth; j++) {
            block_init(nn_at(s, "layer%d.%d", i + 1, j), &stage->blocks[j], net, stage, j, in);
            in = stage->width * net->expansion;
        }
    }
    freeze(s, net);
    if (net->style == TORCHVISION && net->num_classes)
        nn_linear_init(nn_at(s, "fc"), &net->fc, in, net->num_classes, true);
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

static DfTensor *deform(DfCtx *c, const ConvNorm *m, DfTensor *x)
{
    const int points = 9 * m->groups;
    DfTensor *offset = nn_conv(c, &m->offset, x), *weight = NULL;                /* N H' W' 18G, or 27G: offsets, then weights */
    if (m->dcn == DCN_V2) {
        weight = df_sigmoid(c, df_slice(c, offset, -1, 2 * points, points));
        offset = df_slice(c, offset, -1, 0, 2 * points);
    }
    return df_deform_conv2d(c, x, offset, weight, m->conv.weight, NULL, m->conv.conv, m->groups);
}

static DfTensor *conv_norm(DfCtx *c, const ConvNorm *m, DfTensor *x, DfAct act, DfTensor *residual) /* act(norm(conv(x)) + residual) */
{
    const DfMark mark = df_enter(c, NULL, -1);
    return df_leave(c, mark, m->dcn ? nn_norm_fused(c, &m->norm, deform(c, m, x), act, residual) : nn_conv_norm(c, &m->conv, &m->norm, x, act, residual));
}

static DfTensor *shortcut(DfCtx *c, const Block *b, DfTensor *x)
{
    if (!b->shortcut.conv.weight)
        return x;
    const DfMark m = df_enter(c, "downsample", -1);
    if (b->pool > 1)
        x = df_avg_pool2d(c, x, (int[2]){ b->pool, b->pool }, (int[2]){ b->pool, b->pool }, (int[2]){ 0, 0 }, true, false);
    return df_leave(c, m, conv_norm(c, &b->shortcut, x, DF_ACT_NONE, NULL));
}

static DfTensor *block(DfCtx *c, const ResNet *net, int i, int j, DfTensor *x)   /* relu(shortcut(x) + convs(x)) */
{
    static const char *const names[STAGES] = { "layer1", "layer2", "layer3", "layer4" };
    const Block *b = &net->stages[i].blocks[j];
    const DfMark m = df_enter(c, names[i], j);
    const int last = net->n_convs - 1;
    DfTensor *y = conv_norm(c, &b->conv[0], x, DF_ACT_RELU, NULL);
    for (int k = 1; k < last; k++)
        df_next(c, &y, conv_norm(c, &b->conv[k], y, DF_ACT_RELU, NULL));
    return df_leave(c, m, conv_norm(c, &b->conv[last], y, DF_ACT_RELU, shortcut(c, b, x)));
}

static DfTensor *stem(DfCtx *c, const ResNet *net, DfTensor *x)                  /* N H W 3 -> N H/4 W/4 C */
{
    const DfMark m = df_enter(c, "stem", -1);
    for (int i = 0; i < (net->deep_stem ? 3 : 1); i++)
        x = conv_norm(c, &net->stem[i], x, DF_ACT_RELU, NULL);
    return df_leave(c, m, df_max_pool2d(c, x, (int[2]){ 3, 3 }, (int[2]){ 2, 2 }, (int[2]){ 1, 1 }, false));
}

static void forward(DfCtx *c, const void *self, DfTensor *image, DfMaps *out)
{
    const ResNet *net = self;
    *out = (DfMaps){ 0 };
    DfTensor *x = stem(c, net, image);
    for (int i = 0; i < net->num_stages; i++) {
        x = block(c, net, i, 0, x); /* its input may be a map that is given out */
        for (int j = 1; j < net->stages[i].depth; j++)
            df_next(c, &x, block(c, net, i, j, x));
        if (net->stages[i].given)
            out->map[out->n++] = x;
    }
    if (net->fc.weight)
        out->logits = nn_linear(c, &net->fc, df_mean_tokens(c, x));
}

static const char *const ignorable[] = { "fc.weight", "fc.bias", NULL };

DF_BACKBONE(resnet, "ResNet", "ResNet (He et al., CVPR 2016), with dilation and deformable convolutions", ResNet, opts);
DF_BACKBONE(resnet_v1c, "ResNetV1c", "ResNet-C: a deep stem (He et al., CVPR 2019)", ResNet, v1c_opts);
DF_BACKBONE(resnet_v1d, "ResNetV1d", "ResNet-D: a deep stem, shortcuts that pool (He et al., CVPR 2019)", ResNet, v1d_opts);
DF_BACKBONE(resnext, "ResNeXt", "ResNeXt: bottlenecks in groups (Xie et al., CVPR 2017)", ResNet, resnext_opts);
