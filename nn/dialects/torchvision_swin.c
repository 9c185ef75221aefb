/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/dialects/torchvision_swin.c -- names of torchvision's Swin and Swin v2; our names are the official ones.
 */
#include "nn/dialects/dialects.h"

static const NnRow stem[] = {
    NN_ROW("features.0.0.*", "patch_embed.proj.*"),
    NN_ROW("features.0.2.*", "patch_embed.norm.*"),
    NN_ROW("features.{2s+2}.reduction.*", "layers.{s}.downsample.reduction.*"),
    NN_ROW("features.{2s+2}.norm.*", "layers.{s}.downsample.norm.*"),
    NN_ROW("norm.*", "norm.*"),
    NN_ROW("head.*", "head.*"),
    NN_ROWS_END
};

static const NnRow around[] = {
    NN_ROW("mlp.0.*", "mlp.fc1.*"),
    NN_ROW("mlp.3.*", "mlp.fc2.*"),
    NN_ROW("norm1.*", "norm1.*"),
    NN_ROW("norm2.*", "norm2.*"),
    NN_ROW("attn.qkv.*", "attn.qkv.*"),
    NN_ROW("attn.proj.*", "attn.proj.*"),
    NN_ROW_TURNED("attn.relative_position_index", "attn.relative_position_index", NN_SQUARED),
    NN_ROWS_END
};

static const NnRow block[] = { NN_ROW_TURNED("attn.relative_position_index", "attn.relative_position_index",
                                             NN_SQUARED),
                               NN_ROW_GENERATED("attn.relative_position_index", "attn.relative_position_bias_table",
                                                nn_relative_position_index_flat),
                               NN_ROW("attn.relative_position_bias_table", "attn.relative_position_bias_table"),
                               NN_ROW_TABLE("*", "*", around), NN_ROWS_END };

static const NnRow swin[] = {
    NN_ROW_TABLE("features.{2s+1}.{b}.*", "layers.{s}.blocks.{b}.*", block),
    NN_ROW_TABLE("*", "*", stem),
    NN_ROWS_END
};

/* The bias of keys is zero in both; the official code does not store it. */
static const NnRow block_v2[] = {
    NN_ROW("attn.qkv.bias", "attn.{q|0|v}_bias"),
    NN_ROW("attn.logit_scale", "attn.logit_scale"),
    NN_ROW("attn.cpb_mlp.*", "attn.cpb_mlp.*"),
    NN_ROW("attn.relative_coords_table", "attn.relative_coords_table"),
    NN_ROW_TABLE("*", "*", around),
    NN_ROWS_END
};

static const NnRow swin_v2[] = {
    NN_ROW_TABLE("features.{2s+1}.{b}.*", "layers.{s}.blocks.{b}.*", block_v2),
    NN_ROW_TABLE("*", "*", stem),
    NN_ROWS_END
};

const NnDialect nn_dialect_torchvision_swin = {
    .package = "torchvision",
    .what = "Swin",
    .ours = "official",
    .stores_index = true,
    .is_backbone = true,
    .signs = (const char *const[]){ "features.0.0.weight", "features.1.0.attn.qkv.weight",
                                    "!features.1.0.attn.logit_scale", NULL },
    .rows = swin,
};

const NnDialect nn_dialect_torchvision_swin_v2 = {
    .package = "torchvision",
    .what = "Swin v2",
    .ours = "official",
    .stores_index = true,
    .is_backbone = true,
    .signs = (const char *const[]){ "features.0.0.weight", "features.1.0.attn.logit_scale", NULL },
    .rows = swin_v2,
};
