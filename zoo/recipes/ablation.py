# SPDX-License-Identifier: Apache-2.0
# What the rows of the ablations share: RetinaNet with DAT-nano on small pictures of the synthetic world. The first two
# stages, the pyramid and the head begin with what zoo/world_retinanet_dat learnt; the last two stages, which the rows
# change, begin with random weights in every row. From nothing, a few minutes told nothing: two seeds of one network
# were further apart than all rows. A row is scored once, after its last step: nothing is chosen by the validation part.
_base_ = ['../../configs/nano/retinanet_dat_nano.py']

load_from = 'build-zoo/ablation_init.safetensors'
img_scale = (256, 208)
training = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='Resize', img_scale=img_scale, keep_ratio=True),
    dict(type='RandomFlip', flip_ratio=0.5),
    dict(type='Normalize', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True),
    dict(type='Pad', size_divisor=32),
    dict(type='DefaultFormatBundle'),
    dict(type='Collect', keys=['img', 'gt_bboxes', 'gt_labels'])
]
test = [
    dict(type='LoadImageFromFile'),
    dict(
        type='MultiScaleFlipAug',
        img_scale=img_scale,
        flip=False,
        transforms=[
            dict(type='Resize', keep_ratio=True),
            dict(type='RandomFlip'),
            dict(type='Normalize', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True),
            dict(type='Pad', size_divisor=32),
            dict(type='ImageToTensor', keys=['img']),
            dict(type='Collect', keys=['img'])
        ])
]
model = dict(bbox_head=dict(anchor_generator=dict(octave_base_scale=3)))
data = dict(
    samples_per_gpu=4, train=dict(pipeline=training), val=dict(pipeline=test), test=dict(pipeline=test))
optimizer = dict(lr=0.0015)
runner = dict(max_epochs=3)
evaluation = dict(interval=3)
checkpoint_config = dict(interval=3)
log_config = dict(interval=50)
