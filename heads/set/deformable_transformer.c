/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/set/deformable_transformer.c -- encoder and decoder layers of Deformable DETR: Zhu et al., ICLR 2021, section
 * 4.1. Each attention to the pyramid is multi-scale deformable attention (eq. 3, nn/ms_deform_attention.c): a query
 * reads a few points around its reference, on every level. In the encoder every cell is a query, and its reference is
 * its own centre; in the decoder the queries attend to one another by full attention first. x <- norm(x + branch(x))
 * for each branch:
 *
 *     encoder     deformable(query = x + position, reference = centre, source = x), feed-forward
 *     decoder     attention(q = x + position, k = x + position, v = x),
 *                 deformable(query = x + position, reference, source = memory), feed-forward
 */
#include "heads/set/detr_parts.h"

/* ---- reference points of the encoder --------------------------------------------------------------------------- */

static float *centres_of_level(float *to, int h, int w, const float valid_ratio[2])
{
    const float valid_w = valid_ratio[0] * (float)w;
    const float valid_h = valid_ratio[1] * (float)h;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            *to++ = ((float)x + 0.5f) / valid_w;
            *to++ = ((float)y + 0.5f) / valid_h;
        }
    return to;
}

/* The centre of every cell, in [0, 1] of what is no padding. */
static DfTensor *reference_points(DfCtx *c, const NnField *field, int N)              /* -> N S 2 */
{
    const int L = field->levels.n;
    DfTensor *points = df_new(c, DF_SHAPE(N, df_pyramid_cells(&field->levels), 2));
    if (df_skip(c, points))
        return points;
    float *to = points->data;
    for (int n = 0; n < N; n++)
        for (int l = 0; l < L; l++)
            to = centres_of_level(to, field->levels.h[l], field->levels.w[l], field->valid_ratios + (n * L + l) * 2);
    return points;
}

/* The official code has them for each level, in [0, 1] of that level with its padding: N S L 2. */
static void observe_reference_points(DfCtx *c, const NnField *field, const DfTensor *points)
{
    if (!df_listens(c))
        return;
    const size_t S = (size_t)df_dim(points, 1);
    const size_t L = (size_t)field->levels.n;
    DfTensor *all = df_new(c, DF_SHAPE(df_dim(points, 0), (int)S, (int)L, 2));
    if (df_skip(c, all))
        return;
    for (size_t i = 0; i < df_size(all); i++) {
        const size_t axis = i % 2;
        const size_t level = i / 2 % L;
        const size_t row = i / 2 / L; /* of N S */
        all->data[i] = points->data[2 * row + axis] * field->valid_ratios[(row / S * L + level) * 2 + axis];
    }
    df_detr_observe(c, all, "enc_reference_points", -1);
}

/* ---- encoder --------------------------------------------------------------------------------------------------- */

static DfTensor *feed_forward(DfCtx *c, const NnMlp *ffn, const NnLayerNorm *norm, DfTensor *x)
{
    return nn_layer_norm(c, norm, nn_mlp_add(c, ffn, x, (NnResidual){ .residual = x }));
}

static DfTensor *encoder_layer(DfCtx *c, const DeformableDetr *net, int i, DfTensor *x, const DetrTokens *in,
                               DfTensor *reference)
{
    const DeformableEncoderLayer *layer = &net->encoder[i];
    const NnResidual add_x = df_detr_residual(x, net->o.dropout.self);
    const DfMark m = df_enter(c, "encoder.layers", i);
    DfTensor *query = df_add(c, x, in->positions);                                    /* N S C */
    x = nn_ms_deform_attention_add(c, &layer->self_attention, query, reference, x, &in->field, add_x);
    x = nn_layer_norm(c, &layer->norm[0], x);
    return df_leave(c, m, feed_forward(c, &layer->ffn, &layer->norm[1], x));
}

DfTensor *df_deformable_encoder(DfCtx *c, const DeformableDetr *net, const DetrTokens *in)
{
    DfTensor *reference = reference_points(c, &in->field, df_dim(in->tokens, 0));     /* N S 2 */
    DfTensor *x = in->tokens; /* released by the first layer: nothing reads them afterwards */
    observe_reference_points(c, &in->field, reference);
    for (int i = 0; i < net->o.encoder_layers; i++) {
        df_next(c, &x, encoder_layer(c, net, i, x, in, reference));
        df_observe(c, x, "enc_layer", i);
    }
    return x;
}

