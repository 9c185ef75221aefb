/* SPDX-License-Identifier: Apache-2.0
 *
 * models/detr_mmdet.c -- mmdet's nested dicts of a transformer, as DETR and Deformable DETR have them.
 */
#include "models/detr_parts.h"

int df_detr_number(const DfNode *dict, const char *path, int fallback)
{
    return (int)df_node_int(df_node_at(dict, path), fallback);
}

bool df_detr_in_range(NnScope s, const char *what, int value, int least, int most)
{
    if (value < least || value > most)
        nn_fail(s, DF_EVALUE, "%s = %d: want %d to %d", what, value, least, most);
    return nn_ok(s);
}

/* An attention's own default is 8 heads; a layer's hidden channels have an older place and a newer one. */
DetrStack df_detr_stack(const DfNode *transformer, const char *name, int usual_ffn)
{
    const DfNode *stack = df_node_get(transformer, name), *layer = df_node_get(stack, "transformerlayers"), *attention = df_node_get(layer, "attn_cfgs");
    if (attention && attention->kind == DF_NODE_LIST)
        attention = attention->first;
    return (DetrStack){
        .layer = layer, .attention = attention, .layers = df_detr_number(stack, "num_layers", 6), .heads = df_detr_number(attention, "num_heads", 8),
        .ffn = df_detr_number(layer, "ffn_cfgs.feedforward_channels", df_detr_number(layer, "feedforward_channels", usual_ffn)),
    };
}

void df_detr_take_stacks(NnScope s, DetrOptions *o, const DetrStack *encoder, const DetrStack *decoder)
{
    o->heads = encoder->heads;
    o->ffn = encoder->ffn;
    o->encoder_layers = encoder->layers;
    o->decoder_layers = decoder->layers;
    df_detr_in_range(s, "num_heads", o->heads, 1, 256);
    df_detr_in_range(s, "encoder.num_layers", o->encoder_layers, 0, DETR_LAYERS);
    df_detr_in_range(s, "decoder.num_layers", o->decoder_layers, 1, DETR_LAYERS);
    df_detr_in_range(s, "feedforward_channels", o->ffn, 1, 65536);
}
