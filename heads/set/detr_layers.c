/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/set/detr_layers.c -- layers that DETR and Deformable DETR share: feed-forward networks, the end of a branch,
 * and the small network that predicts a box from a query (Carion et al., ECCV 2020, section 3.2).
 */
#include "heads/set/detr_parts.h"

/* ---- transformer layers ---------------------------------------------------------------------------------------- */

DfDetrDropout df_detr_dropout(double drop)
{
    return (DfDetrDropout){ drop, drop, drop, drop, drop, drop };
}

DfDetrOptions df_detr_of_decoder(const DfDetrOptions *o)
{
    DfDetrOptions decoder = *o;
    if (o->decoder_heads)
        decoder.heads = o->decoder_heads;
    if (o->decoder_ffn)
        decoder.ffn = o->decoder_ffn;
    decoder.dropout = o->decoder_dropout;
    return decoder;
}

void df_detr_ffn_init(NnScope s, const DfDetrOptions *o, NnMlp *ffn, const DetrNames *names)
{
    const NnScope first = nn_at(s, "%s", names->linear1);
    const NnScope second = nn_at(s, "%s", names->linear2);
    ffn->act = o->activation;
    ffn->drop[0] = (float)o->dropout.hidden;
    ffn->drop[1] = (float)o->dropout.ffn;
    const NnInit spread = nn_xavier_uniform(o->dim, o->ffn); /* of both: the sum of the two counts */
    nn_linear_init_as(first, &ffn->fc1, o->dim, o->ffn, true, spread, nn_kaiming_uniform(o->dim));
    nn_linear_init_as(second, &ffn->fc2, o->ffn, o->dim, true, spread, nn_kaiming_uniform(o->ffn));
}

NnResidual df_detr_residual(DfTensor *x, double drop)
{
    return (NnResidual){ .residual = x, .drop = (float)drop };
}

/* ---- boxes ----------------------------------------------------------------------------------------------------- */

static NnScope box_layer_at(NnScope s, const DetrNames *names, int i, int n)
{
    const int from_end = n - 1 - i;
    return nn_at(s, names->box_linear[from_end < 2 ? from_end : 2], i * names->box_step);
}

void df_detr_box_head_init(NnScope s, const DfDetrOptions *o, DetrBoxHead *head, const DetrNames *names,
                           const float last_bias[4])
{
    const NnInit spread = nn_kaiming_uniform(o->dim);
    head->n = o->box_layers ? o->box_layers : 3;
    head->linear = nn_alloc(s, (size_t)head->n, sizeof *head->linear);
    for (int i = 0; nn_ok(s) && i + 1 < head->n; i++)
        nn_linear_init_as(box_layer_at(s, names, i, head->n), &head->linear[i], o->dim, o->dim, true, spread, spread);
    if (!nn_ok(s))
        return;
    const NnInit weight = last_bias ? nn_constant(0) : spread;
    const NnInit bias = last_bias ? nn_values(last_bias) : spread;
    nn_linear_init_as(box_layer_at(s, names, head->n - 1, head->n), &head->linear[head->n - 1], o->dim, 4, true, weight,
                      bias);
}

int df_detr_class_columns(const DfDetrOptions *o)
{
    return o->classes + o->criterion.matcher.softmax;
}

DfTensor *df_detr_box_head(DfCtx *c, const DetrBoxHead *head, DfTensor *x)
{
    const NnLinear *l = head->linear;
    const DfFuse relu = { .act = DF_ACT_RELU };
    const DfMark m = df_enter(c, NULL, -1);
    for (int i = 0; i + 1 < head->n; i++)
        x = df_linear_fused(c, x, l[i].weight, l[i].bias, relu);     /* N Q C */
    return df_leave(c, m, nn_linear(c, &l[head->n - 1], x));         /* N Q 4 */
}
