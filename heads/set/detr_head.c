/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/set/detr_head.c -- DETR: Carion et al., "End-to-End Object Detection with Transformers", ECCV 2020. The
 * backbone's last map becomes a list of tokens, the encoder relates each to all others, the decoder transforms
 * queries, and every query predicts one class, or none, and one box.
 */
#include "heads/set/detr_parts.h"

static void input_tokens(DfCtx *c, const Detr *net, DfTensor *map, const DfSetBatch *batch, DetrTokens *out)
{
    const DfMark m = df_enter(c, "input_proj", -1);
    DfTensor *x = df_leave(c, m, nn_linear(c, &net->input_proj, map));                /* N h w C */
    df_detr_tokens(c, &net->positions, &(DfMaps){ .n = 1, .map = { x } }, NULL, batch, out);
}

/* The same two networks for the hidden states of every layer. */
static void prediction_heads(DfCtx *c, const Detr *net, DfTensor *const *hidden, int n, DfSetOutputs *out)
{
    out->n = n;
    for (int i = 0; i < n; i++) {
        out->logits[i] = nn_linear(c, &net->class_head, hidden[i]);                   /* N Q classes (+ 1) */
        out->boxes[i] = df_sigmoid(c, df_detr_box_head(c, &net->box_head, hidden[i]));    /* N Q 4           */
    }
    df_detr_observe_layers(c, hidden, n, "hs");
    df_detr_observe_outputs(c, out);
}

/* The padding mask itself is gone when the transformer is left. */
static DfTensor *keep_padding(DfCtx *c, const uint8_t *mask, const DfTensor *memory)
{
    DfTensor *kept = df_new(c, DF_SHAPE(df_dim(memory, 0), df_dim(memory, 1)));           /* N S */
    for (size_t i = 0; !df_skip(c, kept) && i < df_size(kept); i++)
        kept->data[i] = mask[i];
    return kept;
}

/* The projected map is computed once more: the encoder gives its memory back as it goes. */
static void keep_states(DfCtx *c, const Detr *net, DfTensor *map, DfTensor *hidden, DfTensor *memory,
                        const DetrTokens *tokens, DfSetOutputs *out)
{
    out->hidden = hidden;
    out->memory = memory;
    out->projected = nn_linear(c, &net->input_proj, map);
    if (tokens->field.padding_mask)
        out->padding = keep_padding(c, tokens->field.padding_mask, memory);
}

void df_detr_forward(DfCtx *c, const void *self, const DfMaps *in, const DfSetBatch *batch, bool all_layers,
                     DfSetOutputs *out)
{
    const Detr *net = self;
    DfTensor *map = in->n > 0 ? in->map[in->n - 1] : &c->nil;
    DfTensor *hidden[DF_SET_LAYERS];
    DetrTokens tokens;
    *out = (DfSetOutputs){ 0 };
    if (df_dim(map, 3) != net->o.channels[0])
        df_ctx_fail(c, DF_ESHAPE, "the backbone's last map has %d channels: want the head's in_channels, %d",
                    df_dim(map, 3), net->o.channels[0]);
    const DfMark m = df_enter(c, "transformer", -1);
    input_tokens(c, net, map, batch, &tokens);
    DfTensor *memory = df_detr_encoder(c, net, &tokens);                              /* N S C */
    df_observe(c, memory, "memory", -1);
    const int n = df_detr_decoder(c, net, &tokens, memory, all_layers, hidden);       /* N Q C each */
    prediction_heads(c, net, hidden, n, out);
    if (net->o.keeps_states)
        keep_states(c, net, map, hidden[n - 1], memory, &tokens, out);
    df_detr_leave(c, m, out);
}

/* ---- construction ---------------------------------------------------------------------------------------------- */

void df_detr_init(NnScope s, void *self, const DfDetrOptions *o)
{
    Detr *net = self;
    const DetrNames *names = &df_detr_names[o->naming];
    net->o = *o;
    if (o->dim % 4)
        nn_fail(s, DF_EVALUE, "%d channels: want a multiple of 4", o->dim);
    if (!nn_ok(s))
        return;
    nn_pointwise_init(nn_at(s, "%s", names->input_proj), &net->input_proj, o->channels[0], o->dim, true);
    df_detr_positions_init(s, &net->positions, &o->positional_encoding, o->dim, names);
    df_detr_transformer_init(nn_at(s, "%s", names->transformer), net, names);
    const NnScope embed = nn_at(s, "%s", names->query_embed);
    net->query_embed = nn_param(embed, "weight", DF_SHAPE(o->queries, o->dim), NN_AS_IS, nn_normal(1));
    nn_linear_init(nn_at(s, "%s", names->class_head), &net->class_head, o->dim, df_detr_class_columns(o), true);
    df_detr_box_head_init(s, o, &net->box_head, names, NULL);
}
