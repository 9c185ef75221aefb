# SPDX-License-Identifier: Apache-2.0
# Cascade Mask R-CNN on Swin-T (Liu et al., ICCV 2021).
_base_ = 'cascade_mask_rcnn_fpn.py'

model = dict(
    backbone=dict(type='SwinTransformer', embed_dim=96, depths=[2, 2, 6, 2], num_heads=[3, 6, 12, 24]),
    neck=dict(in_channels=[96, 192, 384, 768]))
