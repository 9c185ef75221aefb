/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/resnet/residual.c -- a residual block. He et al., "Deep Residual Learning for Image Recognition", CVPR 2016,
 * sections 3.2 and 4.1:
 *     y = relu(F(x) + Ws x)                                                                          (eq. 1 and 2)
 *     F(x) = conv3x3(relu(conv3x3(x)))                      a basic block
 *     F(x) = conv1x1(relu(conv3x3(relu(conv1x1(x)))))       a bottleneck                             (figure 5)
 * with a norm behind each convolution. Ws is the identity where sizes agree, else a 1x1 convolution with a norm.
 *
 * A bottleneck ends with a 1x1 convolution to many channels, and the next one begins with a 1x1 convolution of them. On
 * a large map, writing y and reading it again takes longer than the arithmetic. So both are computed together, piece by
 * piece: a block gives y and `ahead`, the first convolution of the next one, which finds it as *begun.
 */
#include "backbone/resnet/network.h"

/* ---- one convolution --------------------------------------------------------------------------------------------- */

/* A 3x3 convolution whose nine points move by offsets that another convolution computes; in v2 each also has a weight
 * in (0, 1). */
static DfTensor *deform(DfCtx *c, const ConvNorm *m, DfTensor *x)
{
    const int points = 9 * m->groups;
    DfTensor *weight = NULL;
    DfTensor *offset = nn_conv(c, &m->offset, x);                                /* N H' W' 18G, or 27G in v2 */
    if (m->dcn == DCN_V2) {
        weight = df_sigmoid(c, df_slice(c, offset, -1, 2 * points, points));     /* N H' W' 9G */
        offset = df_slice(c, offset, -1, 0, 2 * points);                         /* N H' W' 18G */
    }
    df_observe_points(c, &(DfPointAttention){
        .map = x, .offset = offset, .mask = weight,
        .conv = m->conv.conv, .kernel = { 3, 3 }, .offset_groups = m->groups,
    });
    return df_deform_conv2d(c, x, offset, weight, m->conv.weight, NULL, m->conv.conv, m->groups);
}

DfTensor *df_resnet_conv(DfCtx *c, const ConvNorm *m, DfTensor *x, DfAct act, const ConvNorm *next)
{
    const NnConv *reader = next && !next->dcn ? &next->conv : NULL;
    const DfMark mark = df_enter(c, NULL, -1);
    if (m->dcn)
        x = nn_norm_fused(c, &m->norm, deform(c, m, x), act, NULL);
    else
        x = nn_conv_norm_for(c, &m->conv, &m->norm, x, act, reader);
    return df_leave(c, mark, x);
}

/* ---- Ws x -------------------------------------------------------------------------------------------------------- */

/* Means of 2x2, with zeros behind the last row and column, so that the size stays. */
static DfTensor *smooth(DfCtx *c, DfTensor *x)
{
    const int square[2] = { 2, 2 }, step[2] = { 1, 1 }, none[2] = { 0, 0 };
    return df_avg_pool2d(c, df_pad2d(c, x, (int[4]){ 0, 1, 0, 1 }, 0), square, step, none, false, false);
}

/* Ws x: the identity where size and channels stay. */
static DfTensor *shortcut(DfCtx *c, const ResNetBlock *b, DfTensor *x)
{
    if (!b->shortcut.conv.weight)
        return x;
    const DfMark m = df_enter(c, "downsample", -1);
    const int side[2] = { b->pool, b->pool }, none[2] = { 0, 0 };
    if (b->smooths)
        x = smooth(c, x);
    else if (b->pool > 1)
        x = df_avg_pool2d(c, x, side, side, none, true, false);
    return df_leave(c, m, df_resnet_conv(c, &b->shortcut, x, DF_ACT_NONE, NULL));
}

/* ---- F(x), but for its last convolution -------------------------------------------------------------------------- */

/* A convolution that is not the last one of its block, and what is plugged in behind it. */
static DfTensor *inner(DfCtx *c, const ResNet *net, const ResNetBlock *b, int k, DfTensor *x)
{
    const ConvNorm *next = b->plugins[k] ? NULL : &b->conv[k + 1];
    return df_plugins(c, b->plugins[k], df_resnet_conv(c, &b->conv[k], x, net->inner, next));
}

/* ---- the end of a block, with the beginning of the next one ------------------------------------------------------ */

bool df_resnet_owns(const ResNet *net, int i, int j)
{
    return j > 0 || i == 0 || !net->stages[i - 1].given;
}

/* A bottleneck's beginning. */
static NnConvNorm first_of(const ResNet *net, const ResNetBlock *b)
{
    const bool one_reader = !b->plugins[0] && !b->conv[1].dcn;
    const DfFuse fuse = { .act = net->inner, .reader = one_reader ? b->conv[1].conv.weight : NULL };
    return (NnConvNorm){ &b->conv[0].conv, &b->conv[0].norm, fuse };
}

