# SPDX-License-Identifier: Apache-2.0
# 300 epochs on ImageNet-1K as PVT and PVT v2 were trained, by DeiT's settings: 5 epochs of warmup, gradients as they come.
_base_ = 'imagenet_300e.py'

optimizer = dict(
    paramwise_cfg=dict(custom_keys={
        'pos_embed': dict(decay_mult=0.),
        'cls_token': dict(decay_mult=0.)
    }))
optimizer_config = dict(grad_clip=None)
lr_config = dict(min_lr_ratio=0.02, warmup_iters=5, warmup_ratio=0.002)
