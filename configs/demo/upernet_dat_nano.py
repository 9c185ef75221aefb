# SPDX-License-Identifier: Apache-2.0
# A UPerNet on a DAT of some hundred thousand parameters, for tests and first steps: everything the large ones have, for pictures
# of about 64 x 64 in folders with a list of classes.
_base_ = [
    '../_base_/models/upernet_dat.py', '../_base_/datasets/ade20k.py', '../_base_/schedules/schedule_ade_80k.py',
    '../_base_/default_runtime_iters.py'
]

model = dict(
    backbone=dict(
        dim_stem=16,
        dims=[16, 32, 64, 128],
        depths=[2, 2, 2, 2],
        stage_spec=[['L', 'S'], ['L', 'S'], ['L', 'D'], ['L', 'D']],
        heads=[1, 2, 4, 8],
        groups=[-1, -1, 2, 4],
        drop_path_rate=0.0),
    decode_head=dict(in_channels=[16, 32, 64, 128], channels=32, num_classes=4),
    auxiliary_head=dict(in_channels=64, channels=16, num_classes=4))

img_norm_cfg = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True)
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='MultiScaleFlipAug',
        img_scale=(256, 64),
        flip=False,
        transforms=[
            dict(type='Resize', keep_ratio=True),
            dict(type='RandomFlip'),
            dict(type='Normalize', **img_norm_cfg),
            dict(type='ImageToTensor', keys=['img']),
            dict(type='Collect', keys=['img'])
        ])
]
data = dict(
    test=dict(
        _delete_=True,
        type='CustomDataset',
        data_root='data/segmentation',
        img_dir='images',
        ann_dir='labels',
        img_suffix='.png',
        reduce_zero_label=True,
        classes=('ball', 'leaf', 'brick', 'straw'),
        palette=[[40, 60, 200], [60, 180, 40], [220, 80, 60], [90, 210, 210]],
        pipeline=test_pipeline))
