# SPDX-License-Identifier: Apache-2.0
# PVT-Small on ImageNet-1K at 224 x 224 (Wang et al., ICCV 2021).
_base_ = ['../_base_/datasets/imagenet.py', '../_base_/schedules/imagenet_300e_pvt.py']

backbone = dict(
    type='PyramidVisionTransformer',
    style='classification',
    img_size=224,
    patch_size=4,
    in_chans=3,
    num_classes=1000,
    embed_dims=[64, 128, 320, 512],
    num_heads=[1, 2, 5, 8],
    mlp_ratios=[8, 8, 4, 4],
    qkv_bias=True,
    norm_layer=dict(type='LayerNorm', eps=1e-6),
    depths=[3, 4, 6, 3],
    sr_ratios=[8, 4, 2, 1],
    drop_rate=0.0,
    drop_path_rate=0.1)
