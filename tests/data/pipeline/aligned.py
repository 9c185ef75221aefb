# SPDX-License-Identifier: Apache-2.0
# made by tests/scripts/make_pipelines.py
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='MultiScaleFlipAug', img_scale=(140, 70), flip=True, transforms=[
        dict(type='AlignResize', keep_ratio=True, size_divisor=32),
        dict(type='RandomFlip'),
        dict(type='Normalize', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True),
        dict(type='ImageToTensor', keys=['img']),
        dict(type='Collect', keys=['img']),
    ]),
]
