/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/dat/window.c -- blocks L and S of DAT: Swin's attention within windows, and within windows shifted by half a
 * window, rounded up where Swin rounds down (nn/window_attention.c has the arithmetic).
 */
#include "backbone/dat/kinds.h"

static DfTensor *forward(DfCtx *c, const void *self, DfTensor *x, NnResidual r)
{
    return nn_window_attention_add(c, self, x, r);
}

static void init(NnScope s, NnWindowAttention *a, const DatBlockOptions *o, int shift)
{
    const int w = o->window;
    const DfShape table = DF_SHAPE((2 * w - 1) * (2 * w - 1), o->heads);
    a->attn = (DfWindowAttention){ .window = w, .shift = shift, .heads = o->heads, .scale = df_dat_scale(o) };
    a->attn.drop = o->attn_drop;
    a->proj_drop = o->drop;
    a->table = nn_param(s, "relative_position_bias_table", table, NN_AS_IS, nn_truncated_normal(0.01));
    nn_last(s)->resize = o->resize_windows ? NN_RESIZE_WINDOW_TABLE : NN_RESIZE_NO;
    nn_linear_init(nn_at(s, "proj_qkv"), &a->qkv, o->dim, 3 * o->dim, true);
    nn_linear_init(nn_at(s, "proj_out"), &a->proj, o->dim, o->dim, true);
}

static void init_plain(NnScope s, void *self, const DatBlockOptions *o)
{
    init(s, self, o, 0);
}

static void init_shifted(NnScope s, void *self, const DatBlockOptions *o)
{
    if (o->window < 2)
        nn_fail(s, DF_EVALUE, "window_sizes = %d: an S block wants a window of at least 2", o->window);
    init(s, self, o, (o->window + 1) / 2);
}

const DatBlockKind df_dat_block_window = {
    .letter = 'L',
    .size = sizeof(NnWindowAttention),
    .init = init_plain,
    .forward = forward,
};
const DatBlockKind df_dat_block_shifted_window = {
    .letter = 'S',
    .size = sizeof(NnWindowAttention),
    .init = init_shifted,
    .forward = forward,
};
