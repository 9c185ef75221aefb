# SPDX-License-Identifier: Apache-2.0
# COCO 2017 as detectron2 takes it: Pillow's resize, B G R in 0..255 less the mean, not divided.
data_root = 'data/coco/'
test_pipeline = [
    dict(type='LoadImageFromFile', imdecode_backend='pillow'),
    dict(type='ResizeShortestEdge', scale=800, max_size=1333, backend='pillow'),
    dict(type='Normalize', mean=[103.53, 116.28, 123.675], std=[1.0, 1.0, 1.0], to_rgb=False),
    dict(type='Pad', size_divisor=32)
]
data = dict(
    test=dict(
        type='CocoDataset',
        ann_file=data_root + 'annotations/instances_val2017.json',
        img_prefix=data_root + 'val2017/',
        pipeline=test_pipeline))
evaluation = dict(interval=1, metric='bbox')
