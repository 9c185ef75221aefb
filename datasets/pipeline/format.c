/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/format.c -- ImageToTensor, DefaultFormatBundle, Collect and similar transforms, which pack data
 * for PyTorch. They have no effect here, where a picture always carries its floats, its sizes and its annotations.
 */
#include "datasets/pipeline/transform.h"

typedef struct {
    const DfNode *keys, *meta_keys, *pad_val;
} Format;

static const DfOpt keys_opts[] = {
    DF_OPT_NODE(Format, keys, "None", "what to pack, such as ['img']; everything is passed on anyway"),
    DF_OPT_END
};

static const DfOpt collect_opts[] = {
    DF_OPT_NODE(Format, keys, "None", "what to pass on, such as ['img']; everything is passed on anyway"),
    DF_OPT_NODE(Format, meta_keys, "None", "names of the metadata to pass on; all is passed on anyway"),
    DF_OPT_END
};

static const DfOpt bundle_opts[] = {
    DF_OPT_UNUSED(img_to_float, "pictures are always converted to floats"),
    DF_OPT_DICT(Format, pad_val, "None",
                "what a batch is padded with; only dict(img=0, masks=0, seg=255) is supported"),
    DF_OPT_END
};

static const DfOpt pack_opts[] = {
    DF_OPT_NODE(Format, meta_keys, "None", "names of the metadata to pass on; all is passed on anyway"),
    DF_OPT_END
};

static int init(void *self, const DfNode *dict, DfReading *reading)
{
    const Format *f = self;
    (void)reading;
    const double img = df_node_number(df_node_get(f->pad_val, "img"), 0);
    const double masks = df_node_number(df_node_get(f->pad_val, "masks"), 0);
    const double seg = df_node_number(df_node_get(f->pad_val, "seg"), 255);
    if (img != 0 || masks != 0 || seg != 255)
        return df_node_fail(dict, DF_EVALUE, "pad_val: img = %g, masks = %g, seg = %g: want 0, 0 and 255", img, masks,
                            seg);
    return DF_OK;
}

#define PACKS(type, table) \
    const DfTransform df_transform_##type = { \
        .name = #type, .help = "packs for PyTorch; no effect here", .opts = table, .size = sizeof(Format), \
        .init = init, \
    };
PACKS(ImageToTensor, keys_opts)
PACKS(ToTensor, keys_opts)
PACKS(DefaultFormatBundle, bundle_opts)
PACKS(Collect, collect_opts)
PACKS(PackDetInputs, pack_opts)
PACKS(PackSegInputs, pack_opts)
PACKS(PackInputs, pack_opts)
