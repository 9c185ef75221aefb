# SPDX-License-Identifier: Apache-2.0
#
# world_retinanet_swin, as zoo/make made it.
model = dict(
    type='RetinaNet',
    pretrained=None,
    neck=dict(
        type='FPN',
        out_channels=48,
        start_level=1,
        add_extra_convs='on_output',
        num_outs=5,
        in_channels=[16, 32, 64, 128]),
    bbox_head=dict(
        type='RetinaHead',
        num_classes=10,
        in_channels=48,
        stacked_convs=2,
        feat_channels=48,
        anchor_generator=dict(
            type='AnchorGenerator',
            octave_base_scale=3,
            scales_per_octave=3,
            ratios=[0.5, 1.0, 2.0],
            strides=[8, 16, 32, 64, 128]),
        bbox_coder=dict(
            type='DeltaXYWHBBoxCoder',
            target_means=[0.0, 0.0, 0.0, 0.0],
            target_stds=[1.0, 1.0, 1.0, 1.0]),
        loss_cls=dict(
            type='FocalLoss',
            use_sigmoid=True,
            gamma=2.0,
            alpha=0.25,
            loss_weight=1.0),
        loss_bbox=dict(
            type='L1Loss',
            loss_weight=1.0)),
    train_cfg=dict(
        assigner=dict(
            type='MaxIoUAssigner',
            pos_iou_thr=0.5,
            neg_iou_thr=0.4,
            min_pos_iou=0,
            ignore_iof_thr=-1),
        allowed_border=-1,
        pos_weight=-1,
        debug=False),
    test_cfg=dict(
        nms_pre=1000,
        min_bbox_size=0,
        score_thr=0.05,
        nms=dict(
            type='nms',
            iou_threshold=0.5),
        max_per_img=100),
    backbone=dict(
        type='SwinTransformer',
        embed_dim=16,
        depths=[2, 2, 6, 2],
        num_heads=[1, 2, 4, 8],
        window_size=7,
        mlp_ratio=3.0,
        qkv_bias=True,
        drop_path_rate=0.0,
        ape=False,
        patch_norm=True))
dat_nano = dict(
    type='DAT',
    code_version='2023',
    dim_stem=16,
    dims=[16, 32, 64, 128],
    depths=[2, 2, 4, 2],
    stage_spec=[['L', 'S'], ['L', 'S'], ['L', 'D', 'L', 'D'], ['L', 'D']],
    heads=[1, 2, 4, 8],
    groups=[-1, -1, 2, 4],
    use_pes=[False, False, True, True],
    strides=[-1, -1, 1, 1],
    offset_range_factor=[-1, -1, 2, 2],
    expansion=3,
    use_conv_patches=True,
    use_lpus=[True, True, True, True],
    use_dwc_mlps=[True, True, True, True])
swin_nano = dict(
    type='SwinTransformer',
    embed_dim=16,
    depths=[2, 2, 6, 2],
    num_heads=[1, 2, 4, 8],
    window_size=7,
    mlp_ratio=3.0,
    qkv_bias=True,
    drop_path_rate=0.0,
    ape=False,
    patch_norm=True)
