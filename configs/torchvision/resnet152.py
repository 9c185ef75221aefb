# SPDX-License-Identifier: Apache-2.0
# torchvision's resnet152 with its transform for the weights IMAGENET1K_V1. Those of IMAGENET1K_V2 resize to 232:
# --set data.test.pipeline.1.scale=232.
backbone = dict(type='ResNet', depth=152, num_classes=1000, style='torchvision')
test_pipeline = [
    dict(type='LoadImageFromFile', imdecode_backend='pillow', color_type='color_ignore_orientation'),
    dict(type='ResizeEdge', scale=256, interpolation='bilinear'),
    dict(type='CenterCrop', crop_size=224),
    dict(type='DetrNormalize', mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]),
    dict(type='PackInputs')
]
data = dict(test=dict(type='ImageNet', data_prefix='data/imagenet/val', pipeline=test_pipeline))
