# SPDX-License-Identifier: Apache-2.0
# COCO 2017 boxes as DETR and its kin take them: Pillow's resize, [0, 1] normalised in float32, and labels that are COCO's ids.
data_root = 'data/coco/'
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='DetrResize', size=800, max_size=1333),
    dict(type='DetrNormalize', mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
]
data = dict(
    test=dict(
        type='CocoDataset',
        id_classes=91,
        ann_file=data_root + 'annotations/instances_val2017.json',
        img_prefix=data_root + 'val2017/',
        pipeline=test_pipeline))
evaluation = dict(interval=1, metric='bbox')
