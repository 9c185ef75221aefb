/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/dialects/mmdet_backbones.c -- names of mmdet's and mmseg's Swin, and of mmdet's PVT and PVT v2; our names are the
 * official ones. Networks that are built from configs of mmdet keep mmdet's names (backbone/swin_mmdet.c,
 * backbone/pvt/pvt_mmdet.c); these tables do what mmdet calls convert_weights.
 */
#include "nn/dialects/dialects.h"

static const NnRow swin_block[] = { NN_ROW("norm1.*", "norm1.*"),
                                    NN_ROW("attn.w_msa.relative_position_index", "attn.relative_position_index"),
                                    NN_ROW_GENERATED("attn.w_msa.relative_position_index",
                                                     "attn.relative_position_bias_table", nn_relative_position_index),
                                    NN_ROW("attn.w_msa.*", "attn.*"),
                                    NN_ROW("norm2.*", "norm2.*"),
                                    NN_ROW("ffn.layers.0.0.*", "mlp.fc1.*"),
                                    NN_ROW("ffn.layers.1.*", "mlp.fc2.*"),
                                    NN_ROWS_END };

static const NnRow swin[] = {
    NN_ROW("patch_embed.projection.*", "patch_embed.proj.*"),
    NN_ROW("patch_embed.norm.*", "patch_embed.norm.*"),
    NN_ROW_TABLE("stages.{s}.blocks.{b}.*", "layers.{s}.blocks.{b}.*", swin_block),
    NN_ROW_TURNED("stages.{s}.downsample.norm.*", "layers.{s}.downsample.norm.*", NN_UNFOLDED),
    NN_ROW_TURNED("stages.{s}.downsample.reduction.*", "layers.{s}.downsample.reduction.*", NN_UNFOLDED),
    NN_ROW("absolute_pos_embed", "absolute_pos_embed"),
    NN_ROW("norm{s}.*", "norm{s}.*"),
    NN_ROW("norm.*", "norm.*"),                            /* a classifier's; mmdet has no such parameters */
    NN_ROW("head.*", "head.*"),
    NN_ROWS_END
};

/* torch.nn.MultiheadAttention keeps q, k and v in one matrix; the official code has a matrix for q and one for k and
 * v. */
static const NnRow pvt_block[] = {
    NN_ROW("norm1.*", "norm1.*"),
    NN_ROW_DOUBLE("attn.attn.in_proj_weight", "attn.{q|kv}.weight"),
    NN_ROW_DOUBLE("attn.attn.in_proj_bias", "attn.{q|kv}.bias"),
    NN_ROW("attn.attn.out_proj.*", "attn.proj.*"),
    NN_ROW("attn.sr.*", "attn.sr.*"),
    NN_ROW("attn.norm.*", "attn.norm.*"),
    NN_ROW("norm2.*", "norm2.*"),
    NN_ROW_TURNED("ffn.layers.0.*", "mlp.fc1.*", NN_SQUEEZED),
    NN_ROWS_END
};

static const NnRow pvt_v1_block[] = {
    NN_ROW_TURNED("ffn.layers.3.*", "mlp.fc2.*", NN_SQUEEZED),
    NN_ROW_TABLE("*", "*", pvt_block),
    NN_ROWS_END
};

static const NnRow pvt_v2_block[] = {
    NN_ROW("ffn.layers.1.*", "mlp.dwconv.dwconv.*"),
    NN_ROW_TURNED("ffn.layers.4.*", "mlp.fc2.*", NN_SQUEEZED),
    NN_ROW_TABLE("*", "*", pvt_block),
    NN_ROWS_END
};

/* The position embedding stands before the blocks. */
static const NnRow pvt[] = {
    NN_ROW("layers.{s}.0.projection.*", "patch_embed{s+1}.proj.*"),
    NN_ROW("layers.{s}.0.norm.*", "patch_embed{s+1}.norm.*"),
    NN_ROW("layers.{s}.1.0.pos_embed", "pos_embed{s+1}"),
    NN_ROW_TABLE("layers.{s}.1.{b+1}.*", "block{s+1}.{b}.*", pvt_v1_block),
    NN_ROW("layers.{s}.2.*", "norm{s+1}.*"),
    NN_ROWS_END
};

static const NnRow pvt_v2[] = {
    NN_ROW("layers.{s}.0.projection.*", "patch_embed{s+1}.proj.*"),
    NN_ROW("layers.{s}.0.norm.*", "patch_embed{s+1}.norm.*"),
    NN_ROW_TABLE("layers.{s}.1.{b}.*", "block{s+1}.{b}.*", pvt_v2_block),
    NN_ROW("layers.{s}.2.*", "norm{s+1}.*"),
    NN_ROWS_END
};

const NnDialect nn_dialect_mmdet_swin = {
    .package = "mmdet",
    .what = "Swin",
    .ours = "official",
    .stores_index = true,
    .is_backbone = true,
    .is_of_models = true,
    .signs = (const char *const[]){ "stages.0.blocks.0.attn.w_msa.qkv.weight", NULL },
    .rows = swin,
};

const NnDialect nn_dialect_mmdet_pvt = {
    .package = "mmdet",
    .what = "PVT",
    .ours = "official",
    .is_backbone = true,
    .is_of_models = true,
    .signs = (const char *const[]){ "layers.0.1.0.pos_embed", "layers.0.1.1.attn.attn.in_proj_weight", NULL },
    .rows = pvt,
};

const NnDialect nn_dialect_mmdet_pvt_v2 = {
    .package = "mmdet",
    .what = "PVT v2",
    .ours = "official",
    .is_backbone = true,
    .is_of_models = true,
    .signs = (const char *const[]){ "layers.0.1.0.attn.attn.in_proj_weight", "layers.0.1.0.ffn.layers.4.weight", NULL },
    .rows = pvt_v2,
};
