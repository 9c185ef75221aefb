/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/window_attention.c -- attention within windows, as Swin (Liu et al., ICCV 2021) and DAT's L and S blocks use it.
 */
#include "nn/nn.h"

DfTensor *nn_window_attention_add(DfCtx *c, const NnWindowAttention *a, DfTensor *x, NnResidual r)
{
    const DfMark m = df_enter(c, NULL, -1);
    DfTensor *qkv = nn_linear(c, &a->qkv, x);                                   /* B H W 3C */
    DfTensor *y = df_window_attention(c, qkv, a->qkv.bias, a->table, a->attn);  /* B H W C  */
    if (!c->training || a->proj_drop == 0)
        y = nn_linear_add(c, &a->proj, y, r);
    else
        y = nn_add(c, df_dropout(c, nn_linear(c, &a->proj, y), a->proj_drop), r);
    return df_leave(c, m, y);
}
