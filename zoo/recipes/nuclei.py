# SPDX-License-Identifier: Apache-2.0
# Pictures of nuclei (Data Science Bowl 2018), twice as large as they are, since most nuclei are 13 pixels wide.
_base_ = ['seen.py']

nuclei_training = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='Resize', img_scale=[(384, 384), (640, 640)], multiscale_mode='range', keep_ratio=True),
    dict(type='RandomCrop', crop_size=(384, 384), allow_negative_crop=False),
    dict(type='RandomFlip', flip_ratio=[0.25, 0.25, 0.25], direction=['horizontal', 'vertical', 'diagonal']),
    {{_base_.other_light}},
    {{_base_.normalised}},
    dict(type='Pad', size_divisor=32),
    dict(type='DefaultFormatBundle'),
    dict(type='Collect', keys=['img', 'gt_bboxes', 'gt_labels', 'gt_masks'])
]
nuclei_test = [
    dict(type='LoadImageFromFile'),
    dict(
        type='MultiScaleFlipAug',
        img_scale=(512, 512),
        flip=False,
        transforms={{_base_.boxes_seen}})
]
