# SPDX-License-Identifier: Apache-2.0
# Cascade Mask R-CNN on Swin-B, 1x schedule.
_base_ = 'cascade_mask_rcnn_swin_tiny_fpn_1x_coco.py'

model = dict(
    backbone=dict(embed_dim=128, depths=[2, 2, 18, 2], num_heads=[4, 8, 16, 32], drop_path_rate=0.3),
    neck=dict(in_channels=[128, 256, 512, 1024]))
