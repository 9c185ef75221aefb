/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/resnet/build.c -- builds the modules of a planned ResNet, under the names of torchvision and mmdet.
 */
#include <math.h>
#include <string.h>

#include "backbone/resnet/network.h"

/* ---- convolutions and norms -------------------------------------------------------------------------------------- */

/* He et al., ICCV 2015: normal, by the number of outputs. */
static void conv_init(NnScope s, NnConv *conv, const ResNet *net, int in, int out, NnConvShape shape)
{
    const double fan_out = (double)out * shape.kernel * shape.kernel;
    shape.no_bias = true;
    shape.standard_eps = nn_conv_kind(s, net->conv_cfg);
    nn_conv_init_as(s, conv, in, out, shape, nn_normal(sqrt(2.0 / fan_out)), nn_constant(0));
}

static void norm_init(NnScope s, NnNorm *norm, const ResNet *net, int channels, bool frozen)
{
    nn_norm_init(s, norm, net->norm_cfg, channels);
    norm->evaluates = net->norm_eval || frozen;
}

/* "bn" or "gn"; torchvision and timm call every kind "bn". */
static const char *norm_name(const ResNet *net)
{
    return net->style == RESNET_TORCHVISION ? "bn" : nn_norm_name(net->norm_cfg);
}

/* bn1, bn2, .. */
static NnScope norm_at(NnScope s, const ResNet *net, int number)
{
    return nn_at(s, "%s%d", norm_name(net), number);
}

static void starts_at_zero(NnScope norm)
{
    NnParam *weight = nn_model_find(norm.model, nn_at(norm, "weight").path);
    if (weight)
        weight->init = nn_constant(0);
}

/* ---- deformable convolutions ------------------------------------------------------------------------------------- */

typedef struct {
    int type, groups, deform_groups;
    bool fallback_on_stride;
} Dcn;

/* mmcv's names, and its older ones. */
static const DfOpt dcn_opts[] = {
    DF_OPT_INT(Dcn, groups, 1, 1, 1024, "number of groups of channels of the convolution itself"),
    DF_OPT_INT(Dcn, deform_groups, 1, 1, 1024, "number of groups of channels; each has offsets of its own"),
    DF_OPT_AS(Dcn, deformable_groups, deform_groups, DF_KIND_INT, "1", 1, 1024, NULL, "an older name of deform_groups"),
    DF_OPT_BOOL(Dcn, fallback_on_stride, False,
                "the first block that has such a convolution has a plain one, as in the official code"),
    DF_OPT_UNUSED(im2col_step, "how many pictures a CUDA kernel takes at once"),
    DF_OPT_END
};

static int dcn_type(NnScope s, const DfNode *dcn)
{
    const char *type = df_node_text(df_node_get(dcn, "type"), "(none)");
    if (strcmp(type, "DCN") == 0)
        return DCN_V1;
    if (strcmp(type, "DCNv2") == 0)
        return DCN_V2;
    nn_fail(s, DF_EVALUE, "dcn has type '%s': want DCN or DCNv2", type);
    return DCN_NONE;
}

static Dcn read_dcn(NnScope s, const ResNet *net)
{
    Dcn dcn = { 0 };
    if (!net->dcn || !nn_configure(s, net->dcn, dcn_opts, &dcn, "dcn"))
        return dcn;
    dcn.deform_groups = (int)df_node_int(df_node_get(net->dcn, "deform_groups"), dcn.deform_groups);
    dcn.type = dcn_type(s, net->dcn);
    if (net->groups > 1 && df_node_get(net->dcn, "groups"))
        nn_fail(s, DF_EVALUE, "dcn has groups = %d: the network has groups = %d, want one of the two",
                dcn.groups, net->groups);
    return dcn;
}

static void of_offsets(NnScope at)
{
    NnParam *param = nn_model_find(at.model, at.path);
    if (param)
        param->role = NN_OF_OFFSETS;
}

/* Two numbers for each point of the kernel and each group, and in v2 a weight. They start at 0, so the whole starts
 * as a plain convolution. */
