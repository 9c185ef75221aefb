# SPDX-License-Identifier: Apache-2.0
# 40,000 steps of 32 images, as the released configs of PVT (Wang et al., ICCV 2021) take them. All parameters are decayed alike.
optimizer = dict(type='AdamW', lr=0.0002, weight_decay=0.0001)
optimizer_config = dict()
lr_config = dict(policy='poly', power=0.9, min_lr=0.0, by_epoch=False)
runner = dict(type='IterBasedRunner', max_iters=40000)
evaluation = dict(interval=4000, metric='mIoU')
