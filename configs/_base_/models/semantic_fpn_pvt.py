# SPDX-License-Identifier: Apache-2.0
# Semantic FPN on PVT-Small (Wang et al., ICCV 2021).
_base_ = 'semantic_fpn.py'

model = dict(
    backbone=dict(
        type='PyramidVisionTransformer',
        patch_size=4,
        embed_dims=[64, 128, 320, 512],
        num_heads=[1, 2, 5, 8],
        mlp_ratios=[8, 8, 4, 4],
        qkv_bias=True,
        norm_layer=dict(type='LayerNorm', eps=1e-06),
        depths=[3, 4, 6, 3]),
    neck=dict(in_channels=[64, 128, 320, 512]))
