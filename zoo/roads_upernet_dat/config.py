# SPDX-License-Identifier: Apache-2.0
#
# roads_upernet_dat, as zoo/make made it.
norm_cfg = dict(
    type='BN',
    requires_grad=True)
model = dict(
    type='EncoderDecoder',
    pretrained=None,
    decode_head=dict(
        type='UPerHead',
        in_index=[0, 1, 2, 3],
        pool_scales=(1, 2, 3, 6),
        channels=40,
        dropout_ratio=0.1,
        num_classes=11,
        norm_cfg=dict(
            type='BN',
            requires_grad=True),
        align_corners=False,
        loss_decode=dict(
            type='CrossEntropyLoss',
            use_sigmoid=False,
            loss_weight=1.0,
            class_weight=[0.9, 0.75, 3.5, 0.6, 1.7, 1.15, 3.3, 3.4, 1.5, 4.0, 4.5]),
        in_channels=[16, 32, 64, 128]),
    auxiliary_head=dict(
        type='FCNHead',
        in_index=2,
        channels=32,
        num_convs=1,
        concat_input=False,
        dropout_ratio=0.1,
        num_classes=11,
        norm_cfg=dict(
            type='BN',
            requires_grad=True),
        align_corners=False,
        loss_decode=dict(
            type='CrossEntropyLoss',
            use_sigmoid=False,
            loss_weight=0.4,
            class_weight=[0.9, 0.75, 3.5, 0.6, 1.7, 1.15, 3.3, 3.4, 1.5, 4.0, 4.5]),
        in_channels=64),
    train_cfg=dict(),
    test_cfg=dict(
        mode='whole'),
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
dataset_type = 'CustomDataset'
data_root = 'data/ade/ADEChallengeData2016'
img_norm_cfg = dict(
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    to_rgb=True)
crop_size = (256, 256)
train_pipeline = [
    dict(
        type='LoadImageFromFile'),
    dict(
        type='LoadAnnotations'),
    dict(
        type='Resize',
        img_scale=(1024, 256),
        ratio_range=(0.75, 1.5)),
    dict(
        type='RandomCrop',
        crop_size=(256, 256),
        cat_max_ratio=0.75),
    dict(
        type='RandomFlip',
        prob=0.5),
    dict(
        type='PhotoMetricDistortion'),
    dict(
        type='Normalize',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True),
    dict(
        type='Pad',
        size=(256, 256),
        pad_val=0,
        seg_pad_val=255),
    dict(
        type='DefaultFormatBundle'),
    dict(
        type='Collect',
        keys=['img', 'gt_semantic_seg'])
]
test_pipeline = [
    dict(
        type='LoadImageFromFile'),
    dict(
        type='MultiScaleFlipAug',
        img_scale=(1024, 256),
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
        type='CustomDataset',
        data_root=None,
        img_dir='data/images/training',
        ann_dir='data/annotations/training',
        pipeline=[
            dict(
                type='LoadImageFromFile'),
            dict(
                type='LoadAnnotations'),
            dict(
                type='Resize',
                img_scale=(480, 360),
                ratio_range=(0.75, 2.0)),
            dict(
                type='RandomCrop',
                crop_size=(320, 320),
                cat_max_ratio=0.75),
            dict(
                type='RandomFlip',
                prob=0.5),
            dict(
                type='PhotoMetricDistortion'),
            dict(
                type='Normalize',
                mean=[123.675, 116.28, 103.53],
                std=[58.395, 57.12, 57.375],
                to_rgb=True),
            dict(
                type='Pad',
                size=(320, 320),
                pad_val=0,
                seg_pad_val=255),
            dict(
                type='DefaultFormatBundle'),
            dict(
                type='Collect',
                keys=['img', 'gt_semantic_seg'])
        ],
        img_suffix='.jpg',
        seg_map_suffix='.png',
        split=None,
        reduce_zero_label=False,
        classes=['class 0', 'class 1', 'class 2', 'class 3', 'class 4', 'class 5', 'class 6', 'class 7', 'class 8', 'class 9', 'class 10']),
    val=dict(
        type='CustomDataset',
        data_root=None,
        img_dir='data/images/validation',
        ann_dir='data/annotations/validation',
        pipeline=[
            dict(
                type='LoadImageFromFile'),
            dict(
                type='MultiScaleFlipAug',
                img_scale=(480, 360),
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
                        type='ImageToTensor',
                        keys=['img']),
                    dict(
                        type='Collect',
                        keys=['img'])
                ])
        ],
        img_suffix='.jpg',
        seg_map_suffix='.png',
        split=None,
        reduce_zero_label=False,
        classes=['class 0', 'class 1', 'class 2', 'class 3', 'class 4', 'class 5', 'class 6', 'class 7', 'class 8', 'class 9', 'class 10']),
    test=dict(
        type='CustomDataset',
        data_root=None,
        img_dir='data/images/validation',
        ann_dir='data/annotations/validation',
        pipeline=[
            dict(
                type='LoadImageFromFile'),
            dict(
                type='MultiScaleFlipAug',
                img_scale=(480, 360),
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
                        type='ImageToTensor',
                        keys=['img']),
                    dict(
                        type='Collect',
                        keys=['img'])
                ])
        ],
        img_suffix='.jpg',
        seg_map_suffix='.png',
        split=None,
        reduce_zero_label=False,
        classes=['class 0', 'class 1', 'class 2', 'class 3', 'class 4', 'class 5', 'class 6', 'class 7', 'class 8', 'class 9', 'class 10']))
evaluation = dict(
    interval=8,
    metric='mIoU')
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
    max_epochs=48)
checkpoint_config = dict(
    interval=48,
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
roads_training = [
    dict(
        type='LoadImageFromFile'),
    dict(
        type='LoadAnnotations'),
    dict(
        type='Resize',
        img_scale=(480, 360),
        ratio_range=(0.75, 2.0)),
    dict(
        type='RandomCrop',
        crop_size=(320, 320),
        cat_max_ratio=0.75),
    dict(
        type='RandomFlip',
        prob=0.5),
    dict(
        type='PhotoMetricDistortion'),
    dict(
        type='Normalize',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True),
    dict(
        type='Pad',
        size=(320, 320),
        pad_val=0,
        seg_pad_val=255),
    dict(
        type='DefaultFormatBundle'),
    dict(
        type='Collect',
        keys=['img', 'gt_semantic_seg'])
]
roads_test = [
    dict(
        type='LoadImageFromFile'),
    dict(
        type='MultiScaleFlipAug',
        img_scale=(480, 360),
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
class_weight = [0.9, 0.75, 3.5, 0.6, 1.7, 1.15, 3.3, 3.4, 1.5, 4.0, 4.5]
