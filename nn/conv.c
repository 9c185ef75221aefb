/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/conv.c -- convolution layers: parameters, initial weights and the forward pass.
 */
#include <string.h>

#include "nn/nn.h"

static int one_if_zero(int value)
{
    return value ? value : 1;
}

float nn_conv_kind(NnScope s, const DfNode *conv_cfg)
{
    const char *type = df_node_text(df_node_get(conv_cfg, "type"), "Conv2d");
    if (strcmp(type, "ConvWS") == 0)
        return (float)df_node_number(df_node_get(conv_cfg, "eps"), 1e-5);
    if (strcmp(type, "Conv2d") != 0 && strcmp(type, "Conv") != 0)
        nn_fail(s, DF_EVALUE, "conv_cfg has type '%s': want None, Conv2d or ConvWS", type);
    return 0;
}

void nn_conv_init_as(NnScope s, NnConv *l, int in, int out, NnConvShape shape, NnInit weight, NnInit bias_init)
{
    const int k = one_if_zero(shape.kernel);
    const int kh = shape.patch[0] ? shape.patch[0] : k;
    const int kw = shape.patch[1] ? shape.patch[1] : k;
    const int stride = one_if_zero(shape.stride);
    const int dilation = one_if_zero(shape.dilation);
    const int groups = one_if_zero(shape.groups);
    if (in % groups || out % groups) {
        nn_fail(s, DF_EVALUE, "a convolution of %d to %d channels in %d groups: want multiples", in, out, groups);
        return;
    }
    const bool depthwise = groups > 1 && groups == in && in == out;
    if (depthwise && shape.standard_eps > 0)
        nn_fail(s, DF_EVALUE, "ConvWS with a group for each channel: want fewer groups");
    l->standard_eps = shape.standard_eps;
    l->in = in;
    l->out = out;
    l->kernel[0] = kh;
    l->kernel[1] = kw;
    l->conv = (DfConv){
        .stride = { shape.patch[0] ? kh : stride, shape.patch[1] ? kw : stride },
        .padding = { shape.padding, shape.padding },
        .dilation = { dilation, dilation },
        .groups = groups,
    };
    l->weight = nn_param(s, "weight", DF_SHAPE(out, in / groups, kh, kw), depthwise ? NN_DEPTHWISE : NN_CONV, weight);
    nn_last(s)->role = groups == in ? NN_OF_DEPTHWISE : NN_OF_OTHER;
    nn_last(s)->product = !depthwise;
    if (shape.no_bias) {
        l->bias = NULL;
        return;
    }
    l->bias = nn_param(s, "bias", DF_SHAPE(out), NN_AS_IS, bias_init);
    nn_last(s)->role = groups == in ? NN_OF_DEPTHWISE : NN_OF_OTHER;
}

void nn_conv_init(NnScope s, NnConv *l, int in, int out, NnConvShape shape)
{
    const int k = one_if_zero(shape.kernel);
    const int kh = shape.patch[0] ? shape.patch[0] : k;
    const int kw = shape.patch[1] ? shape.patch[1] : k;
    const int fan_in = in / one_if_zero(shape.groups) * kh * kw;
    nn_conv_init_as(s, l, in, out, shape, nn_kaiming_uniform(fan_in), nn_kaiming_uniform(fan_in));
}

DfTensor *nn_conv_fused(DfCtx *c, const NnConv *l, DfTensor *x, DfFuse fuse)
{
    if (l->standard_eps <= 0)
        return df_conv2d(c, x, l->weight, l->bias, l->conv, fuse);
    const DfMark m = df_enter(c, NULL, -1);
    DfTensor *weight = df_standard_rows(c, l->weight, l->standard_eps);
    return df_leave(c, m, df_conv2d(c, x, weight, l->bias, l->conv, fuse));
}

DfTensor *nn_conv(DfCtx *c, const NnConv *l, DfTensor *x)
{
    return nn_conv_fused(c, l, x, (DfFuse){ 0 });
}
