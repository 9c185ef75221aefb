# SPDX-License-Identifier: Apache-2.0
# UPerNet on Focal-T (Yang et al., NeurIPS 2021). The authors' detection code was not released: the stages are those of the
# classification code, on an input of any size, with a norm on each map as in Swin. img_size only says that no window shrinks; regions
# are wider than in classification, (15, 13, 9, 7), as in the paper's section on detection.
_base_ = 'upernet.py'

model = dict(
    backbone=dict(
        type='FocalTransformer',
        img_size=512,
        embed_dim=96,
        depths=[2, 2, 6, 2],
        num_heads=[3, 6, 12, 24],
        drop_path_rate=0.2,
        focal_levels=[2, 2, 2, 2],
        focal_windows=[15, 13, 9, 7]),
    decode_head=dict(in_channels=[96, 192, 384, 768]),
    auxiliary_head=dict(in_channels=384))
