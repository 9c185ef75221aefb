/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/set/detr_transformer.c -- encoder and decoder of DETR: Carion et al., ECCV 2020, section 3.2 and appendix
 * A.3. Every layer is a list of branches, x <- norm(x + branch(x)) (Vaswani et al., NeurIPS 2017) or, with pre_norm,
 * x <- x + branch(norm(x)):
 *
 *     encoder     attention(q = x + position, k = x + position, v = x), feed-forward
 *     decoder     attention(q = x + query_embed, k = x + query_embed, v = x),
 *                 attention(q = x + query_embed, k = memory + position, v = memory), feed-forward
 *
 * Positions are added at every attention, to queries and keys alone: values do not carry them. The decoder starts
 * from zeros, so at first its queries differ in query_embed alone, which is learned.
 */
#include "heads/set/detr_parts.h"

/* ---- a branch and its norm ------------------------------------------------------------------------------------- */

static DfTensor *norm_before(DfCtx *c, const Detr *net, const NnLayerNorm *norm, DfTensor *x)
{
    return net->o.pre_norm ? nn_layer_norm(c, norm, x) : x;
}

static DfTensor *norm_after(DfCtx *c, const Detr *net, const NnLayerNorm *norm, DfTensor *x)
{
    return net->o.pre_norm ? x : nn_layer_norm(c, norm, x);
}

/* x: N L C, of tokens or queries. */
static DfTensor *self_attention(DfCtx *c, const Detr *net, const NnMultiheadAttention *attention,
                                const NnLayerNorm *norm, NnResidual add_x, DfTensor *position,
                                const uint8_t *padding_mask)
{
    DfTensor *value = norm_before(c, net, norm, add_x.residual);
    DfTensor *query = df_add(c, value, position);
    DfTensor *x = nn_multihead_attention_add(c, attention, query, query, value, padding_mask, add_x);
    return norm_after(c, net, norm, x);
}

/* What the decoder's queries read: the memory, and as keys the memory with its positions. */
typedef struct {
    DfTensor *key, *value;                                                            /* N S C */
    const uint8_t *padding_mask;
} Memory;

static DfTensor *cross_attention(DfCtx *c, const Detr *net, const DetrDecoderLayer *layer, DfTensor *x,
                                 DfTensor *query_position, const Memory *memory)      /* N Q C -> N Q C */
{
    const NnResidual add_x = df_detr_residual(x, net->o.decoder_dropout.cross);
    DfTensor *query = df_add(c, norm_before(c, net, &layer->norm[1], x), query_position);
    x = nn_multihead_attention_add(c, &layer->cross_attention, query, memory->key, memory->value, memory->padding_mask,
                                   add_x);
    return norm_after(c, net, &layer->norm[1], x);
}

static DfTensor *feed_forward(DfCtx *c, const Detr *net, const NnMlp *ffn, const NnLayerNorm *norm, DfTensor *x)
{
    x = nn_mlp_add(c, ffn, norm_before(c, net, norm, x), (NnResidual){ .residual = x });
    return norm_after(c, net, norm, x);
}

/* ---- encoder --------------------------------------------------------------------------------------------------- */

static DfTensor *encoder_layer(DfCtx *c, const Detr *net, int i, DfTensor *x, const DetrTokens *in)
{
    const DetrEncoderLayer *layer = &net->encoder[i];
    const NnResidual add_x = df_detr_residual(x, net->o.dropout.self);
    const DfMark m = df_enter(c, "encoder.layers", i);
    x = self_attention(c, net, &layer->self_attention, &layer->norm[0], add_x, in->positions, in->field.padding_mask);
    x = feed_forward(c, net, &layer->ffn, &layer->norm[1], x);
    return df_leave(c, m, x);
}

DfTensor *df_detr_encoder(DfCtx *c, const Detr *net, const DetrTokens *in)
{
    DfTensor *x = in->tokens; /* released by the first layer: nothing reads them afterwards */
    for (int i = 0; i < net->o.encoder_layers; i++) {
        df_next(c, &x, encoder_layer(c, net, i, x, in));
        df_observe(c, x, "enc_layer", i);
    }
    return norm_before(c, net, &net->encoder_end, x);
}

/* ---- decoder --------------------------------------------------------------------------------------------------- */

