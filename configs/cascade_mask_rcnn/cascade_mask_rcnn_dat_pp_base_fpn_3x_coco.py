# SPDX-License-Identifier: Apache-2.0
# Cascade Mask R-CNN on DAT++-B, 3x schedule.
_base_ = [
    '../_base_/models/cascade_mask_rcnn_dat_pp_fpn.py', '../_base_/datasets/coco_instance_mstrain.py',
    '../_base_/schedules/schedule_3x.py', '../_base_/default_runtime.py'
]

model = dict(
    backbone=dict(
        dim_stem=128,
        dims=[128, 256, 512, 1024],
        heads=[4, 8, 16, 32],
        groups=[2, 4, 8, 16],
        drop_path_rate=0.8),
    neck=dict(in_channels=[128, 256, 512, 1024]))
