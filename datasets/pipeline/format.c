/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/format.c -- ImageToTensor, DefaultFormatBundle and Collect: they pack things for PyTorch, and
 * have no effect here, where a view always carries its floats and its sizes.
 */
#include "datasets/pipeline/transform.h"

typedef struct {
    const DfNode *keys, *meta_keys;
} Format;

static const DfOpt keys_opts[] = {
    DF_OPT_NODE(Format, keys, "None", "what to pack, as ['img']; not used"),
    DF_OPT_END
};

static const DfOpt collect_opts[] = {
    DF_OPT_NODE(Format, keys, "None", "what to pass on, as ['img']; not used"),
    DF_OPT_NODE(Format, meta_keys, "None", "which sizes to pass on; not used: all are passed on"),
    DF_OPT_END
};

static const DfOpt no_opts[] = { DF_OPT_END };

const DfTransform df_transform_ImageToTensor = {
    .name = "ImageToTensor", .help = "packs for PyTorch; no effect here", .opts = keys_opts, .size = sizeof(Format),
};
const DfTransform df_transform_DefaultFormatBundle = {
    .name = "DefaultFormatBundle", .help = "packs for PyTorch; no effect here", .opts = no_opts, .size = 1,
};
const DfTransform df_transform_Collect = {
    .name = "Collect", .help = "packs for PyTorch; no effect here", .opts = collect_opts, .size = sizeof(Format),
};
