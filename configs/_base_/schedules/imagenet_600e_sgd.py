# SPDX-License-Identifier: Apache-2.0
# 600 epochs on ImageNet-1K as torchvision trained the weights IMAGENET1K_V2: SGD, a cosine after 5 epochs of warmup, parts of 176 x 176,
# mixup or CutMix, label smoothing; norms are not decayed. The rate is 0.5 for 1024 pictures in a step, and goes with their number.
# RandAugment stands for TrivialAugment, and there is no average of the weights.
_base_ = 'imagenet_90e_sgd.py'

optimizer = dict(lr=0.5 * 128 / 1024, weight_decay=2e-5, paramwise_cfg=dict(norm_decay_mult=0.))
lr_config = dict(
    _delete_=True,
    policy='CosineAnnealing',
    by_epoch=False,
    min_lr=0,
    warmup='linear',
    warmup_by_epoch=True,
    warmup_iters=5,
    warmup_ratio=0.01)
runner = dict(max_epochs=600)
loss = dict(type='LabelSmoothLoss', label_smooth_val=0.1)
train_cfg = dict(augments=[dict(type='Mixup', alpha=0.2), dict(type='CutMix', alpha=1.0)])
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomResizedCrop', scale=176, interpolation='bilinear'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandAugment'),
    dict(type='Normalize', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True),
    dict(type='RandomErasing', erase_prob=0.1),
    dict(type='PackInputs')
]
