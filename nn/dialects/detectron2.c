/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/dialects/detectron2.c -- names of detectron2's Faster R-CNN, Mask R-CNN and RetinaNet with a ResNet and an FPN;
 * our names are those of mmdet.
 */
#include "nn/dialects/dialects.h"

static const NnRow resnet[] = {
    NN_ROW("stem.conv1.norm.*", "bn1.*"),
    NN_ROW("stem.conv1.*", "conv1.*"),
    NN_ROW("res{s+1}.{b}.conv{i}.norm.*", "layer{s}.{b}.bn{i}.*"),
    NN_ROW("res{s+1}.{b}.conv{i}.*", "layer{s}.{b}.conv{i}.*"),
    NN_ROW("res{s+1}.{b}.shortcut.norm.*", "layer{s}.{b}.downsample.1.*"),
    NN_ROW("res{s+1}.{b}.shortcut.*", "layer{s}.{b}.downsample.0.*"),
    NN_ROWS_END
};

static const NnRow rcnn[] = {
    NN_ROW_TABLE("backbone.bottom_up.*", "backbone.*", resnet),
    NN_ROW("backbone.fpn_lateral{i+2}.norm.*", "neck.lateral_convs.{i}.bn.*"),
    NN_ROW("backbone.fpn_lateral{i+2}.*", "neck.lateral_convs.{i}.conv.*"),
    NN_ROW("backbone.fpn_output{i+2}.norm.*", "neck.fpn_convs.{i}.bn.*"),
    NN_ROW("backbone.fpn_output{i+2}.*", "neck.fpn_convs.{i}.conv.*"),
    NN_ROW("proposal_generator.rpn_head.conv.*", "rpn_head.rpn_conv.*"),
    NN_ROW("proposal_generator.rpn_head.objectness_logits.*", "rpn_head.rpn_cls.*"),
    NN_ROW("proposal_generator.rpn_head.anchor_deltas.*", "rpn_head.rpn_reg.*"),
    NN_ROW("roi_heads.box_head.fc{i+1}.*", "roi_head.bbox_head.shared_fcs.{i}.*"),
    NN_ROW("roi_heads.box_predictor.cls_score.*", "roi_head.bbox_head.fc_cls.*"),
    NN_ROW("roi_heads.box_predictor.bbox_pred.*", "roi_head.bbox_head.fc_reg.*"),
    NN_ROW("roi_heads.mask_head.mask_fcn{i+1}.norm.*", "roi_head.mask_head.convs.{i}.bn.*"),
    NN_ROW("roi_heads.mask_head.mask_fcn{i+1}.*", "roi_head.mask_head.convs.{i}.conv.*"),
    NN_ROW("roi_heads.mask_head.deconv.*", "roi_head.mask_head.upsample.*"),
    NN_ROW("roi_heads.mask_head.predictor.*", "roi_head.mask_head.conv_logits.*"),
    NN_ROW_NEEDLESS("proposal_generator.anchor_generator.*"),
    NN_ROW_NEEDLESS("pixel_mean"),
    NN_ROW_NEEDLESS("pixel_std"),
    NN_ROWS_END
};

/* Its FPN starts at level 3. */
static const NnRow retinanet[] = {
    NN_ROW_TABLE("backbone.bottom_up.*", "backbone.*", resnet),
    NN_ROW("backbone.fpn_lateral{i+3}.*", "neck.lateral_convs.{i}.conv.*"),
    NN_ROW("backbone.top_block.p6.*", "neck.fpn_convs.3.conv.*"),
    NN_ROW("backbone.top_block.p7.*", "neck.fpn_convs.4.conv.*"),
    NN_ROW("backbone.fpn_output{i+3}.*", "neck.fpn_convs.{i}.conv.*"),
    NN_ROW("head.cls_subnet.{2i}.*", "bbox_head.cls_convs.{i}.conv.*"),
    NN_ROW("head.bbox_subnet.{2i}.*", "bbox_head.reg_convs.{i}.conv.*"),
    NN_ROW("head.cls_score.*", "bbox_head.retina_cls.*"),
    NN_ROW("head.bbox_pred.*", "bbox_head.retina_reg.*"),
    NN_ROW_NEEDLESS("anchor_generator.*"),
    NN_ROW_NEEDLESS("pixel_mean"),
    NN_ROW_NEEDLESS("pixel_std"),
    NN_ROWS_END
};

/* ResNets pretrained on ImageNet. */
static const NnRow backbone[] = {
    NN_ROW("stem.fc.*", "fc.*"),
    NN_ROW_TABLE("*", "*", resnet),
    NN_ROWS_END
};

const NnDialect nn_dialect_detectron2_resnet = {
    .package = "detectron2",
    .what = "ResNet",
    .ours = "mmdet",
    .signs = (const char *const[]){ "stem.conv1.weight", "res2.0.conv1.weight", NULL },
    .rows = backbone,
};

const NnDialect nn_dialect_detectron2_rcnn = {
    .package = "detectron2",
    .what = "Faster or Mask R-CNN",
    .ours = "mmdet",
    .signs = (const char *const[]){ "backbone.bottom_up.stem.conv1.weight", "proposal_generator.rpn_head.conv.weight",
                                    NULL },
    .rows = rcnn,
};

const NnDialect nn_dialect_detectron2_retinanet = {
    .package = "detectron2",
    .what = "RetinaNet",
    .ours = "mmdet",
    .signs = (const char *const[]){ "backbone.bottom_up.stem.conv1.weight", "head.cls_subnet.0.weight", NULL },
    .rows = retinanet,
};
