# SPDX-License-Identifier: Apache-2.0
# Mask R-CNN on Swin-S, 3x schedule.
_base_ = [
    '../_base_/models/mask_rcnn_swin_fpn.py', '../_base_/datasets/coco_instance_mstrain.py',
    '../_base_/schedules/schedule_3x.py', '../_base_/default_runtime.py'
]

model = dict(
    backbone=dict(
        embed_dim=96, depths=[2, 2, 18, 2], num_heads=[3, 6, 12, 24], drop_path_rate=0.2),
    neck=dict(in_channels=[96, 192, 384, 768]))
