# SPDX-License-Identifier: Apache-2.0
# Cascade Mask R-CNN on DAT++-B, 3x schedule.
_base_ = 'cascade_mask_rcnn_dat_pp_tiny_fpn_3x_coco.py'

model = dict(
    backbone=dict(
        dim_stem=128,
        dims=[128, 256, 512, 1024],
        heads=[4, 8, 16, 32],
        groups=[2, 4, 8, 16],
        drop_path_rate=0.8),
    neck=dict(in_channels=[128, 256, 512, 1024]))
