# SPDX-License-Identifier: Apache-2.0
# Cascade Mask R-CNN on PVT v2-B2 (Wang et al., Computational Visual Media 2022).
_base_ = 'cascade_mask_rcnn_fpn.py'

model = dict(
    backbone=dict(
        type='PyramidVisionTransformerV2',
        embed_dims=[64, 128, 320, 512],
        num_heads=[1, 2, 5, 8],
        mlp_ratios=[8, 8, 4, 4],
        qkv_bias=True,
        norm_layer=dict(type='LayerNorm', eps=1e-06),
        depths=[3, 4, 6, 3]),
    neck=dict(in_channels=[64, 128, 320, 512]))
