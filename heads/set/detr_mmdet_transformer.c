/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/set/detr_mmdet_transformer.c -- mmdet's dicts of a transformer and of its positional encoding. Up to 2.11 one
 * dict has all numbers; later there are dicts for encoder and decoder, in each a dict for its layers, and in that one
 * dict for each attention.
 */
#include "heads/set/detr_mmdet.h"

#include <math.h>
#include <string.h>

static bool is_or_absent(const DfNode *dict, const char *type)
{
    return strcmp(df_node_text(df_node_get(dict, "type"), type), type) == 0;
}

static void want_relu_and_layer_norm(NnScope s, const DfNode *act_cfg, const DfNode *norm_cfg)
{
    const double eps = df_node_number(df_node_get(norm_cfg, "eps"), 1e-5);
    if (!is_or_absent(act_cfg, "ReLU") || !is_or_absent(norm_cfg, "LN") || eps != 1e-5)
        nn_fail(s, DF_EVALUE, "want act_cfg=dict(type='ReLU') and norm_cfg=dict(type='LN'), with an eps of 1e-5");
}

/* ---- mmdet 2.11 ------------------------------------------------------------------------------------------------ */

typedef struct {
    int embed_dims, num_heads, num_encoder_layers, num_decoder_layers, feedforward_channels, num_fcs;
    double dropout;
    const DfNode *act_cfg, *norm_cfg;
    bool pre_norm;
} Transformer;

static const DfOpt transformer_211_opts[] = {
    DF_OPT_ROW(Transformer, embed_dims, DF_KIND_INT, NULL, 4, 8192, NULL, "channels of tokens and queries"),
    DF_OPT_INT(Transformer, num_heads, 8, 1, 256, "attention heads"),
    DF_OPT_INT(Transformer, num_encoder_layers, 6, 0, DF_SET_LAYERS, "number of encoder layers"),
    DF_OPT_INT(Transformer, num_decoder_layers, 6, 1, DF_SET_LAYERS, "number of decoder layers"),
    DF_OPT_INT(Transformer, feedforward_channels, 2048, 1, 65536,
               "number of hidden channels of the feed-forward networks"),
    DF_OPT_INT(Transformer, num_fcs, 2, 2, 2, "linear layers of a feed-forward network; only 2 is supported"),
    DF_OPT_FLOAT(Transformer, dropout, 0, 0, 1, "probability of dropout in training"),
    DF_OPT_DICT(Transformer, act_cfg, "None", "activation; only ReLU is supported"),
    DF_OPT_DICT(Transformer, norm_cfg, "None", "norm; only LN is supported"),
    DF_OPT_BOOL(Transformer, pre_norm, False, "pre-norm: a norm stands before each branch; False: after each sum"),
    DF_OPT_UNUSED(return_intermediate_dec, "layers of the decoder give outputs when they are asked"),
    DF_OPT_END
};

void df_detr_mmdet_transformer_211(NnScope s, const DfNode *dict, DfDetrOptions *o)
{
    Transformer t = { 0 };
    if (!nn_configure(s, dict, transformer_211_opts, &t, "Transformer"))
        return;
    want_relu_and_layer_norm(s, t.act_cfg, t.norm_cfg);
    o->dim = t.embed_dims;
    o->heads = t.num_heads;
    o->encoder_layers = t.num_encoder_layers;
    o->decoder_layers = t.num_decoder_layers;
    o->ffn = t.feedforward_channels;
    o->dropout = o->decoder_dropout = df_detr_dropout(t.dropout);
    o->pre_norm = t.pre_norm;
}

/* ---- later: a dict for each part ------------------------------------------------------------------------------- */

typedef struct {
    const DfNode *encoder, *decoder;
    int num_feature_levels, two_stage_num_proposals;
} NestedTransformer;
typedef struct {
    int embed_dims, num_heads, num_levels, num_points;
    double dropout, attn_drop, proj_drop;
    const DfNode *dropout_layer;
} Attention;
typedef struct {
    int feedforward_channels, num_fcs;
    double ffn_drop;
    bool add_identity;
    const DfNode *act_cfg, *dropout_layer;
} Ffn;
typedef struct {
    const DfNode *attn_cfgs, *ffn_cfgs, *operation_order, *act_cfg, *norm_cfg;
    int feedforward_channels, ffn_num_fcs;
    double ffn_dropout;
} Layer;
/* An encoder or a decoder. */
typedef struct {
    int num_layers;
    const DfNode *transformerlayers, *post_norm_cfg;
    Layer layer;
    Attention attention[2];      /* the first two of each layer; as many as there are */
    int ffn;
    bool norm_first;
    DfDetrDropout dropout;       /* of the feed-forward network; that of the attentions depends on their kind */
} Stack;

