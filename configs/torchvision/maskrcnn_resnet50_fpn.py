# SPDX-License-Identifier: Apache-2.0
# torchvision's maskrcnn_resnet50_fpn with the weights COCO_V1. Its frozen batch norms add no eps to the variance: torchvision
# sets that for these weights (eps=1e-5 otherwise, as in training from ImageNet's).
_base_ = ['../_base_/models/mask_rcnn_fpn.py', '../_base_/datasets/coco_torchvision.py']

roi_layer = dict(sampling_ratio=2, aligned=False)
model = dict(
    backbone=dict(type='ResNet', depth=50, norm_cfg=dict(type='BN', eps=0.0, requires_grad=False), frozen_stages=1),
    neck=dict(in_channels=[256, 512, 1024, 2048]),
    rpn_head=dict(
        anchor_generator=dict(
            _delete_=True,
            type='AnchorGenerator',
            sizes=[[32], [64], [128], [256], [512]],
            ratios=[0.5, 1.0, 2.0],
            strides=[4, 8, 16, 32, 64],
            rounded=True,
            fit_strides=True),
        bbox_coder=dict(shrink_freely=True),
        loss_bbox=dict(type='SmoothL1Loss', beta=1 / 9)),
    roi_head=dict(
        bbox_roi_extractor=dict(roi_layer=roi_layer, fit_strides=True),
        bbox_head=dict(
            num_classes=90, bbox_coder=dict(shrink_freely=True), loss_bbox=dict(type='SmoothL1Loss', beta=1 / 9)),
        mask_roi_extractor=dict(roi_layer=roi_layer, fit_strides=True),
        mask_head=dict(num_classes=90)),
    train_cfg=None,
    test_cfg=dict(
        rpn=dict(min_bbox_size=1e-3, by_logit=True),
        rcnn=dict(min_bbox_size=1e-2, first_label=1, mask_paste='torchvision')))
evaluation = dict(metric=['bbox', 'segm'])
