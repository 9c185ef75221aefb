# SPDX-License-Identifier: Apache-2.0
# A schedule for small networks that begin with random weights, on a few hundred pictures: AdamW, a cosine, 36 epochs.
_base_ = 'adamw.py'

optimizer = dict(lr=0.001, weight_decay=0.05)
optimizer_config = dict(grad_clip=dict(max_norm=10, norm_type=2))
lr_config = dict(
    policy='CosineAnnealing', by_epoch=False, warmup='linear', warmup_iters=100, warmup_ratio=0.01, min_lr_ratio=0.01)
runner = dict(type='EpochBasedRunner', max_epochs=36)
