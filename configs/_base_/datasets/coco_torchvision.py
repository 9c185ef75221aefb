# SPDX-License-Identifier: Apache-2.0
# COCO 2017 as torchvision's detectors take it: read by Pillow as it is stored, whatever EXIF says of how the camera was held;
# pixels in [0, 1] are normalised, then resized as floats without antialiasing. Labels are COCO's ids, 0 to 90; a network of other
# classes lists them in data.test.classes, the background first.
data_root = 'data/coco/'
test_pipeline = [
    dict(type='LoadImageFromFile', imdecode_backend='pillow', color_type='color_ignore_orientation'),
    dict(type='DetrNormalize', mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]),
    dict(type='TorchvisionResize', scale=800, max_size=1333),
    dict(type='Pad', size_divisor=32)
]
data = dict(
    test=dict(
        type='CocoDataset',
        id_classes=91,
        ann_file=data_root + 'annotations/instances_val2017.json',
        img_prefix=data_root + 'val2017/',
        pipeline=test_pipeline))
evaluation = dict(interval=1, metric='bbox')
