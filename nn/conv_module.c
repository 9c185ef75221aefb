/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/conv_module.c -- a convolution followed by a norm, fused where possible; and mmcv's ConvModule: convolution,
 * norm, activation.
 *
 * A batch norm that uses its running statistics is a factor and a summand for each channel,
 *     norm(x) = x scale + shift,   scale = weight / sqrt(var + eps),   shift = bias - mean scale,
 * so norm(conv(x)) is one convolution with the weight W scale and the bias shift. The two are fused like this when
 * nothing is recorded for a backward pass.
 */
#include "nn/nn.h"

static bool folds(const DfCtx *c, const NnConv *l, const NnNorm *n)
{
    const bool by_running_statistics = n->kind == NN_NORM_BATCH && (!c->training || n->evaluates);
    const bool depthwise = l->weight->shape.n != 4;
    return by_running_statistics && !c->recording && !l->bias && !depthwise && l->standard_eps <= 0;
}

/* act(norm(conv(x))) and the residual of `fuse`, as one convolution. */
static DfConvLayer layer_of(DfCtx *c, const NnConv *l, const NnNorm *n, DfFuse fuse)
{
    DfConvLayer layer = { .weight = l->weight, .conv = l->conv, .fuse = fuse };
    df_batch_norm_columns(c, n->weight, n->bias, n->running_mean, n->running_var, n->eps, &layer.fuse.fold,
                          &layer.bias);                                          /* O each */
    return layer;
}

