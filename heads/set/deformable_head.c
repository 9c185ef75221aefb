/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/set/deformable_head.c -- Deformable DETR: Zhu et al., "Deformable DETR: Deformable Transformers for End-to-End Object Detection", ICLR
 * 2021. Tokens of a pyramid, the encoder, queries, and the decoder, which refines the boxes layer by layer (section 4.2, appendix A.4):
 *
 *     box_i = sigmoid(box_head_i(x_i) + inverse_sigmoid(reference_i)),    reference_(i+1) = box_i
 *
 * Without refinement the reference stays the first one, a point, and moves the centre alone. Gradients do not flow from layer to layer
 * through the references.
 */
#include <math.h>
#include <string.h>

#include "heads/set/detr_parts.h"

/* ---- prediction heads ----------------------------------------------------------------------------------------------- */

/* With refinement each layer has heads of its own, else all layers share them. */
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

/* ---- iterative bounding box refinement ------------------------------------------------------------------------------ */

static DfTensor *refined_boxes(DfCtx *c, DfTensor *moves, DfTensor *reference)                     /* N Q 4, N Q 2 or 4 -> N Q 4 */
{
    DfTensor *start = df_inverse_sigmoid(c, reference);
    if (df_dim(reference, -1) == 2)
        start = df_concat(c, (DfTensor *[]){ start, df_zeros(c, reference->shape) }, 2, -1);
    return df_sigmoid(c, df_add(c, moves, start));
}

/* The same numbers, through which nothing flows back. */
static DfTensor *detached(DfCtx *c, const DfTensor *x)
{
    DfTensor *y = df_new(c, x->shape);
    if (!df_skip(c, y))
        memcpy(y->data, x->data, df_size(x) * sizeof *y->data);
    return y;
}

static void decoder(DfCtx *c, const DeformableDetr *net, const DetrTokens *in, DfTensor *memory, bool all_layers, DfSetOutputs *out)
{
    const int layers = net->o.decoder_layers;
    DfTensor *hidden[DF_SET_LAYERS], *references[DF_SET_LAYERS];
    const DetrQueries q = df_deformable_queries(c, net, in, memory, out);
    DfTensor *x = q.content;                                                                       /* N Q C      */
    DfTensor *reference = q.reference;                                                             /* N Q 2 or 4 */
    df_observe(c, reference, "init_reference", -1);
    for (int i = 0; i < layers; i++) {
        const bool asked = all_layers || i + 1 == layers;
        x = df_deformable_decoder_layer(c, net, i, x, q.position, reference, memory, &in->field);
        DfTensor *boxes = NULL;                                                                    /* N Q 4      */
        if (asked || net->o.refine)
            boxes = refined_boxes(c, df_deformable_box_head(c, net, i, x), reference);
        if (asked) {
            out->logits[out->n] = df_deformable_class_head(c, net, i, x);                          /* N Q classes */
            out->boxes[out->n++] = boxes;
        }
        if (net->o.refine)
            reference = detached(c, boxes);
        hidden[i] = x;
        references[i] = reference;
    }
    df_detr_observe_layers(c, hidden, layers, "hs");
    df_detr_observe_layers(c, references, layers, "inter_references");
    df_detr_observe_outputs(c, out);
}

/* ---- the head ------------------------------------------------------------------------------------------------------- */

/* The levels are those of a neck, or made here of the backbone's maps. */
static void input_levels(DfCtx *c, const DeformableDetr *net, const DfMaps *in, DfMaps *levels)
{
    *levels = *in;
    if (net->o.n_maps)
        nn_levels(c, &net->input_proj, in, levels);
    if (levels->n != net->o.levels)
        df_ctx_fail(c, DF_ESHAPE, "%d levels: want %d", levels->n, net->o.levels);
    for (int l = 0; l < levels->n; l++)
        if (df_dim(levels->map[l], 3) != net->o.dim)
            df_ctx_fail(c, DF_ESHAPE, "level %d has %d channels: want %d", l, df_dim(levels->map[l], 3), net->o.dim);
}

