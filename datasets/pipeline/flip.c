/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/flip.c -- RandomFlip: in a test pipeline it mirrors when MultiScaleFlipAug asks for it, never by
 * chance.
 */
#include "datasets/pipeline/transform.h"

typedef struct {
    const DfNode *flip_ratio, *prob, *direction;
} Flip;

static const DfOpt opts[] = {
    DF_OPT_NODE(Flip, flip_ratio, "None", "probability of mirroring in training, one or a list; not used in testing"),
    DF_OPT_NODE(Flip, prob, "None", "the same as flip_ratio, as mmseg calls it"),
    DF_OPT_NODE(Flip, direction, "'horizontal'",
                "direction of mirroring: 'horizontal', 'vertical' or 'diagonal', or a list of them"),
    DF_OPT_END
};

static int apply(const void *self, DfWork *work)
{
    (void)self;
    if (work->flip == DF_FLIP_NONE)
        return DF_OK;
    if (work->padded)
        return df_fail(DF_EVALUE, "RandomFlip after Pad: want it before");
    const int error = df_work_own(work);
    if (error < 0)
        return error;
    df_image_flip(&work->own, work->flip != DF_FLIP_VERTICAL, work->flip != DF_FLIP_HORIZONTAL);
    work->flipped = work->flip;
    return DF_OK;
}

const DfTransform df_transform_RandomFlip = {
    .name = "RandomFlip",
    .help = "mirrors the picture, if MultiScaleFlipAug asks for it",
    .opts = opts,
    .size = sizeof(Flip),
    .apply = apply,
};
