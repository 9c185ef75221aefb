# SPDX-License-Identifier: Apache-2.0
# 80,000 steps of 16 images: Semantic FPN's schedule in the papers of PVT (Wang et al., ICCV 2021) and DAT. The released DAT
# configs take 40,000 steps of 32 images at twice the learning rate.
_base_ = 'adamw.py'

optimizer = dict(lr=0.0001, weight_decay=0.0001)
optimizer_config = dict()
lr_config = dict(policy='poly', power=0.9, min_lr=0.0, by_epoch=False)
runner = dict(type='IterBasedRunner', max_iters=80000)
evaluation = dict(interval=8000, metric='mIoU')
