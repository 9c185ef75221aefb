/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/focal_attention.c -- focal self-attention: windows attend to themselves, their surroundings and pooled maps.
 * Yang et al., Focal Self-attention for Local-Global Interactions in Vision Transformers, NeurIPS 2021. This file
 * checks arguments; kernels/attention/ computes.
 */
#include "tensor/op.h"

enum { QKV, PAD, TABLE, NEIGHBORS, POOLED };

typedef struct { /* what backward needs besides the tensors */
    DfFocalAttention options;
    DfDropout dropout;
    float lse[];
} Note;

/* src: as on the tape: qkv, pad, table, neighbors, then a pooled map and its table for each level. */
static DfFocalProblem problem_of(DfTensor *const *src, DfFocalAttention o)
{
    const DfTensor *qkv = src[QKV];
    DfFocalProblem p = {
        .B = df_dim(qkv, 0), .H = df_dim(qkv, 1), .W = df_dim(qkv, 2), .C = df_dim(qkv, 3) / 3,
        .heads = o.heads, .window = o.window, .shift = o.shift, .expand = o.expand, .levels = o.levels,
        .focal_window = o.focal_window, .scale = o.scale, .qkv = qkv->data, .pad = df_data_of(src[PAD]),
        .table = df_data_of(src[TABLE]), .neighbors = df_data_of(src[NEIGHBORS]),
    };
    for (int k = 0; k < o.levels; k++) {
        p.pooled[k] = src[POOLED + 2 * k]->data;
        p.tables[k] = src[POOLED + 2 * k + 1]->data;
    }
    return p;
}

static void backward(DfCtx *c, DfTensor *y)
{
    const Note *note = y->saved;
    DfFocalProblem p = problem_of(y->src, note->options);
    p.dropout = note->dropout;
    DfFocalGrads to = { .qkv = df_grad(c, y->src[QKV]), .pad = df_grad(c, y->src[PAD]) };
    to.table = df_grad(c, y->src[TABLE]);
    to.neighbors = df_grad(c, y->src[NEIGHBORS]);
    for (int k = 0; k < p.levels; k++) {
        to.pooled[k] = df_grad(c, y->src[POOLED + 2 * k]);
        to.tables[k] = df_grad(c, y->src[POOLED + 2 * k + 1]);
    }
    const DfAttentionKernels *a = &c->k->attention;
    float *workspace = df_workspace(c, df_focal_attention_backward_workspace(&p));
    if (workspace && !c->err)
        df_check(c, df_focal_attention_backward(c->pool, a, &p, y->data, note->lse, y->grad, &to, workspace));
}

static const DfOp op = { "focal_attention", backward };

static bool options_fit(DfCtx *c, DfFocalAttention o)
{
    const bool window = o.window >= 1 && o.window <= 64;
    const bool shift = o.shift >= 0 && o.shift < o.window;
    const bool expand = o.expand >= 0 && o.expand <= o.window;
    const bool levels = o.levels >= 0 && o.levels <= DF_FOCAL_LEVELS;
    const bool focal_window = o.focal_window >= 1 && o.focal_window <= 64 && o.focal_window % 2 == 1;
    if (window && shift && expand && levels && focal_window)
        return true;
    df_refuse(c, "focal attention: window %d, shift %d, expand %d, %d pooled levels, focal window %d: want a window of "
                 "1..64, a smaller shift, expand up to the window, at most %d levels, an odd focal window", o.window,
              o.shift, o.expand, o.levels, o.focal_window, DF_FOCAL_LEVELS);
    return false;
}

static bool is(DfCtx *c, const char *what, const DfTensor *x, DfShape shape)
{
    if (x && df_same_shape(x->shape, shape))
        return true;
    df_refuse(c, "focal attention: %s is (%s), want %s", what, x ? DF_TEXT(x) : "absent", df_shape_text(shape).text);
    return false;
}

