# SPDX-License-Identifier: Apache-2.0
# UPerNet on Focal-T (Yang et al., NeurIPS 2021). The authors' detection code was not released: the stages are those of the
# classification code, on an input of any size, with a norm on each map as in Swin. img_size only says that no window shrinks; regions
# are wider than in classification, (15, 13, 9, 7), as in the paper's section on detection.
_base_ = 'upernet.py'

model = dict(
    backbone=dict(
        type='FocalTransformer',
        style='detection',
        img_size=512,
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
        use_shift=False,
        focal_pool='fc',
        focal_stages=[0, 1, 2, 3],
        focal_levels=[2, 2, 2, 2],
        focal_windows=[15, 13, 9, 7],
        expand_sizes=[3, 3, 3, 3],
        expand_layer='all',
        out_indices=(0, 1, 2, 3)),
    decode_head=dict(in_channels=[96, 192, 384, 768]),
    auxiliary_head=dict(in_channels=384))
