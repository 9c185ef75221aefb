# SPDX-License-Identifier: Apache-2.0
# 160,000 steps of 16 images, the settings of the Swin-Transformer-Semantic-Segmentation configs.
_base_ = 'adamw.py'

optimizer = dict(lr=0.00006, betas=(0.9, 0.999), weight_decay=0.01)
optimizer_config = dict()
lr_config = dict(
    policy='poly', warmup='linear', warmup_iters=1500, warmup_ratio=1e-6, power=1.0, min_lr=0.0, by_epoch=False)
runner = dict(type='IterBasedRunner', max_iters=160000)
evaluation = dict(interval=16000, metric='mIoU')