static DfTensor *folded(DfCtx *c, const NnConv *l, const NnNorm *n, DfTensor *x, DfFuse fuse)
{
    const DfMark m = df_enter(c, NULL, -1);
    const DfConvLayer as_one = layer_of(c, l, n, fuse);
    return df_leave(c, m, df_conv2d(c, x, as_one.weight, as_one.bias, as_one.conv, as_one.fuse));
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

DfTensor *nn_conv_norm_pair(DfCtx *c, DfTensor *x, const NnConvNorm *first, const NnConvNorm *second, DfTensor **z)
{
    *z = NULL;
    if (!second || !folds(c, first->conv, first->norm) || !folds(c, second->conv, second->norm))
        return conv_norm(c, first->conv, first->norm, x, first->fuse);
    const DfMark m = df_enter(c, NULL, -1);
    const DfConvLayer one = layer_of(c, first->conv, first->norm, first->fuse);
    const DfConvLayer two = layer_of(c, second->conv, second->norm, second->fuse);
    DfTensor *y = df_conv2d_pair(c, x, &one, &two, z);
    return df_leave_with(c, m, y, *z);
}

/* The convolution without its norm. */
static DfConvLayer bare(const NnConvNorm *m)
{
    return (DfConvLayer){ .weight = m->conv->weight, .conv = m->conv->conv, .fuse = m->fuse };
}

static bool goes_along(const DfCtx *c, const DfTensor *x, const NnConvNorm *first, const NnConvNorm *second,
                       const NnConvNorm *residual)
{
    const NnConvNorm *const all[] = { first, second, residual };
    for (int i = 0; i < 3; i++)
        if (!folds(c, all[i]->conv, all[i]->norm))
            return false;
    const DfConvLayer one = bare(first), two = bare(second), added = bare(residual);
    return df_conv2d_goes_along(c, x, &one, &two, &added);
}

DfTensor *nn_conv_norm_pair_with(DfCtx *c, DfTensor *x, const NnConvNorm *first, const NnConvNorm *second,
                                 DfTensor *side, const NnConvNorm *residual, DfTensor **z)
{
    *z = NULL;
    if (!goes_along(c, x, first, second, residual))
        return NULL;
    const DfMark m = df_enter(c, NULL, -1);
    const DfConvLayer one = layer_of(c, first->conv, first->norm, first->fuse);
    const DfConvLayer two = layer_of(c, second->conv, second->norm, second->fuse);
    const DfConvLayer added = layer_of(c, residual->conv, residual->norm, residual->fuse);
    DfTensor *y = df_conv2d_pair_with(c, x, &one, &two, side, &added, z);
    return df_leave_with(c, m, y, *z);
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

/* ---- on maps that are resized to one size ------------------------------------------------------------------------ */

/* A 3x3 convolution of an enlarged map can be computed at the small size: nine products for a pixel of the small map
 * replace nine (2.25 by Winograd's method) for every pixel of the large one. This is worth it if the large map has at
 * least WORTH times as many pixels; a pyramid pooling of 6 x 6 cells on 16 x 16 has 7 times as many. */
enum { WORTH = 6 };

static bool is_small(const DfTensor *x, int H, int W)
{
    return (double)H * W >= (double)WORTH * df_dim(x, 1) * df_dim(x, 2);
}

/* Whether the convolution keeps the size and can be computed tap by tap. */
static bool has_taps(const DfCtx *c, const NnConvModule *m)
{
    const DfConv *conv = &m->conv.conv;
    for (int i = 0; i < 2; i++)
        if (conv->stride[i] != 1 || conv->dilation[i] != 1 || conv->padding[i] * 2 + 1 != df_dim(m->conv.weight, 1 + i))
            return false;
    const bool is_one = m->norm.kind == NN_NORM_NONE || folds(c, &m->conv, &m->norm);
    return is_one && conv->groups == 1 && m->conv.standard_eps <= 0 && df_conv2d_has_taps(c, m->conv.weight);
}

/* Counts the multiply-adds of the convolution that the taps replace. */
static void count_macs(DfCtx *c, const NnJoinedConv *j, const DfTensor *x)
{
    const double pixels = (double)j->H * j->W - (double)df_dim(x, 1) * df_dim(x, 2);
    const double spared = df_dim(x, 0) * pixels * df_dim(x, 3) * (double)df_size(j->module->conv.weight) /
                          df_dim(j->module->conv.weight, 3);
    df_macs(c, DF_MACS_LAYER, spared);
    df_macs(c, DF_MACS_SPARED, spared);
}

NnJoinedConv nn_join_maps(DfCtx *c, const NnConvModule *m, DfTensor *const *x, int n, bool align_corners)
{
    NnJoinedConv j = { .module = m, .bias = m->conv.bias, .n = n, .align_corners = align_corners };
    if (c->err)
        return j;
    j.H = df_dim(x[0], 1);
    j.W = df_dim(x[0], 2);
    int first_input = df_dim(m->conv.weight, 3);
    for (int i = 0; i < n; i++)
        j.map[i] = x[i];
    if (!has_taps(c, m))
        return j;
    if (m->norm.kind == NN_NORM_BATCH)
        df_batch_norm_columns(c, m->norm.weight, m->norm.bias, m->norm.running_mean, m->norm.running_var, m->norm.eps,
                              &j.scale, &j.bias);
    for (; j.n > 1 && is_small(x[j.n - 1], j.H, j.W); j.n--) {
        first_input -= df_dim(x[j.n - 1], 3);
        j.taps[j.n_taps++] = df_conv2d_taps(c, x[j.n - 1], m->conv.weight, j.scale, first_input);
        count_macs(c, &j, x[j.n - 1]);
    }
    return j;
}

DfTensor *nn_joined_rows(DfCtx *c, const NnJoinedConv *j, int first, int rows)
{
    const DfMark m = df_enter(c, NULL, -1);
    const NnConvModule *module = j->module;
    NnConv conv = module->conv;
    const int reach = conv.conv.padding[0];
    conv.conv.padding[0] = 0;
    DfTensor *x = df_interpolate_concat(c, j->map, j->n, j->H, j->W, first - reach, rows + 2 * reach, j->align_corners);
    if (!j->n_taps) {
        const NnConvModule strip = { conv, module->norm, module->act };
        return df_leave(c, m, nn_conv_module(c, &strip, x));
    }
    DfTensor *others = df_enlarge_taps(c, conv.weight, j->taps, j->n_taps, (DfStrip){ j->H, j->W, first, rows },
                                       j->align_corners);
    const DfFuse fuse = { .act = module->act, .fold = j->scale, .residual = others, .inside = true, .spent = true,
                          .first_inputs = true };
    return df_leave(c, m, df_conv2d(c, x, conv.weight, j->bias, conv.conv, fuse));
}
