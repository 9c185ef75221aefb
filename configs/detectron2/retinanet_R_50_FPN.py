# SPDX-License-Identifier: Apache-2.0
# detectron2's COCO-Detection/retinanet_R_50_FPN (1x and 3x).
_base_ = ['../_base_/models/retinanet_r50_fpn.py', '../_base_/datasets/coco_detectron2.py']

model = dict(
    backbone=dict(style='caffe', norm_cfg=dict(type='BN', requires_grad=False)),
    neck=dict(relu_before_extra_convs=True),
    bbox_head=dict(
        anchor_generator=dict(scale_major=False),
        bbox_coder=dict(clip_border=False, shrink_freely=True),
        loss_bbox=dict(type='SmoothL1Loss', beta=0.1)),
    train_cfg=None,
    test_cfg=dict(filter_scores_and_topk=True, min_bbox_size=-1, clip_detections=True))
