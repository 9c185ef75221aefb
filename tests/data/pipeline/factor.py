# SPDX-License-Identifier: Apache-2.0
# made by tests/scripts/make_pipelines.py
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='MultiScaleFlipAug', scale_factor=[1.5, 2.0], flip=True, transforms=[
        dict(type='Resize', keep_ratio=False),
        dict(type='RandomFlip'),
        dict(type='Pad', size_divisor=8, pad_val=[9, 8, 7]),
        dict(type='Normalize', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True),
        dict(type='ImageToTensor', keys=['img']),
        dict(type='Collect', keys=['img']),
    ]),
]
