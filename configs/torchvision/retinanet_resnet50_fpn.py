# SPDX-License-Identifier: Apache-2.0
# torchvision's retinanet_resnet50_fpn with the weights COCO_V1: 91 outputs, whose index is COCO's id, and frozen batch norms
# without eps, which torchvision sets for these weights.
_base_ = '../_base_/datasets/coco_torchvision.py'

model = dict(
    type='RetinaNet',
    backbone=dict(type='ResNet', depth=50, norm_cfg=dict(type='BN', eps=0.0, requires_grad=False), frozen_stages=1),
    neck=dict(
        type='FPN',
        in_channels=[256, 512, 1024, 2048],
        out_channels=256,
        start_level=1,
        add_extra_convs='on_output',
        relu_before_extra_convs=True,
        num_outs=5),
    bbox_head=dict(
        type='RetinaHead',
        num_classes=91,
        in_channels=256,
        stacked_convs=4,
        feat_channels=256,
        anchor_generator=dict(
            type='AnchorGenerator',
            sizes=[[32, 40, 50], [64, 80, 101], [128, 161, 203], [256, 322, 406], [512, 645, 812]],
            ratios=[0.5, 1.0, 2.0],
            strides=[8, 16, 32, 64, 128],
            rounded=True,
            fit_strides=True),
        bbox_coder=dict(
            type='DeltaXYWHBBoxCoder',
            target_means=[0., 0., 0., 0.],
            target_stds=[1., 1., 1., 1.],
            shrink_freely=True),
        loss_cls=dict(type='FocalLoss', use_sigmoid=True, gamma=2.0, alpha=0.25),
        loss_bbox=dict(type='L1Loss')),
    test_cfg=dict(
        nms_pre=1000,
        filter_scores_and_topk=True,
        min_bbox_size=-1,
        score_thr=0.05,
        nms=dict(type='nms', iou_threshold=0.5),
        max_per_img=300))
