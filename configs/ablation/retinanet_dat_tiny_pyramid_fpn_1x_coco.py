# SPDX-License-Identifier: Apache-2.0
# RetinaNet on DAT-T, ablation: spatial reduction (P) for shifted windows in the first two stages; the 2023 code has it.
_base_ = '../retinanet/retinanet_dat_tiny_fpn_1x_coco.py'

model = dict(
    backbone=dict(
        code_version='2023',
        stage_spec=[['L', 'P'], ['L', 'P'], ['L', 'D'] * 3, ['L', 'D']],
        sr_ratios=[8, 4, -1, -1]))
