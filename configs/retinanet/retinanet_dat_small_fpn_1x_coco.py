# SPDX-License-Identifier: Apache-2.0
# RetinaNet on DAT-S, 1x schedule.
_base_ = 'retinanet_dat_tiny_fpn_1x_coco.py'

model = dict(
    backbone=dict(
        depths=[2, 2, 18, 2],
        stage_spec=[['L', 'S'], ['L', 'S'], ['L', 'D'] * 9, ['L', 'D']],
        drop_path_rate=0.1))
