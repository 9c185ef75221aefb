# SPDX-License-Identifier: Apache-2.0
# Mask R-CNN on Focal-B, 3x schedule.
_base_ = 'mask_rcnn_focal_tiny_fpn_3x_coco.py'

model = dict(
    backbone=dict(embed_dim=128, depths=[2, 2, 18, 2], num_heads=[4, 8, 16, 32]),
    neck=dict(in_channels=[128, 256, 512, 1024]))
