# SPDX-License-Identifier: Apache-2.0
# ImageNet as the authors of DAT score on it: the picture resized to a square whatever its shape, the middle cut out.
test_pipeline = [
    dict(type='LoadImageFromFile', imdecode_backend='pillow', color_type='color_ignore_orientation'),
    dict(type='Resize', scale=(256, 256), keep_ratio=False, interpolation='bicubic', backend='pillow'),
    dict(type='CenterCrop', crop_size=224),
    dict(type='DetrNormalize'),
    dict(type='PackInputs')
]
data = dict(
    samples_per_gpu=128,
    workers_per_gpu=2,
    val=dict(type='ImageNet', data_prefix='data/imagenet/val', pipeline=test_pipeline),
    test=dict(type='ImageNet', data_prefix='data/imagenet/val', pipeline=test_pipeline))