void df_deformable_detr_forward(DfCtx *c, const void *self, const DfMaps *in, const DfImageMeta *metas, int H, int W, bool all_layers, DfSetOutputs *out)
{
    const DeformableDetr *net = self;
    DfMaps levels;
    DetrTokens tokens;
    *out = (DfSetOutputs){ 0 };
    const DfMark m = df_enter(c, "transformer", -1);
    input_levels(c, net, in, &levels);                                                             /* N h w C each */
    df_detr_tokens(c, &net->positions, &levels, net->level_embed, metas, H, W, &tokens);           /* N S C        */
    DfTensor *memory = df_deformable_encoder(c, net, &tokens);                                     /* N S C        */
    df_observe(c, memory, "memory", -1);
    decoder(c, net, &tokens, memory, all_layers, out);
    df_detr_leave(c, m, out);
}

/* ---- construction --------------------------------------------------------------------------------------------------- */

static void box_head_init(NnScope s, const DfDetrOptions *o, DetrBoxHead *head, const DetrNames *names, double size_bias)
{
    const NnInit spread = nn_kaiming_uniform(o->dim);
    float *last_bias = nn_alloc(s, 4, sizeof *last_bias);                                          /* cx cy w h */
    if (!last_bias)
        return;
    last_bias[2] = last_bias[3] = (float)size_bias;
    for (int i = 0; i < 2; i++)
        nn_linear_init_as(nn_at(s, "%s", names->box_linear[i]), &head->linear[i], o->dim, o->dim, true, spread, spread);
    nn_linear_init_as(nn_at(s, "%s", names->box_linear[2]), &head->linear[2], o->dim, 4, true, nn_constant(0), nn_values(last_bias));
}

/* Every layer has a name for its heads: they are those of layer 0 where boxes are not refined. In the official files the decoder holds the
 * box heads by which it refines, and with two stages the class heads. */
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

/* At first every class has a chance of a hundredth, and boxes are small, except behind a first stage, which proposes their sizes. */
static void prediction_heads_init(NnScope s, DeformableDetr *net, const DetrNames *names)
{
    const DfDetrOptions *o = &net->o;
    const int all = o->decoder_layers + o->two_stage;
    const int own = o->refine ? all : 1;
    net->class_head = nn_alloc(s, (size_t)own, sizeof *net->class_head);
    net->box_head = nn_alloc(s, (size_t)own, sizeof *net->box_head);
    for (int i = 0; nn_ok(s) && i < own; i++) {
        const double size_bias = i || o->two_stage ? 0 : -2;
        nn_linear_init_as(nn_at(s, names->class_head, i), &net->class_head[i], o->dim, o->classes, true, nn_kaiming_uniform(o->dim), nn_constant(-log(99)));
        box_head_init(nn_at(s, names->box_head, i), o, &net->box_head[i], names, size_bias);
    }
    if (nn_ok(s))
        share_heads(s, o, names, own, all);
}

void df_deformable_detr_init(NnScope s, void *self, const DfDetrOptions *o)
{
    DeformableDetr *net = self;
    const DetrNames *names = &df_deformable_detr_names[o->naming];
    const NnScope transformer = nn_at(s, "%s", names->transformer);
    net->o = *o;
    if (o->two_stage && !o->refine)
        nn_fail(s, DF_EVALUE, "two stages without box refinement: want both");
    if (nn_ok(s) && o->n_maps)
        nn_levels_init(s, &net->input_proj, &names->levels, o->n_maps, o->channels, o->levels, o->dim);
    if (nn_ok(s))
        df_detr_positions_init(s, &net->positions, &o->positional_encoding, o->dim, names);
    if (nn_ok(s))
        df_deformable_transformer_init(transformer, net, names);
    if (nn_ok(s))
        prediction_heads_init(s, net, names);
    if (nn_ok(s))
        df_deformable_queries_init(s, transformer, net, names);
}
