# SPDX-License-Identifier: Apache-2.0
# RetinaNet on Swin-S, 1x schedule.
_base_ = [
    '../_base_/models/retinanet_swin_fpn.py', '../_base_/datasets/coco_detection_mstrain.py',
    '../_base_/schedules/schedule_1x.py', '../_base_/default_runtime.py'
]

model = dict(
    backbone=dict(
        embed_dim=96, depths=[2, 2, 18, 2], num_heads=[3, 6, 12, 24], drop_path_rate=0.2),
    neck=dict(in_channels=[96, 192, 384, 768]))
