# SPDX-License-Identifier: Apache-2.0
# 300 epochs on ImageNet-1K as Swin and DAT were trained: AdamW, a cosine after 20 epochs of warmup, mixup or CutMix in
# every step, label smoothing; biases, norms and position tables are not decayed. The rate is 5e-4 for 512 pictures in a
# step, and goes with their number, which is 128 here.
optimizer = dict(
    type='AdamW',
    lr=5e-4 * 128 / 512,
    weight_decay=0.05,
    paramwise_cfg=dict(
        norm_decay_mult=0.,
        bias_decay_mult=0.,
        custom_keys={
            'absolute_pos_embed': dict(decay_mult=0.),
            'relative_position_bias_table': dict(decay_mult=0.),
            'rpe_table': dict(decay_mult=0.)
        }))
optimizer_config = dict(grad_clip=dict(max_norm=5.0))
lr_config = dict(
    policy='CosineAnnealing',
    by_epoch=False,
    min_lr_ratio=0.01,
    warmup='linear',
    warmup_by_epoch=True,
    warmup_iters=20,
    warmup_ratio=0.001)
runner = dict(type='EpochBasedRunner', max_epochs=300)
loss = dict(type='LabelSmoothLoss', label_smooth_val=0.1)
train_cfg = dict(augments=[dict(type='Mixup', alpha=0.8), dict(type='CutMix', alpha=1.0)])
evaluation = dict(interval=1, metric='accuracy')