static bool levels_fit(DfCtx *c, DfTensor *const *src, DfFocalAttention o)
{
    const DfTensor *qkv = src[QKV];
    const int B = df_dim(qkv, 0);
    const int rows = (df_dim(qkv, 1) + o.window - 1) / o.window; /* of windows */
    const int columns = (df_dim(qkv, 2) + o.window - 1) / o.window;
    for (int k = 0; k < o.levels; k++) {
        const int side = o.window + o.focal_window + (1 << k) - 2;
        const DfShape pooled = DF_SHAPE(B, rows << k, columns << k, df_dim(qkv, 3));
        if (!is(c, "a pooled map", src[POOLED + 2 * k], pooled) ||
            !is(c, "its table", src[POOLED + 2 * k + 1], DF_SHAPE(o.heads, side * side)))
            return false;
    }
    return true;
}

static bool fits(DfCtx *c, DfTensor *const *src, DfFocalAttention o)
{
    const DfTensor *qkv = src[QKV];
    if (!options_fit(c, o))
        return false;
    if (qkv->shape.n != 4 || o.heads < 1 || df_dim(qkv, 3) % (3 * o.heads)) {
        df_refuse(c, "focal attention: qkv is (%s), want B H W 3C with C a multiple of %d heads", DF_TEXT(qkv),
                  o.heads);
        return false;
    }
    const int w = o.window;
    const DfShape table = DF_SHAPE((2 * w - 1) * (2 * w - 1), o.heads);
    const DfShape neighbors = DF_SHAPE(1, o.heads, w * w, df_focal_neighbors(w, o.expand));
    if (src[PAD] && !is(c, "padding", src[PAD], DF_SHAPE(df_dim(qkv, 3))))
        return false;
    if (!is(c, "table", src[TABLE], table))
        return false;
    if (o.expand > 0 && !is(c, "neighbors' table", src[NEIGHBORS], neighbors))
        return false;
    return levels_fit(c, src, o);
}

/* q k' and p v: the same number of keys for each of the padded map's tokens, C multiply-adds each. */
static double macs(const DfFocalProblem *p)
{
    const int w = p->window;
    const int rows = (p->H + w - 1) / w;
    const int columns = (p->W + w - 1) / w;
    const double queries = (double)rows * columns * w * w;
    return 2 * p->B * queries * df_focal_keys(p) * p->C;
}

DfTensor *df_focal_attention(DfCtx *c, DfTensor *qkv, DfTensor *pad, DfTensor *table, DfTensor *neighbors,
                             DfTensor *const *pooled, DfTensor *const *tables, DfFocalAttention o)
{
    DfTensor *src[POOLED + 2 * DF_FOCAL_LEVELS] = { qkv, pad, table, neighbors };
    for (int k = 0; k < o.levels && k < DF_FOCAL_LEVELS; k++) {
        src[POOLED + 2 * k] = pooled[k];
        src[POOLED + 2 * k + 1] = tables[k];
    }
    if (c->err || !fits(c, src, o))
        return &c->nil;
    DfFocalProblem p = problem_of(src, o);
    DfTensor *y = df_output(c, &op, DF_SHAPE(p.B, p.H, p.W, p.C), POOLED + 2 * o.levels, src);
    df_macs(c, DF_MACS_ATTENTION, macs(&p));
    if (df_skip(c, y))
        return y;
    p.dropout = df_ctx_dropout(c, o.drop, p.B);
    const size_t lse = df_focal_attention_lse_size(&p);
    Note *note = df_taped(y) ? df_save(c, y, sizeof *note + lse * sizeof *note->lse) : NULL;
    if (note)
        *note = (Note){ .options = o, .dropout = p.dropout };
    const DfAttentionKernels *a = df_attention_leaves(c->k, c->precision, &p.dropout);
    float *workspace = df_workspace(c, df_focal_attention_workspace(&p));
    if (!c->err)
        df_check(c, df_focal_attention_forward(c->pool, a, &p, y->data, note ? note->lse : NULL, workspace));
    return y;
}
