/* SPDX-License-Identifier: Apache-2.0
 *
 * models/deformable_transformer.c -- encoder and decoder of Deformable DETR: Zhu et al., ICLR 2021, section 4.1. Norms stand behind the
 * sums; every cell of the pyramid is a query of the encoder.
 */
#include "models/deformable_detr.h"

/* ---- construction --------------------------------------------------------------------------------------------------- */

static void encoder_layer_init(NnScope s, const Detr *net, DetrEncoderLayer *layer)
{
    const DetrOptions *o = &net->base.o;
    nn_ms_deform_attention_init(nn_at(s, "%s", net->names->encoder_attention), &layer->attention, o->dim, o->heads, o->levels, o->encoder_points);
    nn_layer_norm_init(nn_at(s, "%s", net->names->encoder_norm[0]), &layer->norm1, o->dim, 1e-5);
    df_detr_ffn_init(s, o, &layer->ffn, net->names->linear1, net->names->linear2);
    nn_layer_norm_init(nn_at(s, "%s", net->names->encoder_norm[1]), &layer->norm2, o->dim, 1e-5);
}

static void decoder_layer_init(NnScope s, const Detr *net, DetrDecoderLayer *layer)
{
    const DetrOptions *o = &net->base.o;
    nn_ms_deform_attention_init(nn_at(s, "%s", net->names->cross_attention), &layer->cross, o->dim, o->heads, o->levels, o->decoder_points);
    nn_layer_norm_init(nn_at(s, "%s", net->names->cross_norm), &layer->cross_norm, o->dim, 1e-5);
    nn_multihead_attention_init(nn_at(s, "%s", net->names->self_attention), &layer->self, o->dim, o->heads, o->dropout);
    nn_layer_norm_init(nn_at(s, "%s", net->names->self_norm), &layer->self_norm, o->dim, 1e-5);
    df_detr_ffn_init(s, o, &layer->ffn, net->names->linear1, net->names->linear2);
    nn_layer_norm_init(nn_at(s, "%s", net->names->ffn_norm), &layer->ffn_norm, o->dim, 1e-5);
}

void df_detr_transformer_init(NnScope s, Detr *net)
{
    const DetrOptions *o = &net->base.o;
    net->level_embed = nn_param(s, net->names->level_embed, DF_SHAPE(o->levels, o->dim), NN_AS_IS, nn_normal(1));
    net->encoder = nn_alloc(s, (size_t)o->encoder_layers + 1, sizeof *net->encoder);
    net->decoder = nn_alloc(s, (size_t)o->decoder_layers + 1, sizeof *net->decoder);
    for (int i = 0; nn_ok(s) && i < o->encoder_layers; i++)
        encoder_layer_init(nn_at(s, net->names->encoder_layer, i), net, &net->encoder[i]);
    for (int i = 0; nn_ok(s) && i < o->decoder_layers; i++)
        decoder_layer_init(nn_at(s, net->names->decoder_layer, i), net, &net->decoder[i]);
}

/* ---- encoder -------------------------------------------------------------------------------------------------------- */

/* Every cell's own centre, in [0, 1] of what is no padding. */
static DfTensor *cell_centres(DfCtx *c, const NnField *field, int N)
{
    const int L = field->levels.n;
    DfTensor *r = df_new(c, DF_SHAPE(N, df_pyramid_cells(&field->levels), 2));
    if (df_skip(c, r))
        return r;
    float *to = r->data;
    for (int n = 0; n < N; n++)
        for (int l = 0; l < L; l++) {
            const int h = field->levels.h[l], w = field->levels.w[l];
            const float *const ratio = field->valid_ratios + (n * L + l) * 2;
            for (int y = 0; y < h; y++)
                for (int x = 0; x < w; x++) {
                    *to++ = ((float)x + 0.5f) / (ratio[0] * (float)w);
                    *to++ = ((float)y + 0.5f) / (ratio[1] * (float)h);
                }
        }
    return r;
}

static void observe_centres(DfCtx *c, const NnField *field, const DfTensor *centres)
{
    if (!df_listens(c) || c->err || c->dry)
        return;
    const int N = df_dim(centres, 0), S = df_dim(centres, 1), L = field->levels.n;
    DfTensor *all = df_new(c, DF_SHAPE(N, S, L, 2));
    if (df_skip(c, all))
        return;
    for (size_t i = 0; i < df_size(all); i++) {
        const size_t axis = i % 2, l = i / 2 % (size_t)L, row = i / 2 / (size_t)L, n = row / (size_t)S;
        all->data[i] = centres->data[2 * row + axis] * field->valid_ratios[(n * (size_t)L + l) * 2 + axis];
    }
    df_detr_observe(c, all, "enc_reference_points", -1);
}

/* x + dropout(branch) */
static NnResidual beside(const Detr *net, DfTensor *x)
{
    return (NnResidual){ .residual = x, .drop = (float)net->base.o.dropout };
}

static DfTensor *feed(DfCtx *c, const NnMlp *ffn, DfTensor *x, const NnLayerNorm *norm)
{
    return nn_layer_norm(c, norm, nn_mlp_add(c, ffn, x, (NnResidual){ .residual = x }));
}

static DfTensor *encode_layer(DfCtx *c, const Detr *net, int i, DfTensor *x, const DetrPyramid *p, DfTensor *centres)
{
    const DetrEncoderLayer *layer = &net->encoder[i];
    const DfMark m = df_enter(c, "encoder.layers", i);
    x = nn_ms_deform_attention_add(c, &layer->attention, df_add(c, x, p->positions), centres, x, &p->field, beside(net, x));
    x = nn_layer_norm(c, &layer->norm1, x);
    return df_leave(c, m, feed(c, &layer->ffn, x, &layer->norm2));
}

DfTensor *df_detr_encode(DfCtx *c, const Detr *net, const DetrPyramid *p)
{
    if (c->err)
        return &c->nil;
    DfTensor *centres = cell_centres(c, &p->field, df_dim(p->tokens, 0));
    DfTensor *x = p->tokens; /* released by the first layer: nothing reads them afterwards */
    observe_centres(c, &p->field, centres);
    for (int i = 0; i < net->base.o.encoder_layers; i++) {
        df_next(c, &x, encode_layer(c, net, i, x, p, centres));
        df_observe(c, x, "enc_layer", i);
    }
    return x;
}

/* ---- decoder -------------------------------------------------------------------------------------------------------- */

DfTensor *df_detr_decode_layer(DfCtx *c, const Detr *net, int i, DfTensor *x, DfTensor *position, DfTensor *reference, DfTensor *memory, const NnField *field)
{
    const DetrDecoderLayer *layer = &net->decoder[i];
    const DfMark m = df_enter(c, "decoder.layers", i);
    DfTensor *placed = df_add(c, x, position);
    x = nn_layer_norm(c, &layer->self_norm, nn_multihead_attention_add(c, &layer->self, placed, placed, x, NULL, beside(net, x)));
    x = nn_ms_deform_attention_add(c, &layer->cross, df_add(c, x, position), reference, memory, field, beside(net, x));
    x = nn_layer_norm(c, &layer->cross_norm, x);
    return df_leave(c, m, feed(c, &layer->ffn, x, &layer->ffn_norm));
}
