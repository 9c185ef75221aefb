/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/dialects/transformers_detr.c -- names of DETR, Deformable DETR and DETR's segmentation in transformers: in files
 * and folders, as all releases write them, and in memory, as release 5 has them. Our names are those of the official
 * programs.
 */
#include "nn/dialects/transformers.h"

/* ---- the backbone: timm's ResNet, which has our names, or transformers' own -------------------------------------- */

static const NnRow resnet[] = { TRANSFORMERS_RESNET(NN_ROW_OLD), NN_ROW("*", "*"), NN_ROWS_END };
static const NnRow resnet_in_memory[] = { TRANSFORMERS_RESNET(NN_ROW_OLD), NN_ROW_OLD("*", "*"), NN_ROWS_END };

/* ---- layers ------------------------------------------------------------------------------------------------------ */

#define FEED_FORWARD \
    NN_ROW("fc1.*", "linear1.*"), \
    NN_ROW("fc2.*", "linear2.*"), \
    NN_ROW_OLD("mlp.fc1.*", "linear1.*"), \
    NN_ROW_OLD("mlp.fc2.*", "linear2.*")

/* Queries, keys and values of an attention. */
static const NnRow attention[] = {
    NN_ROW("{q|k|v}_proj.*", "in_proj_*"),
    NN_ROW("out_proj.*", "out_proj.*"),
    NN_ROW_OLD("o_proj.*", "out_proj.*"),
    NN_ROWS_END
};

static const NnRow detr_encoder[] = {
    NN_ROW_TABLE("self_attn.*", "self_attn.*", attention),
    NN_ROW("self_attn_layer_norm.*", "norm1.*"),
    NN_ROW("final_layer_norm.*", "norm2.*"),
    FEED_FORWARD,
    NN_ROWS_END
};

static const NnRow detr_decoder[] = {
    NN_ROW_TABLE("self_attn.*", "self_attn.*", attention),
    NN_ROW_TABLE("encoder_attn.*", "multihead_attn.*", attention),
    NN_ROW("self_attn_layer_norm.*", "norm1.*"),
    NN_ROW("encoder_attn_layer_norm.*", "norm2.*"),
    NN_ROW("final_layer_norm.*", "norm3.*"),
    FEED_FORWARD,
    NN_ROWS_END
};

static const NnRow deformable_encoder[] = {
    NN_ROW("self_attn.*", "self_attn.*"),
    NN_ROW("self_attn_layer_norm.*", "norm1.*"),
    NN_ROW("final_layer_norm.*", "norm2.*"),
    FEED_FORWARD,
    NN_ROWS_END
};

/* In the official code the norm after the cross attention is norm1. */
static const NnRow deformable_decoder[] = {
    NN_ROW_TABLE("self_attn.*", "self_attn.*", attention),
    NN_ROW("encoder_attn.*", "cross_attn.*"),
    NN_ROW("encoder_attn_layer_norm.*", "norm1.*"),
    NN_ROW("self_attn_layer_norm.*", "norm2.*"),
    NN_ROW("final_layer_norm.*", "norm3.*"),
    FEED_FORWARD,
    NN_ROWS_END
};

/* ---- networks ---------------------------------------------------------------------------------------------------- */

#define INPUT \
    NN_ROW_TABLE("model.backbone.conv_encoder.model.*", "backbone.0.body.*", resnet), \
    NN_ROW_TABLE("model.backbone.model.*", "backbone.0.body.*", resnet_in_memory), \
    NN_ROW_OLD("model.backbone.position_embedding.row_embeddings.*", "backbone.1.row_embed.*"), \
    NN_ROW_OLD("model.backbone.position_embedding.column_embeddings.*", "backbone.1.col_embed.*"), \
    NN_ROW("model.position_embedding.row_embeddings.*", "backbone.1.row_embed.*"), \
    NN_ROW("model.position_embedding.column_embeddings.*", "backbone.1.col_embed.*"), \
    NN_ROW("model.query_position_embeddings.*", "query_embed.*")

static const NnRow detr[] = {
    INPUT,
    NN_ROW("model.input_projection.*", "input_proj.*"),
    NN_ROW_TABLE("model.encoder.layers.{n}.*", "transformer.encoder.layers.{n}.*", detr_encoder),
    NN_ROW_TABLE("model.decoder.layers.{n}.*", "transformer.decoder.layers.{n}.*", detr_decoder),
    NN_ROW("model.decoder.layernorm.*", "transformer.decoder.norm.*"),
    NN_ROW("class_labels_classifier.*", "class_embed.*"),
    NN_ROW("bbox_predictor.*", "bbox_embed.*"),
    NN_ROWS_END
};

static const NnRow mask_head_in_memory[] = {
    NN_ROW_OLD("conv{i}.conv.*", "lay{i}.*"),
    NN_ROW_OLD("conv{i}.norm.*", "gn{i}.*"),
    NN_ROW_OLD("fpn_stages.{i}.fpn_adapter.*", "adapter{i+1}.*"),
    NN_ROW_OLD("fpn_stages.{i}.refine.conv.*", "lay{i+3}.*"),
    NN_ROW_OLD("fpn_stages.{i}.refine.norm.*", "gn{i+3}.*"),
    NN_ROW_OLD("output_conv.*", "out_lay.*"),
    NN_ROWS_END
};

