# SPDX-License-Identifier: Apache-2.0
# detectron2's COCO-Detection/retinanet_R_50_FPN (1x and 3x).
_base_ = '../_base_/datasets/coco_detectron2.py'

model = dict(
    type='RetinaNet',
    backbone=dict(type='ResNet', depth=50, style='caffe', norm_cfg=dict(type='BN', requires_grad=False), frozen_stages=1),
    neck=dict(
        type='FPN',
        in_channels=[256, 512, 1024, 2048],
        out_channels=256,
        start_level=1,
        add_extra_convs='on_input',
        relu_before_extra_convs=True,
        num_outs=5),
    bbox_head=dict(
        type='RetinaHead',
        num_classes=80,
        in_channels=256,
        stacked_convs=4,
        feat_channels=256,
        anchor_generator=dict(
            type='AnchorGenerator',
            octave_base_scale=4,
            scales_per_octave=3,
            ratios=[0.5, 1.0, 2.0],
            strides=[8, 16, 32, 64, 128],
            scale_major=False),
        bbox_coder=dict(
            type='DeltaXYWHBBoxCoder',
            target_means=[0., 0., 0., 0.],
            target_stds=[1., 1., 1., 1.],
            clip_border=False,
            shrink_freely=True),
        loss_cls=dict(type='FocalLoss', use_sigmoid=True, gamma=2.0, alpha=0.25),
        loss_bbox=dict(type='SmoothL1Loss', beta=0.1)),
    test_cfg=dict(
        nms_pre=1000,
        filter_scores_and_topk=True,
        min_bbox_size=-1,
        score_thr=0.05,
        nms=dict(type='nms', iou_threshold=0.5),
        max_per_img=100,
        clip_detections=True))
