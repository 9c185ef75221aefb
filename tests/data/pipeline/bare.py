# SPDX-License-Identifier: Apache-2.0
# made by tests/scripts/make_pipelines.py
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='MultiScaleFlipAug', img_scale=(100, 100), flip=True, flip_direction='vertical', transforms=[
        dict(type='RandomFlip'),
        dict(type='ImageToTensor', keys=['img']),
        dict(type='Collect', keys=['img']),
    ]),
]
