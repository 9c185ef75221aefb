/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/normalize.c -- Normalize: (pixel - mean) / std in mmcv's arithmetic. DetrNormalize scales pixels
 * to [0, 1] first, in PyTorch's.
 */
#include "datasets/pipeline/transform.h"

typedef struct {
    DfFloats mean, std;
    bool to_rgb;
} Normalize;

int df_check_normalize(const DfFloats *mean, const DfFloats *std, const DfNode *dict)
{
    if (mean->n != 3 || std->n != 3)
        return df_node_fail(dict, DF_EVALUE, "%d numbers in mean and %d in std: want 3 of each", mean->n, std->n);
    for (int c = 0; c < 3; c++)
        if ((float)std->v[c] == 0.0f)
            return df_node_fail(dict, DF_EVALUE, "std has a zero: want other numbers");
    return DF_OK;
}

static int init(void *self, const DfNode *dict, DfReading *reading)
{
    const Normalize *n = self;
    reading->normalises = true;
    return df_check_normalize(&n->mean, &n->std, dict);
}

static DfNormal normal_of(const Normalize *n, DfNormalKind kind, bool to_rgb)
{
    DfNormal normal = { .kind = kind, .to_rgb = to_rgb };
    for (int c = 0; c < 3; c++) {
        normal.mean[c] = (float)n->mean.v[c];
        normal.std[c] = (float)n->std.v[c];
    }
    return normal;
}

/* ---- Normalize -------------------------------------------------------------------------------------------------- */

static const DfOpt opts[] = {
    DF_OPT_FLOATS(Normalize, mean, NULL, -1e6, 1e6, "mean of each channel, in the order of the output"),
    DF_OPT_FLOATS(Normalize, std, NULL, -1e6, 1e6, "standard deviation of each channel"),
    DF_OPT_BOOL(Normalize, to_rgb, True, "first exchange the channels: B, G, R to R, G, B"),
    DF_OPT_END
};

static int apply(const void *self, DfWork *work)
{
    const Normalize *n = self;
    const DfNormal normal = normal_of(n, DF_NORMAL_MMCV, n->to_rgb);
    return df_work_normalize(work, &normal);
}

const DfTransform df_transform_Normalize = {
    .name = "Normalize",
    .help = "computes (pixel - mean) / std of each channel",
    .opts = opts,
    .size = sizeof(Normalize),
    .init = init,
    .apply = apply,
};

/* ---- DetrNormalize ---------------------------------------------------------------------------------------------- */

static const DfOpt detr_opts[] = {
    DF_OPT_FLOATS(Normalize, mean, "[0.485, 0.456, 0.406]", -1e6, 1e6, "mean of R, G, B, in the range 0 to 1"),
    DF_OPT_FLOATS(Normalize, std, "[0.229, 0.224, 0.225]", -1e6, 1e6,
                  "standard deviation of R, G, B, in the range 0 to 1"),
    DF_OPT_END
};

static int detr_apply(const void *self, DfWork *work)
{
    const DfNormal normal = normal_of(self, DF_NORMAL_DETR, true);
    if (work->normalised || work->padded)
        return df_fail(DF_EVALUE, "DetrNormalize after %s: want it before", work->padded ? "Pad" : "another");
    return df_work_normalize(work, &normal);
}

const DfTransform df_transform_DetrNormalize = {
    .name = "DetrNormalize",
    .help = "computes (pixel / 255 - mean) / std of R, G, B",
    .opts = detr_opts,
    .size = sizeof(Normalize),
    .init = init,
    .apply = detr_apply,
};
