# SPDX-License-Identifier: Apache-2.0
# Mask R-CNN on Swin-T (Liu et al., ICCV 2021).
_base_ = 'mask_rcnn_fpn.py'

model = dict(
    backbone=dict(
        type='SwinTransformer',
        style='detection',
        patch_size=4,
        in_chans=3,
        embed_dim=96,
        depths=[2, 2, 6, 2],
        num_heads=[3, 6, 12, 24],
        window_size=7,
        mlp_ratio=4.,
        qkv_bias=True,
        qk_scale=None,
        drop_rate=0.,
        attn_drop_rate=0.,
        drop_path_rate=0.2,
        ape=False,
        patch_norm=True,
        out_indices=(0, 1, 2, 3)),
    neck=dict(in_channels=[96, 192, 384, 768]))
