# SPDX-License-Identifier: Apache-2.0
# RetinaNet on DAT-B, 1x schedule.
_base_ = 'retinanet_dat_tiny_fpn_1x_coco.py'

model = dict(
    backbone=dict(
        dim_stem=128,
        dims=[128, 256, 512, 1024],
        depths=[2, 2, 18, 2],
        stage_spec=[['L', 'S'], ['L', 'S'], ['L', 'D'] * 9, ['L', 'D']],
        heads=[4, 8, 16, 32],
        groups=[-1, -1, 4, 8],
        drop_path_rate=0.1),
    neck=dict(in_channels=[128, 256, 512, 1024]))