static const DfOpt nested_opts[] = {
    DF_OPT_DICT(NestedTransformer, encoder, "None", "a DetrTransformerEncoder"),
    DF_OPT_DICT(NestedTransformer, decoder, "None", "a DetrTransformerDecoder or DeformableDetrTransformerDecoder"),
    DF_OPT_UNUSED(as_two_stage, "stands in the head"),
    DF_OPT_INT(NestedTransformer, num_feature_levels, 4, 1, 64,
               "Deformable DETR: levels that have an embedding; at least as many as num_levels of the attentions"),
    DF_OPT_INT(NestedTransformer, two_stage_num_proposals, 300, 1, 10000,
               "Deformable DETR with as_two_stage: number of queries, whatever num_query says"),
    DF_OPT_UNUSED(init_cfg, "how weights are initialised"),
    DF_OPT_END
};

static const DfOpt stack_opts[] = {
    DF_OPT_INT(Stack, num_layers, 6, 0, DF_SET_LAYERS, "number of layers"),
    DF_OPT_DICT(Stack, transformerlayers, "None", "what every layer is"),
    DF_OPT_UNUSED(return_intermediate, "layers of the decoder give outputs when they are asked"),
    DF_OPT_DICT(Stack, post_norm_cfg, "dict(type='LN')",
                "norm behind the layers of DETR's decoder, and of its encoder if norms come first there"),
    DF_OPT_UNUSED(init_cfg, "how weights are initialised"),
    DF_OPT_END
};

static const DfOpt layer_opts[] = {
    DF_OPT_NODE(Layer, attn_cfgs, "None", "the attentions of a layer: a list, or one dict for all"),
    DF_OPT_DICT(Layer, ffn_cfgs, "None", "the feed-forward network"),
    DF_OPT_INT(Layer, feedforward_channels, 0, 0, 65536, "older place of ffn_cfgs.feedforward_channels"),
    DF_OPT_FLOAT(Layer, ffn_dropout, None, 0, 1, "older place of ffn_cfgs.ffn_drop"),
    DF_OPT_NODE(Layer, operation_order, "None", "('self_attn', 'norm', ..), or with norms first"),
    DF_OPT_DICT(Layer, act_cfg, "None", "activation; only ReLU is supported"),
    DF_OPT_DICT(Layer, norm_cfg, "None", "norm; only LN is supported"),
    DF_OPT_INT(Layer, ffn_num_fcs, 2, 2, 2, "linear layers of a feed-forward network; only 2 is supported"),
    DF_OPT_UNUSED(batch_first, "an order in memory"),
    DF_OPT_UNUSED(init_cfg, "how weights are initialised"),
    DF_OPT_END
};

static const DfOpt ffn_opts[] = {
    DF_OPT_INT(Ffn, feedforward_channels, 0, 0, 65536, "hidden channels"),
    DF_OPT_UNUSED(embed_dims, "stands in the attentions"),
    DF_OPT_INT(Ffn, num_fcs, 2, 2, 2, "linear layers; only 2 is supported"),
    DF_OPT_DICT(Ffn, act_cfg, "None", "activation; only ReLU is supported"),
    DF_OPT_FLOAT(Ffn, ffn_drop, 0, 0, 1, "probability of dropout in training, behind either linear layer"),
    DF_OPT_BOOL(Ffn, add_identity, True, "the input is added; only True is supported"),
    DF_OPT_DICT(Ffn, dropout_layer, "None", "dict(type='Dropout', drop_prob=P): more dropout of the end"),
    DF_OPT_UNUSED(init_cfg, "how weights are initialised"),
    DF_OPT_END
};

