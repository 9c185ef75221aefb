/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/dialects/transformers_resnet.c -- names of transformers' own ResNet, as a classifier and in UPerNet; our names
 * are those of torchvision.
 */
#include "nn/dialects/transformers.h"

static const NnRow body[] = { TRANSFORMERS_RESNET(NN_ROW), NN_ROWS_END };

static const NnRow resnet[] = {
    NN_ROW_TABLE("resnet.*", "*", body),
    NN_ROW("classifier.1.*", "fc.*"),
    NN_ROWS_END
};

const NnDialect nn_dialect_transformers_resnet = {
    .package = "transformers",
    .what = "ResNet",
    .ours = "torchvision",
    .is_backbone = true,
    .signs = (const char *const[]){ "resnet.embedder.embedder.convolution.weight", NULL },
    .rows = resnet,
};

static const NnRow upernet[] = {
    NN_ROW_TABLE("backbone.*", "backbone.*", body),
    TRANSFORMERS_UPER_HEADS,
    NN_ROWS_END
};

const NnDialect nn_dialect_transformers_upernet_resnet = {
    .package = "transformers",
    .what = "UPerNet with ResNet",
    .ours = "mmseg",
    .signs = (const char *const[]){ "decode_head.classifier.weight", "backbone.embedder.embedder.convolution.weight",
                                    NULL },
    .rows = upernet,
};
