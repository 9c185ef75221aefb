/* SPDX-License-Identifier: Apache-2.0
 *
 * models/detr.c -- DETR (Carion et al., ECCV 2020) and Deformable DETR (Zhu et al., ICLR 2021) as mmdet's configs
 * describe them: a backbone, for Deformable DETR a neck, and a head that predicts a set.
 */
#include "models/set_detector.h"

typedef struct {
    SetDetector net; /* first, and in it the trunk */
    const DfNode *bbox_head;
} MmdetDetr;

static const DfOpt detr_opts[] = {
    DF_OPT_AS(Trunk, backbone, backbone_cfg, DF_KIND_DICT, NULL, 0, 0, NULL,
              "the backbone, of which the last map is used"),
    DF_OPT_DICT(MmdetDetr, bbox_head, NULL, "a TransformerHead (mmdet 2.11) or a DETRHead (later)"),
    TRUNK_SETTINGS("assigner: the costs of the matching, for training", "max_per_img: detections of an image"),
    DF_OPT_END
};

static const DfOpt deformable_opts[] = {
    DF_OPT_AS(Trunk, backbone, backbone_cfg, DF_KIND_DICT, NULL, 0, 0, NULL, "backbone, a ResNet of torchvision"),
    DF_OPT_AS(Trunk, neck, neck_cfg, DF_KIND_DICT, NULL, 0, 0, NULL,
              "a ChannelMapper, which makes the levels of the pyramid"),
    DF_OPT_DICT(MmdetDetr, bbox_head, NULL, "head, a DeformableDETRHead"),
    TRUNK_SETTINGS("assigner: the costs of the matching, for training", "max_per_img: detections of an image"),
    DF_OPT_END
};

static void init(NnScope s, void *self, const DfNode *root)
{
    static const char *const ignorable[] = { "backbone.fc.*", NULL };
    MmdetDetr *m = self;
    SetDetector *net = &m->net;
    const DfHeadSettings settings = {
        .train_cfg = df_trunk_train_cfg(&net->trunk, root),
        .test_cfg = df_trunk_test_cfg(&net->trunk, root),
    };
    net->ignorable = ignorable;
    df_trunk_init(s, &net->trunk);
    if (nn_ok(s))
        df_set_part(nn_at(s, "bbox_head"), &net->head, m->bbox_head, settings);
}

const DfArchitecture df_architecture_detr = {
    .name = "DETR",
    .help = "detector without anchors or NMS, by full attention over the last map (Carion et al., ECCV 2020)",
    .size = sizeof(MmdetDetr),
    .opts = detr_opts,
    .init = init,
    SET_DETECTOR_FUNCTIONS,
};

const DfArchitecture df_architecture_deformable_detr = {
    .name = "DeformableDETR",
    .help = "detector without anchors or NMS, by deformable attention (Zhu et al., ICLR 2021)",
    .size = sizeof(MmdetDetr),
    .opts = deformable_opts,
    .init = init,
    SET_DETECTOR_FUNCTIONS,
};
