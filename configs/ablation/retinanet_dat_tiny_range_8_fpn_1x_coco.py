# SPDX-License-Identifier: Apache-2.0
# RetinaNet on DAT-T, ablation: offsets of up to 8 cells; dat_tiny has 2.
_base_ = '../retinanet/retinanet_dat_tiny_fpn_1x_coco.py'

model = dict(
    backbone=dict(
        offset_range_factor=[-1, -1, 8, 8]))
