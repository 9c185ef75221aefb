/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/set/detr_layers.c -- the layers that DETR and Deformable DETR have alike: feed-forward networks, how a branch
 * ends, and the small network that turns a query into a box (Carion et al., ECCV 2020, section 3.2).
 */
#include "heads/set/detr_parts.h"

/* ---- transformer layers ---------------------------------------------------------------------------------------- */

DfDetrOptions df_detr_of_decoder(const DfDetrOptions *o)
{
    DfDetrOptions decoder = *o;
    if (o->decoder_heads)
        decoder.heads = o->decoder_heads;
    if (o->decoder_ffn)
        decoder.ffn = o->decoder_ffn;
    return decoder;
}

void df_detr_ffn_init(NnScope s, const DfDetrOptions *o, NnMlp *ffn, const DetrNames *names)
{
    const NnScope first = nn_at(s, "%s", names->linear1);
    const NnScope second = nn_at(s, "%s", names->linear2);
    ffn->act = o->activation == DF_ACT_NONE ? DF_ACT_RELU : o->activation;
    ffn->drop = (float)o->dropout;
    const NnInit spread = nn_xavier_uniform(o->dim, o->ffn); /* of both: the sum of the two counts */
    nn_linear_init_as(first, &ffn->fc1, o->dim, o->ffn, true, spread, nn_kaiming_uniform(o->dim));
    nn_linear_init_as(second, &ffn->fc2, o->ffn, o->dim, true, spread, nn_kaiming_uniform(o->ffn));
}

NnResidual df_detr_residual(const DfDetrOptions *o, DfTensor *x)
{
    return (NnResidual){ .residual = x, .drop = (float)o->dropout };
}

/* ---- boxes ----------------------------------------------------------------------------------------------------- */

DfTensor *df_detr_box_head(DfCtx *c, const DetrBoxHead *head, DfTensor *x)
{
    const NnLinear *l = head->linear;
    const DfFuse relu = { .act = DF_ACT_RELU };
    const DfMark m = df_enter(c, NULL, -1);
    x = df_linear_fused(c, x, l[0].weight, l[0].bias, relu);         /* N Q C */
    x = df_linear_fused(c, x, l[1].weight, l[1].bias, relu);         /* N Q C */
    return df_leave(c, m, nn_linear(c, &l[2], x));                   /* N Q 4 */
}