static void offset_init(NnScope s, ConvNorm *m, const Dcn *dcn, int in, NnConvShape shape)
{
    const int numbers = 9 * (dcn->type == DCN_V2 ? 3 : 2) * dcn->deform_groups;
    const NnInit zero = nn_constant(0);
    m->dcn = dcn->type;
    m->groups = dcn->deform_groups;
    if (in % m->groups)
        nn_fail(s, DF_EVALUE, "deform_groups = %d does not divide %d channels", m->groups, in);
    shape.groups = 1;
    nn_conv_init_as(nn_at(s, "conv_offset"), &m->offset, in, numbers, shape, zero, zero);
    of_offsets(nn_at(s, "conv_offset.weight"));
    of_offsets(nn_at(s, "conv_offset.bias"));
}

/* ---- blocks ------------------------------------------------------------------------------------------------------ */

static int dilation_of(const ResNetStage *stage, int j)
{
    if (stage->grid)
        return stage->grid[j];
    return j ? stage->dilation : stage->first_dilation;
}

/* Channels of a bottleneck's 3x3 convolution. In groups it is wider: Xie et al., CVPR 2017. torchvision counts widths
 * from 64. */
static int middle_width(const ResNet *net, const ResNetStage *stage)
{
    const bool torchvision = net->style == RESNET_TORCHVISION;
    const int base = torchvision ? 64 : net->base_channels;
    const bool grouped = net->groups > 1 || (torchvision && net->width_per_group != 64);
    return grouped ? stage->width * net->width_per_group / base * net->groups : stage->width;
}

static void bottleneck_init(NnScope s, ResNetBlock *b, const ResNet *net, const ResNetStage *stage, int j, int in)
{
    const int stride = j ? 1 : stage->stride;
    const int width = middle_width(net, stage), out = stage->width * net->expansion;
    const int dilation = dilation_of(stage, j);
    NnConvShape first = { .kernel = 1, .stride = 1 };
    NnConvShape middle = { .kernel = 3, .stride = 1, .padding = dilation, .dilation = dilation, .groups = net->groups };
    if (net->style == RESNET_CAFFE || net->stride_in_1x1)
        first.stride = stride;
    else
        middle.stride = stride;

    conv_init(nn_at(s, "conv1"), &b->conv[0].conv, net, in, width, first);
    norm_init(norm_at(s, net, 1), &b->conv[0].norm, net, width, stage->frozen);

    const Dcn dcn = stage->dcn ? read_dcn(s, net) : (Dcn){ 0 };
    const bool deforms = dcn.type && !(dcn.fallback_on_stride && stage->first_dcn && j == 0);
    if (deforms && dcn.groups > 1)
        middle.groups = dcn.groups;
    conv_init(nn_at(s, "conv2"), &b->conv[1].conv, net, width, width, middle);
    if (deforms)
        offset_init(nn_at(s, "conv2"), &b->conv[1], &dcn, width, middle);
    norm_init(norm_at(s, net, 2), &b->conv[1].norm, net, width, stage->frozen);

    conv_init(nn_at(s, "conv3"), &b->conv[2].conv, net, width, out, (NnConvShape){ .kernel = 1 });
    norm_init(norm_at(s, net, 3), &b->conv[2].norm, net, out, stage->frozen);

    const int channels[3] = { width, width, out };
    for (int k = 0; k < 3; k++)
        b->plugins[k] = df_plugins_init(s, net->plugins, (int)(stage - net->stages), k, channels[k]);
}

static void basic_init(NnScope s, ResNetBlock *b, const ResNet *net, const ResNetStage *stage, int j, int in)
{
    const int width = stage->width, dilation = dilation_of(stage, j), stride = j ? 1 : stage->stride;
    const NnConvShape first = { .kernel = 3, .stride = stride, .padding = dilation, .dilation = dilation };
    const int again = net->dilated_basic ? stage->dilation : 1;
    const NnConvShape second = { .kernel = 3, .padding = again, .dilation = again };
    conv_init(nn_at(s, "conv1"), &b->conv[0].conv, net, in, width, first);
    norm_init(norm_at(s, net, 1), &b->conv[0].norm, net, width, stage->frozen);
    conv_init(nn_at(s, "conv2"), &b->conv[1].conv, net, width, width, second);
    norm_init(norm_at(s, net, 2), &b->conv[1].norm, net, width, stage->frozen);
}

