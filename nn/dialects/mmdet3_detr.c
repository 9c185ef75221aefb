/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/dialects/mmdet3_detr.c -- names of DETR and Deformable DETR in mmdetection 3.x, where their parts are at the top
 * of the model. Our names are those of 2.x, where they are below the head.
 */
#include "nn/dialects/dialects.h"

#define STACK(theirs, ours) \
    NN_ROW(theirs ".layers.{i}.self_attn.*", ours ".layers.{i}.attentions.0.*"), \
    NN_ROW(theirs ".layers.{i}.cross_attn.*", ours ".layers.{i}.attentions.1.*"), \
    NN_ROW(theirs ".layers.{i}.ffn.*", ours ".layers.{i}.ffns.0.*"), \
    NN_ROW(theirs ".layers.{i}.norms.{j}.*", ours ".layers.{i}.norms.{j}.*")

static const NnRow detr[] = {
    STACK("encoder", "bbox_head.transformer.encoder"),
    STACK("decoder", "bbox_head.transformer.decoder"),
    NN_ROW("decoder.post_norm.*", "bbox_head.transformer.decoder.post_norm.*"),
    NN_ROW("query_embedding.*", "bbox_head.query_embedding.*"),
    NN_ROW("neck.convs.0.conv.*", "bbox_head.input_proj.*"), /* a neck of one 1x1 convolution */
    NN_ROWS_END
};

static const NnRow deformable[] = {
    STACK("encoder", "bbox_head.transformer.encoder"),
    STACK("decoder", "bbox_head.transformer.decoder"),
    NN_ROW("query_embedding.*", "bbox_head.query_embedding.*"),
    NN_ROW("level_embed", "bbox_head.transformer.level_embeds"),
    NN_ROW("reference_points_fc.*", "bbox_head.transformer.reference_points.*"),
    NN_ROW("memory_trans_fc.*", "bbox_head.transformer.enc_output.*"),
    NN_ROW("memory_trans_norm.*", "bbox_head.transformer.enc_output_norm.*"),
    NN_ROW("pos_trans_fc.*", "bbox_head.transformer.pos_trans.*"),
    NN_ROW("pos_trans_norm.*", "bbox_head.transformer.pos_trans_norm.*"),
    NN_ROWS_END
};

const NnDialect nn_dialect_mmdet3_detr = {
    .package = "mmdet3",
    .what = "DETR",
    .ours = "mmdet",
    .signs = (const char *const[]){ "encoder.layers.0.self_attn.attn.in_proj_weight", "bbox_head.fc_cls.weight",
                                    "neck.convs.0.conv.weight", NULL },
    .rows = detr,
};

const NnDialect nn_dialect_mmdet3_deformable_detr = {
    .package = "mmdet3",
    .what = "Deformable DETR",
    .ours = "mmdet",
    .signs = (const char *const[]){ "encoder.layers.0.self_attn.sampling_offsets.weight",
                                    "bbox_head.cls_branches.0.weight", NULL },
    .rows = deformable,
};
