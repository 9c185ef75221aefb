/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/dialects/timm.c -- names of timm since its release 0.9 (before it, its Swin had the official names). Our names
 * are the official ones, and mmdet's for ResNet-D; timm's other ResNets have the names of torchvision.
 *
 * A network that timm created with features_only has layers_0 instead of layers.0.
 */
#include "nn/dialects/dialects.h"

/* ---- Swin: patch merging is at the start of a stage -------------------------------------------------------------- */

static const NnRow swin[] = {
    NN_ROW("patch_embed.*", "patch_embed.*"),
    NN_ROW("layers.{s}.blocks.{b}.*", "layers.{s}.blocks.{b}.*"),
    NN_ROW("layers.{s+1}.downsample.*", "layers.{s}.downsample.*"),
    NN_ROW("norm.*", "norm.*"),
    NN_ROW("head.fc.*", "head.*"),
    NN_ROW_OLD("head.*", "head.*"),
    NN_ROWS_END
};
static const NnRow swin_features[] = {
    NN_ROW("patch_embed.proj.*", "patch_embed.proj.*"),
    NN_ROW("patch_embed.norm.*", "patch_embed.norm.*"),
    NN_ROW("layers_{s}.blocks.{b}.*", "layers.{s}.blocks.{b}.*"),
    NN_ROW("layers_{s+1}.downsample.norm.*", "layers.{s}.downsample.norm.*"),
    NN_ROW("layers_{s+1}.downsample.reduction.*", "layers.{s}.downsample.reduction.*"),
    NN_ROWS_END
};

const NnDialect nn_dialect_timm_swin = {
    .package = "timm",
    .what = "Swin",
    .ours = "official",
    .is_backbone = true,
    .signs = (const char *const[]){ "patch_embed.proj.weight", "layers.0.blocks.0.norm1.weight",
                                    "layers.1.downsample.norm.weight", "!layers.0.downsample.norm.weight", NULL },
    .rows = swin,
};
const NnDialect nn_dialect_timm_swin_features = {
    .package = "timm, features_only",
    .what = "Swin",
    .ours = "official",
    .is_backbone = true,
    .signs = (const char *const[]){ "patch_embed.proj.weight", "layers_0.blocks.0.norm1.weight", NULL },
    .rows = swin_features,
};

/* ---- PVT v2 ------------------------------------------------------------------------------------------------------ */

static const NnRow block[] = {
    NN_ROW("mlp.dwconv.*", "mlp.dwconv.dwconv.*"),
    NN_ROW("*", "*"),
    NN_ROWS_END
};
static const NnRow pvt_v2[] = {
    NN_ROW("patch_embed.*", "patch_embed1.*"),
    NN_ROW("stages.{i}.downsample.*", "patch_embed{i+1}.*"),
    NN_ROW_TABLE("stages.{i}.blocks.{j}.*", "block{i+1}.{j}.*", block),
    NN_ROW("stages.{i}.norm.*", "norm{i+1}.*"),
    NN_ROW("head.*", "head.*"),
    NN_ROWS_END
};
static const NnRow pvt_v2_features[] = {
    NN_ROW("patch_embed.*", "patch_embed1.*"),
    NN_ROW("stages_{i}.downsample.*", "patch_embed{i+1}.*"),
    NN_ROW_TABLE("stages_{i}.blocks.{j}.*", "block{i+1}.{j}.*", block),
    NN_ROW("stages_{i}.norm.*", "norm{i+1}.*"),
    NN_ROWS_END
};

const NnDialect nn_dialect_timm_pvt_v2 = {
    .package = "timm",
    .what = "PVT v2",
    .ours = "official",
    .is_backbone = true,
    .signs = (const char *const[]){ "patch_embed.proj.weight", "stages.0.blocks.0.attn.kv.weight", NULL },
    .rows = pvt_v2,
};
const NnDialect nn_dialect_timm_pvt_v2_features = {
    .package = "timm, features_only",
    .what = "PVT v2",
    .ours = "official",
    .is_backbone = true,
    .signs = (const char *const[]){ "patch_embed.proj.weight", "stages_0.blocks.0.attn.kv.weight", NULL },
    .rows = pvt_v2_features,
};

/* ---- ResNet with a deep stem ------------------------------------------------------------------------------------- */

static const NnRow resnet_d[] = {
    NN_ROW("bn1.*", "stem.7.*"),
    NN_ROW("conv1.{k}.*", "stem.{k}.*"),
    NN_ROW("layer{s}.{b}.conv{k}.*", "layer{s}.{b}.conv{k}.*"),
    NN_ROW("layer{s}.{b}.bn{k}.*", "layer{s}.{b}.bn{k}.*"),
    NN_ROW("layer{s}.{b}.downsample.{k}.*", "layer{s}.{b}.downsample.{k}.*"),
    NN_ROW("fc.*", "fc.*"),
    NN_ROWS_END
};

const NnDialect nn_dialect_timm_resnet_d = {
    .package = "timm",
    .what = "ResNet-D",
    .ours = "mmdet",
    .is_backbone = true,
    .signs = (const char *const[]){ "conv1.0.weight", "conv1.6.weight", "bn1.weight", "layer1.0.conv1.weight", NULL },
    .rows = resnet_d,
};

/* Names are unchanged; the table makes timm one of the libraries that know them. */
static const NnRow resnet[] = {
    NN_ROW("conv1.weight", "conv1.weight"),
    NN_ROW("bn1.*", "bn1.*"),
    NN_ROW("layer{s}.{b}.conv{k}.*", "layer{s}.{b}.conv{k}.*"),
    NN_ROW("layer{s}.{b}.bn{k}.*", "layer{s}.{b}.bn{k}.*"),
    NN_ROW("layer{s}.{b}.downsample.{k}.*", "layer{s}.{b}.downsample.{k}.*"),
    NN_ROW("fc.*", "fc.*"),
    NN_ROWS_END
};

const NnDialect nn_dialect_timm_resnet = {
    .package = "timm",
    .what = "ResNet",
    .ours = "torchvision",
    .is_backbone = true,
    .rows = resnet,
};
