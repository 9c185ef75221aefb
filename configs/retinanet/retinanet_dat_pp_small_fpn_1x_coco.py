# SPDX-License-Identifier: Apache-2.0
# RetinaNet on DAT++-S, 1x schedule.
_base_ = 'retinanet_dat_pp_tiny_fpn_1x_coco.py'

model = dict(
    backbone=dict(
        dim_stem=96,
        dims=[96, 192, 384, 768],
        heads=[3, 6, 12, 24],
        groups=[1, 2, 3, 6],
        drop_path_rate=0.1),
    neck=dict(in_channels=[96, 192, 384, 768]))
