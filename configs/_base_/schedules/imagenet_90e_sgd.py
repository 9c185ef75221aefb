# SPDX-License-Identifier: Apache-2.0
# 90 epochs on ImageNet-1K as torchvision trained its first ResNets: SGD, a tenth of the rate every 30 epochs. The rate is 0.1 for 256
# pictures in a step, and goes with their number.
optimizer = dict(type='SGD', lr=0.1 * 32 / 256, momentum=0.9, weight_decay=1e-4)
optimizer_config = dict(grad_clip=None)
lr_config = dict(policy='step', step=30)
runner = dict(type='EpochBasedRunner', max_epochs=90)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomResizedCrop', scale=224, interpolation='bilinear'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='Normalize', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True),
    dict(type='PackInputs')
]
evaluation = dict(interval=1, metric='accuracy')
