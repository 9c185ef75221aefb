# SPDX-License-Identifier: Apache-2.0
# 12 epochs of 16 images a step, the settings of the Swin-Transformer-Object-Detection configs.
_base_ = 'adamw.py'

optimizer = dict(lr=0.0001, betas=(0.9, 0.999), weight_decay=0.05)
optimizer_config = dict(grad_clip=None)
lr_config = dict(policy='step', warmup='linear', warmup_iters=500, warmup_ratio=0.001, step=[8, 11])
runner = dict(type='EpochBasedRunner', max_epochs=12)
