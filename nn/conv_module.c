/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/conv_module.c -- a convolution and the norm behind it; mmcv's ConvModule: conv, norm, activation.
 *
 * A batch norm that uses its running statistics is a factor and a summand for each channel,
 *     norm(x) = x scale + shift,   scale = weight / sqrt(var + eps),   shift = bias - mean scale,
 * so norm(conv(x)) is one convolution, with weight W scale and bias shift. That is done where no tape needs both
 * results.
 */
#include "nn/nn.h"

static bool folds(const DfCtx *c, const NnConv *l, const NnNorm *n)
{
    const bool by_running_statistics = n->kind == NN_NORM_BATCH && (!c->training || n->evaluates);
    const bool depthwise = l->weight->shape.n != 4;
    return by_running_statistics && !c->recording && !l->bias && !depthwise && l->standard_eps <= 0;
}

/* act(norm(conv(x))), and what `fuse` adds. */
static DfTensor *folded(DfCtx *c, const NnConv *l, const NnNorm *n, DfTensor *x, DfFuse fuse)
{
    const DfMark m = df_enter(c, NULL, -1);
    DfTensor *scale, *shift;                                                     /* O each */
    df_batch_norm_columns(c, n->weight, n->bias, n->running_mean, n->running_var, n->eps, &scale, &shift);
    fuse.fold = scale;
    return df_leave(c, m, df_conv2d(c, x, l->weight, shift, l->conv, fuse));
}

static DfTensor *conv_norm(DfCtx *c, const NnConv *l, const NnNorm *n, DfTensor *x, DfFuse fuse)
{
    const DfMark m = df_enter(c, NULL, -1);
    if (!folds(c, l, n))
        x = nn_norm_fused(c, n, nn_conv(c, l, x), fuse.act, fuse.residual);
    else
        x = folded(c, l, n, x, fuse);
    return df_leave(c, m, x);
}

DfTensor *nn_conv_norm(DfCtx *c, const NnConv *l, const NnNorm *n, DfTensor *x, DfAct act, DfTensor *residual)
{
    return conv_norm(c, l, n, x, (DfFuse){ .act = act, .residual = residual, .inside = true });
}

DfTensor *nn_conv_norm_for(DfCtx *c, const NnConv *l, const NnNorm *n, DfTensor *x, DfAct act, const NnConv *reader)
{
    return conv_norm(c, l, n, x, (DfFuse){ .act = act, .reader = reader ? reader->weight : NULL });
}

DfTensor *nn_conv_norm_spending(DfCtx *c, const NnConv *l, const NnNorm *n, DfTensor *x, DfAct act, DfTensor *residual)
{
    return conv_norm(c, l, n, x, (DfFuse){ .act = act, .residual = residual, .inside = true, .spent = true });
}

/* ---- mmcv's module ----------------------------------------------------------------------------------------------- */

void nn_conv_module_init(NnScope s, NnConvModule *m, int in, int out, NnConvShape shape, const DfNode *norm_cfg,
                         DfAct act, NnInit weight)
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
        return folded(c, &m->conv, &m->norm, x, (DfFuse){ .act = m->act, .residual = residual });
    const DfMark mark = df_enter(c, NULL, -1);
    return df_leave(c, mark, df_add(c, nn_conv_module(c, m, x), residual));
}
