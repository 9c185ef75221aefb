# SPDX-License-Identifier: Apache-2.0
# RetinaNet on DAT-T, ablation: no offsets: keys and values are sampled on their grid, with a position bias.
_base_ = '../retinanet/retinanet_dat_tiny_fpn_1x_coco.py'

model = dict(
    backbone=dict(
        no_offs=[False, False, True, True]))
