/* SPDX-License-Identifier: Apache-2.0
 *
 * models/detr_transformer.c -- encoder and decoder of DETR: Carion et al., ECCV 2020, appendix A.3. Positions are added to queries and
 * keys of every attention; norms stand behind the sums (Vaswani et al., NeurIPS 2017) or, with pre_norm, before the branches.
 */
#include "models/detr.h"

/* ---- construction --------------------------------------------------------------------------------------------------- */

void df_detr_ffn_init(NnScope s, const DetrOptions *o, NnMlp *ffn, const char *linear1, const char *linear2)
{
    ffn->act = DF_ACT_RELU;
    ffn->drop = (float)o->dropout;
    nn_linear_init_as(nn_at(s, "%s", linear1), &ffn->fc1, o->dim, o->ffn, true, nn_xavier_uniform(o->dim, o->ffn), nn_kaiming_uniform(o->dim));
    nn_linear_init_as(nn_at(s, "%s", linear2), &ffn->fc2, o->ffn, o->dim, true, nn_xavier_uniform(o->ffn, o->dim), nn_kaiming_uniform(o->ffn));
}

static void layer_init(NnScope s, const PlainDetr *net, PlainDetrLayer *layer, bool decoder)
{
    const PlainDetrNames *names = net->names;
    const DetrOptions *o = &net->base.o;
    nn_multihead_attention_init(nn_at(s, "%s", decoder ? names->decoder_self : names->encoder_self), &layer->self, o->dim, o->heads, o->dropout);
    if (decoder)
        nn_multihead_attention_init(nn_at(s, "%s", names->cross), &layer->cross, o->dim, o->heads, o->dropout);
    df_detr_ffn_init(s, o, &layer->ffn, names->linear1, names->linear2);
    for (int i = 0; i < 2 + decoder; i++)
        nn_layer_norm_init(nn_at(s, "%s", decoder ? names->decoder_norm[i] : names->encoder_norm[i]), &layer->norm[i], o->dim, 1e-5);
}

void df_plain_detr_transformer_init(NnScope s, PlainDetr *net)
{
    const DetrOptions *o = &net->base.o;
    net->encoder = nn_alloc(s, (size_t)o->encoder_layers + 1, sizeof *net->encoder);
    net->decoder = nn_alloc(s, (size_t)o->decoder_layers + 1, sizeof *net->decoder);
    for (int i = 0; nn_ok(s) && i < o->encoder_layers; i++)
        layer_init(nn_at(s, net->names->encoder_layer, i), net, &net->encoder[i], false);
    for (int i = 0; nn_ok(s) && i < o->decoder_layers; i++)
        layer_init(nn_at(s, net->names->decoder_layer, i), net, &net->decoder[i], true);
    if (o->pre_norm)
        nn_layer_norm_init(nn_at(s, "%s", net->names->encoder_end), &net->encoder_end, o->dim, 1e-5);
    nn_layer_norm_init(nn_at(s, "%s", net->names->decoder_end), &net->decoder_end, o->dim, 1e-5);
}

/* ---- a branch and its norm ------------------------------------------------------------------------------------------ */

static DfTensor *before(DfCtx *c, const PlainDetr *net, const NnLayerNorm *norm, DfTensor *x)
{
    return net->base.o.pre_norm ? nn_layer_norm(c, norm, x) : x;
}

static DfTensor *after(DfCtx *c, const PlainDetr *net, const NnLayerNorm *norm, DfTensor *x)
{
    return net->base.o.pre_norm ? x : nn_layer_norm(c, norm, x);
}

static DfTensor *attend_to_itself(DfCtx *c, const PlainDetr *net, const PlainDetrLayer *layer, DfTensor *x, DfTensor *positions, const uint8_t *padding_mask)
{
    const NnResidual r = { .residual = x, .drop = (float)net->base.o.dropout };
    DfTensor *y = before(c, net, &layer->norm[0], x), *placed = df_add(c, y, positions);
    return after(c, net, &layer->norm[0], nn_multihead_attention_add(c, &layer->self, placed, placed, y, padding_mask, r));
}

static DfTensor *feed(DfCtx *c, const PlainDetr *net, const PlainDetrLayer *layer, const NnLayerNorm *norm, DfTensor *x)
{
    return after(c, net, norm, nn_mlp_add(c, &layer->ffn, before(c, net, norm, x), (NnResidual){ .residual = x }));
}

/* ---- encoder -------------------------------------------------------------------------------------------------------- */

DfTensor *df_plain_detr_encode(DfCtx *c, const PlainDetr *net, const PlainDetrMemory *in)
{
    DfTensor *x = in->tokens; /* released by the first layer: nothing reads them afterwards */
    for (int i = 0; i < net->base.o.encoder_layers; i++) {
        const PlainDetrLayer *layer = &net->encoder[i];
        const DfMark m = df_enter(c, "encoder.layers", i);
        DfTensor *y = feed(c, net, layer, &layer->norm[1], attend_to_itself(c, net, layer, x, in->positions, in->padding_mask));
        df_next(c, &x, df_leave(c, m, y));
        df_observe(c, x, "enc_layer", i);
    }
    return net->base.o.pre_norm ? nn_layer_norm(c, &net->encoder_end, x) : x;
}

/* ---- decoder -------------------------------------------------------------------------------------------------------- */

static DfTensor *decode_layer(DfCtx *c, const PlainDetr *net, int i, DfTensor *x, DfTensor *positions, const PlainDetrMemory *memory, DfTensor *placed)
{
    const PlainDetrLayer *layer = &net->decoder[i];
    const DfMark m = df_enter(c, "decoder.layers", i);
    x = attend_to_itself(c, net, layer, x, positions, NULL);
    const NnResidual r = { .residual = x, .drop = (float)net->base.o.dropout };
    DfTensor *query = df_add(c, before(c, net, &layer->norm[1], x), positions);
    x = after(c, net, &layer->norm[1], nn_multihead_attention_add(c, &layer->cross, query, placed, memory->tokens, memory->padding_mask, r));
    return df_leave(c, m, feed(c, net, layer, &layer->norm[2], x));
}

int df_plain_detr_decode(DfCtx *c, const PlainDetr *net, const PlainDetrMemory *memory, bool all, DfTensor **hidden)
{
    if (c->err)
        return 0;
    const DfShape shape = DF_SHAPE(df_dim(memory->tokens, 0), net->base.o.queries, net->base.o.dim);
    DfTensor *x = df_zeros(c, shape), *positions = df_add(c, x, net->query_embed), *placed = df_add(c, memory->tokens, memory->positions);
    int n = 0;
    for (int i = 0; i < net->base.o.decoder_layers; i++) {
        x = decode_layer(c, net, i, x, positions, memory, placed);
        if (all || i + 1 == net->base.o.decoder_layers)
            hidden[n++] = nn_layer_norm(c, &net->decoder_end, x);
    }
    return n;
}
