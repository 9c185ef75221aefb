/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/conv.c -- convolutions, and mmcv's ConvModule: conv, norm, activation.
 */
#include "nn/nn.h"

static int one_if_zero(int value)
{
    return value ? value : 1;
}

void nn_conv_init_as(NnScope s, NnConv *l, int in, int out, NnConvShape shape, NnInit weight, NnInit bias_init)
{
    const int k = one_if_zero(shape.kernel), stride = one_if_zero(shape.stride), groups = one_if_zero(shape.groups);
    const int dilation = one_if_zero(shape.dilation);
    if (in % groups || out % groups) {
        nn_fail(s, DF_EVALUE, "a convolution of %d to %d channels in %d groups: want multiples", in, out, groups);
        return;
    }
    const bool depthwise = groups > 1 && groups == in && in == out;
    l->in = in;
    l->out = out;
    l->kernel[0] = l->kernel[1] = k;
    l->conv = (DfConv){ { stride, stride }, { shape.padding, shape.padding }, { dilation, dilation }, groups };
    l->weight = nn_param(s, "weight", DF_SHAPE(out, in / groups, k, k), depthwise ? NN_DEPTHWISE : NN_CONV, weight);
    l->bias = shape.no_bias ? NULL : nn_param(s, "bias", DF_SHAPE(out), NN_AS_IS, bias_init);
}

void nn_conv_init(NnScope s, NnConv *l, int in, int out, NnConvShape shape)
{
    const int k = one_if_zero(shape.kernel), fan_in = in / one_if_zero(shape.groups) * k * k;
    nn_conv_init_as(s, l, in, out, shape, nn_kaiming_uniform(fan_in), nn_kaiming_uniform(fan_in));
}

DfTensor *nn_conv_fused(DfCtx *c, const NnConv *l, DfTensor *x, DfFuse fuse)
{
    return df_conv2d(c, x, l->weight, l->bias, l->conv, fuse);
}

DfTensor *nn_conv(DfCtx *c, const NnConv *l, DfTensor *x)
{
    return nn_conv_fused(c, l, x, (DfFuse){ 0 });
}

void nn_conv_module_init(NnScope s, NnConvModule *m, int in, int out, NnConvShape shape, const DfNode *norm_cfg, DfAct act, NnInit weight)
{
    shape.no_bias = norm_cfg != NULL;
    m->act = act;
    nn_conv_init_as(nn_at(s, "conv"), &m->conv, in, out, shape, weight, nn_constant(0));
    if (norm_cfg)
        nn_norm_init(nn_at(s, "%s", nn_norm_name(norm_cfg)), &m->norm, norm_cfg, out);
}

DfTensor *nn_conv_module(DfCtx *c, const NnConvModule *m, DfTensor *x)
{
    if (m->norm.kind == NN_NORM_NONE)
        return nn_conv_fused(c, &m->conv, x, (DfFuse){ .act = m->act });
    DfTensor *y = nn_conv(c, &m->conv, x), *z = nn_norm_fused(c, &m->norm, y, m->act, NULL);
    if (z != y)
        df_drop(c, y);
    return z;
}
