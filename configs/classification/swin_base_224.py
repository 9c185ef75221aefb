# SPDX-License-Identifier: Apache-2.0
# Swin-B on ImageNet-1K at 224 x 224 (Liu et al., ICCV 2021).
backbone = dict(
    type='SwinTransformer',
    style='classification',
    img_size=224,
    patch_size=4,
    in_chans=3,
    num_classes=1000,
    embed_dim=128,
    depths=[2, 2, 18, 2],
    num_heads=[4, 8, 16, 32],
    window_size=7,
    mlp_ratio=4.,
    qkv_bias=True,
    qk_scale=None,
    drop_rate=0.,
    attn_drop_rate=0.,
    drop_path_rate=0.5,
    ape=False,
    patch_norm=True)
