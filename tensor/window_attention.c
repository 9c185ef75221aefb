/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/window_attention.c -- attention within shifted windows: Liu et al., Swin Transformer (ICCV 2021), section 3.2.
 */
#include "tensor/op.h"

typedef struct { /* what backward needs besides the tensors */
    DfWindowAttention options;
    DfDropout dropout;
    float lse[];
} Note;

static DfWindowProblem problem_of(const DfTensor *qkv, const DfTensor *pad, const DfTensor *table, DfWindowAttention o)
{
    return (DfWindowProblem){
        .B = df_dim(qkv, 0), .H = df_dim(qkv, 1), .W = df_dim(qkv, 2), .C = df_dim(qkv, 3) / 3,
        .heads = o.heads, .window = o.window,
        .shift = o.shift, .pad_after_shift = o.pad_after_shift, .mask_side = o.mask_side,
        .scale = o.scale,
        .qkv = qkv->data, .pad = df_data_of(pad), .table = df_data_of(table),
    };
}

static void backward(DfCtx *c, DfTensor *y)
{
    const Note *note = y->saved;
    DfTensor *qkv = y->src[0];
    DfTensor *pad = y->src[1];
    DfTensor *table = y->src[2];
    DfWindowProblem p = problem_of(qkv, pad, table, note->options);
    p.dropout = note->dropout;
    float *dqkv = df_grad(c, qkv), *dpad = df_grad(c, pad), *dtable = df_grad(c, table);
    const DfAttentionKernels *a = &c->k->attention;
    float *workspace = df_workspace(c, df_window_attention_backward_workspace(&p));
    if (workspace && !c->err)
        df_check(c, df_window_attention_backward(c->pool, a, &p, y->data, note->lse, y->grad, dqkv, dpad, dtable,
                                                 workspace));
}

static const DfOp op = { "window_attention", backward };

static bool fits(DfCtx *c, const DfTensor *qkv, const DfTensor *pad, const DfTensor *table, DfWindowAttention o)
{
    if (qkv->shape.n != 4 || o.heads < 1 || df_dim(qkv, 3) % (3 * o.heads))
        df_refuse(c, "window attention: qkv is (%s), want B H W 3C with C a multiple of %d heads", DF_TEXT(qkv),
                  o.heads);
    else if (o.window < 1 || o.window > 128 || o.shift < 0 || o.shift > o.window)
        df_refuse(c, "window attention: window %d, shift %d, want a window of 1..128 and a shift of 0..window",
                  o.window, o.shift);
    else if (pad && df_size(pad) != (size_t)df_dim(qkv, 3))
        df_refuse(c, "window attention: padding has shape (%s), want %d values", DF_TEXT(pad), df_dim(qkv, 3));
    else if (table && !df_same_shape(table->shape, DF_SHAPE((2 * o.window - 1) * (2 * o.window - 1), o.heads)))
        df_refuse(c, "window attention: table is (%s), want %d %d", DF_TEXT(table),
                  (2 * o.window - 1) * (2 * o.window - 1), o.heads);
    return !c->err;
}

/* q k' and p v: window^2 keys for each of the padded map's tokens, C multiply-adds each. */
static double macs(const DfWindowProblem *p)
{
    const int w = p->window;
    const int rows = (p->H + w - 1) / w;
    const int columns = (p->W + w - 1) / w;
    return 2.0 * p->B * rows * columns * ((double)w * w) * ((double)w * w) * p->C;
}

DfTensor *df_window_attention(DfCtx *c, DfTensor *qkv, DfTensor *pad, DfTensor *table, DfWindowAttention o)
{
    if (c->err || !fits(c, qkv, pad, table, o))
        return &c->nil;
    DfWindowProblem p = problem_of(qkv, pad, table, o);
    DfTensor *y = df_output(c, &op, DF_SHAPE(p.B, p.H, p.W, p.C), DF_SOURCES_OF(qkv, pad, table));
    df_macs(c, DF_MACS_ATTENTION, macs(&p));
    if (df_skip(c, y))
        return y;
    p.dropout = df_ctx_dropout(c, o.drop, p.B);
    const size_t lse = df_window_attention_lse_size(&p);
    Note *note = df_taped(y) ? df_save(c, y, sizeof *note + lse * sizeof *note->lse) : NULL;
    if (note)
        *note = (Note){ .options = o, .dropout = p.dropout };
    const DfAttentionKernels *a = &c->k->attention;
    float *workspace = df_workspace(c, df_window_attention_workspace(&p));
    if (!c->err)
        df_check(c, df_window_attention_forward(c->pool, a, &p, y->data, note ? note->lse : NULL, workspace));
    return y;
}
