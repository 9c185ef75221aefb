# SPDX-License-Identifier: Apache-2.0
# The synthetic world with a class for every pixel, in crops of the size at which RetinaNet sees it.
_base_ = ['seen.py']

world_class_training = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='Resize', img_scale=(384, 320), ratio_range=(0.75, 1.5)),
    dict(type='RandomCrop', crop_size=(256, 256), cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    {{_base_.normalised}},
    dict(type='Pad', size=(256, 256), pad_val=0, seg_pad_val=255),
    dict(type='DefaultFormatBundle'),
    dict(type='Collect', keys=['img', 'gt_semantic_seg'])
]
world_class_test = [
    dict(type='LoadImageFromFile'),
    dict(
        type='MultiScaleFlipAug',
        img_scale=(384, 320),
        flip=False,
        transforms={{_base_.classes_seen}})
]
