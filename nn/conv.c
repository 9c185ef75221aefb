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

/* A batch norm that uses its running statistics is linear: it goes into the weight when that is packed. */
static bool folds(const DfCtx *c, const NnConv *l, const NnNorm *n)
{
    return n->kind == NN_NORM_BATCH && !c->recording && (!c->training || n->frozen) && !l->bias && l->weight->shape.n == 4;
}

static DfTensor *folded(DfCtx *c, const NnConv *l, const NnNorm *n, DfTensor *x, DfAct act, DfTensor *residual) /* act(..) + residual */
{
    DfTensor *scale, *shift;
    df_batch_norm_columns(c, n->weight, n->bias, n->running_mean, n->running_var, n->eps, &scale, &shift);
    DfTensor *y = df_conv2d(c, x, l->weight, shift, l->conv, (DfFuse){ .fold = scale, .act = act, .residual = residual });
    df_release(c, scale);
    df_release(c, shift);
    return y;
}

DfTensor *nn_conv_norm(DfCtx *c, const NnConv *l, const NnNorm *n, DfTensor *x, DfAct act, DfTensor *residual)
{
    const bool folding = folds(c, l, n);
    DfTensor *y = folding ? folded(c, l, n, x, residual ? DF_ACT_NONE : act, residual) : nn_conv(c, l, x), *z = y;
    if (!folding)
        z = nn_norm_fused(c, n, y, act, residual);
    else if (residual && act != DF_ACT_NONE)
        z = df_act(c, y, act);
    if (z != y)
        df_release(c, y);
    return z;
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
    return nn_conv_norm(c, &m->conv, &m->norm, x, m->act, NULL);
}

DfTensor *nn_conv_module_add(DfCtx *c, const NnConvModule *m, DfTensor *x, DfTensor *residual)
{
    if (m->norm.kind == NN_NORM_NONE)
        return nn_conv_fused(c, &m->conv, x, (DfFuse){ .act = m->act, .residual = residual });
    if (folds(c, &m->conv, &m->norm))
        return folded(c, &m->conv, &m->norm, x, m->act, residual);
    DfTensor *y = nn_conv_module(c, m, x), *z = df_add(c, y, residual);
    df_release(c, y);
    return z;
}
