/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/set/detr_names.c -- the parameter names of DETR and Deformable DETR in checkpoints of the official
 * repositories and of mmdet. mmdet's names are below `bbox_head`.
 */
#include "heads/set/detr_parts.h"

/* Of the authors' two networks. */
#define OFFICIAL \
    .query_embed = "query_embed", .row_embed = "backbone.1.row_embed", .column_embed = "backbone.1.col_embed", \
    .transformer = "transformer", .encoder_layer = "encoder.layers.%d", .decoder_layer = "decoder.layers.%d", \
    .encoder_self_attention = "self_attn", .decoder_self_attention = "self_attn", \
    .encoder_norm = { "norm1", "norm2" }, .linear1 = "linear1", .linear2 = "linear2", .box_step = 1

/* Both of mmdet's heads without and with anchors of their time: what did not change in 2.12. */
#define MMDET_DETR \
    .query_embed = "query_embedding", \
    .row_embed = "positional_encoding.row_embed", .column_embed = "positional_encoding.col_embed", \
    .transformer = "transformer", .encoder_layer = "encoder.layers.%d", .decoder_layer = "decoder.layers.%d", \
    .encoder_norm = { "norms.0", "norms.1" }, .decoder_norm = { "norms.0", "norms.1", "norms.2" }, \
    .class_head = "fc_cls", .box_linear = { "fc_reg", "reg_ffn.layers.%d", "reg_ffn.layers.%d.0" }, .box_step = 1, \
    .input_proj = "input_proj"

const DetrNames df_detr_names[] = {
    [DF_DETR_OFFICIAL] = {
        OFFICIAL,
        .encoder_end = "encoder.norm",
        .cross_attention = "multihead_attn",
        .decoder_norm = { "norm1", "norm2", "norm3" },
        .decoder_end = "decoder.norm",
        .class_head = "class_embed",
        .box_linear = { "bbox_embed.layers.%d", "bbox_embed.layers.%d", "bbox_embed.layers.%d" },
        .input_proj = "input_proj",
    },
    [DF_DETR_MMDET_211] = {
        MMDET_DETR,
        .encoder_self_attention = "self_attn.attn",
        .encoder_end = "encoder.norm",
        .decoder_self_attention = "self_attn.attn",
        .cross_attention = "multihead_attn.attn",
        .decoder_end = "decoder.norm",
        .linear1 = "ffn.layers.0.0",
        .linear2 = "ffn.layers.1",
    },
    [DF_DETR_MMDET] = {
        MMDET_DETR,
        .encoder_self_attention = "attentions.0.attn",
        .encoder_end = "encoder.post_norm",
        .decoder_self_attention = "attentions.0.attn",
        .cross_attention = "attentions.1.attn",
        .decoder_end = "decoder.post_norm",
        .linear1 = "ffns.0.layers.0.0",
        .linear2 = "ffns.0.layers.1",
    },
};

/* mmdet 2.11 has no Deformable DETR, and its levels are a neck's. */
const DetrNames df_deformable_detr_names[] = {
    [DF_DETR_OFFICIAL] = {
        .levels = { .scope = "input_proj", .given = "input_proj.%d", .conv = "0", .norm = "1" },
        OFFICIAL,
        .level_embed = "level_embed",
        .cross_attention = "cross_attn",
        .decoder_norm = { "norm2", "norm1", "norm3" },
        .class_head = "class_embed.%d",
        .box_head = "bbox_embed.%d",
        .box_linear = { "layers.%d", "layers.%d", "layers.%d" },
        .heads_also_at = "transformer.decoder",
    },
    [DF_DETR_MMDET] = {
        .level_embed = "level_embeds",
        .query_embed = "query_embedding",
        .row_embed = "positional_encoding.row_embed",
        .column_embed = "positional_encoding.col_embed",
        .transformer = "transformer",
        .encoder_layer = "encoder.layers.%d",
        .encoder_self_attention = "attentions.0",
        .encoder_norm = { "norms.0", "norms.1" },
        .decoder_layer = "decoder.layers.%d",
        .decoder_self_attention = "attentions.0.attn",
        .cross_attention = "attentions.1",
        .decoder_norm = { "norms.0", "norms.1", "norms.2" },
        .linear1 = "ffns.0.layers.0.0",
        .linear2 = "ffns.0.layers.1",
        .class_head = "cls_branches.%d",
        .box_head = "reg_branches.%d",
        .box_linear = { "%d", "%d", "%d" },
        .box_step = 2,
    },
};
