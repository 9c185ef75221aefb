# SPDX-License-Identifier: Apache-2.0
# RetinaNet on Focal-T, 3x schedule.
_base_ = [
    '../_base_/models/retinanet_focal_fpn.py', '../_base_/datasets/coco_detection_mstrain.py',
    '../_base_/schedules/schedule_3x.py', '../_base_/default_runtime.py'
]

model = dict(
    backbone=dict(embed_dim=96, depths=[2, 2, 6, 2], num_heads=[3, 6, 12, 24]),
    neck=dict(in_channels=[96, 192, 384, 768]))
