/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/normalize.c -- Normalize: (pixel - mean) / std in mmcv's arithmetic, as a table of 256 values a
 * channel.
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

static int init(void *self, const DfNode *dict, DfArena *arena)
{
    const Normalize *n = self;
    (void)arena;
    return df_check_normalize(&n->mean, &n->std, dict);
}

/* mmcv.imnormalize() in OpenCV's arithmetic: the mean is subtracted in float32, the product with 1 / std is a
 * double. A pixel has 256 values, so all results fit into a table. */
static int apply(const void *self, DfWork *work)
{
    const Normalize *n = self;
    if (work->normalised)
        return df_fail(DF_EVALUE, "Normalize twice: want it once");
    for (int c = 0; c < 3; c++) {
        const float mean = (float)n->mean.v[c];
        const double inverse = 1.0 / (double)(float)n->std.v[c];
        for (int v = 0; v < 256; v++)
            work->table[c][v] = (float)((double)((float)v - mean) * inverse);
    }
    work->normalised = true;
    work->to_rgb = n->to_rgb;
    if (!work->padded)
        return DF_OK;
    float before[3]; /* a border that is there already is normalised like the picture; its values are whole */
    for (int c = 0; c < 3; c++)
        before[c] = work->pad[n->to_rgb ? 2 - c : c];
    for (int c = 0; c < 3; c++)
        work->pad[c] = work->table[c][(int)before[c]];
    return DF_OK;
}

const DfTransform df_transform_Normalize = {
    .name = "Normalize",
    .help = "computes (pixel - mean) / std of each channel",
    .opts = opts,
    .size = sizeof(Normalize),
    .init = init,
    .apply = apply,
};
