# SPDX-License-Identifier: Apache-2.0
# Focal-T on ImageNet-1K at 224 x 224 (Yang et al., NeurIPS 2021).
_base_ = ['../_base_/datasets/imagenet.py', '../_base_/schedules/imagenet_300e.py']

backbone = dict(
    type='FocalTransformer',
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
    patch_norm=True,
    use_shift=False,
    focal_pool='fc',
    focal_stages=[0, 1, 2, 3],
    focal_levels=[2, 2, 2, 2],
    focal_windows=[7, 5, 3, 1],
    expand_stages=[0, 1, 2, 3],
    expand_sizes=[3, 3, 3, 3],
    expand_layer='all',
    use_conv_embed=False,
    use_layerscale=False,
    use_pre_norm=False)
