# SPDX-License-Identifier: Apache-2.0
# Cascade Mask R-CNN on Swin-B, 1x schedule.
_base_ = [
    '../_base_/models/cascade_mask_rcnn_swin_fpn.py', '../_base_/datasets/coco_instance_mstrain.py',
    '../_base_/schedules/schedule_1x.py', '../_base_/default_runtime.py'
]

model = dict(
    backbone=dict(
        embed_dim=128, depths=[2, 2, 18, 2], num_heads=[4, 8, 16, 32], drop_path_rate=0.3),
    neck=dict(in_channels=[128, 256, 512, 1024]))
