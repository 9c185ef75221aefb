/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/dialects/torchvision_detector.c -- names of torchvision's Faster R-CNN, Mask R-CNN and RetinaNet with a ResNet
 * and an FPN, including those before release 0.13; our names are those of mmdet.
 */
#include "nn/dialects/dialects.h"

static const NnRow resnet[] = {
    NN_ROW("conv1.*", "conv1.*"),
    NN_ROW("bn1.*", "bn1.*"),
    NN_ROW("layer{s}.*", "layer{s}.*"),
    NN_ROWS_END
};

static const NnRow backbone[] = {
    NN_ROW_TABLE("body.*", "backbone.*", resnet),
    NN_ROW("fpn.inner_blocks.{i}.0.*", "neck.lateral_convs.{i}.conv.*"),
    NN_ROW("fpn.inner_blocks.{i}.1.*", "neck.lateral_convs.{i}.bn.*"),
    NN_ROW("fpn.layer_blocks.{i}.0.*", "neck.fpn_convs.{i}.conv.*"),
    NN_ROW("fpn.layer_blocks.{i}.1.*", "neck.fpn_convs.{i}.bn.*"),
    NN_ROW_OLD("fpn.inner_blocks.{i}.*", "neck.lateral_convs.{i}.conv.*"),
    NN_ROW_OLD("fpn.layer_blocks.{i}.*", "neck.fpn_convs.{i}.conv.*"),
    NN_ROWS_END
};

/* ---- R-CNN ------------------------------------------------------------------------------------------------------- */

static const NnRow box_predictor[] = {
    NN_ROW_TURNED("cls_score.*", "fc_cls.*", NN_BACKGROUND_FIRST),
    NN_ROW_TURNED("bbox_pred.*", "fc_reg.*", NN_BACKGROUND_BOX),
    NN_ROWS_END
};

static const NnRow mask[] = {
    NN_ROW("mask_head.{i}.0.*", "mask_head.convs.{i}.conv.*"),
    NN_ROW("mask_head.{i}.1.*", "mask_head.convs.{i}.bn.*"),
    NN_ROW_OLD("mask_head.mask_fcn{i+1}.*", "mask_head.convs.{i}.conv.*"),
    NN_ROW("mask_predictor.conv5_mask.*", "mask_head.upsample.*"),
    NN_ROW_TURNED("mask_predictor.mask_fcn_logits.*", "mask_head.conv_logits.*", NN_BACKGROUND_ROW),
    NN_ROWS_END
};

static const NnRow rcnn[] = {
    NN_ROW_TABLE("backbone.*", "*", backbone),
    NN_ROW("rpn.head.conv.0.0.*", "rpn_head.rpn_conv.*"),
    NN_ROW_OLD("rpn.head.conv.*", "rpn_head.rpn_conv.*"),
    NN_ROW("rpn.head.cls_logits.*", "rpn_head.rpn_cls.*"),
    NN_ROW("rpn.head.bbox_pred.*", "rpn_head.rpn_reg.*"),
    NN_ROW("roi_heads.box_head.fc{i+6}.*", "roi_head.bbox_head.shared_fcs.{i}.*"),
    NN_ROW_TABLE("roi_heads.box_predictor.*", "roi_head.bbox_head.*", box_predictor),
    NN_ROW_TABLE("roi_heads.*", "roi_head.*", mask),
    NN_ROWS_END
};

static const NnRow rcnn_v2[] = {
    NN_ROW_TABLE("backbone.*", "*", backbone),
    NN_ROW("rpn.head.conv.{i}.0.*", "rpn_head.rpn_conv.{i}.conv.*"),
    NN_ROW("rpn.head.cls_logits.*", "rpn_head.rpn_cls.*"),
    NN_ROW("rpn.head.bbox_pred.*", "rpn_head.rpn_reg.*"),
    NN_ROW("roi_heads.box_head.{i}.0.*", "roi_head.bbox_head.shared_convs.{i}.conv.*"),
    NN_ROW("roi_heads.box_head.{i}.1.*", "roi_head.bbox_head.shared_convs.{i}.bn.*"),
    NN_ROW("roi_heads.box_head.5.*", "roi_head.bbox_head.shared_fcs.0.*"),
    NN_ROW_TABLE("roi_heads.box_predictor.*", "roi_head.bbox_head.*", box_predictor),
    NN_ROW_TABLE("roi_heads.*", "roi_head.*", mask),
    NN_ROWS_END
};

const NnDialect nn_dialect_torchvision_detector = {
    .package = "torchvision",
    .what = "Faster or Mask R-CNN",
    .ours = "mmdet",
    .signs = (const char *const[]){ "backbone.body.conv1.weight", "roi_heads.*", "!rpn.head.conv.1.0.weight", NULL },
    .rows = rcnn,
};

const NnDialect nn_dialect_torchvision_detector_v2 = {
    .package = "torchvision",
    .what = "Faster or Mask R-CNN v2",
    .ours = "mmdet",
    .signs = (const char *const[]){ "backbone.body.conv1.weight", "rpn.head.conv.1.0.weight", NULL },
    .rows = rcnn_v2,
};

/* ---- RetinaNet --------------------------------------------------------------------------------------------------- */

static const NnRow retinanet_pyramid[] = {
    NN_ROW_TABLE("body.*", "backbone.*", resnet),
    NN_ROW("fpn.inner_blocks.{i}.0.*", "neck.lateral_convs.{i}.conv.*"),
    NN_ROW_OLD("fpn.inner_blocks.{i}.*", "neck.lateral_convs.{i}.conv.*"),
    NN_ROW_OLD("fpn.layer_blocks.{i}.0.*", "neck.fpn_convs.{i}.conv.*"),
    NN_ROW_OLD("fpn.layer_blocks.{i}.*", "neck.fpn_convs.{i}.conv.*"),
    NN_ROW("fpn.extra_blocks.p6.*", "neck.fpn_convs.3.conv.*"),
    NN_ROW("fpn.extra_blocks.p7.*", "neck.fpn_convs.4.conv.*"),
    NN_ROW("fpn.layer_blocks.{i}.0.*", "neck.fpn_convs.{i}.conv.*"),
    NN_ROWS_END
};

static const NnRow retinanet[] = {
    NN_ROW_TABLE("backbone.*", "*", retinanet_pyramid),
    NN_ROW("head.classification_head.conv.{i}.0.*", "bbox_head.cls_convs.{i}.conv.*"),
    NN_ROW("head.classification_head.conv.{i}.1.*", "bbox_head.cls_convs.{i}.gn.*"),
    NN_ROW("head.regression_head.conv.{i}.0.*", "bbox_head.reg_convs.{i}.conv.*"),
    NN_ROW("head.regression_head.conv.{i}.1.*", "bbox_head.reg_convs.{i}.gn.*"),
    NN_ROW_OLD("head.classification_head.conv.{2i}.*", "bbox_head.cls_convs.{i}.conv.*"),
    NN_ROW_OLD("head.regression_head.conv.{2i}.*", "bbox_head.reg_convs.{i}.conv.*"),
    NN_ROW("head.classification_head.cls_logits.*", "bbox_head.retina_cls.*"),
    NN_ROW("head.regression_head.bbox_reg.*", "bbox_head.retina_reg.*"),
    NN_ROWS_END
};

const NnDialect nn_dialect_torchvision_retinanet = {
    .package = "torchvision",
    .what = "RetinaNet",
    .ours = "mmdet",
    .signs = (const char *const[]){ "backbone.body.conv1.weight", "head.classification_head.cls_logits.weight", NULL },
    .rows = retinanet,
};
