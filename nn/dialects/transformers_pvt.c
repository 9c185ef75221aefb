/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/dialects/transformers_pvt.c -- names of PVT and PVT v2 in transformers; our names are the official ones.
 */
#include "nn/dialects/transformers.h"

/* ---- PVT --------------------------------------------------------------------------------------------------------- */

static const NnRow block[] = {
    NN_ROW("layer_norm_1.*", "norm1.*"),
    NN_ROW("layer_norm_2.*", "norm2.*"),
    NN_ROW("attention.self.query.*", "attn.q.*"),
    NN_ROW("attention.self.{key|value}.*", "attn.kv.*"),
    NN_ROW("attention.self.sequence_reduction.*", "attn.sr.*"),
    NN_ROW("attention.self.layer_norm.*", "attn.norm.*"),
    NN_ROW("attention.output.dense.*", "attn.proj.*"),
    NN_ROW("mlp.dense1.*", "mlp.fc1.*"),
    NN_ROW("mlp.dense2.*", "mlp.fc2.*"),
    NN_ROWS_END
};

static const NnRow pvt[] = {
    NN_ROW("pvt.encoder.patch_embeddings.{i}.projection.*", "patch_embed{i+1}.proj.*"),
    NN_ROW("pvt.encoder.patch_embeddings.{i}.layer_norm.*", "patch_embed{i+1}.norm.*"),
    NN_ROW("pvt.encoder.patch_embeddings.{i}.position_embeddings", "pos_embed{i+1}"),
    NN_ROW("pvt.encoder.patch_embeddings.3.cls_token", "cls_token"),
    NN_ROW_OLD("pvt.encoder.patch_embeddings.{i}.cls_token", "cls_token"), /* of a network of fewer stages */
    NN_ROW_TABLE("pvt.encoder.block.{i}.{j}.*", "block{i+1}.{j}.*", block),
    NN_ROW("pvt.encoder.layer_norm.*", "norm.*"),
    NN_ROW("classifier.*", "head.*"),
    NN_ROWS_END
};

const NnDialect nn_dialect_transformers_pvt = {
    .package = "transformers",
    .what = "PVT",
    .ours = "official",
    .is_backbone = true,
    .signs = (const char *const[]){ "pvt.encoder.patch_embeddings.0.projection.weight", NULL },
    .rows = pvt,
};

/* ---- PVT v2 ------------------------------------------------------------------------------------------------------ */

static const NnRow block_v2[] = {
    NN_ROW("layer_norm_1.*", "norm1.*"),
    NN_ROW("layer_norm_2.*", "norm2.*"),
    NN_ROW("attention.query.*", "attn.q.*"),
    NN_ROW("attention.{key|value}.*", "attn.kv.*"),
    NN_ROW("attention.spatial_reduction.*", "attn.sr.*"),
    NN_ROW("attention.layer_norm.*", "attn.norm.*"),
    NN_ROW("attention.proj.*", "attn.proj.*"),
    NN_ROW("mlp.dense1.*", "mlp.fc1.*"),
    NN_ROW("mlp.dense2.*", "mlp.fc2.*"),
    NN_ROW("mlp.dwconv.*", "mlp.dwconv.*"),
    NN_ROWS_END
};

static const NnRow body_v2[] = {
    NN_ROW("encoder.layers.{i}.patch_embedding.proj.*", "patch_embed{i+1}.proj.*"),
    NN_ROW("encoder.layers.{i}.patch_embedding.layer_norm.*", "patch_embed{i+1}.norm.*"),
    NN_ROW_TABLE("encoder.layers.{i}.blocks.{j}.*", "block{i+1}.{j}.*", block_v2),
    NN_ROW("encoder.layers.{i}.layer_norm.*", "norm{i+1}.*"),
    NN_ROWS_END
};

static const NnRow pvt_v2[] = {
    NN_ROW_TABLE("pvt_v2.*", "*", body_v2),
    NN_ROW("classifier.*", "head.*"),
    NN_ROWS_END
};

const NnDialect nn_dialect_transformers_pvt_v2 = {
    .package = "transformers",
    .what = "PVT v2",
    .ours = "official",
    .is_backbone = true,
    .signs = (const char *const[]){ "pvt_v2.encoder.layers.0.patch_embedding.proj.weight", NULL },
    .rows = pvt_v2,
};

/* ---- UPerNet ----------------------------------------------------------------------------------------------------- */

static const NnRow upernet[] = {
    NN_ROW_TABLE("backbone.*", "backbone.*", body_v2),
    TRANSFORMERS_UPER_HEADS,
    NN_ROWS_END
};

const NnDialect nn_dialect_transformers_upernet_pvt_v2 = {
    .package = "transformers",
    .what = "UPerNet with PVT v2",
    .ours = "mmseg",
    .signs = (const char *const[]){ "decode_head.classifier.weight",
                                    "backbone.encoder.layers.0.patch_embedding.proj.weight", NULL },
    .rows = upernet,
};
