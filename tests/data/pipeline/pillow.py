# SPDX-License-Identifier: Apache-2.0
# made by tests/scripts/make_pipelines.py
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', img_scale=(50, 30), backend='pillow'),
    dict(type='Normalize', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True),
    dict(type='DefaultFormatBundle'),
    dict(type='Collect', keys=['img']),
]
