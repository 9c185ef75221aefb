/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/deform_attention.c -- attention over sampled keys with a position bias: Xia et al., Vision Transformer with
 * Deformable Attention (CVPR 2022), section 3.2. A map of one row or column with a corner-aligned table gives NaN (0
 * / 0), as the official code does; no keys give zeros.
 */
#include "tensor/op.h"

typedef struct { /* what backward needs besides the tensors */
    DfDeformAttention options;
    float lse[];
} Note;

DfDeformProblem df_deform_problem(const DfTensor *q, const DfTensor *k, const DfTensor *v, const DfTensor *pos,
                                  const DfTensor *bias, DfDeformAttention o)
{
    DfDeformProblem p = {
        .B = df_dim(q, 0), .H = df_dim(q, 1), .W = df_dim(q, 2), .C = df_dim(q, 3), .keys = df_dim(k, 1),
        .heads = o.heads,
        .groups = o.groups, .scale = o.scale, .q = q->data, .k = k->data, .v = v ? v->data : NULL,
        .half_pixel = o.half_pixel,
    };
    if (o.kind == DF_BIAS_TABLE) {
        p.pos = pos->data;
        p.table = bias->data;
        p.table_h = df_dim(bias, 1);
        p.table_w = df_dim(bias, 2);
    } else if (o.kind == DF_BIAS_DENSE) {
        p.dense = bias->data;
        p.dense_batched = bias->shape.n == 4;
    } else {
        p.padding_mask = o.padding_mask;
    }
    return p;
}

static void backward(DfCtx *c, DfTensor *y)
{
    const Note *note = y->saved;
    DfTensor *q = y->src[0];
    DfTensor *k = y->src[1];
    DfTensor *v = y->src[2];
    DfTensor *pos = y->src[3];
    DfTensor *bias = y->src[4];
    const DfDeformAttention o = note->options;
    const DfDeformProblem p = df_deform_problem(q, k, v, pos, bias, o);
    const DfDeformGrads grads = {
        .q = df_grad(c, q), .k = df_grad(c, k), .v = df_grad(c, v),
        .pos = o.kind == DF_BIAS_TABLE ? df_grad(c, pos) : NULL,
        .table = o.kind == DF_BIAS_TABLE ? df_grad(c, bias) : NULL,
        .dense = o.kind == DF_BIAS_DENSE ? df_grad(c, bias) : NULL,
    };
    float *workspace = df_workspace(c, df_deform_attention_backward_workspace(&p));
    if (workspace && !c->err && df_deform_attention_backward(c->pool, &c->k->attention, &p, y->data, note->lse, y->grad, &grads, workspace))
        df_ctx_fail(c, DF_ENOMEM, "%s", df_error());
}

static const DfOp op = { "deform_attention", backward };

static bool heads_fit(DfCtx *c, const DfTensor *q, const DfTensor *k, const DfTensor *v, DfDeformAttention o)
{
    if (q->shape.n != 4 || o.heads < 1 || o.groups < 1 || df_dim(q, 3) % o.heads || o.heads % o.groups)
        df_refuse(c, "deformable attention: q is (%s), want B H W C with C a multiple of %d heads, and these of %d groups", DF_TEXT(q), o.heads, o.groups);
    else if (k->shape.n != 3 || df_dim(k, 0) != df_dim(q, 0) || df_dim(k, 2) != df_dim(q, 3) ||
             !df_same_shape(k->shape, v->shape))
        df_refuse(c, "deformable attention: k is (%s) and v (%s), want twice %d keys %d", DF_TEXT(k), DF_TEXT(v),
                  df_dim(q, 0), df_dim(q, 3));
    return !c->err;
}

static bool bias_fits(DfCtx *c, const DfTensor *q, const DfTensor *k, const DfTensor *pos, const DfTensor *bias,
                      DfDeformAttention o)
{
    const int B = df_dim(q, 0);
    const int map = df_dim(q, 1) * df_dim(q, 2);
    const int keys = df_dim(k, 1);
    if (o.kind == DF_BIAS_NONE)
        return true;
    if (o.padding_mask)
        df_refuse(c, "deformable attention: keys are left out and a bias is given, want one of these");
    else if (!bias)
        df_refuse(c, "deformable attention: a bias is asked for and none is given");
    else if (o.kind == DF_BIAS_DENSE && !df_same_shape(bias->shape, DF_SHAPE(o.heads, map, keys)) &&
             !df_same_shape(bias->shape, DF_SHAPE(B, o.heads, map, keys)))
        df_refuse(c, "deformable attention: bias is (%s), want %d %d %d", DF_TEXT(bias), o.heads, map, keys);
    else if (o.kind == DF_BIAS_TABLE && (bias->shape.n != 3 || df_dim(bias, 0) != o.heads || df_size(bias) == 0))
        df_refuse(c, "deformable attention: table is (%s), want %d height width", DF_TEXT(bias), o.heads);
    else if (o.kind == DF_BIAS_TABLE && (!pos || pos->shape.n < 3 || df_dim(pos, 0) != B || df_dim(pos, 1) != o.groups || df_dim(pos, -1) != 2 ||
                                         df_size(pos) != (size_t)B * (size_t)o.groups * (size_t)keys * 2))
        df_refuse(c, "deformable attention: positions are (%s), want %d %d %d 2", pos ? DF_TEXT(pos) : "absent", B,
                  o.groups, keys);
    return !c->err;
}

DfTensor *df_deform_attention(DfCtx *c, DfTensor *q, DfTensor *k, DfTensor *v, DfTensor *pos, DfTensor *bias,
                              DfDeformAttention o)
{
    if (c->err || !heads_fit(c, q, k, v, o) || !bias_fits(c, q, k, pos, bias, o))
        return &c->nil;
    const DfDeformProblem p = df_deform_problem(q, k, v, pos, bias, o);
    DfTensor *y = df_output(c, &op, q->shape, DF_SOURCES_OF(q, k, v, pos, bias));
    df_macs(c, DF_MACS_ATTENTION, 2.0 * p.B * ((double)p.H * p.W) * p.keys * p.C); /* q k' and p v */
    if (df_skip(c, y))
        return y;
    Note *note = df_taped(y) ? df_save(c, y, sizeof *note + df_deform_attention_lse_size(&p) * sizeof *note->lse) : NULL;
    if (note)
        note->options = o;
    float *workspace = df_workspace(c, df_deform_attention_workspace(&p));
    if (!c->err && df_deform_attention_forward(c->pool, &c->k->attention, &p, y->data, note ? note->lse : NULL, workspace))
        df_ctx_fail(c, DF_ENOMEM, "%s", df_error());
    return y;
}
