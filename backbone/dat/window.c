/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/dat/window.c -- blocks L and S of DAT: Swin's attention within windows, and within windows shifted by half
 * a window, rounded up where Swin rounds down (nn/window_attention.c has the arithmetic).
 */
#include "backbone/dat/kinds.h"

typedef struct {
    NnWindowAttention attn;
    bool fixed_size;            /* nothing is padded, and masks of shifted windows are made for one size */
    int side;                   /* of the map that they are made for                                     */
} Windows;

/* The classification code pads nothing. It makes the mask of shifted windows for maps of one size, and lets the windows
 * of a batch take those of the mask in turn, whatever map they are of: that works if they are a multiple. */
static void check_map(DfCtx *c, const Windows *b, const DfTensor *x)
{
    const int H = df_dim(x, 1), W = df_dim(x, 2), w = b->attn.attn.window;
    if (!b->fixed_size)
        return;
    const int64_t windows = (int64_t)df_dim(x, 0) * (H / w) * (W / w);
    const int64_t masks = (int64_t)(b->side / w) * (b->side / w);
    if (H % w || W % w)
        df_ctx_fail(c, DF_ESHAPE, "a map of %dx%d: the classification form wants whole windows of %d", W, H, w);
    else if (b->attn.attn.shift && (masks < 1 || windows % masks))
        df_ctx_fail(c, DF_ESHAPE, "a map of %dx%d: the mask of an S block in the classification form is for %dx%d, "
                    "and goes with multiples of its %lld windows", W, H, b->side, b->side, (long long)masks);
}

static bool takes_mask_in_turn(const Windows *b, const DfTensor *x)
{
    return b->fixed_size && b->attn.attn.shift && (df_dim(x, 1) != b->side || df_dim(x, 2) != b->side);
}

static DfTensor *branch(DfCtx *c, const void *self, const NnLayerNorm *norm, DfTensor *x, NnResidual r)
{
    const Windows *b = self;
    check_map(c, b, x);
    NnWindowAttention attn = b->attn;
    if (takes_mask_in_turn(b, x))
        attn.attn.mask_side = b->side / attn.attn.window;
    return nn_window_attention_branch(c, &attn, norm, x, r);
}

static DfTensor *forward(DfCtx *c, const void *self, DfTensor *x, NnResidual r)
{
    return branch(c, self, NULL, x, r);
}

static void init(NnScope s, Windows *b, const DatBlockOptions *o, int shift)
{
    NnWindowAttention *a = &b->attn;
    const int w = o->window;
    const DfShape table = DF_SHAPE((2 * w - 1) * (2 * w - 1), o->heads);
    a->attn = (DfWindowAttention){ .window = w, .shift = shift, .heads = o->heads, .scale = df_dat_scale(o) };
    b->fixed_size = o->fixed_size;
    b->side = o->side;
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
    .size = sizeof(Windows),
    .init = init_plain,
    .forward = forward,
    .branch = branch,
};
const DatBlockKind df_dat_block_shifted_window = {
    .letter = 'S',
    .size = sizeof(Windows),
    .init = init_shifted,
    .forward = forward,
    .branch = branch,
};