/* Where a block changes size or channels. With avg_down (ResNet-D) it pools, so that its 1x1 convolution sees every
 * pixel. */
static void shortcut_init(NnScope s, ResNetBlock *b, const ResNet *net, const ResNetStage *stage, int in)
{
    const int out = stage->width * net->expansion;
    const int at = net->avg_down ? 1 : 0; /* in mmdet's Sequential the pooling comes first */
    NnConvShape shape = { .kernel = 1, .stride = stage->stride };
    if (net->avg_down) {
        b->pool = stage->stride;
        b->smooths = net->style == RESNET_TORCHVISION && stage->dilation > 1;
        shape.stride = 1;
    }
    conv_init(nn_at(s, "downsample.%d", at), &b->shortcut.conv, net, in, out, shape);
    norm_init(nn_at(s, "downsample.%d", at + 1), &b->shortcut.norm, net, out, stage->frozen);
}

static void block_init(NnScope s, ResNetBlock *b, const ResNet *net, const ResNetStage *stage, int j, int in)
{
    if (net->n_convs == 3)
        bottleneck_init(s, b, net, stage, j, in);
    else
        basic_init(s, b, net, stage, j, in);
    if (net->style != RESNET_TORCHVISION && net->zero_init_residual)
        starts_at_zero(norm_at(s, net, net->n_convs));
    if (j == 0 && (stage->stride != 1 || in != stage->width * net->expansion))
        shortcut_init(s, b, net, stage, in);
}

/* ---- the whole network ------------------------------------------------------------------------------------------- */

static int stem_init(NnScope s, ResNet *net) /* returns its channels */
{
    const int out = net->stem_channels ? net->stem_channels : net->base_channels;
    const bool frozen = net->frozen_stages >= 0;
    if (!net->deep_stem) {
        const NnConvShape large = { .kernel = 7, .stride = 2, .padding = 3 };
        conv_init(nn_at(s, "conv1"), &net->stem[0].conv, net, net->in_channels, out, large);
        norm_init(norm_at(s, net, 1), &net->stem[0].norm, net, out, frozen);
        return out;
    }
    const int first_out = net->tiered_stem ? out / 2 / 4 * 3 : out / 2;
    const int channels[RESNET_STEM + 1] = { net->in_channels, first_out, out / 2, out };
    for (int i = 0; i < RESNET_STEM; i++) {
        const NnConvShape shape = { .kernel = 3, .stride = i ? 1 : 2, .padding = 1 };
        conv_init(nn_at(s, "stem.%d", 3 * i), &net->stem[i].conv, net, channels[i], channels[i + 1], shape);
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
        nn_freeze(nn_at(s, "%s1.", norm_name(net)));
    }
    for (int i = 0; i < net->frozen_stages; i++)
        nn_freeze(nn_at(s, "layer%d.", i + 1));
}

void df_resnet_build(NnScope s, ResNet *net)
{
    int in = stem_init(s, net);
    for (int i = 0; nn_ok(s) && i < net->num_stages; i++) {
        ResNetStage *stage = &net->stages[i];
        stage->blocks = nn_alloc(s, (size_t)stage->depth, sizeof *stage->blocks);
        for (int j = 0; nn_ok(s) && j < stage->depth; j++) {
            block_init(nn_at(s, "layer%d.%d", i + 1, j), &stage->blocks[j], net, stage, j, in);
            in = stage->width * net->expansion;
        }
    }
    freeze(s, net);
    if (net->global_pool == POOL_CATAVGMAX)
        in *= 2;
    if (net->style == RESNET_TORCHVISION && net->num_classes)
        nn_linear_init(nn_at(s, "fc"), &net->fc, in, net->num_classes, true);
}
