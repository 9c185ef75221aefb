# SPDX-License-Identifier: Apache-2.0
# Cascade Mask R-CNN on DAT++-S, 3x schedule.
_base_ = 'cascade_mask_rcnn_dat_pp_tiny_fpn_3x_coco.py'

model = dict(
    backbone=dict(
        dim_stem=96,
        dims=[96, 192, 384, 768],
        heads=[3, 6, 12, 24],
        groups=[1, 2, 3, 6],
        drop_path_rate=0.5),
    neck=dict(in_channels=[96, 192, 384, 768]))
