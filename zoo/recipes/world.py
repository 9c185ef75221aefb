# SPDX-License-Identifier: Apache-2.0
# Pictures of `deformer synth`, a little larger than they are drawn, since a tenth of the things are less than 17
# pixels wide.
_base_ = ['seen.py']

world_training = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='Resize', img_scale=[(384, 256), (384, 384)], multiscale_mode='range', keep_ratio=True),
    dict(type='RandomFlip', flip_ratio=0.5),
    {{_base_.other_light}},
    {{_base_.normalised}},
    dict(type='Pad', size_divisor=32),
    dict(type='DefaultFormatBundle'),
    dict(type='Collect', keys=['img', 'gt_bboxes', 'gt_labels'])
]
world_test = [
    dict(type='LoadImageFromFile'),
    dict(
        type='MultiScaleFlipAug',
        img_scale=(384, 320),
        flip=False,
        transforms={{_base_.boxes_seen}})
]
