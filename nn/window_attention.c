/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/window_attention.c -- attention within windows, as Swin (Liu et al., ICCV 2021) and DAT's L and S blocks use it.
 */
#include "nn/nn.h"

/* Official code pads the map to whole windows before it projects; here padded tokens are the bias, and cost nothing. */
static void count_padding(DfCtx *c, const NnWindowAttention *a, const DfTensor *x)
{
    const int w = a->attn.window, H = df_dim(x, 1), W = df_dim(x, 2), C = df_dim(x, 3);
    const double whole = (double)((H + w - 1) / w * w) * ((W + w - 1) / w * w), tokens = df_dim(x, 0) * (whole - (double)H * W);
    df_macs(c, DF_MACS_PADDING, tokens * 4 * C * C);
}

DfTensor *nn_window_attention_add(DfCtx *c, const NnWindowAttention *a, DfTensor *x, NnResidual r)
{
    const DfMark m = df_enter(c, NULL, -1);
    count_padding(c, a, x);
    DfTensor *qkv = nn_linear(c, &a->qkv, x);                                   /* B H W 3C */
    DfTensor *y = df_window_attention(c, qkv, a->qkv.bias, a->table, a->attn);  /* B H W C  */
    r.drop = a->proj_drop;
    return df_leave(c, m, nn_linear_add(c, &a->proj, y, r));
}
