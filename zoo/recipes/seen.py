# SPDX-License-Identifier: Apache-2.0
# What the recipes do with a picture. The two lists are those of a test, behind its size: of detectors, whose pictures
# are padded, and of segmentors.
normalised = dict(type='Normalize', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True)
other_light = dict(
    type='PhotoMetricDistortion',
    brightness_delta=32,
    contrast_range=(0.7, 1.3),
    saturation_range=(0.7, 1.3),
    hue_delta=12)
boxes_seen = [
    dict(type='Resize', keep_ratio=True),
    dict(type='RandomFlip'),
    normalised,
    dict(type='Pad', size_divisor=32),
    dict(type='ImageToTensor', keys=['img']),
    dict(type='Collect', keys=['img'])
]
classes_seen = [
    dict(type='Resize', keep_ratio=True),
    dict(type='RandomFlip'),
    normalised,
    dict(type='ImageToTensor', keys=['img']),
    dict(type='Collect', keys=['img'])
]
