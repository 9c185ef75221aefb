/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/deform_attention.c -- attention to sampled keys with a position bias: Xia et al., Vision Transformer with
 * Deformable Attention (CVPR 2022), section 3.2. For each query m of the map and each head,
 *     z[m] = softmax(scale q[m] k' + phi(B; R)) v        R = (grid[m] - pos) / 2, the displacements of the sampled keys
 * phi interpolates the head's table B bilinearly at each displacement. This file checks arguments; kernels/deform/
 * computes.
 *
 * A map of one row or column with a corner-aligned table gives NaN (0 / 0), as the official code does; without keys
 * the result is zeros.
 */
#include "tensor/op.h"

typedef struct { /* what backward needs besides the tensors */
    DfDeformAttention options;
    DfDropout dropout;
    float lse[];
} Note;

DfDeformProblem df_deform_problem(const DfTensor *q, const DfTensor *k, const DfTensor *v, const DfTensor *pos,
                                  const DfTensor *bias, DfDeformAttention o)
{
    DfDeformProblem p = { .heads = o.heads, .groups = o.groups, .scale = o.scale, .half_pixel = o.half_pixel };
    p.B = df_dim(q, 0);
    p.H = df_dim(q, 1);
    p.W = df_dim(q, 2);
    p.C = df_dim(q, 3);
    p.keys = df_dim(k, 1);
    p.q = q->data;
    p.k = k->data;
    p.v = df_data_of(v);
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
    DfTensor *q = y->src[0], *k = y->src[1], *v = y->src[2], *pos = y->src[3], *bias = y->src[4];
    const DfBiasKind kind = note->options.kind;
    DfDeformProblem p = df_deform_problem(q, k, v, pos, bias, note->options);
    p.dropout = note->dropout;
    DfDeformGrads grads = { .q = df_grad(c, q), .k = df_grad(c, k), .v = df_grad(c, v) };
    if (kind == DF_BIAS_TABLE) {
        grads.pos = df_grad(c, pos);
        grads.table = df_grad(c, bias);
    } else if (kind == DF_BIAS_DENSE) {
        grads.dense = df_grad(c, bias);
    }
    const DfAttentionKernels *a = &c->k->attention;
    float *workspace = df_workspace(c, df_deform_attention_backward_workspace(&p));
    if (workspace && !c->err)
        df_check(c, df_deform_attention_backward(c->pool, a, &p, y->data, note->lse, y->grad, &grads, workspace));
}

static const DfOp op = { "deform_attention", backward };

static bool heads_fit(DfCtx *c, const DfTensor *q, const DfTensor *k, const DfTensor *v, DfDeformAttention o)
{
    const bool grouped = o.heads >= 1 && o.groups >= 1 && o.heads % o.groups == 0;
    if (q->shape.n != 4 || !grouped || df_dim(q, 3) % o.heads)
        df_refuse(c, "deformable attention: q is (%s), want B H W C with C a multiple of %d heads, and these of %d "
                     "groups", DF_TEXT(q), o.heads, o.groups);
    else if (k->shape.n != 3 || df_dim(k, 0) != df_dim(q, 0) || df_dim(k, 2) != df_dim(q, 3) ||
             !df_same_shape(k->shape, v->shape))
        df_refuse(c, "deformable attention: k is (%s) and v (%s), want twice %d keys %d", DF_TEXT(k), DF_TEXT(v),
                  df_dim(q, 0), df_dim(q, 3));
    return !c->err;
}

static bool dense_fits(DfCtx *c, const DfTensor *bias, int B, int heads, int map, int keys)
{
    if (df_same_shape(bias->shape, DF_SHAPE(heads, map, keys)) ||
        df_same_shape(bias->shape, DF_SHAPE(B, heads, map, keys)))
        return true;
    df_refuse(c, "deformable attention: bias is (%s), want %d %d %d", DF_TEXT(bias), heads, map, keys);
    return false;
}

static bool positions_fit(const DfTensor *pos, int B, int groups, int keys)
{
    return pos && pos->shape.n >= 3 && df_dim(pos, 0) == B && df_dim(pos, 1) == groups && df_dim(pos, -1) == 2 &&
           df_size(pos) == (size_t)B * (size_t)groups * (size_t)keys * 2;
}

static bool table_fits(DfCtx *c, const DfTensor *table, const DfTensor *pos, int B, int keys, DfDeformAttention o)
{
    if (table->shape.n != 3 || df_dim(table, 0) != o.heads || df_size(table) == 0)
        df_refuse(c, "deformable attention: table is (%s), want %d height width", DF_TEXT(table), o.heads);
    else if (!positions_fit(pos, B, o.groups, keys))
        df_refuse(c, "deformable attention: positions are (%s), want %d %d %d 2", pos ? DF_TEXT(pos) : "absent", B,
                  o.groups, keys);
    return !c->err;
}

static bool bias_fits(DfCtx *c, const DfTensor *q, const DfTensor *k, const DfTensor *pos, const DfTensor *bias,
                      DfDeformAttention o)
{
    const int B = df_dim(q, 0);
    const int keys = df_dim(k, 1);
    if (o.kind == DF_BIAS_NONE)
        return true;
    if (o.padding_mask)
        df_refuse(c, "deformable attention: keys are left out and a bias is given, want one of these");
    else if (!bias)
        df_refuse(c, "deformable attention: a bias is asked for and none is given");
    if (c->err)
        return false;
    if (o.kind == DF_BIAS_DENSE)
        return dense_fits(c, bias, B, o.heads, df_dim(q, 1) * df_dim(q, 2), keys);
    return table_fits(c, bias, pos, B, keys, o);
}

DfTensor *df_deform_attention(DfCtx *c, DfTensor *q, DfTensor *k, DfTensor *v, DfTensor *pos, DfTensor *bias,
                              DfDeformAttention o)
{
    if (c->err || !heads_fit(c, q, k, v, o) || !bias_fits(c, q, k, pos, bias, o))
        return &c->nil;
    DfDeformProblem p = df_deform_problem(q, k, v, pos, bias, o);
    DfTensor *y = df_output(c, &op, q->shape, DF_SOURCES_OF(q, k, v, pos, bias));
    df_macs(c, DF_MACS_ATTENTION, 2.0 * p.B * ((double)p.H * p.W) * p.keys * p.C); /* q k' and p v */
    if (df_skip(c, y))
        return y;
    p.dropout = df_ctx_dropout(c, o.drop, p.B);
    const size_t lse = df_deform_attention_lse_size(&p);
    Note *note = df_taped(y) ? df_save(c, y, sizeof *note + lse * sizeof *note->lse) : NULL;
    if (note)
        *note = (Note){ .options = o, .dropout = p.dropout };
    const DfAttentionKernels *a = df_attention_leaves(c->k, c->precision, &p.dropout);
    float *workspace = df_workspace(c, df_deform_attention_workspace(&p));
    if (!c->err)
        df_check(c, df_deform_attention_forward(c->pool, a, &p, y->data, note ? note->lse : NULL, workspace));
    return y;
}