/* The bottleneck that reads the result of block j of stage i; NULL: none. */
static const ResNetBlock *block_after(const DfCtx *c, const ResNet *net, int i, int j)
{
    if (net->n_convs != 3)
        return NULL;
    if (j + 1 < net->stages[i].depth)
        return &net->stages[i].blocks[j + 1];
    return i + 1 < df_resnet_stages_to_run(c, net) ? net->stages[i + 1].blocks : NULL;
}

/* act(norm(conv(x)) + residual), a block's end; in the memory of the residual if it is spent. `next`: the block behind
 * it, whose first convolution gives *ahead if it is computed along; or NULL. */
static DfTensor *conv_norm_add(DfCtx *c, const ResNet *net, const ConvNorm *m, DfTensor *x, DfTensor *residual,
                               bool spent, const ResNetBlock *next, DfTensor **ahead)
{
    const DfMark mark = df_enter(c, NULL, -1);
    const DfFuse fuse = { .act = net->act, .residual = residual, .inside = true, .spent = spent };
    const NnConvNorm end = { &m->conv, &m->norm, fuse };
    if (m->dcn) {
        x = nn_norm_fused(c, &m->norm, deform(c, m, x), net->act, residual);
    } else {
        const NnConvNorm first = next ? first_of(net, next) : (NnConvNorm){ 0 };
        x = nn_conv_norm_pair(c, x, &end, next ? &first : NULL, ahead);
    }
    return df_leave_with(c, mark, x, *ahead);
}

/* The end of a block whose shortcut is a product, which is computed along with its last convolution and the first one
 * of `next`: the map of the shortcut never exists. NULL: this is no such block, or the map is small. */
static DfTensor *end_at_once(DfCtx *c, const ResNet *net, const ResNetBlock *b, DfTensor *input, DfTensor *y,
                             const ResNetBlock *next, DfTensor **ahead)
{
    const ConvNorm *m = &b->conv[net->n_convs - 1];
    if (!next || m->dcn || !b->shortcut.conv.weight || b->pool > 1 || b->smooths)
        return NULL;
    const NnConvNorm end = { &m->conv, &m->norm, { .act = net->act, .inside = true } };
    const NnConvNorm first = first_of(net, next);
    const NnConvNorm side = { &b->shortcut.conv, &b->shortcut.norm, { .act = DF_ACT_NONE } };
    return nn_conv_norm_pair_with(c, y, &end, &first, input, &side, ahead);
}

/* The end of block j of stage i, whatever it is: of what its convolutions before the last gave, y. */
static DfTensor *end_of_block(DfCtx *c, const ResNet *net, int i, int j, DfTensor *x, DfTensor *y, bool begins_next,
                              DfTensor **ahead)
{
    const ResNetBlock *b = &net->stages[i].blocks[j];
    const int last = net->n_convs - 1;
    const ResNetBlock *next = begins_next && !b->plugins[last] ? block_after(c, net, i, j) : NULL;
    DfTensor *const sum = end_at_once(c, net, b, x, y, next, ahead);
    if (sum)
        return sum;
    DfTensor *const residual = shortcut(c, b, x);
    const bool spent = residual != x || df_resnet_owns(net, i, j);
    if (begins_next && residual != x && df_resnet_owns(net, i, j))
        df_release(c, x);
    if (!b->plugins[last])
        return conv_norm_add(c, net, &b->conv[last], y, residual, spent, next, ahead);
    y = df_plugins(c, b->plugins[last], df_resnet_conv(c, &b->conv[last], y, DF_ACT_NONE, NULL));
    return df_act_own(c, df_add(c, y, residual), net->act);
}

/* ---- a block ----------------------------------------------------------------------------------------------------- */

/* relu(F(x) + Ws x). `begun` is NULL where blocks are to stay apart. */
static DfTensor *run_block(DfCtx *c, const ResNet *net, int i, int j, DfTensor *x, DfTensor **begun)
{
    static const char *const names[RESNET_STAGES] = { "layer1", "layer2", "layer3", "layer4",
                                                      "layer5", "layer6", "layer7", "layer8" };
    const ResNetBlock *b = &net->stages[i].blocks[j];
    const DfMark m = df_enter(c, names[i], j);
    DfTensor *ahead = NULL;
    DfTensor *y = begun && *begun ? df_plugins(c, b->plugins[0], *begun) : inner(c, net, b, 0, x);
    for (int k = 1; k < net->n_convs - 1; k++)
        df_next(c, &y, inner(c, net, b, k, y));
    y = end_of_block(c, net, i, j, x, y, begun != NULL, &ahead);
    if (begun)
        *begun = ahead;
    return df_leave_with(c, m, y, ahead);
}

/* A block as a function of its input. */
typedef struct {
    const ResNet *net;
    int i, j;
} Call;

static DfTensor *run_call(DfCtx *c, const void *self, DfTensor *x)
{
    const Call *call = self;
    return run_block(c, call->net, call->i, call->j, x, NULL);
}

DfTensor *df_resnet_block(DfCtx *c, const ResNet *net, int i, int j, DfTensor *x, DfTensor **begun)
{
    const Call call = { net, i, j };
    return net->with_cp ? df_checkpoint(c, run_call, &call, sizeof call, x) : run_block(c, net, i, j, x, begun);
}
