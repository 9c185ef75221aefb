/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/normalize.c -- Normalize: (pixel - mean) / std in mmcv's arithmetic.
 */
#include "datasets/pipeline/transform.h"

typedef struct {
    DfFloats mean, std;
    bool to_rgb;
} Normalize;

static const DfOpt opts[] = {
    DF_OPT_FLOATS(Normalize, mean, NULL, -1e6, 1e6, "mean of each channel, in the order of the output"),
    DF_OPT_FLOATS(Normalize, std, NULL, -1e6, 1e6, "standard deviation of each channel"),
    DF_OPT_BOOL(Normalize, to_rgb, True, "first convert B G R to R G B"),
    DF_OPT_END
};

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

static int apply(const void *self, DfWork *work)
{
    const Normalize *n = self;
    DfNormal normal = { .kind = DF_NORMAL_MMCV, .to_rgb = n->to_rgb };
    for (int c = 0; c < 3; c++) {
        normal.mean[c] = (float)n->mean.v[c];
        normal.std[c] = (float)n->std.v[c];
    }
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
