# SPDX-License-Identifier: Apache-2.0
# RetinaNet on Focal-B, 3x schedule.
_base_ = 'retinanet_focal_tiny_fpn_3x_coco.py'

model = dict(
    backbone=dict(embed_dim=128, depths=[2, 2, 18, 2], num_heads=[4, 8, 16, 32]),
    neck=dict(in_channels=[128, 256, 512, 1024]))
