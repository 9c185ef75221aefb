/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/window_attention.c -- attention within windows of a map: Liu et al., "Swin Transformer", ICCV 2021, section 3.2,
 * eq. 4:
 *     Attention(Q, K, V) = softmax(Q K' / sqrt(d) + B) V
 * for the tokens of a window, where B is read from a table by the relative position of query and key. Partition,
 * shift, mask and their inverses are one op (tensor/window_attention.c), which copies no maps.
 */
#include "nn/nn.h"

/* The smallest multiple of `window` that is not below `size`. */
static int whole_windows(int size, int window)
{
    return (size + window - 1) / window * window;
}

/* Counts the multiply-adds that the official code does for padding: it pads the map to whole windows before the
 * projection. Here the projection of a padded token is the bias, which costs nothing. */
static void count_padding(DfCtx *c, const NnWindowAttention *a, const DfTensor *x)
{
    const int H = df_dim(x, 1), W = df_dim(x, 2), C = df_dim(x, 3);
    const double whole = (double)whole_windows(H, a->attn.window) * whole_windows(W, a->attn.window);
    const double tokens = df_dim(x, 0) * (whole - (double)H * W);
    df_macs(c, DF_MACS_PADDING, tokens * 4 * C * C);                            /* to Q K V, and the projection */
}

/* In training with dropout or drop_path, the parts are computed one after the other. */
static DfTensor *in_training(DfCtx *c, const NnWindowAttention *a, const NnLayerNorm *norm, DfTensor *x, NnResidual r)
{
    x = norm ? nn_layer_norm(c, norm, x) : x;
    DfTensor *qkv = nn_linear(c, &a->qkv, x);                                   /* B H W 3C */
    DfTensor *y = df_window_attention(c, qkv, a->qkv.bias, a->table, a->attn);  /* B H W C  */
    df_release(c, qkv);
    r.drop = a->proj_drop;
    return nn_linear_add(c, &a->proj, y, r);
}

static DfTensor *in_one(DfCtx *c, const NnWindowAttention *a, const NnLayerNorm *norm, DfTensor *x, NnResidual r)
{
    return df_window_branch(c, x, (DfWindowBranch){
        .norm = norm != NULL,
        .norm_weight = norm ? norm->weight : NULL,
        .norm_bias = norm ? norm->bias : NULL,
        .eps = norm ? norm->eps : 0,
        .qkv = a->qkv.weight,
        .qkv_bias = a->qkv.bias,
        .table = a->table,
        .attention = a->attn,
        .proj = a->proj.weight,
        .proj_bias = a->proj.bias,
        .fuse = { .scale = r.scale, .residual = r.residual },
    });
}

DfTensor *nn_window_attention_branch(DfCtx *c, const NnWindowAttention *a, const NnLayerNorm *norm, DfTensor *x,
                                     NnResidual r)
{
    const DfMark m = df_enter(c, NULL, -1);
    count_padding(c, a, x);
    return df_leave(c, m, c->training ? in_training(c, a, norm, x, r) : in_one(c, a, norm, x, r));
}

DfTensor *nn_window_attention_add(DfCtx *c, const NnWindowAttention *a, DfTensor *x, NnResidual r)
{
    return nn_window_attention_branch(c, a, NULL, x, r);
}
