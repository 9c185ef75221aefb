# SPDX-License-Identifier: Apache-2.0
# made by tests/scripts/make_pipelines.py
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='MultiScaleFlipAug', img_scale=(67, 51), flip=False, transforms=[
        dict(type='Resize', keep_ratio=False),
        dict(type='RandomFlip'),
        dict(type='Normalize', mean=[103.53, 116.28, 123.675], std=[1.0, 1.0, 1.0], to_rgb=False),
        dict(type='Pad', size=(60, 70), pad_val={'img': [1.5, -2, 3]}),
        dict(type='ImageToTensor', keys=['img']),
        dict(type='Collect', keys=['img']),
    ]),
]
