/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/neighborhood_attention.c -- neighborhood attention: every query attends to the tokens nearest to it. Hassani
 * et al., Neighborhood Attention Transformer (CVPR 2023). This file checks arguments; kernels/attention/ computes.
 */
#include "tensor/op.h"

typedef struct { /* what backward needs besides the tensors */
    DfNeighborhoodAttention options;
    DfDropout dropout;
    float lse[];
} Note;

static DfNeighborhoodProblem problem_of(const DfTensor *qkv, const DfTensor *table, DfNeighborhoodAttention o)
{
    return (DfNeighborhoodProblem){
        .B = df_dim(qkv, 0), .H = df_dim(qkv, 1), .W = df_dim(qkv, 2), .C = df_dim(qkv, 3) / 3,
        .heads = o.heads, .window = o.window, .dilation = o.dilation, .scale = o.scale,
        .qkv = qkv->data, .table = df_data_of(table),
    };
}

static void backward(DfCtx *c, DfTensor *y)
{
    const Note *note = y->saved;
    DfTensor *qkv = y->src[0], *table = y->src[1];
    DfNeighborhoodProblem p = problem_of(qkv, table, note->options);
    p.dropout = note->dropout;
    float *dqkv = df_grad(c, qkv), *dtable = df_grad(c, table);
    float *workspace = df_workspace(c, df_neighborhood_attention_backward_workspace(&p));
    if (workspace && !c->err)
        df_check(c, df_neighborhood_attention_backward(c->pool, c->k, &p, y->data, note->lse, y->grad, dqkv, dtable,
                                                       workspace));
}

static const DfOp op = { "neighborhood_attention", backward };

static bool fits(DfCtx *c, const DfTensor *qkv, const DfTensor *table, DfNeighborhoodAttention o)
{
    const int side = 2 * o.window - 1;
    if (qkv->shape.n != 4 || o.heads < 1 || df_dim(qkv, 3) % (3 * o.heads))
        df_refuse(c, "neighborhood attention: qkv is (%s), want B H W 3C with C a multiple of %d heads", DF_TEXT(qkv),
                  o.heads);
    else if (o.window < 1 || o.window > 127 || o.window % 2 == 0 || o.dilation < 1)
        df_refuse(c, "neighborhood attention: window %d, dilation %d, want an odd window of 1..127 and a dilation of "
                     "at least 1", o.window, o.dilation);
    else if (df_dim(qkv, 1) / o.window < o.dilation || df_dim(qkv, 2) / o.window < o.dilation)
        df_refuse(c, "neighborhood attention: a map of %dx%d, want window times dilation, %d times %d, at most that",
                  df_dim(qkv, 1), df_dim(qkv, 2), o.window, o.dilation);
    else if (table && !df_same_shape(table->shape, DF_SHAPE(o.heads, side, side)))
        df_refuse(c, "neighborhood attention: table is (%s), want %d %d %d", DF_TEXT(table), o.heads, side, side);
    return !c->err;
}

DfTensor *df_neighborhood_attention(DfCtx *c, DfTensor *qkv, DfTensor *table, DfNeighborhoodAttention o)
{
    if (c->err || !fits(c, qkv, table, o))
        return &c->nil;
    DfNeighborhoodProblem p = problem_of(qkv, table, o);
    DfTensor *y = df_output(c, &op, DF_SHAPE(p.B, p.H, p.W, p.C), DF_SOURCES_OF(qkv, table));
    df_macs(c, DF_MACS_ATTENTION, 2.0 * p.B * ((double)p.H * p.W) * p.window * p.window * p.C); /* q k' and p v */
    if (df_skip(c, y))
        return y;
    p.dropout = df_ctx_dropout(c, o.drop, p.B);
    p.precision = c->precision;
    const size_t lse = df_neighborhood_attention_lse_size(&p);
    Note *note = df_taped(y) ? df_save(c, y, sizeof *note + lse * sizeof *note->lse) : NULL;
    if (note)
        *note = (Note){ .options = o, .dropout = p.dropout };
    if (!c->err)
        df_check(c, df_neighborhood_attention_forward(c->pool, c->k, &p, y->data, note ? note->lse : NULL));
    return y;
}
