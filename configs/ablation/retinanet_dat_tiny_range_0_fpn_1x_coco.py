# SPDX-License-Identifier: Apache-2.0
# RetinaNet on DAT-T, ablation: samples stay on their grid, with a position bias.
# In the 2022 code 0 means offsets without a limit, so this is the 2023 code.
_base_ = '../retinanet/retinanet_dat_tiny_fpn_1x_coco.py'

model = dict(
    backbone=dict(
        code_version='2023',
        offset_range_factor=[-1, -1, 0, 0]))