/* ---- decoder --------------------------------------------------------------------------------------------------- */

DfTensor *df_deformable_decoder_layer(DfCtx *c, const DeformableDetr *net, int i, DfTensor *x,
                                      DfTensor *query_position, DfTensor *reference, DfTensor *memory,
                                      const NnField *field)
{
    const DeformableDecoderLayer *layer = &net->decoder[i];
    const DfMark m = df_enter(c, "decoder.layers", i);
    DfTensor *query = df_add(c, x, query_position);                                   /* N Q C */
    const NnResidual add_self = df_detr_residual(x, net->o.decoder_dropout.self);
    x = nn_multihead_attention_add(c, &layer->self_attention, query, query, x, NULL, add_self);
    x = nn_layer_norm(c, &layer->norm[0], x);
    query = df_add(c, x, query_position);
    const NnResidual add_x = df_detr_residual(x, net->o.decoder_dropout.cross);
    x = nn_ms_deform_attention_add(c, &layer->cross_attention, query, reference, memory, field, add_x);
    x = nn_layer_norm(c, &layer->norm[1], x);
    return df_leave(c, m, feed_forward(c, &layer->ffn, &layer->norm[2], x));
}

/* ---- construction ---------------------------------------------------------------------------------------------- */

static void encoder_layer_init(NnScope s, const DfDetrOptions *o, DeformableEncoderLayer *layer, const DetrNames *names)
{
    const NnScope attention = nn_at(s, "%s", names->encoder_self_attention);
    nn_ms_deform_attention_init(attention, &layer->self_attention, o->dim, o->heads, o->levels, o->encoder_points);
    nn_layer_norm_init(nn_at(s, "%s", names->encoder_norm[0]), &layer->norm[0], o->dim, 1e-5);
    df_detr_ffn_init(s, o, &layer->ffn, names);
    nn_layer_norm_init(nn_at(s, "%s", names->encoder_norm[1]), &layer->norm[1], o->dim, 1e-5);
}

static void decoder_layer_init(NnScope s, const DfDetrOptions *o, DeformableDecoderLayer *layer, const DetrNames *names)
{
    const NnScope self = nn_at(s, "%s", names->decoder_self_attention);
    const NnScope cross = nn_at(s, "%s", names->cross_attention);
    nn_ms_deform_attention_init(cross, &layer->cross_attention, o->dim, o->heads, o->levels, o->decoder_points);
    nn_layer_norm_init(nn_at(s, "%s", names->decoder_norm[1]), &layer->norm[1], o->dim, 1e-5);
    nn_multihead_attention_init(self, &layer->self_attention, o->dim, o->heads, o->dropout.self_weights, true);
    nn_layer_norm_init(nn_at(s, "%s", names->decoder_norm[0]), &layer->norm[0], o->dim, 1e-5);
    df_detr_ffn_init(s, o, &layer->ffn, names);
    nn_layer_norm_init(nn_at(s, "%s", names->decoder_norm[2]), &layer->norm[2], o->dim, 1e-5);
}

void df_deformable_transformer_init(NnScope s, DeformableDetr *net, const DetrNames *names)
{
    const DfDetrOptions *o = &net->o;
    const DfDetrOptions of_decoder = df_detr_of_decoder(o);
    const int embedded = o->embedded_levels ? o->embedded_levels : o->levels;
    net->level_embed = nn_param(s, names->level_embed, DF_SHAPE(embedded, o->dim), NN_AS_IS, nn_normal(1));
    net->encoder = nn_alloc(s, (size_t)o->encoder_layers + 1, sizeof *net->encoder);
    net->decoder = nn_alloc(s, (size_t)o->decoder_layers + 1, sizeof *net->decoder);
    for (int i = 0; nn_ok(s) && i < o->encoder_layers; i++)
        encoder_layer_init(nn_at(s, names->encoder_layer, i), o, &net->encoder[i], names);
    for (int i = 0; nn_ok(s) && i < o->decoder_layers; i++)
        decoder_layer_init(nn_at(s, names->decoder_layer, i), &of_decoder, &net->decoder[i], names);
}
