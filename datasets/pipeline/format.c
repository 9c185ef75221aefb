/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/format.c -- ImageToTensor, DefaultFormatBundle, Collect and the like: they pack things for PyTorch,
 * and have no effect here, where a picture always carries its floats, its sizes and what is known of it.
 */
#include "datasets/pipeline/transform.h"

typedef struct {
    const DfNode *keys, *meta_keys;
} Format;

static const DfOpt keys_opts[] = {
    DF_OPT_NODE(Format, keys, "None", "what to pack, as ['img']; all is passed on in any case"),
    DF_OPT_END
};

static const DfOpt collect_opts[] = {
    DF_OPT_NODE(Format, keys, "None", "what to pass on, as ['img']; all is passed on in any case"),
    DF_OPT_NODE(Format, meta_keys, "None", "which sizes to pass on; all are passed on in any case"),
    DF_OPT_END
};

static const DfOpt bundle_opts[] = {
    DF_OPT_UNUSED(img_to_float, "pictures always become floats"),
    DF_OPT_UNUSED(pad_val, "batches are padded with 0, label maps with 255"),
    DF_OPT_END
};

static const DfOpt pack_opts[] = {
    DF_OPT_NODE(Format, meta_keys, "None", "which sizes to pass on; all are passed on in any case"),
    DF_OPT_END
};

#define PACKS(type, table) \
    const DfTransform df_transform_##type = { \
        .name = #type, .help = "packs for PyTorch; no effect here", .opts = table, .size = sizeof(Format), \
    };
PACKS(ImageToTensor, keys_opts)
PACKS(ToTensor, keys_opts)
PACKS(DefaultFormatBundle, bundle_opts)
PACKS(Collect, collect_opts)
PACKS(PackDetInputs, pack_opts)
PACKS(PackSegInputs, pack_opts)
PACKS(PackInputs, pack_opts)
