# SPDX-License-Identifier: Apache-2.0
# Cascade Mask R-CNN on DAT-B, 1x schedule.
_base_ = [
    '../_base_/models/cascade_mask_rcnn_dat_fpn.py', '../_base_/datasets/coco_instance_mstrain.py',
    '../_base_/schedules/schedule_1x.py', '../_base_/default_runtime.py'
]

model = dict(
    backbone=dict(
        dim_stem=128,
        dims=[128, 256, 512, 1024],
        depths=[2, 2, 18, 2],
        stage_spec=[['L', 'S'], ['L', 'S'], ['L', 'D'] * 9, ['L', 'D']],
        heads=[4, 8, 16, 32],
        groups=[-1, -1, 4, 8],
        drop_path_rate=0.1),
    neck=dict(in_channels=[128, 256, 512, 1024]))
