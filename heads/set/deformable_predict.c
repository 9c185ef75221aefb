/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/set/deformable_predict.c -- the predictions of a query of Deformable DETR: a linear layer for the class
 * scores, three layers for the box (Zhu et al., ICLR 2021, appendix A.3). With iterative refinement each layer of the
 * decoder, and the first of two stages, has its own layers; otherwise all layers share them.
 */
#include <math.h>

#include "heads/set/detr_parts.h"

static int head_of_layer(const DeformableDetr *net, int layer)
{
    return net->o.refine ? layer : 0;
}

DfTensor *df_deformable_class_head(DfCtx *c, const DeformableDetr *net, int layer, DfTensor *x)
{
    return nn_linear(c, &net->class_head[head_of_layer(net, layer)], x);
}

DfTensor *df_deformable_box_head(DfCtx *c, const DeformableDetr *net, int layer, DfTensor *x)
{
    return df_detr_box_head(c, &net->box_head[head_of_layer(net, layer)], x);
}

/* ---- construction ---------------------------------------------------------------------------------------------- */

static void box_head_init(NnScope s, const DfDetrOptions *o, DetrBoxHead *head, const DetrNames *names,
                          double size_bias)
{
    float *last_bias = nn_alloc(s, 4, sizeof *last_bias);                             /* cx cy w h */
    if (!last_bias)
        return;
    last_bias[2] = last_bias[3] = (float)size_bias;
    df_detr_box_head_init(s, o, head, names, last_bias);
}

/* Every layer has a name for its heads: they are those of layer 0 where boxes are not refined. In the official
 * files the decoder holds the box heads by which it refines, and with two stages the class heads. */
static void share_heads(NnScope s, const DfDetrOptions *o, const DetrNames *names, int own, int all)
{
    for (int i = own; i < all; i++) {
        nn_share(nn_at(s, names->class_head, 0), nn_at(s, names->class_head, i));
        nn_share(nn_at(s, names->box_head, 0), nn_at(s, names->box_head, i));
    }
    if (!names->heads_also_at || !o->refine)
        return;
    const NnScope also = nn_at(s, "%s", names->heads_also_at);
    for (int i = 0; i < own; i++) {
        nn_share(nn_at(s, names->box_head, i), nn_at(also, names->box_head, i));
        if (o->two_stage)
            nn_share(nn_at(s, names->class_head, i), nn_at(also, names->class_head, i));
    }
}

/* At first every class has a chance of a hundredth, and boxes are small, except behind a first stage, which
 * proposes their sizes. */
void df_deformable_predict_init(NnScope s, DeformableDetr *net, const DetrNames *names)
{
    const DfDetrOptions *o = &net->o;
    const int all = o->decoder_layers + o->two_stage;
    const int own = o->refine ? all : 1;
    const NnInit spread = nn_kaiming_uniform(o->dim);
    const bool softmax = o->criterion.matcher.softmax;
    const NnInit a_hundredth = nn_constant(-log(99)); /* the logit of it */
    net->class_head = nn_alloc(s, (size_t)own, sizeof *net->class_head);
    net->box_head = nn_alloc(s, (size_t)own, sizeof *net->box_head);
    for (int i = 0; nn_ok(s) && i < own; i++) {
        const double size_bias = i || o->two_stage ? 0 : -2;
        const NnScope class_head = nn_at(s, names->class_head, i);
        const NnScope box_head = nn_at(s, names->box_head, i);
        nn_linear_init_as(class_head, &net->class_head[i], o->dim, df_detr_class_columns(o), true, spread,
                          softmax ? spread : a_hundredth);
        box_head_init(box_head, o, &net->box_head[i], names, size_bias);
    }
    if (nn_ok(s))
        share_heads(s, o, names, own, all);
}
