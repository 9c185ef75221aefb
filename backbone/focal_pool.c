/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/focal_pool.c -- pools pieces of a map to tokens: by learned weights, or by mean or maximum.
 */
#include "backbone/focal_pool.h"

#include "backbone/transformer.h"

/* A fully connected layer over the tokens of a piece, the same for all channels, is a depthwise convolution. */
static DfTensor *by_fc(DfCtx *c, const FocalPool *pool, DfTensor *x)
{
    const int C = df_dim(x, 3), side = pool->side;
    const DfConv conv = { .stride = { side, side }, .dilation = { 1, 1 }, .groups = C };
    DfTensor *weight = df_reshape(c, pool->fc.weight, DF_SHAPE(side, side, 1));
    weight = df_repeat(c, weight, C);                                            /* side side C */
    DfTensor *bias = df_repeat(c, pool->fc.bias, C);                            /* C */
    return df_conv2d(c, x, weight, bias, conv, (DfFuse){ 0 });
}

DfTensor *df_focal_pool(DfCtx *c, const FocalPool *pool, DfTensor *x)
{
    const int side[2] = { pool->side, pool->side }, none[2] = { 0, 0 };
    switch (pool->how) {
    case FOCAL_POOL_CONV:
        return nn_conv(c, &pool->conv, x);
    case FOCAL_POOL_MEAN:
        return df_avg_pool2d(c, x, side, side, none, false, true);
    case FOCAL_POOL_MAX:
        return df_max_pool2d(c, x, side, side, none, false);
    default:
        return by_fc(c, pool, x);
    }
}

void df_focal_pool_init(NnScope s, FocalPool *pool, int how, int side, int dim)
{
    const NnConvShape pieces = { .kernel = side, .stride = side, .groups = dim };
    pool->how = how;
    pool->side = side;
    if (how == FOCAL_POOL_FC)
        df_transformer_linear_init(s, &pool->fc, side * side, 1, true);
    if (how == FOCAL_POOL_CONV)
        nn_conv_init(s, &pool->conv, dim, dim, pieces);
}
