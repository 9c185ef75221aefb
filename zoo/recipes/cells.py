# SPDX-License-Identifier: Apache-2.0
# Pictures of blood cells (BCCD): a cell has no upside, so they are mirrored both ways; three quarters of their size
# is enough.
_base_ = ['seen.py']

cells_training = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='Resize', img_scale=[(480, 288), (480, 432)], multiscale_mode='range', keep_ratio=True),
    dict(type='RandomFlip', flip_ratio=[0.25, 0.25, 0.25], direction=['horizontal', 'vertical', 'diagonal']),
    {{_base_.other_light}},
    {{_base_.normalised}},
    dict(type='Pad', size_divisor=32),
    dict(type='DefaultFormatBundle'),
    dict(type='Collect', keys=['img', 'gt_bboxes', 'gt_labels'])
]
cells_test = [
    dict(type='LoadImageFromFile'),
    dict(
        type='MultiScaleFlipAug',
        img_scale=(480, 360),
        flip=False,
        transforms={{_base_.boxes_seen}})
]