static const DfOpt attention_opts[] = {
    DF_OPT_INT(Attention, embed_dims, 256, 4, 8192, "channels of tokens and queries"),
    DF_OPT_INT(Attention, num_heads, 8, 1, 256, "attention heads"),
    DF_OPT_INT(Attention, num_levels, 4, 1, DF_LEVELS, "levels of the pyramid"),
    DF_OPT_INT(Attention, num_points, 4, 1, 64, "sampling points of a head on a level"),
    DF_OPT_FLOAT(Attention, dropout, None, 0, 1,
                 "training: dropout of the output before it is added to the input (default in a "
                 "MultiScaleDeformableAttention: 0.1), and in a MultiheadAttention of the attention weights, too"),
    DF_OPT_FLOAT(Attention, attn_drop, 0, 0, 1,
                 "MultiheadAttention without `dropout`: dropout of the attention weights"),
    DF_OPT_FLOAT(Attention, proj_drop, 0, 0, 1, "MultiheadAttention: additional dropout of the output"),
    DF_OPT_DICT(Attention, dropout_layer, "None",
                "MultiheadAttention without `dropout`: dict(type='Dropout', drop_prob=P) of the output"),
    DF_OPT_UNUSED(im2col_step, "pictures of a batch that mmcv computes at once"),
    DF_OPT_UNUSED(batch_first, "an order in memory"),
    DF_OPT_UNUSED(norm_cfg, "no norm stands in an attention"),
    DF_OPT_UNUSED(init_cfg, "how weights are initialised"),
    DF_OPT_END
};

static const DfNode *attention_cfg(const DfNode *attn_cfgs, int i)
{
    if (!attn_cfgs || attn_cfgs->kind != DF_NODE_LIST)
        return attn_cfgs;
    const DfNode *item = attn_cfgs->first;
    for (; item && i > 0; i--)
        item = item->next;
    return item;
}

/* The branches of a layer, in their order: each with its norm behind it, or with `norm_first` before it. Not given: as
 * in the paper. */
static bool has_order(const DfNode *order, bool norm_first, const char *const *branches, int n)
{
    if (!order)
        return true;
    if (order->kind != DF_NODE_LIST || order->n != 2 * n)
        return false;
    int i = 0;
    for (const DfNode *step = order->first; step; step = step->next, i++) {
        const char *want = i % 2 == !norm_first ? "norm" : branches[i / 2];
        if (strcmp(df_node_text(step, ""), want) != 0)
            return false;
    }
    return true;
}

static void read_order(NnScope s, Stack *out, bool decodes)
{
    static const char *const encoder[] = { "self_attn", "ffn" };
    static const char *const decoder[] = { "self_attn", "cross_attn", "ffn" };
    const DfNode *order = out->layer.operation_order;
    out->norm_first = strcmp(df_node_text(df_node_at(order, "0"), ""), "norm") == 0;
    if (!has_order(order, out->norm_first, decodes ? decoder : encoder, decodes ? 3 : 2))
        nn_fail(s, DF_EVALUE,
                "operation_order: want 'self_attn', %s'ffn', each with a 'norm' behind it or each with one before it",
                decodes ? "'cross_attn', " : "");
}

/* ---- dropout --------------------------------------------------------------------------------------------------- */

/* Two dropouts, one behind the other, are one that leaves out what either would. */
static double both(double a, double b)
{
    return 1 - (1 - a) * (1 - b);
}

typedef struct {
    double drop_prob;
} Dropout;
static const DfOpt dropout_opts[] = {
    DF_OPT_FLOAT(Dropout, drop_prob, 0.5, 0, 1, "probability of dropout in training"),
    DF_OPT_UNUSED(inplace, "where PyTorch stores the result"),
    DF_OPT_END
};

/* The probability of dict(type='Dropout', drop_prob=P), 0 without it. */
static double dropout_of(NnScope s, const DfNode *layer)
{
    Dropout dropout = { 0 };
    if (!layer || layer->kind != DF_NODE_DICT || !nn_configure(s, layer, dropout_opts, &dropout, "dropout_layer"))
        return 0;
    if (!is_or_absent(layer, "Dropout"))
        nn_fail(s, DF_EVALUE, "dropout_layer: want type='Dropout'");
    return dropout.drop_prob;
}

/* mmcv's MultiheadAttention: *added gets the dropout of what it adds to its input. -> that of the attention weights */
static double dropout_of_multihead(NnScope s, const Attention *a, double *added)
{
    const bool older = !isnan(a->dropout);
    *added = both(a->proj_drop, older ? a->dropout : dropout_of(s, a->dropout_layer));
    return older ? a->dropout : a->attn_drop;
}

