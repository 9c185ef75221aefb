# SPDX-License-Identifier: Apache-2.0
# RetinaNet on a DAT of 0.7 million parameters, and how it learns 8 pictures: tests/train/test_learning.c.
model = dict(
    type='RetinaNet',
    backbone=dict(
        type='DAT', code_version='2023', dim_stem=16, dims=[16, 32, 64, 128], depths=[2, 2, 2, 2],
        stage_spec=[['L', 'S'], ['L', 'S'], ['L', 'D'], ['L', 'D']], heads=[1, 2, 4, 8], groups=[-1, -1, 2, 4],
        use_pes=[False, False, True, True], strides=[-1, -1, 1, 1], offset_range_factor=[-1, -1, 2, 2],
        drop_path_rate=0.0, out_indices=(1, 2, 3)),
    neck=dict(type='FPN', in_channels=[16, 32, 64, 128], out_channels=32, start_level=1, add_extra_convs='on_input', num_outs=5),
    bbox_head=dict(
        type='RetinaHead', num_classes=3, in_channels=32, stacked_convs=2, feat_channels=32,
        anchor_generator=dict(type='AnchorGenerator', octave_base_scale=4, scales_per_octave=3, ratios=[0.5, 1.0, 2.0],
                              strides=[8, 16, 32, 64, 128]),
        loss_cls=dict(type='FocalLoss', use_sigmoid=True, gamma=2.0, alpha=0.25, loss_weight=1.0),
        loss_bbox=dict(type='L1Loss', loss_weight=1.0)),
    train_cfg=dict(assigner=dict(type='MaxIoUAssigner', pos_iou_thr=0.5, neg_iou_thr=0.4, min_pos_iou=0.0, ignore_iof_thr=-1)))
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.001, momentum=0.9, weight_decay=1e-4))
param_scheduler = [dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=21)]
