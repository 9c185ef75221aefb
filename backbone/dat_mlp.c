/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/dat_mlp.c -- the second half of DAT's blocks: a perceptron, with or without a depthwise convolution in the middle.
 */
#include "backbone/dat_block.h"

void df_dat_mlp_init(NnScope s, DatMlp *m, DatMlpKind kind, int dim, int hidden, float drop)
{
    m->kind = kind;
    m->drop = drop;
    if (kind == DAT_MLP_PLAIN) {
        m->plain.act = DF_ACT_GELU;
        m->plain.drop = drop;
        nn_linear_init(nn_at(s, "chunk.linear1"), &m->plain.fc1, dim, hidden, true);
        nn_linear_init(nn_at(s, "chunk.linear2"), &m->plain.fc2, hidden, dim, true);
        return;
    }
    const char *tail = kind == DAT_MLP_CONV_2022 ? "" : ".0";
    nn_pointwise_init(nn_at(s, "linear1%s", tail), &m->fc1, dim, hidden, true);
    nn_conv_init(nn_at(s, "dwc"), &m->dwc, hidden, hidden, (NnConvShape){ .kernel = 3, .padding = 1, .groups = hidden });
    nn_pointwise_init(nn_at(s, "linear2%s", tail), &m->fc2, hidden, dim, true);
    if (kind == DAT_MLP_CMT) {
        nn_batch_norm_init(nn_at(s, "linear1.2"), &m->norm[0], hidden);
        nn_batch_norm_init(nn_at(s, "bn"), &m->norm[1], hidden);
        nn_batch_norm_init(nn_at(s, "linear2.1"), &m->norm[2], dim);
    }
}

/* act(x + dwconv(x)): one more in the middle tap adds x itself, so that the activation follows in the same pass. */
static DfTensor *conv_of_itself(DfCtx *c, const NnConv *dwc, DfTensor *x, DfAct act)
{
    const int channels = df_dim(dwc->weight, -1), middle = (int)df_size(dwc->weight) / channels / 2;
    DfTensor *itself = df_zeros(c, dwc->weight->shape);
    for (int i = 0; !df_skip(c, itself) && i < channels; i++)
        itself->data[middle * channels + i] = 1;
    return df_conv2d(c, x, df_add(c, dwc->weight, itself), dwc->bias, dwc->conv, (DfFuse){ .act = act });
}

static DfTensor *conv_add(DfCtx *c, const DatMlp *m, DfTensor *x, NnResidual r)
{
    DfTensor *h = df_dropout(c, nn_linear(c, &m->fc1, x), m->drop);                    /* B H W 4C */
    if (m->kind == DAT_MLP_CONV_2022)
        h = nn_conv_fused(c, &m->dwc, h, (DfFuse){ .act = DF_ACT_GELU });
    else
        h = conv_of_itself(c, &m->dwc, h, DF_ACT_GELU);
    r.drop = m->drop;
    return nn_linear_add(c, &m->fc2, h, r);
}

static DfTensor *cmt_add(DfCtx *c, const DatMlp *m, DfTensor *x, NnResidual r)
{
    DfTensor *h = df_linear_fused(c, x, m->fc1.weight, m->fc1.bias, (DfFuse){ .act = DF_ACT_GELU });
    h = df_dropout(c, nn_norm(c, &m->norm[0], h), m->drop);
    h = conv_of_itself(c, &m->dwc, h, DF_ACT_GELU);
    h = nn_norm(c, &m->norm[2], nn_linear(c, &m->fc2, nn_norm(c, &m->norm[1], h)));
    r.drop = m->drop;
    return nn_add(c, h, r);
}

DfTensor *df_dat_mlp_add(DfCtx *c, const DatMlp *m, DfTensor *x, NnResidual r)
{
    return m->kind == DAT_MLP_PLAIN ? nn_mlp_add(c, &m->plain, x, r) : m->kind == DAT_MLP_CMT ? cmt_add(c, m, x, r) : conv_add(c, m, x, r);
}
