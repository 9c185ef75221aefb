# SPDX-License-Identifier: Apache-2.0
# RetinaNet on DAT-T, ablation: offsets, no position bias.
_base_ = '../retinanet/retinanet_dat_tiny_fpn_1x_coco.py'

model = dict(
    backbone=dict(
        use_pes=[False, False, False, False]))