static DfTensor *decoder_layer(DfCtx *c, const Detr *net, int i, DfTensor *x, DfTensor *query_position,
                               const Memory *memory)
{
    const DetrDecoderLayer *layer = &net->decoder[i];
    const DfMark m = df_enter(c, "decoder.layers", i);
    const NnResidual add_x = df_detr_residual(x, net->o.decoder_dropout.self);
    x = self_attention(c, net, &layer->self_attention, &layer->norm[0], add_x, query_position, NULL);
    x = cross_attention(c, net, layer, x, query_position, memory);
    x = feed_forward(c, net, &layer->ffn, &layer->norm[2], x);
    return df_leave(c, m, x);
}

static DfTensor *norm_behind(DfCtx *c, const Detr *net, DfTensor *x, bool stands)
{
    return stands && net->decoder_end.weight ? nn_layer_norm(c, &net->decoder_end, x) : x;
}

int df_detr_decoder(DfCtx *c, const Detr *net, const DetrTokens *in, DfTensor *memory, bool all_layers,
                    DfTensor **hidden)
{
    DfTensor *x = df_zeros(c, DF_SHAPE(df_dim(memory, 0), net->o.queries, net->o.dim));   /* N Q C */
    DfTensor *query_position = df_add(c, x, net->query_embed);                        /* N Q C */
    const Memory read = { df_add(c, memory, in->positions), memory, in->field.padding_mask };
    int n = 0;
    for (int i = 0; i < net->o.decoder_layers; i++) {
        const bool last = i + 1 == net->o.decoder_layers;
        x = norm_behind(c, net, decoder_layer(c, net, i, x, query_position, &read), net->o.norms_each_layer);
        if (all_layers || last)
            hidden[n++] = norm_behind(c, net, x, last || !net->o.norms_each_layer);
    }
    return n;
}

/* ---- construction ---------------------------------------------------------------------------------------------- */

static void encoder_layer_init(NnScope s, const DfDetrOptions *o, DetrEncoderLayer *layer, const DetrNames *names)
{
    const NnScope self = nn_at(s, "%s", names->encoder_self_attention);
    nn_multihead_attention_init(self, &layer->self_attention, o->dim, o->heads, o->dropout.self_weights, true);
    df_detr_ffn_init(s, o, &layer->ffn, names);
    for (int i = 0; i < 2; i++)
        nn_layer_norm_init(nn_at(s, "%s", names->encoder_norm[i]), &layer->norm[i], o->dim, 1e-5);
}

static void decoder_layer_init(NnScope s, const DfDetrOptions *o, DetrDecoderLayer *layer, const DetrNames *names)
{
    const NnScope self = nn_at(s, "%s", names->decoder_self_attention);
    const NnScope cross = nn_at(s, "%s", names->cross_attention);
    nn_multihead_attention_init(self, &layer->self_attention, o->dim, o->heads, o->dropout.self_weights, true);
    nn_multihead_attention_init(cross, &layer->cross_attention, o->dim, o->heads, o->dropout.cross_weights, true);
    df_detr_ffn_init(s, o, &layer->ffn, names);
    for (int i = 0; i < 3; i++)
        nn_layer_norm_init(nn_at(s, "%s", names->decoder_norm[i]), &layer->norm[i], o->dim, 1e-5);
}

void df_detr_transformer_init(NnScope s, Detr *net, const DetrNames *names)
{
    const DfDetrOptions *o = &net->o;
    const DfDetrOptions of_decoder = df_detr_of_decoder(o);
    net->encoder = nn_alloc(s, (size_t)o->encoder_layers + 1, sizeof *net->encoder);
    net->decoder = nn_alloc(s, (size_t)o->decoder_layers + 1, sizeof *net->decoder);
    for (int i = 0; nn_ok(s) && i < o->encoder_layers; i++)
        encoder_layer_init(nn_at(s, names->encoder_layer, i), o, &net->encoder[i], names);
    for (int i = 0; nn_ok(s) && i < o->decoder_layers; i++)
        decoder_layer_init(nn_at(s, names->decoder_layer, i), &of_decoder, &net->decoder[i], names);
    if (o->pre_norm)
        nn_layer_norm_init(nn_at(s, "%s", names->encoder_end), &net->encoder_end, o->dim, 1e-5);
    if (!o->no_decoder_end)
        nn_layer_norm_init(nn_at(s, "%s", names->decoder_end), &net->decoder_end, o->dim, 1e-5);
}