/* mmcv's MultiScaleDeformableAttention: of what it adds to its input. */
static double dropout_of_deformable(const Attention *a)
{
    return isnan(a->dropout) ? 0.1 : a->dropout;
}

static void read_ffn(NnScope s, Stack *out)
{
    Ffn ffn = { 0 };
    const Layer *layer = &out->layer;
    if (!nn_configure(s, layer->ffn_cfgs, ffn_opts, &ffn, "ffn_cfgs"))
        return;
    out->ffn = 1024;
    if (ffn.feedforward_channels)
        out->ffn = ffn.feedforward_channels;
    if (layer->feedforward_channels) /* the older place has precedence in mmcv */
        out->ffn = layer->feedforward_channels;
    out->dropout.hidden = isnan(layer->ffn_dropout) ? ffn.ffn_drop : layer->ffn_dropout;
    out->dropout.ffn = both(out->dropout.hidden, dropout_of(s, ffn.dropout_layer));
    if (!ffn.add_identity)
        nn_fail(s, DF_EVALUE, "ffn_cfgs.add_identity = False: want True");
    want_relu_and_layer_norm(s, ffn.act_cfg, NULL);
}

static bool read_stack(NnScope s, const DfNode *dict, bool decodes, Stack *out)
{
    Layer *layer = &out->layer;
    if (!nn_configure(s, dict, stack_opts, out, decodes ? "decoder" : "encoder") ||
        !nn_configure(s, out->transformerlayers, layer_opts, layer, "transformerlayers"))
        return false;
    for (int i = 0; i < 2; i++)
        if (!nn_configure(s, attention_cfg(layer->attn_cfgs, i), attention_opts, &out->attention[i], "attn_cfgs"))
            return false;
    read_ffn(s, out);
    read_order(s, out, decodes);
    want_relu_and_layer_norm(s, layer->act_cfg, layer->norm_cfg);
    return nn_ok(s);
}

static bool read_stacks(NnScope s, const DfNode *dict, Stack *encoder, Stack *decoder, DfDetrOptions *o)
{
    NestedTransformer t = { 0 };
    if (!nn_configure(s, dict, nested_opts, &t, "transformer") || !read_stack(s, t.encoder, false, encoder) ||
        !read_stack(s, t.decoder, true, decoder))
        return false;
    if (!encoder->transformerlayers || !decoder->transformerlayers)
        nn_fail(s, DF_EVALUE, "transformer: want encoder and decoder, each with transformerlayers");
    if (decoder->num_layers < 1)
        nn_fail(s, DF_EVALUE, "decoder.num_layers = %d: want 1 to %d", decoder->num_layers, DF_SET_LAYERS);
    o->dim = encoder->attention[0].embed_dims;
    o->heads = encoder->attention[0].num_heads;
    o->ffn = encoder->ffn;
    o->encoder_layers = encoder->num_layers;
    o->decoder_layers = decoder->num_layers;
    o->embedded_levels = t.num_feature_levels;
    if (o->two_stage)
        o->queries = t.two_stage_num_proposals;
    return nn_ok(s);
}

void df_detr_mmdet_transformer(NnScope s, const DfNode *dict, DfDetrOptions *o)
{
    Stack e = { 0 }, d = { 0 };
    if (!read_stacks(s, dict, &e, &d, o))
        return;
    if (e.attention[0].num_heads != d.attention[0].num_heads || e.ffn != d.ffn || e.norm_first != d.norm_first)
        nn_fail(s, DF_EVALUE, "encoder and decoder differ in num_heads, feedforward_channels or operation_order: "
                              "want the same");
    if (e.norm_first && !e.post_norm_cfg)
        nn_fail(s, DF_EVALUE, "encoder.post_norm_cfg is None: want a norm behind layers that begin with one");
    want_relu_and_layer_norm(s, NULL, e.post_norm_cfg);
    want_relu_and_layer_norm(s, NULL, d.post_norm_cfg);
    o->dropout = e.dropout;
    o->decoder_dropout = d.dropout;
    o->dropout.self_weights = dropout_of_multihead(s, &e.attention[0], &o->dropout.self);
    o->decoder_dropout.self_weights = dropout_of_multihead(s, &d.attention[0], &o->decoder_dropout.self);
    o->decoder_dropout.cross_weights = dropout_of_multihead(s, &d.attention[1], &o->decoder_dropout.cross);
    o->pre_norm = e.norm_first;
    o->no_decoder_end = !d.post_norm_cfg;
}

