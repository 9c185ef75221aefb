/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/multihead_attention.c -- softmax attention with several heads between two lists of tokens: Vaswani et al.,
 * "Attention Is All You Need", NeurIPS 2017, section 3.2.2. The parameters are those of torch.nn.MultiheadAttention,
 * whose three projections are one matrix.
 *
 * Dimensions: B batch, L queries, M keys and values, C channels in `heads` heads of D.
 */
#include <math.h>

#include "nn/nn.h"

void nn_multihead_attention_init(NnScope s, NnMultiheadAttention *a, int dim, int heads, double drop, bool bias)
{
    if (heads < 1 || dim % heads)
        nn_fail(s, DF_EVALUE, "%d heads do not divide %d channels", heads, dim);
    a->heads = heads;
    a->drop = (float)drop;
    a->in_weight = nn_param(s, "in_proj_weight", DF_SHAPE(3 * dim, dim), NN_AS_IS, nn_xavier_uniform(dim, 3 * dim));
    nn_last(s)->product = true;
    a->in_bias = NULL;
    if (bias)
        a->in_bias = nn_param(s, "in_proj_bias", DF_SHAPE(3 * dim), NN_AS_IS, nn_constant(0));
    const NnInit as_in_detr = nn_xavier_uniform(dim, dim);
    nn_linear_init_as(nn_at(s, "out_proj"), &a->out, dim, dim, bias, as_in_detr, nn_constant(0));
}

/* ---- projections ------------------------------------------------------------------------------------------------- */

enum { QUERY, KEY, VALUE };

/* Computes `count` of the three projections, from `first` on, side by side: B L C -> B L count*C. */
static DfTensor *project(DfCtx *c, const NnMultiheadAttention *a, DfTensor *x, int first, int count)
{
    const int C = df_dim(x, -1);
    return df_linear_rows(c, x, a->in_weight, a->in_bias, first * C, count * C);
}

/* ---- softmax(Q K' / sqrt(D)) V ----------------------------------------------------------------------------------- */

/* No matrix of scores or weights is stored. The op is that of DAT: here the L queries are a map with one row. */
static DfTensor *attend(DfCtx *c, const NnMultiheadAttention *a, DfTensor *q, DfTensor *k, DfTensor *v,
                        const uint8_t *padding_mask, float scale)
{
    const int B = df_dim(q, 0), L = df_dim(q, 1), C = df_dim(q, 2);
    const DfDeformAttention plain = {
        .heads = a->heads,
        .groups = 1,
        .scale = scale,
        .drop = a->drop,
        .kind = DF_BIAS_NONE,
        .padding_mask = padding_mask,
    };
    q = df_reshape(c, q, DF_SHAPE(B, 1, L, C));
    return df_reshape(c, df_deform_attention(c, q, k, v, NULL, NULL, plain), DF_SHAPE(B, L, C));
}

DfTensor *nn_multihead_attention_add(DfCtx *c, const NnMultiheadAttention *a, DfTensor *query, DfTensor *key,
                                     DfTensor *value, const uint8_t *padding_mask, NnResidual r)
{
    const DfMark m = df_enter(c, NULL, -1);
    const int C = df_dim(query, 2);
    const float scale = 1 / sqrtf((float)(C / a->heads));
    DfTensor *q, *k, *v = project(c, a, value, VALUE, 1);                        /* B M C */
    if (query == key) {                                                          /* one product for both */
        DfTensor *both = project(c, a, query, QUERY, 2);                         /* B L 2C */
        q = df_slice(c, both, -1, 0, C);
        k = df_slice(c, both, -1, C, C);
    } else {
        q = project(c, a, query, QUERY, 1);                                      /* B L C */
        k = project(c, a, key, KEY, 1);                                          /* B M C */
    }
    DfTensor *y = attend(c, a, q, k, v, padding_mask, scale);                    /* B L C */
    return df_leave(c, m, nn_linear_add(c, &a->out, y, r));
}
