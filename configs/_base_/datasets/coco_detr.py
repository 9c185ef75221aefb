# SPDX-License-Identifier: Apache-2.0
# COCO 2017 boxes as DETR and its kin take them: Pillow's resize, [0, 1] normalised in float32, and labels that are COCO's ids.
# Trained on random scales, and half the time on a random part (Carion et al., ECCV 2020).
data_root = 'data/coco/'
train_scales = [480, 512, 544, 576, 608, 640, 672, 704, 736, 768, 800]
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='RandomFlip', flip_ratio=0.5),
    dict(
        type='AutoAugment',
        policies=[
            [dict(type='DetrResize', size=train_scales, max_size=1333)],
            [
                dict(type='DetrResize', size=[400, 500, 600], max_size=0),
                dict(type='RandomCrop', crop_type='absolute_range', crop_size=(384, 600), allow_negative_crop=True),
                dict(type='DetrResize', size=train_scales, max_size=1333)
            ]
        ]),
    dict(type='DetrNormalize', mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='DetrResize', size=800, max_size=1333),
    dict(type='DetrNormalize', mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
]
data = dict(
    samples_per_gpu=2,
    workers_per_gpu=2,
    train=dict(
        type='CocoDataset',
        id_classes=91,
        ann_file=data_root + 'annotations/instances_train2017.json',
        img_prefix=data_root + 'train2017/',
        pipeline=train_pipeline),
    val=dict(
        type='CocoDataset',
        id_classes=91,
        ann_file=data_root + 'annotations/instances_val2017.json',
        img_prefix=data_root + 'val2017/',
        pipeline=test_pipeline),
    test=dict(
        type='CocoDataset',
        id_classes=91,
        ann_file=data_root + 'annotations/instances_val2017.json',
        img_prefix=data_root + 'val2017/',
        pipeline=test_pipeline))
evaluation = dict(interval=1, metric='bbox')
