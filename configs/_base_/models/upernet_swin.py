# SPDX-License-Identifier: Apache-2.0
# UPerNet on Swin-T (Liu et al., ICCV 2021).
_base_ = 'upernet.py'

model = dict(
    backbone=dict(
        type='SwinTransformer',
        embed_dim=96,
        depths=[2, 2, 6, 2],
        num_heads=[3, 6, 12, 24],
        drop_path_rate=0.3),
    decode_head=dict(in_channels=[96, 192, 384, 768]),
    auxiliary_head=dict(in_channels=384))