void df_detr_mmdet_deformable_transformer(NnScope s, const DfNode *dict, DfDetrOptions *o)
{
    Stack e = { 0 }, d = { 0 };
    if (!read_stacks(s, dict, &e, &d, o))
        return;
    const int heads[3] = { e.attention[0].num_heads, d.attention[0].num_heads, d.attention[1].num_heads };
    if (heads[0] != heads[1] || heads[0] != heads[2])
        nn_fail(s, DF_EVALUE, "attentions of %d, %d and %d heads: want as many in each", heads[0], heads[1], heads[2]);
    if (e.ffn != d.ffn)
        nn_fail(s, DF_EVALUE, "encoder and decoder of different feedforward_channels: want the same");
    if (e.norm_first || d.norm_first)
        nn_fail(s, DF_EVALUE, "operation_order begins with a norm: want norms behind the sums");
    o->levels = e.attention[0].num_levels;
    if (o->embedded_levels < o->levels)
        nn_fail(s, DF_EVALUE, "num_feature_levels = %d: want at least the %d levels of the attentions",
                o->embedded_levels, o->levels);
    o->encoder_points = e.attention[0].num_points;
    o->decoder_points = d.attention[1].num_points;
    o->dropout = e.dropout;
    o->decoder_dropout = d.dropout;
    o->dropout.self = dropout_of_deformable(&e.attention[0]);
    o->decoder_dropout.self_weights = dropout_of_multihead(s, &d.attention[0], &o->decoder_dropout.self);
    o->decoder_dropout.cross = dropout_of_deformable(&d.attention[1]);
}

/* ---- positional encoding --------------------------------------------------------------------------------------- */

typedef struct {
    int num_feats, row_num_embed, col_num_embed;
    bool normalize;
    double temperature, scale, offset, eps;
} Encoding;

static const DfOpt encoding_opts[] = {
    DF_OPT_INT(Encoding, num_feats, 0, 0, 4096, "half of the transformer's channels, which is what 0 stands for"),
    DF_OPT_INT(Encoding, row_num_embed, 50, 1, 65536, "LearnedPositionalEncoding: most rows of a map"),
    DF_OPT_INT(Encoding, col_num_embed, 50, 1, 65536, "LearnedPositionalEncoding: most columns of a map"),
    DF_OPT_FLOAT(Encoding, temperature, 10000, 1e-6, 1e9,
                 "SinePositionalEncoding: ratio of the longest wavelength to the shortest"),
    DF_OPT_BOOL(Encoding, normalize, False, "SinePositionalEncoding: places are parts of the picture, not cells"),
    DF_OPT_FLOAT(Encoding, scale, 6.283185307179586, -1e9, 1e9,
                 "SinePositionalEncoding: angle of a whole picture, normalised"),
    DF_OPT_FLOAT(Encoding, offset, 0, -1e9, 1e9, "SinePositionalEncoding: added to the number of a cell, normalised"),
    DF_OPT_FLOAT(Encoding, eps, 1e-6, 0, 1, "SinePositionalEncoding: added to the number of cells, normalised"),
    DF_OPT_UNUSED(init_cfg, "how weights are initialised"),
    DF_OPT_END
};

void df_detr_mmdet_positional_encoding(NnScope s, const DfNode *dict, DfDetrOptions *o)
{
    const char *type = df_node_text(df_node_get(dict, "type"), "SinePositionalEncoding");
    const bool learned = strcmp(type, "LearnedPositionalEncoding") == 0;
    Encoding e = { 0 };
    if (!learned && strcmp(type, "SinePositionalEncoding") != 0)
        nn_fail(s, DF_EVALUE, "positional_encoding is %s: want SinePositionalEncoding or LearnedPositionalEncoding",
                type);
    if (!nn_ok(s) || !nn_configure(s, dict, encoding_opts, &e, type))
        return;
    if (e.num_feats && e.num_feats != o->dim / 2)
        nn_fail(s, DF_EVALUE, "positional_encoding.num_feats = %d: want half of %d channels", e.num_feats, o->dim);
    o->positional_encoding = (DfPositionalEncoding){
        .learned = learned, .rows = e.row_num_embed, .columns = e.col_num_embed,
        .normalize = e.normalize, .temperature = e.temperature, .scale = e.scale, .offset = e.offset, .eps = e.eps,
    };
}
