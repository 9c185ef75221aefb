/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/dat_qna.c -- block Q of DAT: Arar et al., Learned Queries for Efficient Local Attention (CVPR 2022).
 *
 * The official code pads nothing, so that only neighborhoods of one token run. Then keys, queries and position bias cancel
 * between numerator and denominator, and what is left is proj_out(v times the sum of attn_scale over the queries). The
 * parameters that cancel are kept for the sake of checkpoints.
 */
#include <math.h>

#include "backbone/dat_block.h"

typedef struct {
    NnLinear proj_v, proj_out;
    DfTensor *attn_scale;    /* 1 1 1 queries*heads */
    int dim, heads, queries;
} Qna;

static void init(NnScope s, void *self, const DatBlockOptions *o)
{
    Qna *a = self;
    a->dim = o->dim;
    a->heads = o->heads_q;
    a->queries = o->queries;
    if (o->qna_ksize != 1)
        nn_fail(s, DF_EVALUE, "ksize_qnas = %d: the official code of a Q block runs with 1 only", o->qna_ksize);
    if (o->heads_q < 1 || o->dim % o->heads_q || o->queries < 1) {
        nn_fail(s, DF_EVALUE, "heads_q = %d and nqs = %d: a Q block wants a divisor of %d channels, and at least 1", o->heads_q, o->queries, o->dim);
        return;
    }
    NnLinear unused;
    nn_linear_init(nn_at(s, "proj_k"), &unused, o->dim, o->dim, false);
    nn_linear_init(nn_at(s, "proj_v"), &a->proj_v, o->dim, o->dim, false);
    nn_pointwise_init(nn_at(s, "proj_out"), &a->proj_out, o->dim, o->dim, false);
    nn_param(s, "q_param", DF_SHAPE(a->queries, o->dim), NN_AS_IS, nn_truncated_normal(1 / sqrt((double)o->dim / o->heads_q)));
    a->attn_scale = nn_param(s, "attn_scale", DF_SHAPE(1, 1, 1, a->queries * a->heads), NN_AS_IS, nn_normal(0.02));
    nn_param(s, "rpb_table", DF_SHAPE(1, a->queries * a->heads), NN_AS_IS, nn_truncated_normal(0.02));
}

static DfTensor *forward(DfCtx *c, const void *self, DfTensor *x, NnResidual r)
{
    const Qna *a = self;
    DfTensor *scale = df_reshape(c, a->attn_scale, DF_SHAPE(1, a->queries, a->heads));
    scale = df_reshape(c, df_mean_tokens(c, scale), DF_SHAPE(a->heads, 1));
    scale = df_repeat(c, df_scale(c, scale, (float)a->queries), a->dim / a->heads);       /* heads D */
    scale = df_reshape(c, scale, DF_SHAPE(a->dim));
    DfTensor *v = df_linear_fused(c, x, a->proj_v.weight, NULL, (DfFuse){ .scale = scale }); /* B H W C */
    return nn_linear_add(c, &a->proj_out, v, r);
}

const DatBlockKind df_dat_block_qna = { .letter = 'Q', .size = sizeof(Qna), .only_classification = true, .init = init, .forward = forward };
