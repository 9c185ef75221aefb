/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/set/deformable_head.c -- Deformable DETR: Zhu et al., "Deformable DETR: Deformable Transformers for
 * End-to-End Object Detection", ICLR 2021. Tokens of a pyramid, the encoder, queries, and the decoder, which refines
 * the boxes layer by layer (section 4.2, appendix A.4):
 *
 *     box_i = sigmoid(box_head_i(x_i) + inverse_sigmoid(reference_i)),    reference_(i+1) = box_i
 *
 * Without refinement the reference stays the first one, a point, and moves the centre alone. Gradients do not flow
 * from layer to layer through the references.
 */
#include <string.h>

#include "heads/set/detr_parts.h"

/* ---- iterative bounding box refinement ------------------------------------------------------------------------- */

/* moves N Q 4, reference N Q 2 or 4 -> N Q 4 */
static DfTensor *refined_boxes(DfCtx *c, DfTensor *moves, DfTensor *reference)
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

static void decoder(DfCtx *c, const DeformableDetr *net, const DetrTokens *in, DfTensor *memory, bool all_layers,
                    DfSetOutputs *out)
{
    const int layers = net->o.decoder_layers;
    DfTensor *hidden[DF_SET_LAYERS], *references[DF_SET_LAYERS];
    const DetrQueries q = df_deformable_queries(c, net, in, memory, out);
    DfTensor *x = q.content;                                                          /* N Q C      */
    DfTensor *reference = q.reference;                                                /* N Q 2 or 4 */
    df_observe(c, reference, "init_reference", -1);
    for (int i = 0; i < layers; i++) {
        const bool asked = all_layers || i + 1 == layers;
        x = df_deformable_decoder_layer(c, net, i, x, q.position, reference, memory, &in->field);
        DfTensor *boxes = NULL;                                                       /* N Q 4      */
        if (asked || net->o.refine)
            boxes = refined_boxes(c, df_deformable_box_head(c, net, i, x), reference);
        if (asked) {
            out->logits[out->n] = df_deformable_class_head(c, net, i, x);             /* N Q classes */
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

/* ---- the head -------------------------------------------------------------------------------------------------- */

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

void df_deformable_detr_forward(DfCtx *c, const void *self, const DfMaps *in, const DfSetBatch *batch, bool all_layers,
                                DfSetOutputs *out)
{
    const DeformableDetr *net = self;
    DfMaps levels;
    DetrTokens tokens;
    *out = (DfSetOutputs){ 0 };
    const DfMark m = df_enter(c, "transformer", -1);
    input_levels(c, net, in, &levels);                                                /* N h w C each */
    df_detr_tokens(c, &net->positions, &levels, net->level_embed, batch, &tokens);    /* N S C        */
    for (int l = 0; net->o.n_maps && l < levels.n; l++)
        df_release(c, levels.map[l]);                                                 /* not those of a neck */
    DfTensor *memory = df_deformable_encoder(c, net, &tokens);                        /* N S C        */
    df_observe(c, memory, "memory", -1);
    decoder(c, net, &tokens, memory, all_layers, out);
    df_detr_leave(c, m, out);
}

/* ---- construction ---------------------------------------------------------------------------------------------- */

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
        df_deformable_predict_init(s, net, names);
    if (nn_ok(s))
        df_deformable_queries_init(s, transformer, net, names);
}
