/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/dat/qna.c -- block Q of DAT: Arar et al., "Learned Queries for Efficient Local Attention", CVPR 2022,
 * section 4. Queries are parameters, the same at every position; each attends to the tokens around a position, and
 * `attn_scale` weighs the queries:
 *     z = Wo (sum over queries: attn_scale softmax(query k' + bias) v)
 * The official code has no padding, so it only runs with neighborhoods of one token. Then the softmax of one score is
 * 1: keys, queries and position bias cancel, and the result is Wo (v times the sum of attn_scale over the queries).
 * The parameters that cancel are kept for the checkpoints.
 */
#include <math.h>

#include "backbone/dat/kinds.h"

typedef struct {
    NnLinear proj_v, proj_out;
    DfTensor *attn_scale;    /* 1 1 1 queries*heads */
    int dim, heads, queries;
} Qna;

/* The sum of attn_scale over the queries, one number a channel: those of a head are alike. */
static DfTensor *sum_of_scales(DfCtx *c, const Qna *a)                           /* -> C */
{
    DfTensor *scale = df_reshape(c, a->attn_scale, DF_SHAPE(1, a->queries, a->heads));
    scale = df_scale(c, df_reshape(c, df_mean_tokens(c, scale), DF_SHAPE(a->heads, 1)), (float)a->queries);
    scale = df_repeat(c, scale, a->dim / a->heads);                              /* heads D */
    return df_reshape(c, scale, DF_SHAPE(a->dim));
}

static DfTensor *forward(DfCtx *c, const void *self, DfTensor *x, NnResidual r)
{
    const Qna *a = self;
    DfTensor *v = df_linear_fused(c, x, a->proj_v.weight, NULL, (DfFuse){ .scale = sum_of_scales(c, a) }); /* B H W C */
    return nn_linear_add(c, &a->proj_out, v, r);
}

static void init(NnScope s, void *self, const DatBlockOptions *o)
{
    Qna *a = self;
    a->dim = o->dim;
    a->heads = o->heads_q;
    a->queries = o->queries;
    if (o->qna_ksize != 1)
        nn_fail(s, DF_EVALUE, "ksize_qnas = %d: the official code of a Q block runs with 1 only", o->qna_ksize);
    if (o->heads_q < 1 || o->dim % o->heads_q || o->queries < 1) {
        nn_fail(s, DF_EVALUE, "heads_q = %d and nqs = %d: a Q block wants a divisor of %d channels, and at least 1",
                o->heads_q, o->queries, o->dim);
        return;
    }
    const NnInit query = nn_truncated_normal(1 / sqrt((double)o->dim / o->heads_q));
    NnLinear unused;
    nn_linear_init(nn_at(s, "proj_k"), &unused, o->dim, o->dim, false);
    nn_linear_init(nn_at(s, "proj_v"), &a->proj_v, o->dim, o->dim, false);
    nn_pointwise_init(nn_at(s, "proj_out"), &a->proj_out, o->dim, o->dim, false);
    nn_param(s, "q_param", DF_SHAPE(a->queries, o->dim), NN_AS_IS, query);
    a->attn_scale = nn_param(s, "attn_scale", DF_SHAPE(1, 1, 1, a->queries * a->heads), NN_AS_IS, nn_normal(0.02));
    nn_param(s, "rpb_table", DF_SHAPE(1, a->queries * a->heads), NN_AS_IS, nn_truncated_normal(0.02));
}

const DatBlockKind df_dat_block_qna = {
    .letter = 'Q',
    .size = sizeof(Qna),
    .only_classification = true,
    .init = init,
    .forward = forward,
};
