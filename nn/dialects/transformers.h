/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/dialects/transformers.h -- private: rows that several tables for transformers share.
 */
#ifndef DF_NN_DIALECTS_TRANSFORMERS_H
#define DF_NN_DIALECTS_TRANSFORMERS_H

#include "nn/dialects/dialects.h"

/* The heads of UPerNet: mmseg's names except for two words. */
#define TRANSFORMERS_UPER_HEADS \
    NN_ROW("decode_head.classifier.*", "decode_head.conv_seg.*"), \
    NN_ROW("auxiliary_head.classifier.*", "auxiliary_head.conv_seg.*"), \
    NN_ROW("decode_head.psp_modules.{i}.1.batch_norm.*", "decode_head.psp_modules.{i}.1.bn.*"), \
    NN_ROW("decode_head.lateral_convs.{i}.batch_norm.*", "decode_head.lateral_convs.{i}.bn.*"), \
    NN_ROW("decode_head.fpn_convs.{i}.batch_norm.*", "decode_head.fpn_convs.{i}.bn.*"), \
    NN_ROW("decode_head.bottleneck.batch_norm.*", "decode_head.bottleneck.bn.*"), \
    NN_ROW("decode_head.fpn_bottleneck.batch_norm.*", "decode_head.fpn_bottleneck.bn.*"), \
    NN_ROW("auxiliary_head.convs.{i}.batch_norm.*", "auxiliary_head.convs.{i}.bn.*"), \
    NN_ROW("auxiliary_head.conv_cat.batch_norm.*", "auxiliary_head.conv_cat.bn.*"), \
    NN_ROW("decode_head.*", "decode_head.*"), \
    NN_ROW("auxiliary_head.*", "auxiliary_head.*")

/* transformers' own ResNet; our names are those of torchvision. */
#define TRANSFORMERS_RESNET(ROW) \
    ROW("embedder.embedder.convolution.*", "conv1.*"), \
    ROW("embedder.embedder.normalization.*", "bn1.*"), \
    ROW("encoder.stages.{s}.layers.{b}.layer.{k}.convolution.*", "layer{s+1}.{b}.conv{k+1}.*"), \
    ROW("encoder.stages.{s}.layers.{b}.layer.{k}.normalization.*", "layer{s+1}.{b}.bn{k+1}.*"), \
    ROW("encoder.stages.{s}.layers.{b}.shortcut.convolution.*", "layer{s+1}.{b}.downsample.0.*"), \
    ROW("encoder.stages.{s}.layers.{b}.shortcut.normalization.*", "layer{s+1}.{b}.downsample.1.*")

#endif
