# SPDX-License-Identifier: Apache-2.0
# The synthetic world with the masks of its things: world.py, and gt_masks.
_base_ = ['world.py']

world_mask_training = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='Resize', img_scale=[(384, 256), (384, 384)], multiscale_mode='range', keep_ratio=True),
    dict(type='RandomFlip', flip_ratio=0.5),
    {{_base_.other_light}},
    {{_base_.normalised}},
    dict(type='Pad', size_divisor=32),
    dict(type='DefaultFormatBundle'),
    dict(type='Collect', keys=['img', 'gt_bboxes', 'gt_labels', 'gt_masks'])
]