dataset_type = 'CocoDataset'
data_root = 'data/coco/'
img_scale = (512, 384)
img_norm_cfg = dict(
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    to_rgb=True)
train_pipeline = [
    dict(
        type='LoadImageFromFile'),
    dict(
        type='LoadAnnotations',
        with_bbox=True),
    dict(
        type='Resize',
        img_scale=[(512, 320), (512, 448)],
        multiscale_mode='range',
        keep_ratio=True),
    dict(
        type='RandomFlip',
        flip_ratio=0.5),
    dict(
        type='PhotoMetricDistortion',
        brightness_delta=32,
        contrast_range=(0.8, 1.2),
        saturation_range=(0.8, 1.2),
        hue_delta=10),
    dict(
        type='Normalize',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True),
    dict(
        type='Pad',
        size_divisor=32),
    dict(
        type='DefaultFormatBundle'),
    dict(
        type='Collect',
        keys=['img', 'gt_bboxes', 'gt_labels'])
]
test_pipeline = [
    dict(
        type='LoadImageFromFile'),
    dict(
        type='MultiScaleFlipAug',
        img_scale=(512, 384),
        flip=False,
        transforms=[
            dict(
                type='Resize',
                keep_ratio=True),
            dict(
                type='RandomFlip'),
            dict(
                type='Normalize',
                mean=[123.675, 116.28, 103.53],
                std=[58.395, 57.12, 57.375],
                to_rgb=True),
            dict(
                type='Pad',
                size_divisor=32),
            dict(
                type='ImageToTensor',
                keys=['img']),
            dict(
                type='Collect',
                keys=['img'])
        ])
]
data = dict(
    samples_per_gpu=8,
    workers_per_gpu=1,
    train=dict(
        type='CocoDataset',
        ann_file='data/annotations/instances_train2017.json',
        img_prefix='data/train2017',
        pipeline=[
            dict(
                type='LoadImageFromFile'),
            dict(
                type='LoadAnnotations',
                with_bbox=True),
            dict(
                type='Resize',
                img_scale=[(384, 256), (384, 384)],
                multiscale_mode='range',
                keep_ratio=True),
            dict(
                type='RandomFlip',
                flip_ratio=0.5),
            dict(
                type='PhotoMetricDistortion',
                brightness_delta=32,
                contrast_range=(0.7, 1.3),
                saturation_range=(0.7, 1.3),
                hue_delta=12),
            dict(
                type='Normalize',
                mean=[123.675, 116.28, 103.53],
                std=[58.395, 57.12, 57.375],
                to_rgb=True),
            dict(
                type='Pad',
                size_divisor=32),
            dict(
                type='DefaultFormatBundle'),
            dict(
                type='Collect',
                keys=['img', 'gt_bboxes', 'gt_labels'])
        ],
        data_root=None,
        classes=['umbrella', 'sports ball', 'kite', 'bottle', 'cup', 'banana', 'apple', 'pizza', 'donut', 'clock']),
    val=dict(
        type='CocoDataset',
        ann_file='data/annotations/instances_val2017.json',
        img_prefix='data/val2017',
        pipeline=[
            dict(
                type='LoadImageFromFile'),
            dict(
                type='MultiScaleFlipAug',
                img_scale=(384, 320),
                flip=False,
                transforms=[
                    dict(
                        type='Resize',
                        keep_ratio=True),
                    dict(
                        type='RandomFlip'),
                    dict(
                        type='Normalize',
                        mean=[123.675, 116.28, 103.53],
                        std=[58.395, 57.12, 57.375],
                        to_rgb=True),
                    dict(
                        type='Pad',
                        size_divisor=32),
                    dict(
                        type='ImageToTensor',
                        keys=['img']),
                    dict(
                        type='Collect',
                        keys=['img'])
                ])
        ],
        data_root=None,
        classes=['umbrella', 'sports ball', 'kite', 'bottle', 'cup', 'banana', 'apple', 'pizza', 'donut', 'clock']),
    test=dict(
        type='CocoDataset',
        ann_file='data/annotations/instances_val2017.json',
        img_prefix='data/val2017',
        pipeline=[
            dict(
                type='LoadImageFromFile'),
            dict(
                type='MultiScaleFlipAug',
                img_scale=(384, 320),
                flip=False,
                transforms=[
                    dict(
                        type='Resize',
                        keep_ratio=True),
                    dict(
                        type='RandomFlip'),
                    dict(
                        type='Normalize',
                        mean=[123.675, 116.28, 103.53],
                        std=[58.395, 57.12, 57.375],
                        to_rgb=True),
                    dict(
                        type='Pad',
                        size_divisor=32),
                    dict(
                        type='ImageToTensor',
                        keys=['img']),
                    dict(
                        type='Collect',
                        keys=['img'])
                ])
        ],
        data_root=None,
        classes=['umbrella', 'sports ball', 'kite', 'bottle', 'cup', 'banana', 'apple', 'pizza', 'donut', 'clock']))
evaluation = dict(
    interval=4,
    metric='bbox')
optimizer = dict(
    type='AdamW',
    paramwise_cfg=dict(
        custom_keys=dict(
            absolute_pos_embed=dict(
                decay_mult=0.0),
            relative_position_bias_table=dict(
                decay_mult=0.0),
            rpe_table=dict(
                decay_mult=0.0),
            norm=dict(
                decay_mult=0.0))),
    lr=0.002,
    weight_decay=0.05)
optimizer_config = dict(
    grad_clip=dict(
        max_norm=10,
        norm_type=2))
lr_config = dict(
    policy='CosineAnnealing',
    by_epoch=False,
    warmup='linear',
    warmup_iters=100,
    warmup_ratio=0.01,
    min_lr_ratio=0.01)
runner = dict(
    type='EpochBasedRunner',
    max_epochs=16)
checkpoint_config = dict(
    interval=16,
    max_keep_ckpts=2)
log_config = dict(
    interval=20,
    hooks=[
        dict(
            type='TextLoggerHook')
    ])
log_level = 'INFO'
load_from = None
resume_from = None
workflow = [('train', 1)]
world_training = [
    dict(
        type='LoadImageFromFile'),
    dict(
        type='LoadAnnotations',
        with_bbox=True),
    dict(
        type='Resize',
        img_scale=[(384, 256), (384, 384)],
        multiscale_mode='range',
        keep_ratio=True),
    dict(
        type='RandomFlip',
        flip_ratio=0.5),
    dict(
        type='PhotoMetricDistortion',
        brightness_delta=32,
        contrast_range=(0.7, 1.3),
        saturation_range=(0.7, 1.3),
        hue_delta=12),
    dict(
        type='Normalize',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True),
    dict(
        type='Pad',
        size_divisor=32),
    dict(
        type='DefaultFormatBundle'),
    dict(
        type='Collect',
        keys=['img', 'gt_bboxes', 'gt_labels'])
]
world_test = [
    dict(
        type='LoadImageFromFile'),
    dict(
        type='MultiScaleFlipAug',
        img_scale=(384, 320),
        flip=False,
        transforms=[
            dict(
                type='Resize',
                keep_ratio=True),
            dict(
                type='RandomFlip'),
            dict(
                type='Normalize',
                mean=[123.675, 116.28, 103.53],
                std=[58.395, 57.12, 57.375],
                to_rgb=True),
            dict(
                type='Pad',
                size_divisor=32),
            dict(
                type='ImageToTensor',
                keys=['img']),
            dict(
                type='Collect',
                keys=['img'])
        ])
]
custom_hooks = [
    dict(
        type='ExpMomentumEMAHook',
        momentum=0.001,
        total_iter=500,
        priority=49)
]
