# SPDX-License-Identifier: Apache-2.0
# Swin-T on ImageNet-1K at 224 x 224 (Liu et al., ICCV 2021).
_base_ = ['../_base_/datasets/imagenet.py', '../_base_/schedules/imagenet_300e.py']

backbone = dict(
    type='SwinTransformer',
    style='classification',
    img_size=224,
    patch_size=4,
    in_chans=3,
    num_classes=1000,
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
    patch_norm=True)
