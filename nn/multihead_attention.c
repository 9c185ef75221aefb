/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/multihead_attention.c -- softmax attention with several heads between two lists of tokens: Vaswani et al., NeurIPS 2017, by
 * the parameters of torch.nn.MultiheadAttention, whose three projections are one matrix.
 */
#include <math.h>

#include "nn/nn.h"

void nn_multihead_attention_init(NnScope s, NnMultiheadAttention *a, int dim, int heads, double drop)
{
    if (heads < 1 || dim % heads)
        nn_fail(s, DF_EVALUE, "%d heads do not divide %d channels", heads, dim);
    a->heads = heads;
    a->drop = (float)drop;
    a->in_weight = nn_param(s, "in_proj_weight", DF_SHAPE(3 * dim, dim), NN_AS_IS, nn_xavier_uniform(dim, 3 * dim));
    a->in_bias = nn_param(s, "in_proj_bias", DF_SHAPE(3 * dim), NN_AS_IS, nn_constant(0));
    nn_linear_init_as(nn_at(s, "out_proj"), &a->out, dim, dim, true, nn_xavier_uniform(dim, dim), nn_constant(0)); /* as the DETRs draw it */
}

/* Rows `from` .. of the joint projection: 0 for queries, 1 for keys, 2 for values, and `count` of these. */
static DfTensor *project(DfCtx *c, const NnMultiheadAttention *a, DfTensor *x, int from, int count)
{
    const int dim = df_dim(x, -1);
    return df_linear(c, x, df_slice(c, a->in_weight, 0, from * dim, count * dim), df_slice(c, a->in_bias, 0, from * dim, count * dim));
}

static DfTensor *heads_first(DfCtx *c, DfTensor *x, int heads)                           /* B L C -> B heads L D */
{
    const int B = df_dim(x, 0), L = df_dim(x, 1), C = df_dim(x, 2);
    return df_permute(c, df_reshape(c, x, DF_SHAPE(B, L, heads, C / heads)), DF_SHAPE(0, 2, 1, 3));
}

/* 0 where a key is seen, minus infinity where not; of the scores' shape. */
static DfTensor *mask_of(DfCtx *c, const uint8_t *padding_mask, DfShape scores)
{
    DfTensor *mask = df_new(c, scores);
    if (df_skip(c, mask))
        return mask;
    const size_t keys = (size_t)scores.d[3], per_sample = df_size(mask) / (size_t)scores.d[0];
    for (size_t i = 0; i < df_size(mask); i++)
        mask->data[i] = padding_mask[i / per_sample * keys + i % keys] ? -INFINITY : 0;
    return mask;
}

/* With dropout of the scores they must exist as a matrix. */
static DfTensor *attend_with_dropout(DfCtx *c, const NnMultiheadAttention *a, DfTensor *q, DfTensor *k, DfTensor *v, const uint8_t *padding_mask, float scale)
{
    const int B = df_dim(q, 0), L = df_dim(q, 1), C = df_dim(q, 2);
    DfTensor *s = df_matmul(c, df_scale(c, heads_first(c, q, a->heads), scale), df_transpose(c, heads_first(c, k, a->heads)));
    if (padding_mask)
        s = df_add(c, s, mask_of(c, padding_mask, s->shape));
    s = df_matmul(c, df_dropout(c, df_softmax(c, s, -1), a->drop), heads_first(c, v, a->heads));
    return df_reshape(c, df_permute(c, s, DF_SHAPE(0, 2, 1, 3)), DF_SHAPE(B, L, C));
}

DfTensor *nn_multihead_attention_add(DfCtx *c, const NnMultiheadAttention *a, DfTensor *query, DfTensor *key, DfTensor *value, const uint8_t *padding_mask,
                                     NnResidual r)
{
    const DfMark m = df_enter(c, NULL, -1);
    const int B = df_dim(query, 0), L = df_dim(query, 1), C = df_dim(query, 2);
    const float scale = 1 / sqrtf((float)(C / a->heads));
    DfTensor *q, *k, *v = project(c, a, value, 2, 1);
    if (query == key) {
        DfTensor *both = project(c, a, query, 0, 2);
        q = df_slice(c, both, -1, 0, C);
        k = df_slice(c, both, -1, C, C);
    } else {
        q = project(c, a, query, 0, 1);
        k = project(c, a, key, 1, 1);
    }
    if (c->training && a->drop > 0) {
        q = attend_with_dropout(c, a, q, k, v, padding_mask, scale);
    } else {
        const DfDeformAttention plain = { .heads = a->heads, .groups = 1, .scale = scale, .kind = DF_BIAS_NONE, .off = padding_mask };
        q = df_reshape(c, df_deform_attention(c, df_reshape(c, q, DF_SHAPE(B, 1, L, C)), k, v, NULL, NULL, plain), DF_SHAPE(B, L, C));
    }
    return df_leave(c, m, nn_linear_add(c, &a->out, q, r));
}
