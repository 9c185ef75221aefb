# SPDX-License-Identifier: Apache-2.0
# Mask R-CNN on Focal-S, 1x schedule.
_base_ = [
    '../_base_/models/mask_rcnn_focal_fpn.py', '../_base_/datasets/coco_instance.py',
    '../_base_/schedules/schedule_1x.py', '../_base_/default_runtime.py'
]

model = dict(
    backbone=dict(embed_dim=96, depths=[2, 2, 18, 2], num_heads=[3, 6, 12, 24]),
    neck=dict(in_channels=[96, 192, 384, 768]))
