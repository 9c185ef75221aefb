/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/window_attention.c -- attention within shifted windows: Liu et al., Swin Transformer (ICCV 2021), section
 * 3.2. This file checks arguments; kernels/attention/ computes.
 */
#include "tensor/fuse.h"
#include "tensor/weights.h"

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
    const DfAttentionKernels *a = df_attention_leaves(c->k, c->precision, &p.dropout);
    float *workspace = df_workspace(c, df_window_attention_workspace(&p));
    if (!c->err)
        df_check(c, df_window_attention_forward(c->pool, a, &p, y->data, note ? note->lse : NULL, workspace));
    return y;
}

/* ---- between its projections ------------------------------------------------------------------------------------- */

static DfTensor *branch_apart(DfCtx *c, DfTensor *x, const DfWindowBranch *b)
{
    if (b->norm)
        x = df_layer_norm(c, x, b->norm_weight, b->norm_bias, b->eps);
    DfTensor *qkv = df_linear(c, x, b->qkv, b->qkv_bias);                        /* B H W 3C */
    DfTensor *y = df_window_attention(c, qkv, b->qkv_bias, b->table, b->attention);
    df_release(c, qkv);
    return df_linear_fused(c, y, b->proj, b->proj_bias, b->fuse);
}

/* Everything has the shape that it should have: what has not is left to the single ops, which say so. */
static bool branch_fits(const DfTensor *x, const DfWindowBranch *b)
{
    const DfWindowAttention *a = &b->attention;
    if (x->shape.n != 4)
        return false;
    const int C = df_dim(x, 3), entries = (2 * a->window - 1) * (2 * a->window - 1);
    const bool attention = a->heads > 0 && C % a->heads == 0 && a->window >= 1 && a->window <= 128 && a->shift >= 0 &&
                           a->shift <= a->window;
    const bool weights = df_dim(b->qkv, 0) == 3 * C && df_size(b->qkv) == 3 * (size_t)C * (size_t)C &&
                         df_dim(b->proj, 0) == C && df_size(b->proj) == (size_t)C * (size_t)C;
    return attention && weights && df_is_row(b->qkv_bias, 3 * C) && df_is_row(b->proj_bias, C) &&
           df_is_row(b->norm_weight, C) && df_is_row(b->norm_bias, C) && df_is_row(b->fuse.scale, C) &&
           (!b->fuse.residual || df_same_shape(b->fuse.residual->shape, x->shape)) && b->fuse.act == DF_ACT_NONE &&
           (!b->table || df_same_shape(b->table->shape, DF_SHAPE(entries, a->heads)));
}

static DfWindowProblem branch_problem(const DfTensor *x, const DfWindowBranch *b)
{
    DfWindowProblem p = problem_of(x, b->qkv_bias, b->table, b->attention);
    p.C = df_dim(x, 3);
    p.qkv = NULL;
    return p;
}

static bool at_once(const DfCtx *c, const DfTensor *x, const DfWindowBranch *b)
{
    if (c->recording || c->training || c->dry || df_listens_weights(c) || !branch_fits(x, b))
        return false;
    const DfWindowProblem p = branch_problem(x, b);
    return df_window_branch_pays(&p);
}

static void branch_run(DfCtx *c, DfTensor *x, const DfWindowBranch *b, DfTensor *y)
{
    const size_t C = (size_t)df_dim(x, 3);
    const DfPackedWeight qkv = df_weight(c, b->qkv, NULL, DF_PACK_GEMM, 3 * C, C, 1);
    const DfPackedWeight proj = df_weight(c, b->proj, NULL, DF_PACK_GEMM, C, C, 1);
    DfWindowBranchProblem p = {
        .attention = branch_problem(x, b), .x = x->data,
        .norm = b->norm, .norm_weight = df_data_of(b->norm_weight), .norm_bias = df_data_of(b->norm_bias),
        .eps = b->eps,
        .qkv = qkv.packed, .proj = proj.packed, .precision = c->precision, .e = df_fuse_epilogue(b->proj_bias, b->fuse),
    };
    float *workspace = df_workspace(c, df_window_attention_workspace(&p.attention));
    if (!c->err)
        df_check(c, df_window_branch_forward(c->pool, c->k, &p, y->data, workspace));
    df_weight_done(c, qkv);
    df_weight_done(c, proj);
}

DfTensor *df_window_branch(DfCtx *c, DfTensor *x, DfWindowBranch b)
{
    if (c->err || !at_once(c, x, &b))
        return c->err ? &c->nil : branch_apart(c, x, &b);
    static const DfOp branch = { "window_branch", NULL }; /* never on the tape */
    const DfWindowProblem p = branch_problem(x, &b);
    DfTensor *y = df_output_packing(c, &branch, x->shape, DF_SOURCES_OF(x, b.norm_weight, b.norm_bias, b.qkv,
                                                                        b.qkv_bias, b.table, b.proj, b.proj_bias));
    df_fuse_reads(c, b.fuse);
    df_macs(c, DF_MACS_LAYER, 4.0 * (double)df_size(x) * p.C);
    df_macs(c, DF_MACS_ATTENTION, macs(&p));
    if (!df_skip(c, y))
        branch_run(c, x, &b, y);
    return y;
}
