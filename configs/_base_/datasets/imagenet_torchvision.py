# SPDX-License-Identifier: Apache-2.0
# ImageNet as torchvision's classifiers take it: read by Pillow as it is stored; the short side resized by the Pillow of today, the
# middle cut out. A network of other sizes lists its own pipeline.
test_pipeline = [
    dict(type='LoadImageFromFile', imdecode_backend='pillow', color_type='color_ignore_orientation'),
    dict(type='ResizeEdge', scale=256, backend='pillow13', interpolation='bilinear'),
    dict(type='CenterCrop', crop_size=224),
    dict(type='DetrNormalize', mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]),
    dict(type='PackInputs')
]
data = dict(
    samples_per_gpu=128,
    workers_per_gpu=2,
    test=dict(type='ImageNet', data_prefix='data/imagenet/val', pipeline=test_pipeline))
