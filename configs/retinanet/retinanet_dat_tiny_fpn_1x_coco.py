# SPDX-License-Identifier: Apache-2.0
# RetinaNet on DAT-T, 1x schedule.
_base_ = [
    '../_base_/models/retinanet_dat_fpn.py', '../_base_/datasets/coco_detection_mstrain.py',
    '../_base_/schedules/schedule_1x.py', '../_base_/default_runtime.py'
]

model = dict(
    backbone=dict(
        dim_stem=96,
        dims=[96, 192, 384, 768],
        depths=[2, 2, 6, 2],
        stage_spec=[['L', 'S'], ['L', 'S'], ['L', 'D'] * 3, ['L', 'D']],
        heads=[3, 6, 12, 24],
        groups=[-1, -1, 3, 6],
        drop_path_rate=0.0),
    neck=dict(in_channels=[96, 192, 384, 768]))