static const NnRow detr_segmentation[] = {
    NN_ROW_TABLE("detr.*", "detr.*", detr),
    NN_ROW_TABLE("mask_head.*", "mask_head.*", mask_head_in_memory),
    NN_ROW("mask_head.*", "mask_head.*"),
    NN_ROW_OLD("bbox_attention.q_proj.*", "bbox_attention.q_linear.*"),
    NN_ROW_OLD("bbox_attention.k_proj.*", "bbox_attention.k_linear.*"),
    NN_ROW("bbox_attention.*", "bbox_attention.*"),
    NN_ROWS_END
};

/* With box refinement the decoder contains the box heads, and with two stages the class heads. Files have them there,
 * at the top of the model, or in both places. */
static const NnRow deformable_detr[] = {
    INPUT,
    NN_ROW("model.input_proj.*", "input_proj.*"),
    NN_ROW_TABLE("model.encoder.layers.{n}.*", "transformer.encoder.layers.{n}.*", deformable_encoder),
    NN_ROW_TABLE("model.decoder.layers.{n}.*", "transformer.decoder.layers.{n}.*", deformable_decoder),
    NN_ROW_EVERY("class_embed.{n}.*", "class_embed.{n}.*", "model.decoder.layers.{n}.fc1.weight"),
    NN_ROW_EVERY("bbox_embed.{n}.*", "bbox_embed.{n}.*", "model.decoder.layers.{n}.fc1.weight"),
    NN_ROW_OLD("model.decoder.class_embed.*", "class_embed.*"),
    NN_ROW_OLD("model.decoder.bbox_embed.*", "bbox_embed.*"),
    NN_ROW_ALSO("model.decoder.class_embed.*", "transformer.decoder.class_embed.*"),
    NN_ROW_ALSO("model.decoder.bbox_embed.*", "transformer.decoder.bbox_embed.*"),
    NN_ROW("model.level_embed", "transformer.level_embed"),
    NN_ROW("model.reference_points.*", "transformer.reference_points.*"),
    NN_ROW("model.enc_output.*", "transformer.enc_output.*"),
    NN_ROW("model.enc_output_norm.*", "transformer.enc_output_norm.*"),
    NN_ROW("model.pos_trans.*", "transformer.pos_trans.*"),
    NN_ROW("model.pos_trans_norm.*", "transformer.pos_trans_norm.*"),
    NN_ROWS_END
};

const NnDialect nn_dialect_transformers_detr = {
    .package = "transformers",
    .what = "DETR",
    .ours = "official",
    .signs = (const char *const[]){ "model.input_projection.weight", "class_labels_classifier.weight", NULL },
    .rows = detr,
};

const NnDialect nn_dialect_transformers_detr_segmentation = {
    .package = "transformers",
    .what = "DETR with masks",
    .ours = "official",
    .signs = (const char *const[]){ "detr.model.input_projection.weight", "bbox_attention.*", NULL },
    .rows = detr_segmentation,
};

const NnDialect nn_dialect_transformers_deformable_detr = {
    .package = "transformers",
    .what = "Deformable DETR",
    .ours = "official",
    .signs = (const char *const[]){ "model.input_proj.0.0.weight", "model.level_embed", NULL },
    .rows = deformable_detr,
};

/* ---- for writing: a network with transformers' own ResNet -------------------------------------------------------- */

/* Our names do not tell which ResNet a network had. The tables above read both, and write timm's. */
static const NnRow own_resnet[] = { TRANSFORMERS_RESNET(NN_ROW), NN_ROWS_END };

static const NnRow detr_own[] = {
    NN_ROW_TABLE("model.backbone.conv_encoder.model.*", "backbone.0.body.*", own_resnet),
    NN_ROW_TABLE("*", "*", detr),
    NN_ROWS_END
};
static const NnRow detr_segmentation_own[] = {
    NN_ROW_TABLE("detr.model.backbone.conv_encoder.model.*", "detr.backbone.0.body.*", own_resnet),
    NN_ROW_TABLE("*", "*", detr_segmentation),
    NN_ROWS_END
};
static const NnRow deformable_detr_own[] = {
    NN_ROW_TABLE("model.backbone.conv_encoder.model.*", "backbone.0.body.*", own_resnet),
    NN_ROW_TABLE("*", "*", deformable_detr),
    NN_ROWS_END
};

const NnDialect nn_dialect_transformers_detr_own = {
    .package = "transformers-resnet",
    .what = "DETR",
    .ours = "official",
    .rows = detr_own,
};

const NnDialect nn_dialect_transformers_detr_segmentation_own = {
    .package = "transformers-resnet",
    .what = "DETR with masks",
    .ours = "official",
    .rows = detr_segmentation_own,
};

const NnDialect nn_dialect_transformers_deformable_detr_own = {
    .package = "transformers-resnet",
    .what = "Deformable DETR",
    .ours = "official",
    .rows = deformable_detr_own,
};
