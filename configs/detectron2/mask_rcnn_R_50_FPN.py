# SPDX-License-Identifier: Apache-2.0
# detectron2's COCO-InstanceSegmentation/mask_rcnn_R_50_FPN (1x and 3x). Strides stand on the first 1x1 convolution of a block
# (STRIDE_IN_1X1).
_base_ = ['../_base_/models/mask_rcnn_fpn.py', '../_base_/datasets/coco_detectron2.py']

model = dict(
    backbone=dict(type='ResNet', depth=50, style='caffe', norm_cfg=dict(type='BN', requires_grad=False), frozen_stages=1),
    neck=dict(in_channels=[256, 512, 1024, 2048]),
    rpn_head=dict(
        anchor_generator=dict(
            _delete_=True,
            type='AnchorGenerator',
            sizes=[[32], [64], [128], [256], [512]],
            ratios=[0.5, 1.0, 2.0],
            strides=[4, 8, 16, 32, 64],
            scale_major=False),
        bbox_coder=dict(shrink_freely=True)),
    roi_head=dict(bbox_head=dict(bbox_coder=dict(shrink_freely=True))),
    train_cfg=None,
    test_cfg=dict(rpn=dict(min_bbox_size=1e-9, by_logit=True), rcnn=dict(clip_detections=True)))
evaluation = dict(metric=['bbox', 'segm'])
