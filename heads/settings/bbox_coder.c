/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/settings/bbox_coder.c -- mmdet's DeltaXYWHBBoxCoder.
 */
#include "heads/settings/settings.h"

#include <string.h>

typedef struct {
    DfFloats target_means, target_stds;
    bool clip_border, add_ctr_clamp, shrink_freely;
    int ctr_clamp;
} CoderConfig;

static const DfOpt coder_opts[] = {
    DF_OPT_FLOATS(CoderConfig, target_means, "[0., 0., 0., 0.]", -1e6, 1e6,
                  "mean of dx dy dw dh over a training set, subtracted when a box is encoded"),
    DF_OPT_FLOATS(CoderConfig, target_stds, "[1., 1., 1., 1.]", 1e-9, 1e6,
                  "their standard deviation, divided by when a box is encoded"),
    DF_OPT_BOOL(CoderConfig, clip_border, True, "decoded boxes end at the border of the image"),
    DF_OPT_BOOL(CoderConfig, add_ctr_clamp, False, "the centre of a box moves by at most ctr_clamp pixels"),
    DF_OPT_INT(CoderConfig, ctr_clamp, 32, 0, 1000000, "how far, in pixels"),
    DF_OPT_BOOL(CoderConfig, shrink_freely, False,
                "a box may become as small as the network says, as in torchvision and detectron2"),
    DF_OPT_END
};

void df_head_coder(NnScope s, DfDeltaCoder *coder, const DfNode *dict)
{
    CoderConfig k = { 0 };
    if (!df_head_type(nn_at(s, "bbox_coder"), dict, "DeltaXYWHBBoxCoder"))
        return;
    if (!nn_configure(s, dict, coder_opts, &k, "DeltaXYWHBBoxCoder"))
        return;
    *coder = df_delta_coder();
    if (k.target_means.n != 4 || k.target_stds.n != 4) {
        nn_fail(s, DF_EVALUE, "bbox_coder: target_means and target_stds want 4 numbers each");
        return;
    }
    memcpy(coder->means, k.target_means.v, sizeof coder->means);
    memcpy(coder->stds, k.target_stds.v, sizeof coder->stds);
    coder->clip_border = k.clip_border;
    coder->add_ctr_clamp = k.add_ctr_clamp;
    coder->ctr_clamp = k.ctr_clamp;
    coder->shrink_freely = k.shrink_freely;
}
