# SPDX-License-Identifier: Apache-2.0
# torchvision's swin_s with its transform for the weights IMAGENET1K_V1.
backbone = dict(
    type='SwinTransformer',
    style='classification',
    img_size=224,
    num_classes=1000,
    embed_dim=96,
    depths=[2, 2, 18, 2],
    num_heads=[3, 6, 12, 24],
    window_size=7,
    shrink_windows=False)
test_pipeline = [
    dict(type='LoadImageFromFile', imdecode_backend='pillow', color_type='color_ignore_orientation'),
    dict(type='ResizeEdge', scale=246, interpolation='bicubic'),
    dict(type='CenterCrop', crop_size=224),
    dict(type='DetrNormalize', mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]),
    dict(type='PackInputs')
]
data = dict(test=dict(type='ImageNet', data_prefix='data/imagenet/val', pipeline=test_pipeline))
