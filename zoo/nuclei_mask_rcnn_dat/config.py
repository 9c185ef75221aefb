# SPDX-License-Identifier: Apache-2.0
#
# nuclei_mask_rcnn_dat, as zoo/make made it.
model = dict(
    type='MaskRCNN',
    pretrained=None,
    neck=dict(
        type='FPN',
        out_channels=48,
        num_outs=5,
        in_channels=[16, 32, 64, 128]),
    rpn_head=dict(
        type='RPNHead',
        in_channels=48,
        feat_channels=48,
        anchor_generator=dict(
            type='AnchorGenerator',
            scales=[5],
            ratios=[0.5, 1.0, 2.0],
            strides=[4, 8, 16, 32, 64]),
        bbox_coder=dict(
            type='DeltaXYWHBBoxCoder',
            target_means=[0.0, 0.0, 0.0, 0.0],
            target_stds=[1.0, 1.0, 1.0, 1.0]),
        loss_cls=dict(
            type='CrossEntropyLoss',
            use_sigmoid=True,
            loss_weight=1.0),
        loss_bbox=dict(
            type='L1Loss',
            loss_weight=1.0)),
    roi_head=dict(
        type='StandardRoIHead',
        bbox_roi_extractor=dict(
            type='SingleRoIExtractor',
            roi_layer=dict(
                type='RoIAlign',
                output_size=5,
                sampling_ratio=0),
            out_channels=48,
            featmap_strides=[4, 8, 16, 32],
            finest_scale=28),
        bbox_head=dict(
            type='Shared2FCBBoxHead',
            in_channels=48,
            fc_out_channels=96,
            roi_feat_size=5,
            num_classes=1,
            bbox_coder=dict(
                type='DeltaXYWHBBoxCoder',
                target_means=[0.0, 0.0, 0.0, 0.0],
                target_stds=[0.1, 0.1, 0.2, 0.2]),
            reg_class_agnostic=False,
            loss_cls=dict(
                type='CrossEntropyLoss',
                use_sigmoid=False,
                loss_weight=1.0),
            loss_bbox=dict(
                type='L1Loss',
                loss_weight=1.0)),
        mask_roi_extractor=dict(
            type='SingleRoIExtractor',
            roi_layer=dict(
                type='RoIAlign',
                output_size=14,
                sampling_ratio=0),
            out_channels=48,
            featmap_strides=[4, 8, 16, 32],
            finest_scale=28),
        mask_head=dict(
            type='FCNMaskHead',
            num_convs=2,
            in_channels=48,
            conv_out_channels=48,
            num_classes=1,
            loss_mask=dict(
                type='CrossEntropyLoss',
                use_mask=True,
                loss_weight=1.0))),
    train_cfg=dict(
        rpn=dict(
            assigner=dict(
                type='MaxIoUAssigner',
                pos_iou_thr=0.7,
                neg_iou_thr=0.3,
                min_pos_iou=0.3,
                match_low_quality=True,
                ignore_iof_thr=-1),
            sampler=dict(
                type='RandomSampler',
                num=256,
                pos_fraction=0.5,
                neg_pos_ub=-1,
                add_gt_as_proposals=False),
            allowed_border=-1,
            pos_weight=-1,
            debug=False),
        rpn_proposal=dict(
            nms_pre=1000,
            max_per_img=500,
            nms=dict(
                type='nms',
                iou_threshold=0.7),
            min_bbox_size=0),
        rcnn=dict(
            assigner=dict(
                type='MaxIoUAssigner',
                pos_iou_thr=0.5,
                neg_iou_thr=0.5,
                min_pos_iou=0.5,
                match_low_quality=True,
                ignore_iof_thr=-1),
            sampler=dict(
                type='RandomSampler',
                num=192,
                pos_fraction=0.25,
                neg_pos_ub=-1,
                add_gt_as_proposals=True),
            pos_weight=-1,
            debug=False,
            mask_size=28)),
    test_cfg=dict(
        rpn=dict(
            nms_pre=1000,
            max_per_img=500,
            nms=dict(
                type='nms',
                iou_threshold=0.7),
            min_bbox_size=0),
        rcnn=dict(
            score_thr=0.05,
            nms=dict(
                type='nms',
                iou_threshold=0.5),
            max_per_img=200,
            mask_thr_binary=0.5)),
    backbone=dict(
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
        use_dwc_mlps=[True, True, True, True]))
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
        with_bbox=True,
        with_mask=True),
    dict(
        type='Resize',
        img_scale=[(512, 320), (512, 448)],
        multiscale_mode='range',
        keep_ratio=True),
    dict(
        type='RandomFlip',
        flip_ratio=0.5),
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
        keys=['img', 'gt_bboxes', 'gt_labels', 'gt_masks'])
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
    samples_per_gpu=4,
    workers_per_gpu=1,
    train=dict(
        type='CocoDataset',
        ann_file='data/instances_train.json',
        img_prefix='data/images',
        pipeline=[
            dict(
                type='LoadImageFromFile'),
            dict(
                type='LoadAnnotations',
                with_bbox=True,
                with_mask=True),
            dict(
                type='Resize',
                img_scale=[(384, 384), (640, 640)],
                multiscale_mode='range',
                keep_ratio=True),
            dict(
                type='RandomCrop',
                crop_size=(384, 384),
                allow_negative_crop=False),
            dict(
                type='RandomFlip',
                flip_ratio=[0.25, 0.25, 0.25],
                direction=['horizontal', 'vertical', 'diagonal']),
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
                keys=['img', 'gt_bboxes', 'gt_labels', 'gt_masks'])
        ],
        data_root=None,
        classes=['nucleus']),
    val=dict(
        type='CocoDataset',
        ann_file='data/instances_val.json',
        img_prefix='data/images',
        pipeline=[
            dict(
                type='LoadImageFromFile'),
            dict(
                type='MultiScaleFlipAug',
                img_scale=(512, 512),
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
        classes=['nucleus']),
    test=dict(
        type='CocoDataset',
        ann_file='data/instances_val.json',
        img_prefix='data/images',
        pipeline=[
            dict(
                type='LoadImageFromFile'),
            dict(
                type='MultiScaleFlipAug',
                img_scale=(512, 512),
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
        classes=['nucleus']))
evaluation = dict(
    interval=2,
    metric=['bbox', 'segm'])
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
    lr=0.001,
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
    max_epochs=8)
checkpoint_config = dict(
    interval=8,
    max_keep_ckpts=2)
log_config = dict(
    interval=20,
    hooks=[
        dict(
            type='TextLoggerHook')
    ])
log_level = 'INFO'
load_from = 'zoo/world_retinanet_dat/weights.safetensors'
resume_from = None
workflow = [('train', 1)]
nuclei_training = [
    dict(
        type='LoadImageFromFile'),
    dict(
        type='LoadAnnotations',
        with_bbox=True,
        with_mask=True),
    dict(
        type='Resize',
        img_scale=[(384, 384), (640, 640)],
        multiscale_mode='range',
        keep_ratio=True),
    dict(
        type='RandomCrop',
        crop_size=(384, 384),
        allow_negative_crop=False),
    dict(
        type='RandomFlip',
        flip_ratio=[0.25, 0.25, 0.25],
        direction=['horizontal', 'vertical', 'diagonal']),
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
        keys=['img', 'gt_bboxes', 'gt_labels', 'gt_masks'])
]
nuclei_test = [
    dict(
        type='LoadImageFromFile'),
    dict(
        type='MultiScaleFlipAug',
        img_scale=(512, 512),
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
