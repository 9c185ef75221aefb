/* SPDX-License-Identifier: Apache-2.0
 *
 * backbone/dat/mlp.c -- the second half of DAT's blocks: two linear layers, optionally with a depthwise convolution
 * between them, which adds local context where attention has none.
 */
#include "backbone/dat/mlp.h"

/* ---- forward ----------------------------------------------------------------------------------------------------- */

/* act(x + dwconv(x)) as one convolution, so that the activation is in the same pass: a kernel with 1 more in its middle
 * adds x itself. */
static DfTensor *conv_plus_itself(DfCtx *c, const NnConv *dwc, DfTensor *x, DfAct act)
{
    const int C = dwc->out;
    const int middle = dwc->kernel[0] * dwc->kernel[1] / 2;
    DfTensor *itself = df_zeros(c, dwc->weight->shape);                          /* 3 3 C */
    for (int i = 0; !df_skip(c, itself) && i < C; i++)
        itself->data[middle * C + i] = 1;
    DfTensor *weight = df_add(c, dwc->weight, itself);
    return df_conv2d(c, x, weight, dwc->bias, dwc->conv, (DfFuse){ .act = act });
}

static DfTensor *conv_add(DfCtx *c, const DatMlp *m, DfTensor *x, NnResidual r)
{
    DfTensor *h = df_dropout(c, nn_linear(c, &m->fc1, x), m->drop);              /* B H W 4C */
    if (m->kind == DAT_MLP_CONV_2022)
        h = nn_conv_fused(c, &m->dwc, h, (DfFuse){ .act = DF_ACT_GELU });        /* GELU(dwconv(h)) */
    else
        h = conv_plus_itself(c, &m->dwc, h, DF_ACT_GELU);                        /* GELU(h + dwconv(h)) */
    r.drop = m->drop;
    return nn_linear_add(c, &m->fc2, h, r);                                      /* B H W C */
}

static DfTensor *cmt_add(DfCtx *c, const DatMlp *m, DfTensor *x, NnResidual r)
{
    DfTensor *h = df_linear_fused(c, x, m->fc1.weight, m->fc1.bias, (DfFuse){ .act = DF_ACT_GELU });
    h = df_dropout(c, nn_norm(c, &m->norm[0], h), m->drop);                      /* B H W 4C */
    h = conv_plus_itself(c, &m->dwc, h, DF_ACT_GELU);
    h = nn_norm(c, &m->norm[1], h);
    h = nn_norm(c, &m->norm[2], nn_linear(c, &m->fc2, h));                       /* B H W C */
    r.drop = m->drop;
    return nn_add(c, h, r);
}

DfTensor *df_dat_mlp_add(DfCtx *c, const DatMlp *m, DfTensor *x, NnResidual r)
{
    switch (m->kind) {
    case DAT_MLP_PLAIN:
        return nn_mlp_add(c, &m->plain, x, r);
    case DAT_MLP_CMT:
        return cmt_add(c, m, x, r);
    case DAT_MLP_CONV_2022:
    case DAT_MLP_CONV:
        break;
    }
    return conv_add(c, m, x, r);
}

/* ---- construction ------------------------------------------------------------------------------------------------ */

static void plain_init(NnScope s, NnMlp *mlp, int dim, int hidden, float drop)
{
    mlp->act = DF_ACT_GELU;
    mlp->drop[0] = mlp->drop[1] = drop;
    nn_linear_init(nn_at(s, "chunk.linear1"), &mlp->fc1, dim, hidden, true);
    nn_linear_init(nn_at(s, "chunk.linear2"), &mlp->fc2, hidden, dim, true);
}

void df_dat_mlp_init(NnScope s, DatMlp *m, DatMlpKind kind, int dim, int hidden, float drop)
{
    m->kind = kind;
    m->drop = drop;
    if (kind == DAT_MLP_PLAIN) {
        plain_init(s, &m->plain, dim, hidden, drop);
        return;
    }
    const char *tail = kind == DAT_MLP_CONV_2022 ? "" : ".0"; /* the 2023 code has the layers in Sequentials */
    const NnConvShape depthwise = { .kernel = 3, .padding = 1, .groups = hidden };
    nn_pointwise_init(nn_at(s, "linear1%s", tail), &m->fc1, dim, hidden, true);
    nn_conv_init(nn_at(s, "dwc"), &m->dwc, hidden, hidden, depthwise);
    nn_pointwise_init(nn_at(s, "linear2%s", tail), &m->fc2, hidden, dim, true);
    if (kind == DAT_MLP_CMT) {
        nn_batch_norm_init(nn_at(s, "linear1.2"), &m->norm[0], hidden);
        nn_batch_norm_init(nn_at(s, "bn"), &m->norm[1], hidden);
        nn_batch_norm_init(nn_at(s, "linear2.1"), &m->norm[2], dim);
    }
}
